"""The tablet's catalogue: every word that screens ask for exists, is said in both languages, and is used."""

import re
from pathlib import Path
from string import Formatter

from shared_schema.locale import tablet
from shared_schema.locale.tablet_pages import TABLET_PAGES
from shared_schema.locale.terms import TERMS
from shared_schema.locale.unlock import UNLOCK

TABLET = {**tablet.TABLET, **TABLET_PAGES, **UNLOCK}
UI = Path(__file__).resolve().parents[4] / "mobile"
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in (UI / "app.py", *sorted((UI / "ui").iterdir()))
    if path.suffix in (".py", ".kv")
)
MADE_OF_PARTS = (
    "weekday.",
    "bar.sync_",
    "severity.",
    "disposal.",
    "filter.",
    "page.",
    "phrase.",
    "sample.of_",
    "sign.role_",
    "menu.scale_",
)


def test_every_word_asked_for_exists() -> None:
    """A key that is missing would end the program when its screen is opened."""
    direct = set(re.findall(r'(?:words\.t\[|say\()"([^"]+)"', SOURCES))
    assert direct - TABLET.keys() - TERMS.keys() == set()


def test_every_word_is_used() -> None:
    """What no screen says is not translated."""
    used = {key for key in TABLET if f'"{key}"' in SOURCES or key.startswith(MADE_OF_PARTS)}
    assert set(TABLET) - used == set()


def test_no_word_is_said_in_two_catalogues() -> None:
    """Which of the two would be shown?"""
    assert tablet.TABLET.keys() & TABLET_PAGES.keys() == set()
    assert (tablet.TABLET.keys() | TABLET_PAGES.keys()) & TERMS.keys() == set()


def test_both_languages_name_the_same_facts() -> None:
    """A sentence that forgets a fact in one language would hide it there."""

    def facts(sentence: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name}

    assert {key for key, (zh, en) in TABLET.items() if facts(zh) != facts(en)} == set()
