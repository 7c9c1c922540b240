"""Makes the pictures of docs/screens again, from the running program: `python -m tests.e2e.tablet_screens`.

One process for each size of the screen, because Kivy opens its window once; languages and palettes
are switched live, as a person would.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

DOCS = Path(__file__).resolve().parents[2] / "docs/screens"
LANDSCAPE, PORTRAIT = "1280x800", "800x1280"
Act = Callable[["Driver"], object]


def _go(**place: str) -> Act:
    return lambda driver: driver.session.go(**{"inspection": "visit-heping", "only": "", **place})


def _press(key: str) -> Act:
    return lambda driver: driver.press(key)


def _tap(kind: str) -> Act:
    def tap(driver: "Driver") -> None:
        widget = next(iter(driver.widgets(kind)))
        if kind.endswith("Card"):
            driver.scroll_to(widget)
        driver.tap(widget)

    return tap


def _bar(event: str) -> Act:
    return lambda driver: driver.root.ids.bottom.dispatch(event)


def _top(driver: "Driver") -> None:
    """A screen that was left scrolled comes back so; a picture begins at its top, whatever was taken before it."""
    for view in driver.widgets("ScrollView"):
        view.scroll_y = 1


_CENTER = (
    _go(person="p-chen", section="A", item="A01", pane="items"),
    _bar("on_exchange"),
    lambda d: d.until(lambda: d.session.shown.screen == "sync"),
    _top,
)
PICTURES: dict[str, tuple[Act, ...]] = {
    "people": (_go(person="", inspection=""),),
    "work": (_go(person="p-chen", inspection="", item=""),),
    "prepared": (_go(person="p-chen", inspection="visit-archive", section="", item="", pane="items"),),
    "open": (
        _go(person="p-chen", inspection="visit-archive", section="", item="", pane="items"),
        _press("visit.open"),
    ),
    "tour": (
        _go(person="p-chen", inspection="", item=""),
        _press("learn.tour"),
        _press("tour.next"),
        _press("tour.next"),
    ),
    "leads": (
        _go(person="p-chen", inspection="visit-archive", section="", item="", pane="items"),
        _press("lead.see"),
    ),
    "blind": (_go(person="p-chen", inspection="visit-school", section="A", item="A03", pane="items"),),
    "visit": (_go(person="p-chen", section="A", item="A01", pane="items"),),
    "count": (_go(person="p-chen", item="B05", pane="item"),),
    "ratio": (_go(person="p-chen", item="A04", pane="item"),),
    "value": (_go(person="p-chen", item="C06", pane="item"),),
    "discretion": (_go(person="p-chen", item="A02", pane="item"),),
    "consent": (_go(person="p-chen", item="B03", pane="item"),),
    "veto": (_go(person="p-chen", item="V01", pane="item"),),
    "dispute": (_go(person="p-chen", item="A03", pane="item"),),
    "settle": (_go(person="p-chen", item="A06", pane="item"), _press("dispute.adopt")),
    "na": (_go(person="p-chen", item="B07", pane="item"), _press("na.mark")),
    "note": (_go(person="p-chen", item="A03", pane="item"), _tap("NoteCard")),
    "finding": (_go(person="p-chen", item="E02", pane="item"), _press("finding.add")),
    "disputes": (_go(person="p-chen", section="A", item="A01", pane="items"), _bar("on_differences")),
    "findings": (_go(person="p-chen", section="@findings", item="", pane="items"),),
    "finding-acts": (_go(person="p-chen", section="@findings", item="", pane="items"), _tap("FindingItem")),
    "finding-repeat": (
        _go(person="p-chen", section="@findings", item="", pane="items"),
        _tap("FindingItem"),
        _press("finding.mark_repeat"),
    ),
    "finding-unit": (
        _go(person="p-chen", section="@findings", item="", pane="items"),
        _tap("FindingItem"),
        _press("finding.unit_said"),
    ),
    "computers": (_go(person="p-chen", section="@computers", item="", pane="items"),),
    "draw": (
        _go(person="p-chen", section="@computers", item="", pane="items"),
        _press("computers.draw"),
    ),
    "sample": (
        _go(person="p-chen", section="@computers", item="", pane="items"),
        lambda d: d.tap(next(one for one in d.widgets("Chip") if "20" in one.text)),
    ),
    "device": (_go(person="p-chen", section="@computers", item="", pane="items"), _tap("ComputerLine")),
    "substitute": (
        _go(person="p-chen", section="@computers", item="", pane="items"),
        _tap("ComputerLine"),
        _press("device.substitute"),
    ),
    "interviews": (_go(person="p-chen", section="@interviews", item="", pane="items"),),
    "talks": (
        _go(person="p-chen", section="@interviews", item="", pane="items"),
        _press("interview.record"),
    ),
    "closing": (_go(person="p-chen", section="@closing", item="", pane="items"),),
    "closing-below": (
        _go(person="p-chen", section="@closing", item="", pane="items"),
        lambda d: setattr(d.app.visit.pages["@closing"].ids.scroll, "scroll_y", 0),
    ),
    "sign": (
        _go(person="p-chen", section="@closing", item="", pane="items"),
        lambda d: d.scroll_to(list(d.widgets("SignatureLine"))[-1]),
        lambda d: d.tap(list(d.widgets("SignatureLine"))[-1]),
        lambda driver: sign(driver),  # noqa: PLW0108 - defined below
    ),
    "photo-item": (
        _go(person="p-chen", item="F02", pane="item"),
        lambda d: d.scroll_to(d.widget("PhotosCard")),
    ),
    "photo-confirm": (
        _go(person="p-chen", item="F02", pane="item"),
        lambda d: d.scroll_to(d.widget("PhotosCard")),
        _press("photo.take"),
    ),
    "photo-source": (
        _go(person="p-chen", item="F02", pane="item"),
        lambda d: d.scroll_to(d.widget("PhotosCard")),
        _press("photo.take"),
        _press("photo.confirm.yes"),
        _press("photo.confirm.yes_room"),
    ),
    "photos": (_go(person="p-chen", section="@photos", item="", pane="items"),),
    "photo-view": (_go(person="p-chen", section="@photos", item="", pane="items"), _tap("PhotoItem")),
    "photo-cover": (
        _go(person="p-chen", section="@photos", item="", pane="items"),
        _tap("PhotoItem"),
        _press("photo.edit"),
        lambda d: _mark(d),  # noqa: PLW0108 - defined below
    ),
    "photo-screen": (
        _go(person="p-chen", section="@photos", item="", pane="items"),
        _tap("PhotoItem"),
        _press("photo.screen"),
    ),
    "open-items": (_go(person="p-chen", section="A", item="", pane="items", only="open"),),
    "paper": (_go(person="p-chen", item="A09", pane="item", only=""), _press("paper.from")),
    "paper-end": (_press("paper.end"),),
    "earlier": (
        _go(person="p-chen", item="E01", pane="item"),
        lambda d: d.scroll_to(d.widget("EarlierCard")),
    ),
    "score": (_go(person="p-chen", section="A", item="A01", pane="items"), _bar("on_why")),
    "center": (
        *_CENTER,
        _press("center.serve"),
    ),
    "center-below": (
        *_CENTER,
        lambda d: d.scroll_to(d.pressable(words_of("center.diagnose"))),
    ),
    "package": (
        *_CENTER,
        lambda d: d.scroll_to(d.pressable(words_of("center.give_package"))),
        _press("center.give_package"),
    ),
    "menu": (
        _go(person="p-chen", section="A", item="A01", pane="items"),
        lambda d: d.root.ids.top.dispatch("on_menu"),
    ),
    "deliberate": (
        _go(person="p-chen", section="A", item="A01", pane="items"),
        _press("visit.deliberate"),
    ),
}
"""By name: how to get there."""


def _mark(driver: "Driver") -> None:
    """Faces and name plates are covered, a thing is pointed at and framed."""
    from tests.e2e.photo_stage import FACE, POINTED

    for mark in (*FACE, *POINTED):
        driver.widget("PhotoView").add(mark)


def words_of(key: str) -> str:
    """A word in the language shown."""
    from mobile.ui.words import say

    return say(key)


def sign(driver: "Driver") -> None:
    """Somebody signs with a finger, as the leader did."""
    from tests.e2e.tablet_story import SIGNATURE

    pad = driver.widget("SignPad")
    left, low = pad.to_window(pad.x, pad.y)
    for stroke in SIGNATURE:
        driver.drag([(left + x * pad.width / 1000, low + y * pad.width / 1000) for x, y, _ in stroke])


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


LOOKS = (("zh", "light"), ("en", "high_contrast"))
"""In which every screen is kept: language and palette."""


def picture_of(name: str, language: str, palette: str) -> str:
    """The name of the picture of one screen."""
    return f"{name}-{language}" + ("-contrast" if palette == "high_contrast" else "")


def shrink(path: Path) -> Path:
    """The picture in a format that takes a third of the space."""
    from PIL import Image

    small = path.with_suffix(".webp")
    with Image.open(path) as picture:
        picture.convert("RGB").save(small, quality=60, method=6)
    path.unlink()
    return small


def page() -> str:
    """The page that shows every screen."""
    lines = ["# 平板的每个页面 Every screen of the tablet", ""]
    lines += ["Made by `python -m tests.e2e.tablet_screens --all`.", ""]
    lines += ["| | 中文，标准 | English, high contrast |", "|---|---|---|"]
    for name in PICTURES:
        cells = " | ".join(f"![{name}]({picture_of(name, *look)}.webp)" for look in LOOKS)
        lines.append(f"| {name} | {cells} |")
    return "\n".join([*lines, ""])


def take(driver: "Driver", path: Path, name: str, language: str, palette: str) -> None:
    """One picture, after going there by touch."""
    from mobile.ui.theme import theme
    from mobile.ui.words import words

    driver.root.close(at_once=True)
    driver.session.sync_desk.stop()
    if words.language != language:
        driver.session.speak(language)
        driver.settle(0.5)
    if theme.palette != palette:
        driver.session.paint(palette)
        driver.settle(0.5)
    for act in PICTURES[name]:
        act(driver)
        driver.settle(0.8)
    driver.picture(path)


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
    parser.add_argument("--only", default="", help="with --all: the names of some, with commas")
    parser.add_argument("--kept", default="", help="of the kept pictures only these, with commas")
    parser.add_argument("--scale", type=float, default=1.0, help="the size of the type")
    asked = parser.parse_args()
    if not asked.size:
        for size in (LANDSCAPE,) if asked.all else (LANDSCAPE, PORTRAIT):
            subprocess.run(
                [sys.executable, "-m", "tests.e2e.tablet_screens", *sys.argv[1:], "--size", size], check=True
            )
        return
    width, height = asked.size.split("x")
    os.environ.update(
        KIVY_NO_ARGS="1",
        KIVY_NO_FILELOG="1",
        KIVY_LOG_MODE="PYTHON",
        KIVY_HOME=tempfile.mkdtemp(),
        KCFG_GRAPHICS_WIDTH=width,
        KCFG_GRAPHICS_HEIGHT=height,
    )
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
    from mobile import practice
    from mobile.vault import Vault
    from tests.e2e import photo_stage, tablet_story
    from tests.e2e.screen_driver import running

    (asked.out / "all" if asked.all else asked.out).mkdir(parents=True, exist_ok=True)
    kept = asked.kept.split(",")
    wanted = {name: look for name, look in KEPT[asked.size].items() if not asked.kept or name in kept}
    if asked.all:
        wanted = {
            f"all/{picture_of(name, *look)}": (name, *look)
            for look in LOOKS
            for name in PICTURES
            if not asked.only or name in asked.only.split(",")
        }
    with tempfile.TemporaryDirectory() as folder:
        tablet = tablet_story.play(Path(folder))
        store, desk = tablet.open()
        tablet_story.meet_colleagues(store)
        photo_stage.play(tablet, store, desk)
        shots = photo_stage.tools(tablet, photo_stage.Camera(()))
        practise = partial(
            practice.begin, tablet.folder, Vault.headless(tablet.folder), os.urandom, lambda: 0
        )
        with running(
            store,
            desk,
            meeting=tablet_story.tools,
            photos=shots,
            prove=lambda *_: None,
            practise=practise,
            person="p-chen",
        ) as driver:
            driver.session.enlarge(asked.scale)
            for name, look in wanted.items():
                path = asked.out / f"{name}.png"
                take(driver, path, *look)
                if asked.all:
                    path = shrink(path)
                print(path)
        if asked.all and not asked.only:
            (asked.out / "all/README.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
