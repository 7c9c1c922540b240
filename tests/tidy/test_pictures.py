"""Every screen and every sheet of the tablet has its pictures, in both languages and palettes."""

import ast
import re

from tests.e2e.picture_list import DOOR, PICTURES
from tests.e2e.tablet_screens import LANGUAGES, PALETTES, page, picture_of
from tests.tidy.tree import ROOT

UI = ROOT / "mobile/ui"
ALL = ROOT / "docs/screens/all"
SCREEN = re.compile(r"^<(\w+(?:Screen|Center|View))>:", re.MULTILINE)


def screens() -> set[str]:
    """The classes that fill the screen, as the rules of their looks name them."""
    found = {name for rules in UI.glob("*.kv") for name in SCREEN.findall(rules.read_text(encoding="utf-8"))}
    return found - {"ScrollView"}


def sheets() -> set[str]:
    """The functions that make a sheet; those that finish one which they are given are not of their own."""
    return {
        f"{path.stem}.{one.name}"
        for path in UI.glob("*.py")
        for one in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(one, ast.FunctionDef)
        if one.returns is not None and ast.unparse(one.returns) == "Sheet"
        if "sheet" not in {argument.arg for argument in one.args.args}
    }


def test_every_screen_and_every_sheet_is_pictured() -> None:
    pictured = {one.of for one in PICTURES.values()} | set(DOOR.values())
    assert (screens() | sheets()) - pictured == set()


def test_what_is_pictured_is_there() -> None:
    """A screen or sheet that was renamed or went takes its picture along."""
    pictured = {one.of for one in PICTURES.values()} | set(DOOR.values())
    assert pictured - screens() - sheets() == set()


def test_every_picture_is_kept_in_four_looks_and_shown_on_the_page() -> None:
    looks = [(language, palette) for language in LANGUAGES for palette in PALETTES]
    wanted = {f"{picture_of(name, *look)}.webp" for name in (*PICTURES, *DOOR) for look in looks}
    assert {path.name for path in ALL.glob("*.webp")} == wanted
    assert (ALL / "README.md").read_text(encoding="utf-8") == page()
