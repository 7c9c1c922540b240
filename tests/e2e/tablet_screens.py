"""Makes the pictures of docs/screens again, from the running program: `python -m tests.e2e.tablet_screens`.

One process for each size of the screen, because Kivy opens its window once; languages and palettes
are switched live, as a person would. With --all every screen and sheet, in four looks.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.picture_list import DOOR, PICTURES

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

QUALITY = 45
DOCS = Path(__file__).resolve().parents[2] / "docs/screens"
LANDSCAPE, PORTRAIT = "1280x800", "800x1280"

KEPT = {
    LANDSCAPE: {
        "tablet": ("dispute", "zh", "light"),
        "tablet-en": ("dispute", "en", "light"),
        "tablet-contrast": ("dispute", "zh", "high_contrast"),
        "tablet-work": ("work", "zh", "light"),
        "tablet-discretion": ("discretion", "zh", "light"),
        "tablet-finding": ("finding", "zh", "light"),
        "tablet-settle": ("settle", "zh", "light"),
        "tablet-findings": ("finding-acts", "zh", "light"),
        "tablet-computers": ("computers", "zh", "light"),
        "tablet-closing": ("closing", "zh", "light"),
        "tablet-sign": ("sign", "zh", "light"),
        "tablet-closing-en": ("closing", "en", "light"),
        "tablet-score-en": ("score", "en", "light"),
        "tablet-tour": ("tour", "zh", "light"),
        "tablet-leads": ("leads", "zh", "light"),
        "tablet-blind": ("blind", "zh", "light"),
        "tablet-blind-en": ("blind", "en", "light"),
        "tablet-sync": ("center", "zh", "light"),
        "tablet-sync-en": ("center", "en", "light"),
        "tablet-photo-item": ("photo-item", "zh", "light"),
        "tablet-photo-cover": ("photo-cover", "zh", "light"),
        "tablet-photos-en": ("photos", "en", "light"),
        "tablet-photo-screen": ("photo-screen", "zh", "high_contrast"),
        "tablet-sync-contrast": ("center", "zh", "high_contrast"),
        "tablet-package": ("package", "zh", "light"),
    },
    PORTRAIT: {
        "tablet-portrait": ("visit", "zh", "light"),
        "tablet-portrait-item": ("dispute", "zh", "light"),
        "tablet-portrait-photo": ("photo-cover", "en", "light"),
        "tablet-portrait-photos": ("photos", "zh", "light"),
        "tablet-portrait-sync": ("center", "zh", "light"),
    },
}
"""The pictures that are kept with the documents, by the name of their file."""


LANGUAGES, PALETTES = ("zh", "en"), ("light", "high_contrast")
"""The looks in which every screen is kept."""
BESIDE_DP = 96
"""How much of the screen beneath is kept beside a sheet at the right."""


def picture_of(name: str, language: str, palette: str) -> str:
    """The name of the picture of one screen."""
    return f"{name}-{language}" + ("-contrast" if palette == "high_contrast" else "")


def page() -> str:
    """The page that shows every screen."""
    looks = [(language, palette) for language in LANGUAGES for palette in PALETTES]
    lines = ["# 平板的每个页面 Every screen of the tablet", ""]
    lines += [
        "Made by `python -m tests.e2e.tablet_screens --all`. Of a sheet at the right edge only the sheet is shown.",
        "",
    ]
    lines += ["| | 中文，标准 | 中文，高对比度 | English | English, high contrast |", "|---|---|---|---|---|"]
    for name in (*PICTURES, *DOOR):
        cells = " | ".join(f"![{name}]({picture_of(name, *look)}.webp)" for look in looks)
        lines.append(f"| {name} | {cells} |")
    return "\n".join([*lines, ""])


def look_like(driver: "Driver", language: str, palette: str) -> None:
    """Switches language and palette, as a person would."""
    from mobile.ui.theme import theme
    from mobile.ui.words import words

    if words.language != language:
        driver.session.speak(language)
        driver.rest()
    if theme.palette != palette:
        driver.session.paint(palette)
        driver.rest()


def go(driver: "Driver", name: str) -> None:
    """There by touch, from wherever the picture before was."""
    driver.root.close(at_once=True)
    driver.root.ids.snackbar.shift = 1
    driver.session.sync_desk.stop()
    driver.session.sync_desk.packages.shut()
    driver.session.syncing = False
    if driver.session.practising.on:
        driver.session.practising.end()
        driver.rest()
    for act in PICTURES[name].acts:
        act(driver)
        driver.rest()


def keep(driver: "Driver", folder: Path, name: str, language: str, palette: str) -> None:
    """Takes the picture of what is there, for the folder of all, in a format that takes a third of the space."""
    from kivy.metrics import dp

    panel = getattr(driver.root.sheet, "ids", {}).get("panel")
    beside = 0 if panel is None or driver.root.sheet.dock == "top" else int(panel.x - dp(BESIDE_DP))
    path = folder / f"{picture_of(name, language, palette)}.webp"
    picture = driver.seen()
    picture.crop((max(0, beside), 0, *picture.size)).save(path, quality=QUALITY, method=4)
    print(path, flush=True)


def keep_large(driver: "Driver", path: Path) -> None:
    """Takes the picture of what is there for the documents; without a photo in it 256 colours will do, for a third."""
    from PIL import Image

    picture = driver.seen()
    if "photo" not in path.name:
        picture = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


def keep_all(driver: "Driver", folder: Path, language: str, names: Sequence[str]) -> None:
    """These screens in a language, in both palettes."""
    for palette in PALETTES:
        look_like(driver, language, palette)
        for name in names:
            go(driver, name)
            keep(driver, folder, name, language, palette)


def keep_some(driver: "Driver", out: Path, size: str, names: Sequence[str]) -> None:
    """The pictures for the documents."""
    for name, (shown, *look) in KEPT[size].items():
        if not names or name in names:
            look_like(driver, *look)
            go(driver, shown)
            keep_large(driver, out / f"{name}.png")


@contextmanager
def at_work(*, every: bool) -> Iterator["Driver"]:
    """The app of the leader, in the middle of a visit."""
    from mobile import practice
    from mobile.vault import Vault
    from tests.e2e import photo_stage, tablet_story
    from tests.e2e.screen_driver import running

    with tempfile.TemporaryDirectory() as folder:
        tablet = tablet_story.play(Path(folder))
        if every:
            tablet_story.further(tablet)
        store, desk = tablet.open()
        tablet_story.meet_colleagues(store)
        photo_stage.play(tablet, store, desk)
        begin = partial(practice.begin, tablet.folder, Vault.headless(tablet.folder), os.urandom, lambda: 0)
        with running(
            store,
            desk,
            meeting=tablet_story.tools,
            photos=photo_stage.tools(tablet, photo_stage.Camera(())),
            prove=lambda *_: None,
            practise=begin,
            person="p-chen",
        ) as driver:
            yield driver


def window(size: str) -> None:
    """What Kivy reads when it is imported."""
    width, height = size.split("x")
    os.environ.update(
        KIVY_NO_ARGS="1",
        KIVY_NO_FILELOG="1",
        KIVY_LOG_MODE="PYTHON",
        KIVY_HOME=tempfile.mkdtemp(),
        KCFG_GRAPHICS_WIDTH=width,
        KCFG_GRAPHICS_HEIGHT=height,
        KCFG_GRAPHICS_MAXFPS="0",
        KCFG_GRAPHICS_MULTISAMPLES="0",
    )
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")


def start_all(asked: argparse.Namespace) -> None:
    """A process for each language, another for what is seen before the tablet is open."""
    same = ["--all", "--out", str(asked.out), "--only", asked.only]
    commands = [["tests.e2e.tablet_screens", *same, "--language", one] for one in LANGUAGES]
    commands.append(["tests.e2e.door_screens", str(asked.out), asked.only])
    running = [subprocess.Popen([sys.executable, "-m", *one]) for one in commands]
    if sum(one.wait() for one in running):
        sys.exit("not all pictures were taken")
    if not asked.only:
        (asked.out / "all/README.md").write_text(page(), encoding="utf-8")


def main() -> None:
    """Takes the kept pictures, or with --all every screen in both languages and palettes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DOCS)
    parser.add_argument(
        "--all", action="store_true", help="every screen, into the folder `all` with its page"
    )
    parser.add_argument(
        "--size", default="", help=f"{LANDSCAPE} or {PORTRAIT}; without it: both, one after the other"
    )
    parser.add_argument("--language", default="", help="with --all: only in this one")
    parser.add_argument("--only", default="", help="with --all: the names of some, with commas")
    parser.add_argument("--kept", default="", help="of the kept pictures only these, with commas")
    parser.add_argument("--scale", type=float, default=1.0, help="the size of the type")
    asked = parser.parse_args()
    (asked.out / "all").mkdir(parents=True, exist_ok=True)
    if asked.all and not asked.language:
        start_all(asked)
    elif not asked.all and not asked.size:
        for size in (LANDSCAPE, PORTRAIT):
            subprocess.run(
                [sys.executable, "-m", "tests.e2e.tablet_screens", *sys.argv[1:], "--size", size], check=True
            )
    else:
        window(asked.size or LANDSCAPE)
        with at_work(every=asked.all) as driver:
            driver.draw_only_what_is_kept()
            driver.session.enlarge(asked.scale)
            only, kept = ([one for one in names.split(",") if one] for names in (asked.only, asked.kept))
            if asked.all:
                names = [one for one in PICTURES if not only or one in only]
                keep_all(driver, asked.out / "all", asked.language, names)
            else:
                keep_some(driver, asked.out, asked.size, kept)


if __name__ == "__main__":
    main()
