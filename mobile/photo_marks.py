"""What is drawn on a photo before it is kept: arrows, boxes, words, and covers that leave nothing beneath.

Places are in ten-thousandths of the picture's width and height, from its upper left corner, so that a mark stands
at the same place on the screen and in the picture. Until the picture is kept, marks are only a list that can be
undone; then they become its pixels.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

WHOLE = 10_000
FONT = Path(__file__).parent / "ui" / "fonts" / "NotoSansSC-Regular.ttf"
INK, HALO, SOLID = "#B3261E", "#FFFFFF", "#000000"
BLOCK_PIXELS = 16
"""A JPEG is coded in squares of this size. A cover takes all of each square it touches: what was beneath has left
its mark on the whole square."""
LINE_OF_SIDE = 260
"""A mark's line is one part in so many of the longer side thick: 6 pixels of 1600."""
HEAD_OF_LINE = 5.5
"""An arrow's head is so many times as long as its line is thick."""
WORDS_OF_SIDE = 48
STRIP_OF_WIDTH = 56
"""What is written below is one part in so many of the width high, but never smaller than can be read."""
STRIP_PIXELS_MIN = 14
STRIP_LINE = 1.5


class Arrow(NamedTuple):
    """From where to where it points."""

    x: int
    y: int
    to_x: int
    to_y: int


class Box(NamedTuple):
    """A frame by two opposite corners."""

    x: int
    y: int
    to_x: int
    to_y: int


class Words(NamedTuple):
    """A few words; their upper left corner."""

    x: int
    y: int
    text: str


class Cover(NamedTuple):
    """A solid area by two opposite corners, for faces and name plates."""

    x: int
    y: int
    to_x: int
    to_y: int


Mark = Arrow | Box | Words | Cover
Marks = tuple[Mark, ...]


def draw(picture: Image.Image, marks: Sequence[Mark], height: int) -> None:
    """Draws the marks on the upper `height` pixels of the picture, in their order: they are its pixels from now on."""
    pen = ImageDraw.Draw(picture)
    thick = max(2, max(picture.width, height) // LINE_OF_SIDE)
    for mark in marks:
        x, y = _pixel(mark.x, picture.width), _pixel(mark.y, height)
        if isinstance(mark, Words):
            _write(pen, (x, y), mark.text, max(picture.width, height))
            continue
        end = _pixel(mark.to_x, picture.width), _pixel(mark.to_y, height)
        match mark:
            case Cover():
                pen.rectangle(_squares((x, y), end, (picture.width, height)), fill=SOLID)
            case Box():
                left, right, top, low = min(x, end[0]), max(x, end[0]), min(y, end[1]), max(y, end[1])
                pen.rectangle((left - 1, top - 1, right + 1, low + 1), outline=HALO, width=thick + 2)
                pen.rectangle((left, top, right, low), outline=INK, width=thick)
            case Arrow():
                for colour, edge in ((HALO, 2), (INK, 0)):
                    pen.line((x, y, *end), fill=colour, width=thick + 2 * edge)
                    pen.polygon(arrow_head((x, y), end, thick * HEAD_OF_LINE, edge), fill=colour)


def arrow_head(
    start: tuple[float, float], end: tuple[float, float], size: float, edge: float = 0
) -> list[tuple[float, float]]:
    """The three corners of an arrow's head, its tip a little beyond the end; grown by an edge on all sides."""
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    beyond, length = size * 0.4 + edge * 2.3, size + edge * 3.4
    tip = (end[0] + math.cos(angle) * beyond, end[1] + math.sin(angle) * beyond)
    sides = (angle + math.pi - 0.45, angle + math.pi + 0.45)
    return [tip, *((tip[0] + math.cos(one) * length, tip[1] + math.sin(one) * length) for one in sides)]


def strip_pixels(width: int, text: str) -> int:
    """How high the strip is that a text is written on below a picture of this width; 0 for no text."""
    if not text:
        return 0
    size = _strip_size(width)
    return round(len(_lines(text, width - size, size)) * size * STRIP_LINE + size * 0.5)


def with_strip(picture: Image.Image, text: str) -> Image.Image:
    """The picture with the text below it, on a strip of its own: nothing of the scene is hidden by it."""
    if not text:
        return picture
    whole = Image.new("RGB", (picture.width, picture.height + strip_pixels(picture.width, text)), HALO)
    whole.paste(picture)
    write_strip(whole, picture.height, text)
    return whole


def write_strip(picture: Image.Image, top: int, text: str) -> None:
    """Writes the text on the strip that begins at `top`, over whatever stands there."""
    size = _strip_size(picture.width)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, top, picture.width, picture.height), fill="#1B2430")
    for row, line in enumerate(_lines(text, picture.width - size, size)):
        pen.text((size * 0.5, top + size * (0.3 + row * STRIP_LINE)), line, fill=HALO, font=_font(size))


def _strip_size(width: int) -> int:
    return max(STRIP_PIXELS_MIN, width // STRIP_OF_WIDTH)


def _lines(text: str, width: int, size: int) -> list[str]:
    """The facts of a strip, as many on a line as there is room for."""
    font, lines = _font(size), [""]
    for fact in text.split("\n"):
        wider = f"{lines[-1]}  {fact}" if lines[-1] else fact
        if lines[-1] and font.getlength(wider) > width:
            lines.append(fact)
        else:
            lines[-1] = wider
    return lines


def _write(pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, side: int) -> None:
    size = max(STRIP_PIXELS_MIN, side // WORDS_OF_SIDE)
    font = _font(size)
    left, top, right, low = pen.textbbox(place, text, font=font)
    edge = size * 0.3
    pen.rectangle((left - edge, top - edge, right + edge, low + edge), fill=HALO, outline=INK, width=2)
    pen.text(place, text, fill=INK, font=font)


def _squares(
    one: tuple[int, int], other: tuple[int, int], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The area from corner to corner, grown to whole squares of the JPEG's grid."""
    left, top = (min(a, b) // BLOCK_PIXELS * BLOCK_PIXELS for a, b in zip(one, other, strict=True))
    right, low = (-(-max(a, b) // BLOCK_PIXELS) * BLOCK_PIXELS for a, b in zip(one, other, strict=True))
    return left, top, min(right, size[0]) - 1, min(low, size[1]) - 1


def _pixel(part: int, whole: int) -> int:
    return round(min(max(part, 0), WHOLE) * whole / WHOLE)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), size)
