"""Static files: a fixed set read once, and the style sheets made from the tokens of shared_schema.look.

A request can only name what is in the set, so no path reaches the disk.
"""

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from shared_schema.look import HIGH_CONTRAST, LIGHT, MOTION_MS, RADIUS, ROW_CONSOLE, SPACE, TYPE

FOLDER = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_MARK = re.compile(r"[^0-9A-Za-z .:·\-]")


class Asset(NamedTuple):
    """One static file."""

    content: bytes
    media_type: str


def tokens_css() -> str:
    """The tokens of look.py as custom properties, plain and for people who ask for more contrast."""

    def block(colours: dict[str, str]) -> str:
        return "".join(f"--{name.replace('_', '-')}:{value};" for name, value in colours.items())

    sizes = "".join(f"--type-{name}:{size}px;" for name, size in TYPE.items())
    space = f"--space:{SPACE}px;--radius:{RADIUS}px;--row:{ROW_CONSOLE}px;--motion:{MOTION_MS}ms;"
    return (
        f":root{{{block(dict(LIGHT))}{sizes}{space}}}\n"
        f"@media (prefers-contrast:more){{:root{{{block(dict(HIGH_CONTRAST))}}}}}\n"
    )


def page_css(marking: str, version: str) -> str:
    """The margins of a printed page: marking on top, data version and page number below."""
    clean = _MARK.sub("", version)[:80]
    boxes = {
        "top-right": f"'{marking}';font-weight:600",
        "bottom-left": f"'{clean}'",
        "bottom-right": "counter(page) ' / ' counter(pages)",
    }
    return "@page{" + "".join(f"@{place}{{content:{text}}}" for place, text in boxes.items()) + "}\n"


@cache
def assets() -> dict[str, Asset]:
    """Every static file by its path below /static/."""
    found = {
        path.relative_to(FOLDER).as_posix(): Asset(path.read_bytes(), MEDIA_TYPES[path.suffix])
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }
    found["tokens.css"] = Asset(tokens_css().encode(), MEDIA_TYPES[".css"])
    return found


@cache
def asset_url(name: str) -> str:
    """The address of a static file, which changes with its content, so that browsers may keep it for ever."""
    return f"/static/{sha256(assets()[name].content).hexdigest()[:12]}/{name}"
