"""The rows of a visit's own pages: computers and samples, interviews, closing, and why the score is what it is."""

from typing import Literal, NamedTuple

from shared_schema.ids import FieldKey, OpId, PersonId
from shared_schema.operations import SignerRole

ComputerState = Literal["drawn", "checked", "replaced", "listed"]
SignatureState = Literal["missing", "drawn", "paper", "refused"]
Strokes = tuple[tuple[tuple[int, int, int], ...], ...]


class SampleRow(NamedTuple):
    """One draw: everything another person needs to draw it again."""

    sample: str
    text: str
    seed: str
    population_hash: str
    drawn: tuple[str, ...]
    replaced: tuple[tuple[str, str, str], ...]
    """(number drawn, number checked instead, why)."""
    verified: bool
    """Whether drawing from this tablet's inventory with that seed gives the same numbers."""
    verified_text: str
    author: str
    when: str


class ComputerRow(NamedTuple):
    """One computer of the unit's inventory, or one that was checked without being in it."""

    register_no: str
    classified: bool
    class_text: str
    detail: str
    state: ComputerState
    state_text: str
    problems: int | None
    tool_report: str
    remark: str
    author: str
    when: str
    sample: str
    """The sample it was drawn in, or stands in for; "" for none."""
    disputed: bool
    seen: tuple[OpId, ...]


class ComputersPage(NamedTuple):
    """Inventory, samples and results."""

    classified: int
    ordinary: int
    inventory_text: str
    checked_text: str
    samples: tuple[SampleRow, ...]
    computers: tuple[ComputerRow, ...]
    may_draw: bool
    may_check: bool


class TalkRow(NamedTuple):
    """What one inspector recorded of one category of talks."""

    interview: str
    author: str
    when: str
    held: int
    required: int
    points: str
    mine: bool
    seen: tuple[OpId, ...]


class InterviewRow(NamedTuple):
    """One category of talks: how many are due, how many were held."""

    category: str
    title: str
    compulsory: bool
    required: int
    held: int
    done: bool
    text: str
    talks: tuple[TalkRow, ...]
    may: bool

    @property
    def own(self) -> TalkRow | None:
        """This person's own record, which the form writes anew."""
        return next((talk for talk in self.talks if talk.mine), None)


class SignatureRow(NamedTuple):
    """One signature that is wanted or given."""

    field: FieldKey
    role: SignerRole
    name: str
    """As it is recorded: a member's as in Chinese, whatever language is shown."""
    called: str
    """As it is read."""
    title: str
    state: SignatureState
    text: str
    by: str
    strokes: Strokes
    disputed: bool
    seen: tuple[OpId, ...]


class MeasureRow(NamedTuple):
    """A measure the squad proposes."""

    measure: str
    text: str
    reason: str
    paper_ref: str
    by: str


class StepRow(NamedTuple):
    """One step of closing a visit, done or not."""

    step: Literal["scored", "answered", "settled", "deliberated", "heard", "signed", "submitted"]
    text: str
    done: bool


class ClosingPage(NamedTuple):
    """What is left between the last item and the office."""

    steps: tuple[StepRow, ...]
    signatures: tuple[SignatureRow, ...]
    measures: tuple[MeasureRow, ...]
    opinion: str
    members: tuple[tuple[PersonId, str], ...]
    """The squad, for naming a witness."""


class TraceLine(NamedTuple):
    """One reason why points are not all there."""

    item: str
    points: str
    text: str
    sure: bool
    """False where it is still open, disputed or waits for consent."""


class TraceSection(NamedTuple):
    """One section's points, and why they are not all there."""

    section: str
    title: str
    points_text: str
    lines: tuple[TraceLine, ...]
