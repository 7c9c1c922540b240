"""Sheets that list: disputes, the exchange with the server, and the person's own menu."""

from collections.abc import Callable

from mobile.rows import DisputeRow
from mobile.ui.cards import DisputeCard
from mobile.ui.kit_controls import Segmented, button, gap
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.theme import SCALES, theme
from mobile.ui.words import say, words

Close = Callable[[], None]


def disputes(visit: VisitShown, settle: Callable[[DisputeRow, str], None]) -> Sheet:
    """Every field in dispute, values side by side."""
    sheet = Sheet(title=say("dispute.list"))
    for row in visit.disputes:
        card = DisputeCard()
        card.show(row.values, may_settle=row.may_settle, title=row.title or row.item)
        card.bind(on_adopt=lambda _, op, row=row: settle(row, op))
        sheet.put(card)
    if not visit.disputes:
        sheet.put(Text(content=say("dispute.none"), tone="ink_2"))
    return sheet


def menu(session: Session, close: Close, show_tour: Close) -> Sheet:
    """Language, colours, and handing the tablet to somebody else."""
    sheet = Sheet(title=say("menu.title"))
    language = Segmented(
        options=[
            ("zh", say("menu.language_zh"), "", "accent"),
            ("en", say("menu.language_en"), "", "accent"),
        ],
        value=words.language,
    )
    colours = Segmented(
        options=[
            ("light", say("menu.light"), "", "accent"),
            ("high_contrast", say("menu.high_contrast"), "contrast", "accent"),
        ],
        value=theme.palette,
    )

    sizes = Segmented(
        options=[(str(one), say(f"menu.scale_{one}"), "", "accent") for one in SCALES], value=str(theme.scale)
    )

    def enlarge(one: Segmented, key: str) -> None:
        one.value = key
        session.enlarge(float(key))

    sizes.bind(on_pick=enlarge)

    def speak(_: object, key: str) -> None:
        close()
        session.speak(key)

    def paint(one: Segmented, key: str) -> None:
        one.value = key
        session.paint(key)

    language.bind(on_pick=speak)
    colours.bind(on_pick=paint)
    sheet.put(
        Text(content=say("menu.language"), tone="ink_2", type="hint"),
        language,
        Text(content=say("menu.contrast"), tone="ink_2", type="hint"),
        colours,
        Text(content=say("menu.scale"), tone="ink_2", type="hint"),
        sizes,
    )

    practising = session.practising

    def practise() -> None:
        close()
        (practising.end if practising.on else practising.begin)()

    sheet.put(gap(8), button(say("learn.tour"), show_tour, kind="outline", icon="info"))
    if practising.available:
        key = "practice.end" if practising.on else "learn.practise"
        sheet.put(button(say(key), practise, kind="outline", icon="edit"))

    def switch() -> None:
        close()
        session.go(person="", inspection="", section="", item="", pane="items")

    if session.place.person:
        sheet.act(button(say("menu.switch"), switch, kind="outline", icon="people"))
    return sheet
