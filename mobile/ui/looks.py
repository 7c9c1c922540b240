"""How the tablet looks to whoever uses it: language, colours, size of type; kept for the next start."""

from mobile.ui.theme import theme
from mobile.ui.words import words

LANGUAGE, PALETTE, SCALE = "ui.language", "ui.palette", "ui.scale"
"""Settings of the store."""


class Looks:
    """The part of a session that changes looks."""

    def _keep(self, key: str, value: str) -> None:
        raise NotImplementedError

    def _look(self) -> None:
        raise NotImplementedError

    def speak(self, language: str) -> None:
        """Changes the language, at once and for the next start."""
        words.language = language
        self._keep(LANGUAGE, language)
        self._look()

    def paint(self, palette: str) -> None:
        """Changes the colours, at once and for the next start."""
        theme.palette = palette
        self._keep(PALETTE, palette)

    def enlarge(self, scale: float) -> None:
        """Changes the size of the type, at once and for the next start."""
        theme.scale = scale
        self._keep(SCALE, str(scale))
