"""How far a long work is: a line for each count, and a bar where the whole is known."""

from collections.abc import Sequence
from typing import Any

from kivy.metrics import dp
from kivy.uix.boxlayout import BoxLayout

from mobile.sync_views import CountRow
from mobile.ui.kit_controls import Progress
from mobile.ui.kit_text import Text


class Counted(BoxLayout):
    """The rows it was given last; without any it takes no room."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(orientation="vertical", size_hint_y=None, height=0, spacing=dp(6), **kwargs)
        self.bind(minimum_height=self.setter("height"))
        self._shown: list[tuple[Text, Progress | None]] = []

    def show(self, rows: Sequence[CountRow]) -> None:
        """Lines that are there already only change their words: this comes ten times a second."""
        if [row.share is None for row in rows] != [bar is None for _, bar in self._shown]:
            self.clear_widgets()
            self._shown = [(Text(tone="accent"), None if row.share is None else Progress()) for row in rows]
            for text, bar in self._shown:
                self.add_widget(text)
                if bar is not None:
                    self.add_widget(bar)
        for (text, bar), row in zip(self._shown, rows, strict=True):
            text.content = row.text
            if bar is not None:
                bar.value = row.share
