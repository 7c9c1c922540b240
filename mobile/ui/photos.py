"""The page of photos: all of the visit, each a row with who has it; and the card of an item's photos."""

from collections.abc import Callable
from typing import Any

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from mobile.photo_views import ItemPhotos, PhotoLine
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Card, Press
from mobile.ui.kit_rows import show_rows
from mobile.ui.page import Page
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say

ON_CARD_MAX = 8
"""Photos shown on an item's card; the page has all."""


class PhotoItem(Press):
    """One photo of the list."""

    key = StringProperty("")
    sha256 = StringProperty("")
    code = StringProperty("")
    text = StringProperty("")
    by = StringProperty("")
    icon = StringProperty("")
    state_text = StringProperty("")
    tone = StringProperty("muted")
    faded = BooleanProperty(False)
    line = ObjectProperty(None, allownone=True)
    choose: Callable[[PhotoLine], None]

    def on_release(self) -> None:
        PhotoItem.choose(self.line)


class PhotosPage(Page):
    """All photos of the visit: those that wait for a colleague first, removed ones last."""

    empty = BooleanProperty(False)
    destroyed = StringProperty("")
    __events__ = ("on_photo", "on_allowed")

    def __init__(self, **kwargs: Any) -> None:
        PhotoItem.choose = lambda line: self.dispatch("on_photo", line)
        super().__init__(**kwargs)

    def show(self, visit: VisitShown) -> None:
        self.title = say("page.photos")
        page = visit.photos
        if page is None:
            return
        self.detail, self.destroyed = page.summary, page.destroyed_text
        show_rows(self.ids.rows, [_row(one) for one in page.lines])
        self.empty = not page.lines

    def on_photo(self, line: PhotoLine) -> None:
        """A photo was tapped."""

    def on_allowed(self) -> None:
        """Which items allow photos is asked."""


def _row(line: PhotoLine) -> dict[str, Any]:
    return {
        "key": line.evidence,
        "sha256": line.sha256,
        "code": line.item,
        "text": line.caption
        or line.finding_text
        or (say("photos.of_item", code=line.item) if line.item else ""),
        "by": line.by,
        "icon": line.icon,
        "state_text": line.state_text,
        "tone": line.tone,
        "faded": line.state == "removed",
        "line": line,
    }


class PhotoTile(Press):
    """One photo of an item's card, with its state below."""

    sha256 = StringProperty("")
    icon = StringProperty("")
    tone = StringProperty("muted")
    state_text = StringProperty("")


class PhotosCard(Card):
    """What may be photographed on this item, and what was."""

    policy = StringProperty("")
    allowed = BooleanProperty(False)
    may = BooleanProperty(False)
    __events__ = ("on_take", "on_photo", "on_all")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._shown: ItemPhotos | None = None

    def show(self, found: ItemPhotos) -> None:
        """The item's photos; drawn anew only where they differ."""
        self.policy, self.may = found.policy.text, found.policy.may_take
        self.allowed = found.policy.code != "forbidden"
        if found == self._shown:
            return
        self._shown = found
        tiles = self.ids.tiles
        tiles.clear_widgets()
        for line in found.lines[:ON_CARD_MAX]:
            tile = PhotoTile(
                sha256=line.sha256, icon=line.icon, tone=line.tone, state_text=joined(line.state_text)
            )
            tile.bind(on_release=lambda _, line=line: self.dispatch("on_photo", line))
            tiles.add_widget(tile)
        self.ids.all.text = say("photo.all", count=len(found.lines)) if len(found.lines) > ON_CARD_MAX else ""

    def on_take(self) -> None:
        """A photo is to be taken."""

    def on_photo(self, line: PhotoLine) -> None:
        """A photo was tapped."""

    def on_all(self) -> None:
        """All photos of the visit."""


load_rules(__file__)
