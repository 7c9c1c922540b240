"""Fetches what we ship of other people's work, at pinned versions, and cuts the fonts: `make vendor`.

The same pins give the same bytes, so a rerun that changes a SHA256SUMS is worth a look. Needs npm, which looks for
the packages wherever it is set up to look. The fonts are Noto Sans SC (SIL Open Font License; its reserved name is
'Source', so the cut fonts may keep theirs); the icons are Material Symbols (Apache License 2.0); htmx is under the
Zero-Clause BSD licence.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from fontTools import subset
from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from mobile.ui.icons import ICONS  # noqa: E402 — importable only once the line above has run

TABLET_FONTS = ROOT / "mobile/ui/fonts"
CONSOLE_FONTS = ROOT / "server/console/static/fonts"
CONSOLE_ICONS = ROOT / "server/console/icons.json"
CONSOLE_VENDOR = ROOT / "server/console/static/vendor"


class Package(NamedTuple):
    """One npm package: its name, its version, and the digest npm gives for it (sha512, base64)."""

    name: str
    version: str
    integrity: str


NOTO_SANS_SC = Package(
    "@expo-google-fonts/noto-sans-sc",
    "0.4.3",
    "9rAwdFTFHbO/u6Cs0gj2jZbW74TGIiaFNQnXYH2s5wA1bzVkwbaviL4t8YUV642eGYjg86eH6DkAEQmfNHDncQ==",
)
MATERIAL_SYMBOLS = Package(
    "material-symbols",
    "0.47.5",
    "bry9rHVqF7HewbSK9Yb77obFoDvQsEot8IrW9+F179iEkcg7P/zYv2zuwBRU1oFkA5Ez0MpDAintffdtqL70Eg==",
)
HTMX = Package(
    "htmx.org",
    "2.0.11",
    "Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
)

# Where GB 2312 keeps its rows and cells; undefined cells do not decode.
GB2312_LEAD = range(0xA1, 0xF8)
GB2312_TRAIL = range(0xA1, 0xFF)
SYMBOLS = (
    range(0x0020, 0x007F),  # ASCII
    range(0x00A0, 0x0180),  # Latin-1 and Latin Extended-A
    range(0x2000, 0x2070),  # dashes, quotes, ellipsis, spaces
    range(0x20A0, 0x20D0),  # currencies
    range(0x2100, 0x2270),  # letter-like, number forms, arrows, mathematical
    range(0x2460, 0x2500),  # circled numbers
    range(0x25A0, 0x27C0),  # shapes, signs, ticks
    range(0x3000, 0x3040),  # punctuation
    range(0x3200, 0x3300),  # numbers in brackets
    range(0xFE30, 0xFE50),
    range(0xFF00, 0xFFF0),  # full width
)


def gb2312() -> set[int]:
    """The 7,445 code points of GB 2312: what headings and the console's own words are written with."""
    points = set()
    for lead in GB2312_LEAD:
        for trail in GB2312_TRAIL:
            try:
                points.add(ord(bytes([lead, trail]).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return points


def fetch(package: Package, into: Path) -> Path:
    """The unpacked folder of a package, whose archive must have the pinned digest."""
    subprocess.run(
        ["npm", "pack", f"{package.name}@{package.version}", "--silent"],
        cwd=into,
        check=True,
        capture_output=True,
    )
    (archive,) = into.glob("*.tgz")
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.integrity:
        raise SystemExit(f"{package.name} {package.version} is not the package that was pinned: {found}")
    with tarfile.open(archive) as packed:
        packed.extractall(into, filter="data")
    return into / "package"


def cut(source: Path, target: Path) -> None:
    """Writes the font with GB 2312 and symbols only; `.woff2` keeps what a browser uses, `.ttf` all features."""
    options = subset.Options()
    options.hinting = False  # Kivy and browsers draw at densities where it only costs bytes.
    options.recalc_timestamp = False  # The same input gives the same bytes.
    options.notdef_outline = True
    if target.suffix == ".woff2":
        options.flavor = "woff2"
        options.layout_features = ["kern", "locl"]
    font = subset.load_font(str(source), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=gb2312().union(*SYMBOLS))
    cutter.subset(font)
    subset.save_font(font, str(target), options)


def cut_icons(source: Path, target: Path) -> None:
    """Writes the icon font with the icons the tablet names, all in one weight."""
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.notdef_outline = True
    font = TTFont(source, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=ICONS.values())
    cutter.subset(font)
    icons = instancer.instantiateVariableFont(font, {"FILL": 0, "GRAD": 0, "opsz": 24, "wght": 500})
    icons.flavor = None
    icons.save(target)


def draw_icons(source: Path, target: Path) -> None:
    """Writes the outlines of the console's icons, of the tablet's family and weight, as SVG paths by name.

    The file itself says which: to add one, add its name with an empty path and run this again.
    """
    font = instancer.instantiateVariableFont(
        TTFont(source, recalcTimestamp=False), {"FILL": 0, "GRAD": 0, "opsz": 24, "wght": 500}
    )
    glyphs = font.getGlyphSet()
    height = font["hhea"].ascent
    paths = {}
    for name in sorted(json.loads(target.read_text(encoding="utf-8"))):
        pen = SVGPathPen(glyphs, ntos=lambda value: str(round(value)))
        glyphs[name].draw(TransformPen(pen, (1, 0, 0, -1, 0, height)))
        paths[name] = pen.getCommands()
    target.write_text(json.dumps(paths, indent=1) + "\n", encoding="utf-8")


def write_sums(folder: Path) -> None:
    """Writes SHA256SUMS for every other file in the folder, to be read by `sha256sum --check`."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Replaces the shipped fonts and scripts."""
    for folder in (TABLET_FONTS, CONSOLE_FONTS, CONSOLE_VENDOR):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        fonts = fetch(NOTO_SANS_SC, Path(scratch))
        regular = fonts / "400Regular/NotoSansSC_400Regular.ttf"
        semi_bold = fonts / "600SemiBold/NotoSansSC_600SemiBold.ttf"
        # Names and notes hold rare characters, so what people type is drawn with the whole font.
        shutil.copyfile(regular, TABLET_FONTS / "NotoSansSC-Regular.ttf")
        cut(semi_bold, TABLET_FONTS / "NotoSansSC-SemiBold.ttf")
        cut(regular, CONSOLE_FONTS / "NotoSansSC-Regular.woff2")
        cut(semi_bold, CONSOLE_FONTS / "NotoSansSC-SemiBold.woff2")
        for folder in (TABLET_FONTS, CONSOLE_FONTS):
            shutil.copyfile(fonts / "LICENSE_FONT", folder / "OFL.txt")
    with tempfile.TemporaryDirectory() as scratch:
        icons = fetch(MATERIAL_SYMBOLS, Path(scratch))
        cut_icons(icons / "material-symbols-rounded.woff2", TABLET_FONTS / "MaterialSymbols-Rounded.ttf")
        shutil.copyfile(icons / "LICENSE", TABLET_FONTS / "MaterialSymbols-LICENSE.txt")
        draw_icons(icons / "material-symbols-rounded.woff2", CONSOLE_ICONS)
    with tempfile.TemporaryDirectory() as scratch:
        htmx = fetch(HTMX, Path(scratch))
        shutil.copyfile(htmx / "dist/htmx.min.js", CONSOLE_VENDOR / f"htmx-{HTMX.version}.min.js")
        shutil.copyfile(htmx / "LICENSE", CONSOLE_VENDOR / "htmx-LICENSE.txt")
    for folder in (TABLET_FONTS, CONSOLE_FONTS, CONSOLE_VENDOR):
        write_sums(folder)


if __name__ == "__main__":
    main()
