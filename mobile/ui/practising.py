"""Practising: the session goes on with a practice's store instead of the tablet's own, and back again."""

from collections.abc import Callable
from typing import Any

from mobile.practice import LEADER, Practice
from mobile.ui.looks import PALETTE, SCALE
from mobile.ui.memory import memory
from mobile.ui.theme import theme
from mobile.ui.words import words
from mobile.worker import Worker


class Practising:
    """What the buttons *practise* and *end the practice* do."""

    def __init__(self, session: Any, worker: Worker) -> None:
        # The session's own type would make the two modules import each other.
        self._session = session
        self._worker = worker
        self._practice: Practice | None = None
        self._back: tuple[Any, str | None, str, Callable[[str], object]] | None = None

    @property
    def available(self) -> bool:
        """Whether this tablet can make a practice now."""
        tools = self._session.tools
        return tools is not None and (tools.practise is not None or self.on)

    @property
    def on(self) -> bool:
        """Whether what is on the screen is a practice."""
        return self._practice is not None

    def begin(self) -> None:
        """Goes to a fresh practice; what is half typed on the tablet's own visits stays there."""
        session, tools = self._session, self._session.tools
        if tools is None or tools.practise is None or self.on:
            return
        make, looks = tools.practise, {PALETTE: theme.palette, SCALE: str(theme.scale)}
        # Written to the tablet's own store, before the practice's takes its place.
        memory.write()

        def open_practice() -> Practice:
            practice = make()
            for key, value in looks.items():
                practice.store.set_setting(key, value)
            return practice

        def opened(practice: Practice) -> None:
            if session.tools is not tools:
                self._worker.call(practice.end)  # locked in between
                return
            self._practice, self._back = (
                practice,
                (tools, session.signed, session.place.person, session.ask_for),
            )
            session.ask_for = lambda person: session.go(person=person)
            session.swap(tools._replace(
                store=practice.store, desk=practice.desk, consent_by=None, meeting=None, practise=None,
            ), None, LEADER, words.language)  # fmt: skip

        self._worker.call(open_practice, opened, session.failed)

    def end(self) -> None:
        """Back to where the person was; the practice is deleted."""
        if self._back is None:
            return
        tools, signed, person, self._session.ask_for = self._back
        self._drop()
        self._session.swap(tools, signed, person, words.language)

    def shut(self) -> None:
        """The tablet is locked: the practice ends with it."""
        if self._back is not None:
            self._session.ask_for = self._back[3]
        self._drop()

    def _drop(self) -> None:
        practice, self._practice, self._back = self._practice, None, None
        if practice is not None:
            memory.drop()
            self._worker.call(practice.end)
