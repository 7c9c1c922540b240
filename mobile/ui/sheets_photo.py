"""Sheets about photos: what is asked first, where a picture comes from, a colleague's eyes, removal."""

from collections.abc import Callable
from pathlib import Path

from mobile.drafts import Draft
from mobile.photo_marks import strip_pixels
from mobile.photo_sources import FileSource, Listed, PhotoSource
from mobile.photo_views import PhotoLine, Policy, Step, screeners
from mobile.ui.cards import Fact
from mobile.ui.kit_controls import Chip, Field, Tick, button, gap
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import Drafts
from mobile.ui.page import ActLine, Chips
from mobile.ui.photo_desk import PhotoDesk, Picture, Wanted
from mobile.ui.picture import PictureArea
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say, words
from mobile.words import listed, when
from shared_schema.ids import PersonId

Close = Callable[[], None]
PREVIEW_DP = 240
PLACES_MAX = 4


def confirmation(wanted: Wanted, policy: Policy, place: int, then: Callable[[], None], close: Close) -> Sheet:
    """One of the things to confirm before the camera opens; each is a tap of its own."""
    step: Step = policy.steps[place]
    last = place == len(policy.steps) - 1
    sheet = Sheet(title=say("photo.confirm_title", code=wanted.item))
    sheet.put(
        Text(
            content=say("photo.confirm.step", step=place + 1, steps=len(policy.steps)),
            tone="ink_2",
            type="hint",
        ),
        Text(content=say(f"photo.confirm.{step}"), strong=True, type="item"),
        Fact(icon="no_camera", text=say(f"photo.confirm.{step}_why"), tone="bad"),
        gap(8),
        Fact(icon="camera", text=policy.text, tone="ink_2"),
        Fact(icon="people", text=say("photo.confirm.next"), tone="ink_2"),
    )
    sheet.act(
        button(say("photo.confirm.no"), close, kind="plain"),
        button(
            say("photo.confirm.yes_room" if last else "photo.confirm.yes"), then, kind="primary", icon="check"
        ),
    )
    return sheet


def sources(
    desk: PhotoDesk,
    wanted: Wanted,
    take: Callable[[PhotoSource], None],
    choose: Callable[[], None],
    close: Close,
) -> Sheet:
    """The camera, or a picture from a card; where there is no camera that is said."""
    sheet = Sheet(title=say("photo.source_title", code=wanted.item))
    camera = desk.camera()
    if camera is not None:
        shoot = ActLine(
            icon="camera", text=say("photo.source.camera"), detail=say("photo.source.camera_detail")
        )
        shoot.bind(on_release=lambda _: take(camera))
        sheet.put(shoot)
    else:
        sheet.put(Fact(icon="no_camera", text=say("photo.source.no_camera"), tone="warn"))
    pick = ActLine(icon="card", text=say("photo.source.folder"), detail=say("photo.source.folder_detail"))
    pick.bind(on_release=lambda _: choose())
    sheet.put(pick)
    sheet.act(button(say("cancel"), close, kind="plain"))
    return sheet


def taking(wanted: Wanted) -> Sheet:
    """The picture is on its way; leaving changes nothing."""
    sheet = Sheet(title=say("photo.source_title", code=wanted.item))
    sheet.put(Fact(icon="pending", text=say("photo.taking"), tone="ink_2"))
    return sheet


def folder(
    wanted: Wanted,
    folders: tuple[Path, ...],
    pictures: tuple[Listed, ...],
    take: Callable[[FileSource, bool], None],
    again: Callable[[], None],
    close: Close,
) -> Sheet:
    """The pictures on cards and in folders, the newest first."""
    sheet = Sheet(title=say("photo.folder_title", code=wanted.item))
    wipe = Tick(text=say("photo.folder_wipe"), detail=say("photo.folder_wipe_detail"), on=True)
    wipe.bind(on_release=lambda tick: setattr(tick, "on", not tick.on))
    if pictures:
        sheet.put(wipe)
    elif folders:
        places = listed(map(str, folders[:PLACES_MAX]), words.language)
        sheet.put(Fact(icon="info", text=say("photo.folder_empty", places=places), tone="warn"))
    else:
        sheet.put(Fact(icon="info", text=say("photo.folder_nowhere"), tone="warn"))
    for one in pictures:
        size = f"{one.size_bytes / 1_000_000:.1f} MB"
        act = ActLine(
            icon="image", text=one.path.name, detail=joined(when(one.at_ms), size, str(one.path.parent))
        )
        act.bind(on_release=lambda _, one=one: take(FileSource(one.path), wipe.on))
        sheet.put(act)
    sheet.act(
        button(say("cancel"), close, kind="plain"),
        button(say("photo.source.retry"), again, kind="tonal", icon="sync"),
    )
    sheet.wipe = wipe
    return sheet


def screening(
    session: Session,
    visit: VisitShown,
    draft: Draft,
    look: Callable[[], None],
    close: Close,
) -> Sheet:
    """A colleague looks at the whole picture, and it is attached in both names; or it is not."""
    return _Screening(session, visit, draft, look, close).sheet


class _Screening:
    """The fields of a screening. Whoever is at work here and did not take it needs no PIN: they have shown theirs."""

    def __init__(
        self, session: Session, visit: VisitShown, draft: Draft, look: Callable[[], None], close: Close
    ) -> None:
        self._session, self._draft, self._close = session, draft, close
        self._own = draft.person != session.place.person
        sheet = self.sheet = Sheet(title=say("photo.screen_title", code=draft.item))
        members = {row[0]: row[1] for row in visit.head.members}
        area = PictureArea(size_hint_y=None, still=True)
        area.height = gap(PREVIEW_DP).height
        session.photo_desk.picture(draft.sha256, lambda picture: self._show(area, picture))
        sheet.bind(parent=lambda _, parent: None if parent else area.release())
        self._statement = Tick(text=say("photo.screen_ask"))
        self._statement.bind(on_release=lambda tick: setattr(tick, "on", not tick.on))
        self._cure = Text(content="", tone="bad")
        self._people: dict[PersonId, Chip] = {}
        self._pin = Field(label=say("consent.pin"), limit=32)
        self._pin.ids.entry.password = True
        taker = members.get(PersonId(draft.person), draft.person)
        told = "photo.screen_own" if self._own else "photo.screen_hand"
        sheet.put(
            area,
            button(say("photo.screen_zoom"), look, kind="plain", icon="search"),
            Text(content=say(told, name=taker), tone="ink_2"),
            *([Text(content=draft.caption, strong=True)] if draft.caption else []),
            self._statement,
        )
        if not self._own and session.asks_pins:
            self._put_people(screeners(visit.whole, draft.person, words.language))
        elif not self._own:
            sheet.put(Fact(icon="people", text=say("photo.screen_no_pin"), tone="warn"))
        sheet.put(self._cure)
        acts = [button(say("photo.screen_later"), close, kind="plain")]
        if self._own or session.asks_pins:
            acts.append(button(say("photo.screen_attach"), self._attach, kind="primary", icon="check"))
        sheet.act(*acts)
        sheet.statement, sheet.people, sheet.pin = self._statement, self._people, self._pin

    def _show(self, area: PictureArea, picture: Picture | None) -> None:
        area.show(picture, 0 if picture is None else strip_pixels(picture.width, self._draft.stamp))

    def _put_people(self, people: tuple[tuple[PersonId, str], ...]) -> None:
        for person, name in people:
            self._people[person] = Chip(text=name, icon="person")
            self._people[person].bind(on_release=self._choose)
        chips = Chips()
        chips.put(*self._people.values())
        self.sheet.put(Text(content=say("photo.screen_who"), tone="ink_2", type="hint"), chips, self._pin)

    def _choose(self, chosen: Chip) -> None:
        for chip in self._people.values():
            chip.on = chip is chosen

    def _refused(self, sentence: str) -> None:
        self._pin.text, self._pin.problem = "", sentence

    def _attach(self) -> None:
        self._cure.content = "" if self._statement.on else say("photo.screen_tick")
        if not self._statement.on:
            return
        desk, draft = self._session.photo_desk, self._draft
        if self._own:
            desk.attach(draft, self._session.place.person, None, self._refused, self._close)
            return
        who = next((person for person, chip in self._people.items() if chip.on), "")
        if not who or not self._pin.text:
            self._pin.problem = say("photo.screen_cure")
            return
        desk.attach(draft, who, self._pin.text, self._refused, self._close)


def removal(session: Session, line: PhotoLine, close: Close) -> Sheet:
    """An attached photo is removed: with a reason, and that it was there stays known."""
    sheet = Sheet(title=say("photo.remove_title", code=line.item))
    reason = Field(label=say("photo.remove_reason"), lines=3, limit=400)
    drafts = Drafts(f"{line.evidence}/remove")
    drafts.follow(reason)

    def record() -> None:
        if not reason.text.strip():
            reason.problem = say("photo.remove_missing")
            return
        close()
        why, told = reason.text.strip(), say("photo.removed")
        session.do("remove_photo", line.evidence, why, seen=line.seen, told=told, then=drafts.forget)

    sheet.put(Text(content=joined(line.caption, line.by), tone="ink_2"), reason)
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("photo.remove"), record, kind="primary", tone="bad", icon="delete"),
    )
    sheet.reason = reason
    return sheet
