"""Puts what buildozer packs into one folder: `make android-stage`, then `buildozer android debug` in build/android."""

import argparse
import re
import shutil
import sys
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ICON_PIXELS = 1024
"""Drawn at twice the size it is kept in, so that its edges are smooth."""
SHIPPED = {".py", ".kv", ".ttf", ".txt"}


def main() -> int:
    """Makes the folder anew and says where it is."""
    parser = argparse.ArgumentParser(prog="make android-stage", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "android")
    out = parser.parse_args().out
    stage(out)
    print(out)
    return 0


def stage(out: Path) -> None:
    """Fills the folder: the program without what belongs to other platforms, its start, its icon and its description.

    The versions of pure packages in the description are those of requirements.txt, so that both say the same.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for package in ("mobile", "shared_schema"):
        for path in sorted((ROOT / package).rglob("*")):
            inside = path.relative_to(ROOT)
            platforms = {"android", "linux"} & set(inside.parts[1:2])
            if path.suffix in SHIPPED and path.is_file() and not platforms:
                (out / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, out / inside)
    shutil.copyfile(HERE / "main.py", out / "main.py")
    shutil.copyfile(HERE / "hook.py", out / "hook.py")
    _icon().save(out / "icon.png")
    shutil.copytree(HERE / "recipes", out / "recipes", ignore=shutil.ignore_patterns("__pycache__"))
    (out / "buildozer.spec").write_text(
        _pinned((HERE / "buildozer.spec").read_text(encoding="utf-8")), encoding="utf-8"
    )


def _icon() -> Image.Image:
    """The drawing of mobile/linux/hucha-tablet.svg, for a launcher that takes no SVG."""
    picture = Image.new("RGBA", (ICON_PIXELS, ICON_PIXELS))
    pen, unit = ImageDraw.Draw(picture), ICON_PIXELS / 128

    def at(*places: float) -> tuple[float, ...]:
        return tuple(place * unit for place in places)

    pen.rounded_rectangle(at(0, 0, 127.9, 127.9), 28 * unit, fill="#0b57a4")
    wide = round(9 * unit)
    for place, colour in (((21.5, 21.5, 80.5, 80.5), "#9cc4ee"), ((47.5, 47.5, 106.5, 106.5), "#fff")):
        pen.rounded_rectangle(at(*place), 14.5 * unit, outline=colour, width=wide)
    pen.line(at(66, 78, 75, 87, 91, 69), fill="#fff", width=wide, joint="curve")
    return picture.resize((ICON_PIXELS // 2, ICON_PIXELS // 2), Image.Resampling.LANCZOS)


def _pinned(spec: str) -> str:
    pins = dict(
        re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    )
    return re.sub(r"\b([a-z0-9-]+)==PINNED", lambda found: f"{found[1]}=={pins[found[1]]}", spec)


if __name__ == "__main__":
    sys.exit(main())
