"""The rows that screens draw: plain values and finished words, nothing to look up.

A row carries `seen`, the operations it showed: a screen hands it back with the tap, so that the
operation replaces what the person had before their eyes and nothing that arrived behind their back.
"""

from typing import Literal, NamedTuple

from mobile.visit import ItemState
from shared_schema.ids import FieldKey, FindingId, InspectionId, ItemId, OpId, PersonId
from shared_schema.inspection import Stage
from shared_schema.operations import Answer, AnswerValue, Finding

Control = Literal["yes_no", "count", "clauses", "ratio", "value", "actual", "present"]
"""Which control an item is answered with; named as the tags of operations.AnswerValue."""
LeadState = Literal["open", "true", "untrue", "disputed"]
"""The word of each is `lead.<state>`."""
SyncWord = Literal["never", "all_sent", "unsent", "offline", "refused", "failed"]


class WorkRow(NamedTuple):
    """One assigned inspection in the work list."""

    inspection: InspectionId
    unit: str
    unit_kind: str
    address: str
    date: str
    squad: str
    stage: Stage
    stage_text: str
    done: int = 0
    total: int = 0
    progress_text: str = ""
    disputes: int = 0
    findings: int = 0
    unsent: int = 0
    refused: int = 0
    sync_text: str = ""
    gone: bool = False
    """No longer this squad's; kept while it holds anything the server has not got."""
    earlier_open: int = 0
    """Findings of last time that are still open: to look at again."""
    purged: bool = False
    """Server and backup have it, and it was cleared from this tablet."""
    leads_open: int = 0
    """Leads of the coordinator that nobody has looked into yet."""
    blind: bool = False
    """Every member scores alone at first."""
    today: bool = False
    """Planned for today, and still to do."""
    unreadable: str = ""
    """Why this version cannot show it, for a person; empty where it can."""


class ScoringRow(NamedTuple):
    """Blind scoring, while it hides what colleagues recorded."""

    closed: bool
    """Whether this person has closed their own scoring."""
    waiting: tuple[tuple[PersonId, str], ...]
    """(person, name) of those who have not."""
    may_close: bool
    may_close_others: bool


class LeadRow(NamedTuple):
    """One lead to verify, and what was found of it."""

    lead: str
    item: str
    text: str
    paper_ref: str
    state: LeadState
    state_text: str
    said: tuple[tuple[str, str], ...]
    """(what was found, by whom and when); of a dispute all of it."""
    note: str
    may: bool
    seen: tuple[OpId, ...]


class Head(NamedTuple):
    """The top of an inspection's screen."""

    inspection: InspectionId
    unit: str
    campaign: str
    stage: Stage
    stage_text: str
    members: tuple[tuple[PersonId, str, str], ...]
    """(person, name, role in words)."""
    may: frozenset[str]
    """Kinds of operation that this person is offered now."""
    remarks: tuple[str, ...]
    """Why the coordinator sent it back."""
    day: str = ""
    scoring: ScoringRow | None = None
    """While members score blind; None otherwise."""
    leads_open: int = 0


class SectionRow(NamedTuple):
    """One section of the checklist; aggravating, veto and bonus items have sections of their own."""

    section: str
    title: str
    done: int
    total: int
    progress_text: str
    problems: int
    disputes: int
    points_low: str
    points_high: str
    points_max: str
    points_text: str
    """`10.5–12 / 13`; empty where the section has no points."""


class Badge(NamedTuple):
    """A mark on an item row; never by colour alone, so it has a word."""

    kind: Literal[
        "dispute",
        "note",
        "finding",
        "photo",
        "photo_allowed",
        "key",
        "abort",
        "refused",
        "remark",
        "earlier",
        "lead",
    ]
    text: str
    number: int = 1


class ItemRow(NamedTuple):
    """One item of a section."""

    item: ItemId
    code: str
    text: str
    state: ItemState
    state_text: str
    summary: str
    """What stands, in words; of a dispute both."""
    control: Control
    value: AnswerValue | None
    """What the row's own control shows: None while open, disputed or N/A."""
    badges: tuple[Badge, ...]
    may_answer: bool
    seen: tuple[OpId, ...]


class ValueRow(NamedTuple):
    """One standing value of a field, with its author."""

    op: OpId
    text: str
    explanation: str
    """Why an item does not apply; of anything else, what it says otherwise than the values beside it."""
    author: str
    when: str
    """By the tablet's clock, which may be wrong."""
    mine: bool
    reason: str
    """Why it stands, where a dispute was settled."""
    answer: AnswerValue | None
    na_reason: str


class ClauseRow(NamedTuple):
    """One clause an inspector may tick; with `low` and `high` where the amount is at discretion."""

    clause: str
    text: str
    points: str
    low: str
    high: str
    step: str


class NoteRow(NamedTuple):
    """One inspector's note."""

    author: str
    text: str
    when: str
    mine: bool


class PhotoRow(NamedTuple):
    """One photo that stands on an item."""

    evidence: str
    sha256: str
    caption: str
    author: str
    when: str
    op: OpId


class DeductionRow(NamedTuple):
    """Points taken off, and why."""

    points: str
    text: str


class FindingRow(NamedTuple):
    """One finding."""

    finding: FindingId
    item: ItemId
    fact: str
    severity: str
    severity_text: str
    disposal_text: str
    marks: tuple[str, ...]
    """Fixed on the spot, repeat, duplicate, withdrawn, disputed: in words."""
    author: str
    when: str
    disputed: bool
    withdrawn: bool
    fixed: bool
    text: Finding | None
    """To fill the form for amending."""
    seen: tuple[OpId, ...]
    fix_seen: tuple[OpId, ...]
    basis_text: str = ""
    before: str = ""
    after: str = ""
    statement: str = ""
    accepts: bool | None = None
    """Whether the unit accepts it; None while it has said nothing."""
    statement_text: str = ""
    statement_seen: tuple[OpId, ...] = ()
    earlier: str = ""
    earlier_text: str = ""
    earlier_seen: tuple[OpId, ...] = ()
    duplicate: str = ""
    duplicate_text: str = ""
    duplicate_seen: tuple[OpId, ...] = ()

    @property
    def unheard(self) -> bool:
        """Whether it stands and the unit has said nothing of it."""
        return not self.withdrawn and self.accepts is None


class EarlierRow(NamedTuple):
    """One finding of an earlier inspection of this unit."""

    finding: str
    item: str
    year: str
    fact: str
    open: bool
    open_text: str


class NaReason(NamedTuple):
    """A reason for which the item may not apply."""

    code: str
    text: str
    holds: bool | None
    """What the unit's profile says of it; None: nothing."""


class ItemDetail(NamedTuple):
    """One item, whole."""

    item: ItemId
    field: FieldKey
    code: str
    text: str
    guidance: str
    section: str
    state: ItemState
    state_text: str
    control: Control
    unit: str
    """What is counted (项, 台 …), where the checklist says so."""
    clauses: tuple[ClauseRow, ...]
    values: tuple[ValueRow, ...]
    disputed: bool
    current: Answer | None
    """What the form starts from: this person's own standing answer, or the one all agree on."""
    methods: str
    basis: str
    evidence: str
    photo_allowed: bool
    photo_text: str
    na_reasons: tuple[NaReason, ...]
    """Empty: the item always applies."""
    consents: tuple[str, ...]
    """Who stands behind the N/A."""
    may_consent: bool
    may: frozenset[str]
    own_note: str
    notes: tuple[NoteRow, ...]
    findings: tuple[FindingRow, ...]
    photos: tuple[PhotoRow, ...]
    deductions: tuple[DeductionRow, ...]
    points_text: str
    """`1.5 / 2` or, while open, `0–2 / 2`."""
    paper_ref: str
    by_number: bool
    """Only the count and the number of the paper record are kept of it, never content."""
    seen: tuple[OpId, ...]
    note_seen: tuple[OpId, ...]
    consent_seen: tuple[OpId, ...]
    consent_reason: str = ""
    """The reason of the N/A that waits for this person's word."""
    from_paper: bool = False
    earlier: tuple[EarlierRow, ...] = ()
    """What was found here at earlier inspections."""
    remarks: tuple[str, ...] = ()
    """Why the coordinator sent this item back."""
    leads: tuple[LeadRow, ...] = ()
    """What the coordinator asked to verify here."""
    consent_from: tuple[tuple[PersonId, str], ...] = ()
    """Whom this person may ask for consent to their own N/A, here on this tablet."""


class DisputeRow(NamedTuple):
    """One field in dispute, for the leader to settle."""

    field: FieldKey
    item: str
    title: str
    values: tuple[ValueRow, ...]
    may_settle: bool
    seen: tuple[OpId, ...]


class RefusedRow(NamedTuple):
    """An operation the server refused: kept, not counted, shown until a person deals with it."""

    op: OpId
    inspection: InspectionId
    title: str
    text: str
    message: str
    when: str


class SyncRow(NamedTuple):
    """The bar at the bottom: what is sent, what is not, and what a person must know."""

    word: SyncWord
    text: str
    detail: str
    notice: str
    unsent: int
    refused: int
    photos_left: int


class ScoreRow(NamedTuple):
    """The score as it stands: a figure, or a range with the reasons why it is one."""

    text: str
    low: str
    high: str
    final: bool
    grade_text: str
    why: tuple[str, ...]
    problems: int
    disputes: int
    open_items: int
