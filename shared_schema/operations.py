"""The operation: one immutable tap of one inspector, as an envelope and a body; to bytes, from bytes.

An operation is decoded in two steps. The envelope must be readable by every version for ever; the
body only by versions that know its kind. A body of an unknown kind becomes `Unknown`, which is kept
as bytes, passed on as bytes, and counted as *held* until a newer version reads it. The bytes as
received are the operation: its hash, its signature and its copies are all over exactly those bytes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from shared_schema.ids import (
    DeviceId,
    FieldKey,
    InspectionId,
    OpId,
    PersonId,
    digest,
)
from shared_schema.problems import Problem

OP_BYTES_MAX = 64 * 1024  # a long note is 4 000 characters; an operation of 64 KiB is not a tap
BASES_MAX = 64
SEQ_MAX = 2**53 - 1  # what every JSON reader holds exactly
AT_MS_MAX = 2**53 - 1
DEPTH_MAX = (
    32  # far below any reader's recursion limit, so that what one version reads every other can pass on
)
FIGURE_MAX = 1_000_000
BASIS_MAX = 16
FIGURE_PLACES_MAX = 6

# `$` alone would let a line break through at the end; PostgreSQL cannot hold a NUL in a text.
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:\-]+(?!\n)$")]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]
Text = Annotated[str, Meta(max_length=4000)]
Line = Annotated[str, Meta(max_length=400, pattern=r"^[^\x00]*$")]
Amount = Annotated[int, Meta(ge=0, le=FIGURE_MAX)]


# --- what an item may be answered with -------------------------------------------------------------


def _figure(figure: Decimal) -> None:
    """Refuses what no score can be worked out with: NaN, infinities, a million digits in seven bytes."""
    places = figure.as_tuple().exponent
    if not isinstance(places, int) or abs(places) > FIGURE_PLACES_MAX or figure.copy_abs() > FIGURE_MAX:
        raise ValueError(f"a figure is at most {FIGURE_MAX}, with at most {FIGURE_PLACES_MAX} places")


class YesNo(Struct, frozen=True, tag="yes_no", omit_defaults=True):
    """A `binary` item: met or not met."""

    ok: bool


class Count(Struct, frozen=True, tag="count", omit_defaults=True):
    """Occurrences of a problem: `per_occurrence`, aggravating and bonus items; 0 is "none found"."""

    count: Amount


class ClauseHit(Struct, frozen=True, omit_defaults=True):
    """One clause that applies; `deduct` in points and `reason` only where the clause leaves discretion."""

    clause: Id
    deduct: Decimal | None = None
    reason: Line = ""

    def __post_init__(self) -> None:
        if self.deduct is not None:
            _figure(self.deduct)


class Clauses(Struct, frozen=True, tag="clauses", omit_defaults=True):
    """A `clauses` item: the clauses that apply, each once; empty is "none applies"."""

    hit: Annotated[tuple[ClauseHit, ...], Meta(max_length=64)] = ()


class Ratio(Struct, frozen=True, tag="ratio", omit_defaults=True):
    """A `ratio` item: how many of the sampled conform; `population` where the sample was all there is."""

    sampled: Amount
    conforming: Amount
    population: Amount | None = None


class Value(Struct, frozen=True, tag="value", omit_defaults=True):
    """A `tiers` item: the measured figure (percent or mean mark), and of how many where a sample counts."""

    value: Decimal
    sampled: Amount | None = None

    def __post_init__(self) -> None:
        _figure(self.value)


class Actual(Struct, frozen=True, tag="actual", omit_defaults=True):
    """A `shortfall` item: how many times it was really done."""

    actual: Amount


class Present(Struct, frozen=True, tag="present", omit_defaults=True):
    """A veto item: it happened or not."""

    present: bool


AnswerValue = YesNo | Count | Clauses | Ratio | Value | Actual | Present
ANSWER_TYPES = frozenset({"yes_no", "count", "clauses", "ratio", "value", "actual", "present"})


# --- bodies ----------------------------------------------------------------------------------------


class Answer(Struct, frozen=True, omit_defaults=True):
    """The item's answer. `paper_ref` is the number of the paper record (aggravating items: never content)."""

    item: Id
    answer: AnswerValue
    from_paper: bool = False
    paper_ref: Line = ""


class NotApplicable(Struct, frozen=True, omit_defaults=True):
    """The item does not apply here: a reason code of the checklist and an explanation (合理缺项说明)."""

    item: Id
    reason: Id
    explanation: Text = ""


class NaConsent(Struct, frozen=True, omit_defaults=True):
    """Another member consents to (or no longer supports) the item's N/A for that reason."""

    item: Id
    reason: Id
    consents: bool = True


class Note(Struct, frozen=True, omit_defaults=True):
    """This inspector's own note on an item; an empty text takes it back."""

    item: Id
    text: Text


Severity = Literal["severe", "general", "minor"]
Disposal = Literal["fix_now", "fix_by"]


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem found, whole: recording and amending both write the whole of it."""

    finding: Id
    item: Id
    fact: Text
    severity: Severity = "general"
    cause: Line = ""
    basis: Annotated[tuple[Line, ...], Meta(max_length=BASIS_MAX)] = ()
    common: bool = False
    occurrences: Annotated[int, Meta(ge=1, le=10_000)] = 1
    device: Line = ""  # register number of the sampled computer, where there is one
    disposal: Disposal = "fix_by"
    due: Annotated[str, Meta(max_length=10)] = ""  # proposed date, 2026-12-01


class FindingAmended(Finding, frozen=True, kw_only=True, omit_defaults=True):
    """The finding as it reads now, with why it was changed."""

    reason: Line = ""


class FindingWithdrawn(Struct, frozen=True, omit_defaults=True):
    """The finding is taken back; a concurrent amendment still stands beside this, as a dispute."""

    finding: Id
    item: Id
    reason: Line
    occurrences: Annotated[int, Meta(ge=1, le=10_000)] = 1


class FindingRepeatOf(Struct, frozen=True, omit_defaults=True):
    """It repeats a finding of an earlier inspection (屡查屡犯); an empty `earlier` says it does not."""

    finding: Id
    earlier: Annotated[str, Meta(max_length=64)]


class FindingDuplicateOf(Struct, frozen=True, omit_defaults=True):
    """It is the same fact as another finding; an empty `other` says it is not."""

    finding: Id
    other: Annotated[str, Meta(max_length=64)]


class FindingFixed(Struct, frozen=True, omit_defaults=True):
    """Fixed on the spot (立行立改): what it was before and after."""

    finding: Id
    before: Text
    after: Text


class UnitStated(Struct, frozen=True, omit_defaults=True):
    """What the unit says of a finding."""

    finding: Id
    statement: Text
    accepts: bool = True


class SampleDrawn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A verifiable sample: the hash of the population's sorted register numbers, the seed, and what was drawn."""

    sample: Id
    item: Annotated[str, Meta(max_length=64)] = ""
    population_hash: Hash
    population_size: Amount
    seed: Line
    drawn: Annotated[tuple[Line, ...], Meta(max_length=2000)]
    replaced: Annotated[tuple[tuple[Line, Line, Line], ...], Meta(max_length=200)] = ()
    """Substitutions as (drawn number, number checked instead, reason)."""


class DeviceChecked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of looking at one computer."""

    register_no: Line
    classified: bool
    problems: Amount = 0
    tool_report: Line = ""  # the checking tool's report number, never its content
    remark: Line = ""


InterviewCategory = Literal["leader", "secret_post", "ex_military", "other"]


class InterviewHeld(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Talks of one category (三必谈): how many were due and held, and the points heard; no names."""

    interview: Id
    category: InterviewCategory
    required: Amount
    held: Amount
    points: Text = ""


class EvidenceAttached(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A photo on an item or a finding, named by the hash of its bytes; the bytes travel by themselves."""

    evidence: Id
    item: Id
    finding: Annotated[str, Meta(max_length=64)] = ""
    sha256: Hash
    size_bytes: Annotated[int, Meta(ge=1, le=50_000_000)]
    media_type: Literal["image/jpeg", "image/png", "image/webp"] = "image/jpeg"
    caption: Line = ""
    screened_by: Annotated[str, Meta(max_length=64)] = ""


class EvidenceRemoved(Struct, frozen=True, omit_defaults=True):
    """The photo is no longer part of the record."""

    evidence: Id
    reason: Line


SignerRole = Literal["leader", "inspector", "officer", "unit_head", "unit_deputy", "unit_contact"]


class Signed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signature: strokes on glass (points as x, y, t in milli-units and ms) or ink on paper by its number."""

    role: SignerRole
    name: Line
    method: Literal["drawn", "paper"]
    strokes: Annotated[tuple[tuple[tuple[int, int, int], ...], ...], Meta(max_length=200)] = ()
    paper_ref: Line = ""


class SignatureRefused(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The signature was refused: the reason, and who witnessed it."""

    role: SignerRole
    name: Line = ""
    reason: Text
    witness: Line


class MeasureProposed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A measure the squad proposes; only a certified officer may record that it was taken."""

    measure: Id
    what: Literal["register_and_keep", "stop_use", "delete", "interview_head", "transfer"]
    reason: Text
    paper_ref: Line = ""


class Decision(Struct, frozen=True):
    """The body that stands after a settlement: a kind and its body, exactly as an operation carries them."""

    kind: Id
    body: Raw


class DisputeSettled(Struct, frozen=True, omit_defaults=True):
    """The dispute on `field` is settled: what stands, and why. `kept` names the operation agreed with, if any."""

    field: Annotated[str, Meta(min_length=1, max_length=512)]
    decision: Decision
    reason: Annotated[str, Meta(min_length=1, max_length=4000)]
    kept: Annotated[str, Meta(max_length=64)] = ""


class Opened(Struct, frozen=True, omit_defaults=True):
    """The visit is open: who of the squad is present, the task letter shown, recusal asked."""

    members: Annotated[tuple[Id, ...], Meta(min_length=2, max_length=32)]
    task_letter_shown: bool
    recusal_asked: bool


class Deliberated(Struct, frozen=True, omit_defaults=True):
    """The squad has deliberated."""

    opinion: Text = ""


class Submitted(Struct, frozen=True, omit_defaults=True):
    """The leader hands the inspection in."""

    remark: Text = ""


class Returned(Struct, frozen=True, omit_defaults=True):
    """The coordinator sends the inspection back, with remarks by item ("" for the whole)."""

    remarks: Annotated[tuple[tuple[Line, Text], ...], Meta(min_length=1, max_length=200)]


class Accepted(Struct, frozen=True, omit_defaults=True):
    """The coordinator accepts the inspection."""

    remark: Text = ""


class Locked(Struct, frozen=True, omit_defaults=True):
    """The inspection is closed. What it does not cover is late: kept in quarantine until a person admits it."""

    remark: Text = ""
    covers: Annotated[
        tuple[tuple[Id, Id, Annotated[int, Meta(ge=1, le=SEQ_MAX)]], ...], Meta(max_length=500)
    ] = ()
    """(tablet, epoch, last number) of all that had been received by then: when it was made, not when it arrives, says
    whether an operation is late, so that a server restored from a backup takes again what it had taken."""


class Aborted(Struct, frozen=True, omit_defaults=True):
    """The visit was broken off: a basic item failed, the unit refused, an emergency."""

    cause: Literal["basic_item", "refusal", "emergency"]
    reason: Text


class ScoringClosed(Struct, frozen=True, omit_defaults=True):
    """A member has closed their own scoring of a visit that is scored blind; for another only the leader, and why."""

    member: Id
    reason: Line = ""


class LeadChecked(Struct, frozen=True, omit_defaults=True):
    """A lead was looked into on site: whether it is true, and what was seen."""

    lead: Id
    verified: bool
    note: Text = ""


class TakenBack(Struct, frozen=True, omit_defaults=True):
    """A tap is unsaid: what it replaces goes, and nothing comes in its place."""

    field: Annotated[str, Meta(min_length=1, max_length=512)]


class Unknown(Struct, frozen=True):
    """A body of a kind this version does not know."""

    body: Raw


Body = (
    Answer | NotApplicable | NaConsent | Note
    | Finding | FindingAmended | FindingWithdrawn | FindingRepeatOf | FindingDuplicateOf | FindingFixed | UnitStated
    | SampleDrawn | DeviceChecked | InterviewHeld
    | EvidenceAttached | EvidenceRemoved
    | Signed | SignatureRefused | MeasureProposed
    | ScoringClosed | LeadChecked | TakenBack
    | DisputeSettled
    | Opened | Deliberated | Submitted | Returned | Accepted | Locked | Aborted
    | Unknown
)  # fmt: skip

KINDS: Mapping[str, type[Struct]] = {
    "answer": Answer,
    "not_applicable": NotApplicable,
    "na_consent": NaConsent,
    "note": Note,
    "finding": Finding,
    "finding_amended": FindingAmended,
    "finding_withdrawn": FindingWithdrawn,
    "finding_repeat_of": FindingRepeatOf,
    "finding_duplicate_of": FindingDuplicateOf,
    "finding_fixed": FindingFixed,
    "unit_stated": UnitStated,
    "sample_drawn": SampleDrawn,
    "device_checked": DeviceChecked,
    "interview_held": InterviewHeld,
    "evidence_attached": EvidenceAttached,
    "evidence_removed": EvidenceRemoved,
    "signed": Signed,
    "signature_refused": SignatureRefused,
    "measure_proposed": MeasureProposed,
    "scoring_closed": ScoringClosed,
    "lead_checked": LeadChecked,
    "taken_back": TakenBack,
    "dispute_settled": DisputeSettled,
    "opened": Opened,
    "deliberated": Deliberated,
    "submitted": Submitted,
    "returned": Returned,
    "accepted": Accepted,
    "locked": Locked,
    "aborted": Aborted,
}
"""Every kind ever released; a kind is never renamed, its fields never change type or meaning."""

KIND_OF: Mapping[type[Struct], str] = {body: kind for kind, body in KINDS.items()}
STAGE_KINDS = frozenset({"opened", "deliberated", "submitted", "returned", "accepted", "locked", "aborted"})


# --- the envelope ----------------------------------------------------------------------------------


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who tapped where, in which order of that tablet, having seen what. `at_ms` decides nothing."""

    id: Id
    inspection: Id
    person: Id
    device: Id
    epoch: Id
    """Names one unbroken run of this tablet's numbers; a tablet restored or cloned starts another."""
    seq: Annotated[int, Meta(ge=1, le=SEQ_MAX)]
    """The tablet's own number within the epoch: 1, 2, 3 … without gaps."""
    prev: Annotated[str, Meta(max_length=64)] = ""
    """Hash of the tablet's previous operation in this epoch; empty for the first."""
    at_ms: Annotated[int, Meta(ge=-AT_MS_MAX, le=AT_MS_MAX)] = 0
    """The tablet's clock, in milliseconds since 1970; a fact, often wrong."""
    bases: Annotated[tuple[Id, ...], Meta(max_length=BASES_MAX)] = ()
    """The standing operations the author was looking at: what this operation replaces."""
    kind: Id
    body: Raw


class Place(Struct, frozen=True):
    """Of an envelope, what says where the operation belongs."""

    id: Id
    inspection: Id
    person: Id
    epoch: Id
    seq: Annotated[int, Meta(ge=1, le=SEQ_MAX)]
    prev: Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*$")] = ""
    device: Raw = Raw(b"null")
    """Whatever stands there: who brings it may be believed to have given its number away."""


class Operation(NamedTuple):
    """A decoded operation, with the bytes it came as."""

    id: OpId
    inspection: InspectionId
    person: PersonId
    device: DeviceId
    epoch: str
    seq: int
    prev: str
    at_ms: int
    bases: tuple[OpId, ...]
    kind: str
    body: Body
    raw: bytes
    hash: str
    """SHA-256 of the bytes as received, in hex."""


_envelope_decoder = msgspec.json.Decoder(Envelope)
_place_decoder = msgspec.json.Decoder(Place)
_body_decoders = {kind: msgspec.json.Decoder(body) for kind, body in KINDS.items()}
_encoder = msgspec.json.Encoder()


def encode(envelope: Envelope) -> bytes:
    """The bytes of an operation: compact JSON, fields in order, defaults left out."""
    return _encoder.encode(envelope)


ID_LENGTH = 32
_ID_START = b'{"id":"'


def make_operation(envelope: Envelope) -> bytes:
    """The bytes of a new operation, with the id that follows from all the rest of it; the envelope's own is left out.

    Nobody has to be trusted to draw ids, and two tablets with one identity give one id to the same operation only.
    """
    raw = encode(envelope)
    return _ID_START + id_of(raw).encode() + raw[raw.index(b'",') :]


def id_of(raw: bytes) -> str:
    """The id that follows from an operation's bytes as `encode` writes them: of the SHA-256 over all but the id."""
    return digest(b"{" + raw[raw.index(b'",') + 2 :])[:ID_LENGTH]


def body_bytes(body: Struct) -> Raw:
    """A body as it lies in the envelope."""
    return Raw(_encoder.encode(body))


def read_envelope(raw: bytes) -> Envelope:
    """The envelope of one operation. Raises op_too_large, op_malformed."""
    if len(raw) > OP_BYTES_MAX:
        raise Problem("op_too_large", limit_bytes=OP_BYTES_MAX)
    try:
        # What lies unread in a body must be fit to pass on too: text, without NUL, and not too deep.
        bytes(raw).decode()
        envelope = _envelope_decoder.decode(raw)
        if raw[:1] != b"{" or raw[-1:] != b"}":
            # Blanks around it would be lost on the way, and with them its hash.
            raise Problem("op_malformed", where="not an object")
        if b"\\u0000" in raw and _ESCAPED_NUL.search(raw):
            raise Problem("op_malformed", where="\\u0000")
        if _depth(raw) > DEPTH_MAX:
            raise Problem("op_malformed", where=f"nested over {DEPTH_MAX} deep")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Problem("op_malformed", where=_where(err)) from err
    return envelope


def read_place(raw: bytes) -> Place | None:
    """Where an operation says it belongs, however unfit the rest of it is to be read; None where it does not say."""
    try:
        return _place_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(rb"[\[\]{}]")


def _depth(raw: bytes) -> int:
    """How deep brackets nest, at least; most operations have so few that counting them is enough."""
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return 0
    deepest = depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def read_body(kind: str, body: Raw) -> Body:
    """The body of a kind, or Unknown where it is of a newer version. Raises op_malformed."""
    decoder = _body_decoders.get(kind)
    if decoder is None:
        return Unknown(body)
    try:
        known: Body = decoder.decode(body)  # type: ignore[assignment]
        if isinstance(known, DisputeSettled) and isinstance(decided(known), Unknown):
            return Unknown(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        if kind == "answer" and _newer_answer(body):
            return Unknown(body)
        raise Problem("op_malformed", where=f"{kind}: {_where(err)}") from err
    return known


class _TypeOnly(Struct):
    type: str


class _AnswerType(Struct):
    answer: _TypeOnly


def _newer_answer(body: Raw) -> bool:
    """Whether an answer that cannot be read is of a type that only a newer version knows."""
    try:
        return msgspec.json.decode(body, type=_AnswerType).answer.type not in ANSWER_TYPES
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def decided(settlement: DisputeSettled) -> Body:
    """The body that stands after a settlement. Raises op_malformed for a settlement of a settlement."""
    if settlement.decision.kind == "dispute_settled":
        raise Problem("op_malformed", where="dispute_settled: decision.kind")
    return read_body(settlement.decision.kind, settlement.decision.body)


def read(raw: bytes) -> Operation:
    """One operation from its bytes, body and all. Raises op_too_large, op_malformed."""
    envelope = read_envelope(raw)
    body = read_body(envelope.kind, envelope.body)
    operation = _operation(envelope, body, raw)
    if operation.id in operation.bases:
        raise Problem("op_malformed", where="bases: an operation cannot replace itself")
    if isinstance(body, DisputeSettled) and field_of(body, operation.person) != body.field:
        raise Problem("op_malformed", where=f"dispute_settled: decision is not about {body.field}")
    said = stands_for(body)  # a settlement is no way around
    if isinstance(said, TakenBack) and not can_be_unsaid(said.field, _whose(body, operation.person)):
        raise Problem("op_malformed", where=f"taken_back: {said.field}")
    return operation


def read_logged(raw: bytes) -> Operation:
    """One operation that a log holds; one that cannot be read stays held, as it was when its kind was not known.

    It was taken in by a version that did not look into it, everybody has it, and nothing can take it out again.
    Raises op_too_large, op_malformed where even the envelope cannot be read.
    """
    try:
        return read(raw)
    except Problem:
        envelope = read_envelope(raw)
        return _operation(envelope, Unknown(envelope.body), raw)


def _operation(envelope: Envelope, body: Body, raw: bytes) -> Operation:
    return Operation(
        OpId(envelope.id),
        InspectionId(envelope.inspection),
        PersonId(envelope.person),
        DeviceId(envelope.device),
        envelope.epoch,
        envelope.seq,
        envelope.prev,
        envelope.at_ms,
        tuple(OpId(base) for base in envelope.bases),
        envelope.kind,
        body,
        bytes(raw),
        digest(raw),
    )


class Context(NamedTuple):
    """What many operations of one message share: where, who, on which tablet, and of what kind."""

    inspection: str
    person: str
    device: str
    epoch: str
    kind: str


BRACKETS_MAX = DEPTH_MAX - 2
"""A body with no more brackets is not too deep, whatever they are; two are the envelope's."""


_ids = re.compile(r"(?:[A-Za-z0-9_.:\-]{1,64} )*+").fullmatch


def are_ids(names: Sequence[str]) -> bool:
    """Whether all of these may stand where the envelope wants an id."""
    text = " ".join((*names, ""))
    return text.count(" ") == len(names) and _ids(text) is not None


def plain_bodies(bodies: bytes) -> bool:
    """Whether these bodies hold nothing that `read_envelope` would have to look at more closely."""
    try:
        bodies.decode()
    except UnicodeDecodeError:
        return False
    return b"\\u0000" not in bodies


_READ_WHOLE = frozenset({"dispute_settled", "taken_back"})
"""Kinds whose bodies `read` compares with who wrote them."""


def body_reader(context: Context) -> Callable[[bytes], Any] | None:
    """What decodes the bodies of a context as `read` does; None where only `read` can say what becomes of them."""
    if context.kind in _READ_WHOLE or not are_ids(context):
        return None
    decoder = _body_decoders.get(context.kind)
    return None if decoder is None else decoder.decode


def _where(err: Exception) -> str:
    return str(err)[:200] or type(err).__name__


# --- which field, and whether two values agree -----------------------------------------------------


_FIELDS: Mapping[type[Struct], tuple[str, str]] = {
    Answer: ("answer", "item"),
    NotApplicable: ("answer", "item"),
    Finding: ("finding", "finding"),
    FindingAmended: ("finding", "finding"),
    FindingWithdrawn: ("finding", "finding"),
    FindingRepeatOf: ("repeat_of", "finding"),
    FindingDuplicateOf: ("duplicate_of", "finding"),
    FindingFixed: ("fix", "finding"),
    UnitStated: ("statement", "finding"),
    SampleDrawn: ("sample", "sample"),
    DeviceChecked: ("device", "register_no"),
    InterviewHeld: ("interview", "interview"),
    EvidenceAttached: ("evidence", "evidence"),
    EvidenceRemoved: ("evidence", "evidence"),
    MeasureProposed: ("measure", "measure"),
    ScoringClosed: ("scoring", "member"),
    LeadChecked: ("lead", "lead"),
}
"""The family of fields a body writes, and the attribute that says which of them."""
STAGE_FIELD = FieldKey("stage")
"""What every other body writes."""


def field_of(body: Body, person: PersonId) -> FieldKey | None:
    """The field an operation writes; None for a kind this version does not know.

    Notes and consents are each person's own, so nobody's note competes with a colleague's.
    A settlement writes the field its decision writes.
    """
    found = _FIELDS.get(type(body))
    if found is not None:
        return FieldKey(f"{found[0]}/{getattr(body, found[1])}")
    match body:
        case Unknown():
            return None
        case NaConsent(item=item):
            return FieldKey(f"consent/{item}/{person}")
        case Note(item=item):
            return FieldKey(f"note/{item}/{person}")
        case Signed(role=role, name=name) | SignatureRefused(role=role, name=name):
            # One head of the unit, many inspectors: inspectors sign each for themselves.
            return FieldKey(f"signature/{role}/{name}" if role == "inspector" else f"signature/{role}")
        case TakenBack(field=field):
            return FieldKey(field)
        case DisputeSettled():
            return field_of(decided(body), _whose(body, person))
    return STAGE_FIELD


def _whose(body: Body, person: PersonId) -> PersonId:
    """Whose a note or consent is that this person's operation is about.

    The leader, and the coordinator, may settle a person's own field; it stays that person's.
    """
    if isinstance(body, DisputeSettled) and body.field.startswith(("note/", "consent/")):
        return PersonId(body.field.rpartition("/")[2])
    return person


_UNSAID = frozenset(
    {
        "answer",
        "finding",
        "repeat_of",
        "duplicate_of",
        "fix",
        "statement",
        "device",
        "interview",
        "measure",
        "lead",
        "signature",
    }
)
"""Families of fields a tap on which can be taken back; a stage, a draw, a closed scoring stay said."""


def can_be_unsaid(field: str, person: str) -> bool:
    """Whether what this person recorded on the field can be taken back."""
    family, _, rest = field.partition("/")
    if family in ("note", "consent"):
        return rest.rpartition("/")[2] == person
    return bool(rest) and family in _UNSAID


def stands_for(body: Body) -> Body:
    """The value a body gives its field: itself, or what a settlement decided."""
    return decided(body) if isinstance(body, DisputeSettled) else body


def agreement(body: Body) -> object:
    """What must be equal for two values of one field to agree (explanations and remarks need not be).

    Two inspectors who both found three occurrences agree, whatever paper they copied them from.
    """
    match stands_for(body):
        case Answer(answer=Clauses(hit=hit)):
            return ("clauses", frozenset({one.clause: one.deduct for one in hit}.items()))
        case Answer(answer=answer):
            return answer
        case NotApplicable(reason=reason):
            return ("not_applicable", reason)
        case FindingAmended() as finding:
            return ("finding", msgspec.structs.astuple(finding)[:-1])
        case Finding() as finding:
            return ("finding", msgspec.structs.astuple(finding))
        case FindingWithdrawn(item=item, occurrences=occurrences):
            # How often it was found is taken off the item's count: of that, too, somebody decides.
            return ("withdrawn", item, occurrences)
        case EvidenceRemoved():
            return "removed"
        case LeadChecked(verified=verified):
            return ("lead", verified)
        case Opened() | Deliberated() | Submitted() | Accepted() | Locked() | ScoringClosed() as stage:
            return KIND_OF[type(stage)]
        case other:
            return other
