"""Who am I: the members of this tablet's squad. On a real tablet their PIN comes between here and the work list."""

from typing import Any

from kivy.properties import StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.ui import shell
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Press
from mobile.ui.session import Session
from mobile.ui.shown import PersonRow, Shown
from mobile.ui.words import joined, say


class PersonLine(Press):
    """One member to tap."""

    person = StringProperty("")
    name = StringProperty("")
    detail = StringProperty("")


class PeopleScreen(BoxLayout):
    """The members of the squad, leaders first."""

    def __init__(self, session: Session, **kwargs: Any) -> None:
        self.session = session
        self._rows: tuple[PersonRow, ...] = ()
        super().__init__(**kwargs)

    def show(self, shown: Shown) -> None:
        if shown.people == self._rows:
            return
        self._rows = shown.people
        people = self.ids.people
        people.clear_widgets()
        for row in shown.people:
            detail = joined(row.role_text, say("people.visits", count=row.visits))
            line = PersonLine(person=row.person, name=row.name, detail=detail)
            line.bind(on_release=lambda one: self.session.ask_for(one.person))
            people.add_widget(line)


load_rules(shell.__file__)
load_rules(__file__)
