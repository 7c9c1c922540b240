"""A tablet that is not enrolled: what to do, and the two fields to do it with."""

from typing import Any

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.ui.kit import load_rules
from mobile.ui.session import Session
from mobile.ui.shown import Shown
from mobile.ui.words import say, words
from shared_schema.problems import Problem
from shared_schema.square_code import read_enrolment


class StartScreen(BoxLayout):
    """Server address and one-time code."""

    problem = StringProperty("")
    busy = BooleanProperty(False)
    can_scan = BooleanProperty(False)

    def __init__(self, session: Session, *, server: str = "", **kwargs: Any) -> None:
        self.session = session
        super().__init__(**kwargs)
        self.ids.server.text = server

    def show(self, shown: Shown) -> None:
        """Nothing of it depends on rows; there may be a camera."""
        self.can_scan = self.session.photo_desk.can_scan()

    def scan(self) -> None:
        """Enrols with the code that is held before the camera."""

        def seen(text: str) -> None:
            try:
                self.ids.server.text, self.ids.code.text = read_enrolment(text)
            except Problem as problem:
                wrong(problem)
            else:
                self.enrol()

        def wrong(problem: Problem) -> None:
            self.refused(problem.message(words.language))

        self.problem = ""
        self.session.photo_desk.scan(seen, wrong)

    def enrol(self) -> None:
        server, code = self.ids.server.text.strip(), self.ids.code.text.strip()
        if not server or not code:
            self.problem = say("start.both")
            return
        self.problem, self.busy = "", True
        self.session.enrol(server, code, self.refused)

    def refused(self, sentence: str) -> None:
        """Why the tablet could not be enrolled."""
        self.problem, self.busy = sentence, False


load_rules(__file__)
