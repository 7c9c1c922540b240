"""Sheets that list: disputes, the exchange with the server, and the person's own menu."""

from collections.abc import Callable
from functools import partial

from mobile.rows import DisputeRow
from mobile.ui.cards import DisputeCard, Fact, Said
from mobile.ui.kit_controls import Card, Segmented, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.session import Session
from mobile.ui.shown import Shown, VisitShown
from mobile.ui.theme import SCALES, theme
from mobile.ui.words import say, words
from shared_schema.ids import OpId

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


def exchange(session: Session, shown: Shown, close: Close) -> Sheet:
    """What is sent and what is not; what the server refused, and why."""
    sheet = Sheet(title=say("sync.title"))
    row = shown.sync

    def set_aside(op: OpId) -> None:
        close()
        session.set_aside(op)

    def noticed() -> None:
        close()
        session.clear_notice()

    sheet.put(Text(content=row.text, strong=True, type="item"))
    if row.detail:
        sheet.put(Text(content=row.detail, tone="ink_2"))
    if row.notice:
        sheet.put(Fact(icon="info", text=row.notice, tone="warn"))
        sheet.put(button(say("sync.noticed"), noticed, kind="outline", icon="check"))
    for label, number in (
        ("sync.unsent_label", row.unsent),
        ("sync.photos_label", row.photos_left),
        ("sync.refused_label", row.refused),
    ):
        sheet.put(Fact(icon="", text=f"{say(label)}  {number}"))
    if shown.refused:
        sheet.put(Text(content=say("sync.refused_title"), strong=True))
        sheet.put(Text(content=say("sync.refused_explain"), tone="ink_2", type="hint"))
    for refused in shown.refused:
        card = Card(tone="bad")
        card.add_widget(Said(text=refused.title, strong=True, by=refused.when))
        if refused.text:
            card.add_widget(Text(content=refused.text))
        card.add_widget(Fact(icon="refused", text=refused.message, tone="bad"))
        card.add_widget(
            button(say("sync.set_aside"), partial(set_aside, refused.op), kind="outline", icon="check")
        )
        sheet.put(card)

    def now() -> None:
        close()
        session.sync()

    sheet.act(
        button(say("close"), close, kind="plain"), button(say("sync.now"), now, kind="primary", icon="sync")
    )
    return sheet


def menu(session: Session, close: Close) -> Sheet:
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

    def switch() -> None:
        close()
        session.go(person="", inspection="", section="", item="", pane="items")

    if session.place.person:
        sheet.act(button(say("menu.switch"), switch, kind="outline", icon="people"))
    return sheet
