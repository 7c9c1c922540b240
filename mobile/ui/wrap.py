"""Breaks Chinese and mixed text into lines as typesetters do.

Kivy breaks Chinese only at spaces and puts stops at the start of a line; here a line never begins with
a closing mark nor ends with an opening one, and Latin words and article numbers stay whole.
"""

import re
from collections.abc import Callable, Iterable, Iterator

Measure = Callable[[str], float]
"""The width of a piece of text, in the unit of the width given."""

_UNITS = re.compile(r"[A-Za-z0-9_.\-/@#+%'’:]+|\s+|.", re.DOTALL)
_NO_START = frozenset("，。、；：？！）】》」』”’％℃…—·,.;:?!)]}%")
_NO_END = frozenset("（【《「『“‘([{")
ELLIPSIS = "…"


def wrap(text: str, width: float, measure: Measure, lines_max: int = 0) -> str:
    """The text with line breaks; with `lines_max` the rest is cut and the last line ends in an ellipsis."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines.extend(_break(paragraph, width, measure))
    if lines_max and len(lines) > lines_max:
        lines = [*lines[: lines_max - 1], _cut(lines[lines_max - 1], width, measure)]
    return "\n".join(lines)


def _break(paragraph: str, width: float, measure: Measure) -> list[str]:
    lines, line, filled = [], "", 0.0
    for unit in _units(paragraph, width, measure):
        space = measure(unit)
        wanted = filled + measure(unit.rstrip())
        # The sum of the pieces is quick and a little off (fonts round and kern), so close calls are measured.
        if line and (wanted > width or (wanted > 0.95 * width and measure(line + unit.rstrip()) > width)):
            lines.append(line.rstrip())
            line = unit.lstrip()
            filled = measure(line)
        else:
            line += unit
            filled += space
    return [*lines, line.rstrip()]


def _units(paragraph: str, width: float, measure: Measure) -> Iterator[str]:
    """What must not be torn apart: words, numbers, a character with its marks; where that is too wide, less of it."""
    for unit in _glued(_UNITS.findall(paragraph)):
        if len(unit) == 1 or unit.isspace() or measure(unit) <= width:
            yield unit
            continue
        for piece in _glued(unit):
            if len(piece) == 1 or measure(piece) <= width:
                yield piece
            else:
                yield from piece


def _glued(tokens: Iterable[str]) -> list[str]:
    """Each with the marks that must not begin the next line, or end this one."""
    units: list[str] = []
    for token in tokens:
        if units and (token[0] in _NO_START or units[-1][-1] in _NO_END):
            units[-1] += token
        else:
            units.append(token)
    return units


def _cut(line: str, width: float, measure: Measure) -> str:
    while line and sum(map(measure, line)) + measure(ELLIPSIS) > width:
        line = line[:-1]
    return line.rstrip() + ELLIPSIS
