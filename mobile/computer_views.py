"""The unit's computers and the talks with its people as rows: samples, results, what is due and done; pure."""

from collections.abc import Mapping, Sequence
from typing import get_args

from mobile.page_rows import ComputerRow, ComputersPage, ComputerState, InterviewRow, SampleRow, TalkRow
from mobile.reader import Reader
from mobile.visit import Visit
from mobile.words import joined, when
from shared_schema.chance import draw_sample
from shared_schema.ids import PersonId
from shared_schema.inspection import Cell, Standing
from shared_schema.operations import DeviceChecked, InterviewHeld, SampleDrawn
from shared_schema.problems import Language
from shared_schema.wire import DeviceKind, InventoryDevice

GROUPS = ("all", "classified", "ordinary")
"""What a sample may be drawn from; the word of each is `sample.of_<group>`."""
KINDS = get_args(DeviceKind)
"""The word of each is `device.kind.<kind>`."""
COMPULSORY = ("leader", "secret_post", "ex_military")
"""The three categories that every visit talks with (三必谈)."""
CATEGORIES = (*COMPULSORY, "other")
_ORDER: Mapping[ComputerState, int] = {"drawn": 0, "checked": 1, "replaced": 2, "listed": 3}


def population(inventory: Sequence[InventoryDevice], group: str) -> tuple[str, ...]:
    """The register numbers of a group, as they are drawn from."""
    return tuple(
        one.register_no for one in inventory if group == "all" or one.classified == (group == "classified")
    )


def computers_page(visit: Visit, person: PersonId, language: Language = "zh") -> ComputersPage:
    """Inventory, samples and results."""
    reader, inventory = Reader(visit, person, language), visit.assignment.inventory
    samples = tuple(_sample(reader, cell) for cell in visit.inspection.samples)
    classified = sum(one.classified for one in inventory)
    may = reader.may()
    return ComputersPage(
        classified=classified,
        ordinary=len(inventory) - classified,
        inventory_text=reader.say(
            "computers.inventory", classified=classified, ordinary=len(inventory) - classified
        ),
        checked_text=_checked(reader),
        samples=samples,
        computers=_computers(reader),
        may_draw="sample_drawn" in may,
        may_check="device_checked" in may,
    )


def _kind(reader: Reader, listed: InventoryDevice) -> str:
    """A register's code in words; any other text is shown as the register has it."""
    return reader.say(f"device.kind.{listed.kind}") if listed.kind in KINDS else listed.kind


def sampling_begun(visit: Visit) -> bool:
    """Whether anything was drawn or looked at."""
    return bool(visit.inspection.samples or visit.inspection.devices)


def computers_left(visit: Visit) -> int:
    """How many computers were drawn and nobody has looked at yet."""
    return sum(state == "drawn" for state, _ in _stands(visit).values())


def _sample(reader: Reader, cell: Cell[SampleDrawn]) -> SampleRow:
    body, first = cell.value, cell.standing[0]
    verified = any(
        draw_sample(population(reader.visit.assignment.inventory, group), len(body.drawn), body.seed)
        == (body.population_hash, body.drawn)
        for group in GROUPS
    )
    return SampleRow(
        sample=body.sample,
        text=reader.body(body),
        seed=body.seed,
        population_hash=body.population_hash,
        drawn=body.drawn,
        replaced=body.replaced,
        verified=verified,
        verified_text=reader.say("sample.verified" if verified else "sample.not_verified"),
        author=reader.name(first.person),
        when=when(first.at_ms),
    )


def _checked(reader: Reader) -> str:
    """How many of which were looked at, and how many problems they had: the yearly report counts these."""
    devices = [cell.value for cell in reader.visit.inspection.devices]
    classified = sum(one.classified for one in devices)
    return reader.say(
        "computers.checked",
        classified=classified,
        ordinary=len(devices) - classified,
        problems=sum(one.problems for one in devices),
    )


def _stands(visit: Visit) -> dict[str, tuple[ComputerState, str]]:
    """By register number: how each computer stands, and the sample it was drawn in or stands in for."""
    samples = [cell.value for cell in visit.inspection.samples]
    checked = {cell.value.register_no for cell in visit.inspection.devices}
    drawn = {number: one.sample for one in samples for number in one.drawn}
    drawn_or_in = {**drawn, **{new: one.sample for one in samples for _, new, _ in one.replaced}}
    replaced = {old for one in samples for old, _, _ in one.replaced}
    found: dict[str, tuple[ComputerState, str]] = {}
    for number in {*(one.register_no for one in visit.assignment.inventory), *checked, *drawn}:
        sample = drawn_or_in.get(number, "")
        state: ComputerState = "drawn" if sample else "listed"
        if number in replaced:
            state = "replaced"
        found[number] = "checked" if number in checked else state, sample
    return found


def _computers(reader: Reader) -> tuple[ComputerRow, ...]:
    visit = reader.visit
    other = {old: new for cell in visit.inspection.samples for old, new, _ in cell.value.replaced}
    inventory = {one.register_no: one for one in visit.assignment.inventory}
    results = {cell.value.register_no: cell for cell in visit.inspection.devices}
    rows = [
        _computer(reader, number, inventory.get(number), results.get(number), state, sample)._replace(
            state_text=reader.say(f"computer.{state}", other=other.get(number, ""))
        )
        for number, (state, sample) in _stands(visit).items()
    ]
    return tuple(sorted(rows, key=lambda row: (_ORDER[row.state], not row.classified, row.register_no)))


def _computer(
    reader: Reader,
    number: str,
    listed: InventoryDevice | None,
    result: Cell[DeviceChecked] | None,
    state: ComputerState,
    sample: str,
) -> ComputerRow:
    body = None if result is None else result.value
    first: Standing[DeviceChecked] | None = None if result is None else result.standing[0]
    classified = body.classified if body is not None else listed is not None and listed.classified
    parts = (
        (reader.say("computer.unlisted"),) if listed is None else (listed.department, _kind(reader, listed))
    )
    return ComputerRow(
        register_no=number,
        classified=classified,
        class_text=reader.say("device.classified" if classified else "device.ordinary"),
        detail=joined(reader.language, *parts),
        state=state,
        state_text="",
        problems=None if body is None else body.problems,
        tool_report="" if body is None else body.tool_report,
        remark="" if body is None else body.remark,
        author="" if first is None else reader.name(first.person),
        when="" if first is None else when(first.at_ms),
        sample=sample,
        disputed=result is not None and result.disputed,
        seen=() if result is None else result.ops,
    )


def interview_rows(visit: Visit, person: PersonId, language: Language = "zh") -> tuple[InterviewRow, ...]:
    """The categories of talks, the three compulsory ones first.

    Every inspector records their own talks: held is the sum over all records, due the highest anybody wrote down.
    """
    reader = Reader(visit, person, language)
    return tuple(_category(reader, category) for category in CATEGORIES)


def interviews_left(visit: Visit, person: PersonId) -> int:
    """How many categories still miss a talk."""
    return sum(not one.done for one in interview_rows(visit, person))


def _category(reader: Reader, category: str) -> InterviewRow:
    cells = [cell for cell in reader.visit.inspection.interviews if cell.value.category == category]
    talks = tuple(_talk(reader, cell) for cell in cells)
    required, held = max((talk.required for talk in talks), default=0), sum(talk.held for talk in talks)
    compulsory = category in COMPULSORY
    done = held >= required if talks else not compulsory
    key = "interview.progress" if talks else "interview.missing" if compulsory else "interview.none"
    return InterviewRow(
        category=category,
        title=reader.say(f"interview.{category}"),
        compulsory=compulsory,
        required=required,
        held=held,
        done=done,
        text=reader.say(key, required=required, held=held),
        talks=talks,
        may="interview_held" in reader.may(),
    )


def _talk(reader: Reader, cell: Cell[InterviewHeld]) -> TalkRow:
    body, first = cell.value, cell.standing[0]
    return TalkRow(
        interview=body.interview,
        author=reader.name(first.person),
        when=when(first.at_ms),
        held=body.held,
        required=body.required,
        points=body.points,
        mine=first.person == reader.person,
        seen=cell.ops,
    )
