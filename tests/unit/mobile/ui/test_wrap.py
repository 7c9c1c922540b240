"""Line breaking as typesetters do it, measured in characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile.ui.wrap import wrap

HAN = "保密工作有机构或专人负责"


def width(text: str) -> float:
    """A Han character is two wide, everything else one."""
    return sum(2 if ord(character) > 0x2E80 else 1 for character in text)


@pytest.mark.parametrize(
    ("text", "room", "broken"),
    [
        ("保密工作", 8, "保密工作"),
        ("保密工作", 6, "保密工\n作"),
        ("保密，工作", 4, "保\n密，\n工作"),
        ("依据（保密法）检查", 10, "依据（保密\n法）检查"),
        ("依据 GB50444-2008 第3条", 18, "依据 GB50444-2008\n第3条"),
        ("unit's own words", 10, "unit's own\nwords"),
        ("第一段\n第二段", 20, "第一段\n第二段"),
        ("2026-11-21 09:04", 12, "2026-11-21\n09:04"),
        ("", 10, ""),
    ],
)
def test_lines_break_where_a_reader_expects_it(text: str, room: int, broken: str) -> None:
    """Marks stay with their words; Latin words, numbers and times stay whole."""
    assert wrap(text, room, width) == broken


def test_a_word_longer_than_a_line_is_broken_all_the_same() -> None:
    """Nothing runs over the edge of a card."""
    assert wrap("a" * 25, 10, width) == "\n".join(["a" * 10, "a" * 10, "a" * 5])
    assert wrap("11111。", 6, width) == "1111\n1。"
    assert wrap("作。.11", 6, width) == "作。.1\n1"


def test_what_does_not_fit_into_the_lines_ends_in_an_ellipsis() -> None:
    """Two lines of an item row; the pane beside it has the whole text."""
    assert wrap(HAN * 3, 12, width, lines_max=2) == "保密工作有机\n构或专人负…"
    assert wrap(HAN, 12, width, lines_max=2) == "保密工作有机\n构或专人负责"


@given(st.text("保密工作检查，。（）abc12. ", max_size=60), st.integers(6, 30))
def test_nothing_is_lost_and_nothing_is_wider_than_its_room(text: str, room: int) -> None:
    """Only spaces at line ends go."""
    broken = wrap(text, room, width)
    assert broken.replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")
    assert all(width(line) <= room for line in broken.split("\n"))
