"""The photos of an item and of a visit as rows: what was taken, who has it, what may be done with it; pure."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from mobile.drafts import Draft, Here
from mobile.reader import Reader
from mobile.store import PhotoHeld
from mobile.visit import Visit
from mobile.words import in_turn, joined, when
from shared_schema.checklist import Item, PhotoPolicy
from shared_schema.ids import OpId, PersonId
from shared_schema.inspection import Cell, Standing
from shared_schema.operations import EvidenceAttached, EvidenceRemoved
from shared_schema.problems import Language
from shared_schema.roles import may_author

State = Literal[
    "draft",
    "waiting",
    "sending",
    "received",
    "receipt",
    "backed_up",
    "missing",
    "elsewhere",
    "disputed",
    "removed",
]
"""How a photo stands: waiting for a colleague's eyes; attached and only here, on its way, received, signed for, in
the server's backup, lost before that; taken on a colleague's tablet; removed by one and kept by another; removed."""
Step = Literal["scene", "room"]
STEPS: dict[PhotoPolicy, tuple[Step, ...]] = {"forbidden": (), "scene_only": ("scene", "room"), "allowed": ()}
"""What is asked before the camera opens, one after the other: what is in the picture, what is in the room."""
LOOKS: dict[State, tuple[str, str]] = {
    "draft": ("pending", "warn"),
    "waiting": ("unsent", "warn"),
    "sending": ("sync", "accent"),
    "received": ("synced", "ok"),
    "receipt": ("synced", "ok"),
    "backed_up": ("synced", "ok"),
    "missing": ("refused", "bad"),
    "elsewhere": ("people", "muted"),
    "disputed": ("disputed", "dispute"),
    "removed": ("delete", "muted"),
}
"""Icon and tone of each."""


class PhotoLine(NamedTuple):
    """One photo, or one that waits for a colleague's eyes."""

    evidence: str
    item: str
    finding: str
    finding_text: str
    caption: str
    state: State
    state_text: str
    icon: str
    tone: str
    sha256: str
    """"" where there is nothing to show: it was taken on another tablet, removed, or lost."""
    by: str
    """Who took it, when, and who looked at it before it was attached."""
    person: str
    may_remove: bool
    may_screen: bool
    """Whether this person is another than the one who took it."""
    covered: bool
    seen: tuple[OpId, ...]
    draft: Draft | None = None


class Policy(NamedTuple):
    """Whether photos may be taken on an item, in words, and what is asked before."""

    code: PhotoPolicy
    text: str
    steps: tuple[Step, ...]
    may_take: bool


class PhotosPage(NamedTuple):
    """All photos of a visit."""

    lines: tuple[PhotoLine, ...]
    summary: str
    drafts: int
    destroyed_text: str
    """How many were destroyed before anybody attached them; "" for none."""
    may: frozenset[str]


def policy(visit: Visit, item: str, person: PersonId, language: Language = "zh") -> Policy:
    """Whether photos may be taken on an item. Raises item_unknown."""
    reader = Reader(visit, person, language)
    entry = reader.entry(item)
    code: PhotoPolicy = entry.photo if isinstance(entry, Item) else "forbidden"
    term = next((one for one in visit.checklist.photos if one.code == code), None)
    text = term.text.read(language) if term else ""
    may = code != "forbidden" and "evidence_attached" in reader.may()
    return Policy(code, text or reader.say(f"photo.policy.{code}"), STEPS[code], may)


def photos_page(visit: Visit, here: Here, person: PersonId, language: Language = "zh") -> PhotosPage:
    """All photos of a visit: those that wait for somebody first, removed ones last, else in the order of items."""
    reader = Reader(visit, person, language)
    lines = photo_lines(visit, here, person, language)
    attached = [one for one in lines if one.state not in ("draft", "removed")]
    received = sum(one.state in ("received", "receipt", "backed_up") for one in attached)
    texts = [reader.say("photos.summary", count=len(attached), received=received)]
    if here.drafts:
        texts.append(reader.say("photos.drafts", count=len(here.drafts)))
    destroyed = ""
    if here.destroyed:
        last = here.destroyed[-1]
        destroyed = reader.say(
            "photos.destroyed",
            count=len(here.destroyed),
            item=last.item,
            when=when(last.at_ms),
            by=reader.name(last.by),
        )
    return PhotosPage(lines, in_turn(texts, language), len(here.drafts), destroyed, reader.may())


def photos_attached(visit: Visit) -> int:
    """How many photos stand, a removal in dispute among them."""
    return sum(isinstance(one.standing[0].value, EvidenceAttached) for one in visit.inspection.evidence)


def photo_lines(
    visit: Visit, here: Here, person: PersonId, language: Language = "zh", item: str = ""
) -> tuple[PhotoLine, ...]:
    """The photos of one item, or of all: drafts, then attached ones, then removed ones."""
    reader = Reader(visit, person, language)
    order = {entry.id: place for place, entry in enumerate(visit.checklist.items)}
    waiting = [_draft_line(reader, one) for one in here.drafts if item in ("", one.item)]
    cells = [_line(reader, cell, here) for cell in visit.inspection.evidence]
    standing = [one for one in cells if one.state != "removed" and item in ("", one.item)]
    # What stands of a removed photo is who removed it and why, and no longer where it hung.
    removed = [one for one in cells if one.state == "removed" and not item]
    standing.sort(key=lambda one: (order.get(one.item, len(order)), one.by))
    return (*waiting, *standing, *removed)


class ItemPhotos(NamedTuple):
    """What the item's card shows."""

    policy: Policy
    lines: tuple[PhotoLine, ...]


def item_photos(
    visit: Visit, here: Here, item: str, person: PersonId, language: Language = "zh"
) -> ItemPhotos:
    """The photos of one item, and whether more may be taken. Raises item_unknown."""
    return ItemPhotos(policy(visit, item, person, language), photo_lines(visit, here, person, language, item))


def screeners(visit: Visit, taker: str, language: Language = "zh") -> tuple[tuple[PersonId, str], ...]:
    """The members who may look at a colleague's photo: (id, name)."""
    reader = Reader(visit, PersonId(taker), language)
    return tuple(
        (PersonId(one.person), reader.name(one.person))
        for one in visit.assignment.members
        if one.person != taker and may_author(one.role, "evidence_attached")
    )


def stamp(visit: Visit, item: str, person: str, at_ms: int) -> str:
    """What is written below a photo where the campaign wants it, one fact a line: it is a record, so in Chinese."""
    if not visit.assignment.watermark:
        return ""
    facts = visit.assignment
    name = Reader(visit, PersonId(person), "zh").name(person)
    return "\n".join((facts.unit_zh, item, when(at_ms), name, facts.squad_zh))


def _draft_line(reader: Reader, draft: Draft) -> PhotoLine:
    icon, tone = LOOKS["draft"]
    return PhotoLine(
        evidence=draft.evidence,
        item=draft.item,
        finding=draft.finding,
        finding_text=_finding_text(reader, draft.finding),
        caption=draft.caption,
        state="draft",
        state_text=reader.say("photo.state.draft"),
        icon=icon,
        tone=tone,
        sha256=draft.sha256,
        by=_joined(reader, reader.name(draft.person), when(draft.at_ms)),
        person=draft.person,
        may_remove="evidence_attached" in reader.may(),
        may_screen=draft.person != reader.person and "evidence_attached" in reader.may(),
        covered=draft.covered,
        seen=(),
        draft=draft,
    )


def _line(reader: Reader, cell: Cell[EvidenceAttached | EvidenceRemoved], here: Here) -> PhotoLine:
    shown = next((one for one in cell.standing if isinstance(one.value, EvidenceAttached)), None)
    if shown is None or not isinstance(shown.value, EvidenceAttached):
        return _removed_line(reader, cell)
    photo = shown.value
    held = here.held.get(photo.sha256)
    state: State = "disputed" if cell.disputed else _state(held)
    percent = 0 if held is None else min(99, held.sent_bytes * 100 // photo.size_bytes)
    icon, tone = LOOKS[state]
    screened = reader.say("photo.screened", name=reader.name(photo.screened_by)) if photo.screened_by else ""
    return PhotoLine(
        evidence=photo.evidence,
        item=photo.item,
        finding=photo.finding,
        finding_text=_finding_text(reader, photo.finding),
        caption=photo.caption,
        state=state,
        state_text=reader.say(f"photo.state.{state}", percent=percent),
        icon=icon,
        tone=tone,
        sha256=photo.sha256 if held is not None and held.status != "missing" else "",
        by=_joined(reader, reader.name(shown.person), when(shown.at_ms), screened),
        person=shown.person,
        may_remove="evidence_removed" in reader.may() and not cell.disputed,
        may_screen=False,
        covered=False,
        seen=cell.ops,
    )


def _removed_line(reader: Reader, cell: Cell[EvidenceAttached | EvidenceRemoved]) -> PhotoLine:
    removal: Standing[EvidenceAttached | EvidenceRemoved] = cell.standing[0]
    icon, tone = LOOKS["removed"]
    reason = removal.value.reason if isinstance(removal.value, EvidenceRemoved) else ""
    return PhotoLine(
        evidence=removal.value.evidence,
        item="",
        finding="",
        finding_text="",
        caption=reason,
        state="removed",
        state_text=reader.say("photo.state.removed"),
        icon=icon,
        tone=tone,
        sha256="",
        by=_joined(reader, reader.name(removal.person), when(removal.at_ms)),
        person=removal.person,
        may_remove=False,
        may_screen=False,
        covered=False,
        seen=cell.ops,
    )


def _state(held: PhotoHeld | None) -> State:
    if held is None:
        return "elsewhere"
    if held.status == "missing":
        return "missing"
    if held.status == "waiting":
        return "sending" if held.sent_bytes else "waiting"
    levels: Sequence[State] = ("received", "receipt", "backed_up")
    return levels[min(held.receipt, 2)]


def _finding_text(reader: Reader, finding: str) -> str:
    known = next((one for one in reader.visit.inspection.findings.values() if one.finding == finding), None)
    return "" if known is None or known.text is None else known.text.fact


def _joined(reader: Reader, *parts: str) -> str:
    return joined(reader.language, *parts)
