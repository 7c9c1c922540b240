"""Never by colour alone: every state that is shown has a glyph of the family and a word of its own."""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import pytest

from mobile.page_rows import ComputerState, SignatureState
from mobile.rows import LeadState, SyncWord
from mobile.ui import cards, cards_before, closing, computers, items, shell, work
from mobile.ui.icons import ICONS
from mobile.ui.words import CATALOGUE
from mobile.visit import ItemState
from shared_schema.inspection import Stage
from shared_schema.locale.tablet_views import TABLET_VIEWS
from shared_schema.operations import Severity

WORDS = {**CATALOGUE, **TABLET_VIEWS}


class Looks(NamedTuple):
    """The states there are, the glyph of each, and the key of its word."""

    states: Any
    icons: Mapping[str, str]
    word: str


def _icons(looks: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {state: look[0] for state, look in looks.items()}


ALL = {
    "items": Looks(ItemState, _icons(items.ITEM_LOOKS), "item.{}"),
    "visits": Looks(Stage, _icons(work.STAGE_LOOKS), "stage.{}"),
    "computers": Looks(ComputerState, _icons(computers.COMPUTER_LOOKS), "computer.{}"),
    "signatures": Looks(SignatureState, _icons(closing.SIGNATURE_LOOKS), "signature.{}"),
    "leads": Looks(LeadState, cards_before.LEAD_ICONS, "lead.{}"),
    "the exchange": Looks(SyncWord, _icons(shell.SYNC_LOOKS), "bar.sync_{}"),
    "findings": Looks(Severity, dict.fromkeys(cards.SEVERITY_TONES, "finding"), "severity.{}"),
}
ALIKE = {"findings", "the exchange"}
"""Where states share a glyph, because their word always stands beside it."""


@pytest.mark.parametrize("what", ALL)
def test_every_state_has_a_glyph_and_a_word_besides_its_colour(what: str) -> None:
    """No two of a kind have the same word, in either language; nor the same glyph, where one may stand alone."""
    states, icons, word = ALL[what]
    names = get_args(getattr(states, "__value__", states))
    assert set(icons) == set(names)
    assert set(icons.values()) <= set(ICONS)
    for place in (0, 1):
        words = [WORDS[word.format(state)][place] for state in names]
        assert all(words)
        assert len(set(words)) == len(words)
    if what not in ALIKE:
        assert len(set(icons.values())) == len(names)


def test_tones_say_no_state_that_has_no_glyph() -> None:
    """Leads name glyph and tone apart."""
    assert cards_before.LEAD_TONES.keys() == cards_before.LEAD_ICONS.keys()
