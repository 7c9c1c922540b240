"""Small pictures of photos: loaded when a row comes onto the screen, and kept for a while, but never many."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from kivy.graphics.texture import Texture
from kivy.properties import ObjectProperty, StringProperty
from kivy.uix.widget import Widget

from mobile.ui.kit import load_rules
from mobile.ui.photo_desk import Picture

KEPT_MAX = 48
"""Some 200 kB each: more than fit on any screen, so that scrolling back does not decrypt again."""


def texture_of(picture: Picture) -> Any:
    """A picture as the screens draw it."""
    texture = Texture.create(size=(picture.width, picture.height), colorfmt="rgb")
    texture.blit_buffer(picture.rgb, colorfmt="rgb", bufferfmt="ubyte")
    texture.flip_vertical()
    return texture


class Kept:
    """The small pictures of last time, by SHA-256."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._asked: dict[str, list[Callable[[Any], None]]] = {}
        self.load: Callable[[str, Callable[[Picture | None], None]], None] = lambda _, then: then(None)
        """Fetches a small picture; set by the visit's screen."""

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, sha256: str, then: Callable[[Any], None]) -> None:
        """The texture of a photo's small picture, at once or later; None where there is none."""
        if sha256 in self._kept:
            self._kept.move_to_end(sha256)
            then(self._kept[sha256])
            return
        waiting = self._asked.setdefault(sha256, [])
        waiting.append(then)
        if len(waiting) == 1:
            self.load(sha256, lambda picture: self._loaded(sha256, picture))

    def _loaded(self, sha256: str, picture: Picture | None) -> None:
        texture = None if picture is None else texture_of(picture)
        if texture is not None:
            self._kept[sha256] = texture
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        for then in self._asked.pop(sha256, []):
            then(texture)

    def forget(self) -> None:
        """The tablet was locked: nothing of any photo stays in memory here."""
        self._kept.clear()
        self._asked.clear()


kept = Kept()


class Thumbnail(Widget):
    """The small picture of one photo; an icon where there is none."""

    sha256 = StringProperty("")
    icon = StringProperty("camera")
    texture = ObjectProperty(None, allownone=True)

    def on_sha256(self, *_: object) -> None:
        self.texture = None
        sha256 = self.sha256
        if sha256:
            kept.get(sha256, lambda texture: self._show(sha256, texture))

    def _show(self, sha256: str, texture: Any) -> None:
        # The row may show another photo by now.
        if sha256 == self.sha256:
            self.texture = texture

    def covering(self) -> tuple[float, ...]:
        """The part of the texture that fills the widget without being stretched, as texture coordinates."""
        if self.texture is None or self.width < 1 or self.height < 1:
            return (0, 0, 1, 0, 1, 1, 0, 1)
        wide = self.texture.width / self.texture.height
        wanted = self.width / self.height
        x = max(0.0, (1 - wanted / wide) / 2)
        y = max(0.0, (1 - wide / wanted) / 2)
        return (x, 1 - y, 1 - x, 1 - y, 1 - x, y, x, y)


load_rules(__file__)
