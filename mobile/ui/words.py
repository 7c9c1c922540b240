"""The interface's words in the language chosen, as a live property: switch, and every label follows."""

from collections.abc import Mapping

from kivy.event import EventDispatcher
from kivy.properties import ObjectProperty, OptionProperty

from mobile import words as mobile_words
from shared_schema.locale.filling import fill
from shared_schema.locale.packages import PACKAGES
from shared_schema.locale.photos import PHOTOS
from shared_schema.locale.sync_center import SYNC_CENTER
from shared_schema.locale.tablet import TABLET
from shared_schema.locale.tablet_briefing import TABLET_BRIEFING
from shared_schema.locale.tablet_learning import TABLET_LEARNING
from shared_schema.locale.tablet_pages import TABLET_PAGES
from shared_schema.locale.terms import TERMS
from shared_schema.locale.unlock import UNLOCK
from shared_schema.problems import Problem

CATALOGUE: Mapping[str, tuple[str, str]] = {
    **TERMS,
    **TABLET,
    **TABLET_BRIEFING,
    **TABLET_LEARNING,
    **TABLET_PAGES,
    **UNLOCK,
    **SYNC_CENTER,
    **PACKAGES,
    **PHOTOS,
}


class Words(EventDispatcher):
    """`words.t['visit.open']` in kv, `say('sync.unsent', count=3)` in Python."""

    language = OptionProperty("zh", options=["zh", "en"])
    t = ObjectProperty()

    def __init__(self) -> None:
        super().__init__()
        self.on_language()

    def on_language(self, *_: object) -> None:
        place = 0 if self.language == "zh" else 1
        self.t = {key: both[place] for key, both in CATALOGUE.items()}


words = Words()


def say(key: str, **facts: object) -> str:
    """The sentence of a key with its facts, in the language shown."""
    sentence: str = words.t[key]
    return fill(sentence, facts) if facts else sentence


def sentence(problem: Problem) -> str:
    """What a Problem says, in the language shown."""
    return problem.message(words.language)


def joined(*parts: str) -> str:
    """Short facts on one line, in the language shown."""
    return mobile_words.joined(words.language, *parts)
