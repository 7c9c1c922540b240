"""The tablet's catalogue: every word that screens ask for exists, is said in both languages, and is used."""

import re
from pathlib import Path
from string import Formatter

from shared_schema.locale.packages import PACKAGES
from shared_schema.locale.photos import PHOTOS
from shared_schema.locale.sync_center import SYNC_CENTER
from shared_schema.locale.tablet import TABLET as FRAME
from shared_schema.locale.tablet_briefing import TABLET_BRIEFING
from shared_schema.locale.tablet_learning import TABLET_LEARNING
from shared_schema.locale.tablet_pages import TABLET_PAGES
from shared_schema.locale.tablet_views import TABLET_VIEWS
from shared_schema.locale.terms import TERMS
from shared_schema.locale.unlock import UNLOCK
from shared_schema.problems import REGISTRY

CATALOGUES = (
    TERMS, FRAME, TABLET_BRIEFING, TABLET_LEARNING, TABLET_PAGES, UNLOCK, SYNC_CENTER, PACKAGES, PHOTOS
)  # fmt: skip
"""What `mobile.ui.words` puts together; importing it would open a window."""
TABLET = {key: both for catalogue in CATALOGUES[1:] for key, both in catalogue.items()}
MOBILE = Path(__file__).resolve().parents[4] / "mobile"


def _sources(folder: Path, pattern: str) -> str:
    found = sorted(path for path in folder.glob(pattern) if path.suffix in (".py", ".kv"))
    return "\n".join(path.read_text(encoding="utf-8") for path in found)


SCREENS = _sources(MOBILE, "app.py") + _sources(MOBILE, "ui/*")
SOURCES = _sources(MOBILE, "*") + SCREENS
MADE_OF_PARTS = (*(set(re.findall(r'f"([a-z_]+\.(?:[a-z_.]*))\{', SOURCES)) - {"photo."}), "purge.")
"""Keys that are put together of a known beginning and a state's name."""


def test_every_word_asked_for_exists() -> None:
    """A key that is missing would end the program when its screen is opened."""
    direct = set(re.findall(r'(?:words\.t\[|say\()"([^"]+)"', SCREENS))
    assert direct - TABLET.keys() - TERMS.keys() == set()


def test_every_word_is_used() -> None:
    """What no screen says is not translated."""
    hints = {f"photo.{tool}_hint" for tool in ("move", "arrow", "box", "words", "cover")}
    named = set(re.findall(r"[\"']([a-z_]+\.[a-z0-9_.]+|[a-z_]+)[\"']", SOURCES))
    used = {key for key in TABLET if key in named | hints or key.startswith(MADE_OF_PARTS)}
    assert set(TABLET) - used == set()


def test_no_word_is_said_in_two_catalogues() -> None:
    """Which of the two would be shown?"""
    said = [key for catalogue in CATALOGUES for key in catalogue]
    assert {key for key in said if said.count(key) > 1} == set()


def test_both_languages_name_the_same_facts() -> None:
    """A sentence that forgets a fact in one language would hide it there."""

    def facts(sentence: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name}

    assert {key for key, (zh, en) in TABLET.items() if facts(zh) != facts(en)} == set()


def test_one_idea_has_one_name() -> None:
    """A part-time officer should not wonder whether two words are two things: the glossary has one for each."""
    besides = {"背对背": "独立评分", "小队": "检查组", "分队": "检查组"}
    texts = [zh for catalogue in CATALOGUES for zh, _ in catalogue.values()] + [
        one.zh for one in REGISTRY.values()
    ]
    assert {word for word in besides if any(word in text for text in texts)} == set()


def test_an_answer_reads_as_its_button_did() -> None:
    """Of what happened or did not: in lists, histories and disputes as where it was tapped."""
    for said, tapped in (("answer.present", "present.yes"), ("answer.absent", "present.no")):
        assert TABLET_VIEWS[said] == TABLET[tapped]
