"""Kivy draws a character its font lacks as an empty box, so the tablet's own words are held against the fonts."""

import ast
import unicodedata

import pytest
from fontTools.ttLib import TTFont

from tests.tidy.tree import ROOT, files, name_of, python_files, syntax_of, top_of

FONTS = ("NotoSansSC-Regular.ttf", "NotoSansSC-SemiBold.ttf")


def characters_of(font: str) -> set[int]:
    """The code points a font of the tablet can draw."""
    with TTFont(ROOT / "mobile/ui/fonts" / font, lazy=True) as opened:
        return set(opened.getBestCmap())


def words_of_the_tablet() -> dict[str, set[str]]:
    """For each file that holds the tablet's own words, the characters in them, docstrings and comments apart."""
    words = {}
    for path in python_files("mobile", "shared_schema"):
        tree = syntax_of(path)
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
            if isinstance(node.body[0], ast.Expr)
        }
        strings = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        ]
        words[name_of(path)] = set("".join(strings))
    for path in files():
        if path.suffix == ".kv" and top_of(path) == "mobile":
            lines = path.read_text(encoding="utf-8").splitlines()
            words[name_of(path)] = set("".join(line for line in lines if not line.strip().startswith("#")))
    return words


@pytest.mark.parametrize("font", FONTS)
def test_the_tablet_can_draw_its_own_words(font: str) -> None:
    drawn = characters_of(font)
    missing = {
        name: sorted(c for c in characters if ord(c) not in drawn and unicodedata.category(c)[0] != "C")
        for name, characters in words_of_the_tablet().items()
    }
    assert {name: characters for name, characters in missing.items() if characters} == {}


def test_what_people_type_is_drawn_with_more_than_the_common_characters() -> None:
    """Names hold characters such as 䶮 and 㛃, which GB 2312 does not have."""
    assert {ord(character) for character in "䶮㛃喆堃"} <= characters_of("NotoSansSC-Regular.ttf")
