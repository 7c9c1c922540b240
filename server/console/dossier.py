"""Everything the page of one inspection shows, read in one snapshot and put in the order people read it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from server.access.devices import CONSOLE_DEVICE
from server.intake.judge import covered_by
from server.storage import console_inspection as store
from server.storage import console_quarantine as quarantine
from server.storage import console_reads as reads
from server.storage.console_inspection import LogEntry, Member, Name, Picture
from server.storage.console_quarantine import AdmissionLine, RefusalLine
from server.storage.console_reads import InspectionLine
from server.storage.database import Connection
from shared_schema.answers import on_removed_items, version_with
from shared_schema.checklist import Checklist, Section
from shared_schema.ids import FieldKey, FindingId
from shared_schema.inspection import Cell, FindingState, Inspection, Standing
from shared_schema.operations import DisputeSettled, field_of
from shared_schema.problems import Problem
from shared_schema.sheet import Deduction, ExtraLine, ItemLine, ScoreSheet, SectionLine, line_of


class Dossier(NamedTuple):
    """One inspection, whole: as planned, as it stands, as scored, its log, and what waits outside the log."""

    line: InspectionLine
    checklist: Checklist
    view: Inspection
    sheet: ScoreSheet | None
    log: dict[str, LogEntry]
    members: list[Member]
    people: dict[str, Name]
    devices: dict[str, str]
    pictures: list[Picture]
    waiting: list[RefusalLine]
    """Of this inspection, what was refused and waits in quarantine."""
    admitted: dict[str, AdmissionLine]
    """By operation, what was taken out of quarantine into the log."""
    removed: list["Removed"]
    """What stands on items that the checklist no longer has."""

    def person(self, person: str, language: str) -> str:
        """What a person is called; the id where nobody knows."""
        name = self.people.get(person)
        return person if name is None else name.read(language)

    def device(self, device: str) -> str:
        """What a tablet is called: its name, else the end of its id, which is enough to tell tablets apart."""
        return self.devices.get(device) or (device if len(device) <= 10 else f"…{device[-6:]}")

    @property
    def uncovered(self) -> list[LogEntry]:
        """What counts though the lock does not cover it and nobody admitted it.

        A restored server took it before it had its lock back. A lock of version 0.1 says nothing of what it covers.
        """
        cell = self.view.stage_cell
        if cell is None or self.view.stage != "locked":
            return []
        covered = covered_by(one.value for one in cell.standing)
        if not covered:
            return []
        admitted = {op for op, one in self.admitted.items() if one.admitted_by}
        return [
            entry
            for op, entry in self.log.items()
            if (own := entry.operation).device != CONSOLE_DEVICE
            and own.seq > covered.get((own.device, own.epoch), 0)
            and op not in admitted
        ]

    @property
    def settled(self) -> list["Settled"]:
        """Disputes that somebody decided, newest last."""
        return [
            Settled(
                entry,
                entry.operation.body,
                tuple(self.log[op] for op in entry.operation.bases if op in self.log),
            )
            for entry in self.log.values()
            if isinstance(entry.operation.body, DisputeSettled)
        ]

    @property
    def deducted(self) -> list["Charged"]:
        """Every deducted point with where it comes from, by item; aggravating ones last."""
        if self.sheet is None:
            return []
        of_items = [
            Charged(line.item, line, deduction) for line in self.sheet.items for deduction in line.deductions
        ]
        extras = [Charged(one.item, one, None) for one in self.sheet.extras if one.status != "none"]
        return of_items + extras

    @property
    def sections(self) -> list[tuple[Section, SectionLine | None, list[ItemLine]]]:
        """The checklist's sections with their scores and their items' lines."""
        lines = {} if self.sheet is None else {one.section: one for one in self.sheet.sections}
        items = [] if self.sheet is None else self.sheet.items
        return [
            (section, lines.get(section.id), [line for line in items if line.section == section.id])
            for section in self.checklist.sections
        ]

    @property
    def findings(self) -> list[FindingState]:
        """Findings by item, as far as they say what was found; withdrawn ones last."""
        known = [one for one in self.view.findings.values() if one.record is not None]
        return sorted(known, key=lambda one: (one.withdrawn, one.item or "", one.finding))

    def item_text(self, item: str, language: str) -> str:
        """What an item of the checklist is about; nothing for one it has not got."""
        entry = self.checklist.entry(item)
        return "" if entry is None else entry.text.read(language)

    def facts(self, findings: Sequence[str]) -> list[str]:
        """What these findings say."""
        known = [self.view.findings.get(FindingId(one)) for one in findings]
        return [one.text.fact for one in known if one is not None and one.text is not None]

    def history(self, field: str) -> list[LogEntry]:
        """Every operation that wrote a field, in the order the server numbered them."""
        return [
            entry
            for entry in self.log.values()
            if field_of(entry.operation.body, entry.operation.person) == FieldKey(field)
        ]

    def standing(self, field: str) -> frozenset[str]:
        """The operations that stand on a field now."""
        return frozenset(op for cell in self.cells() if cell.field == field for op in cell.ops)

    def cells(self) -> list[Cell[Any]]:
        """Every field of the inspection."""
        view = self.view
        found: list[Any] = [view.stage_cell, *view.samples, *view.devices, *view.interviews, *view.evidence]
        found += [*view.signatures, *view.measures]
        for item in view.items.values():
            found += [item.answer, *item.consents, *item.notes]
        for one in view.findings.values():
            found += [one.record, one.repeat_of, one.duplicate_of, one.fix, one.statement]
        return [cell for cell in found if cell is not None]


class Removed(NamedTuple):
    """An item that the inspection's checklist no longer has, what it was about, and what stands on it."""

    item: str
    version: Checklist
    """One in which it can be read."""
    standing: list[Standing[Any]]

    def text(self, language: str) -> str:
        """What it was about."""
        entry = self.version.entry(self.item)
        return "" if entry is None else entry.text.read(language)


class Settled(NamedTuple):
    """One settlement: the operation, its body, and what it replaced."""

    entry: LogEntry
    body: DisputeSettled
    replaced: tuple[LogEntry, ...]


class Charged(NamedTuple):
    """One deduction and the line it belongs to; an aggravating item, a veto or a bonus has no deduction of its own."""

    item: str
    line: ItemLine | ExtraLine
    deduction: Deduction | None


def _removed(conn: Connection, checklist: Checklist, view: Inspection) -> list[Removed]:
    found = on_removed_items(checklist, view)
    versions = store.versions_of(conn, checklist) if found else []
    return [
        Removed(item, version_with(item, versions, checklist), standing) for item, standing in found.items()
    ]


def dossier(conn: Connection, inspection_id: str) -> Dossier:
    """The inspection of that id. Raises not_found."""
    line = reads.inspection_line(conn, inspection_id)
    if line is None:
        raise Problem("not_found", what=inspection_id)
    log = {entry.operation.id: entry for entry in store.log_of(conn, inspection_id)}
    people = {entry.operation.person for entry in log.values()} | {line.responsible_person}
    waiting = quarantine.of_inspection(conn, inspection_id)
    people |= {one.person for one in waiting}
    view = store.view_of(conn, inspection_id)
    if view.stage_cell is not None:
        people |= {member for one in view.stage_cell.standing for member in getattr(one.value, "members", ())}
    checklist = store.checklist_of(conn, line.checklist)
    return Dossier(
        line=line,
        checklist=checklist,
        view=view,
        sheet=store.sheet_of(conn, inspection_id),
        log={str(op): entry for op, entry in log.items()},
        members=store.members(conn, line.squad),
        people=store.person_names(conn, people),
        devices=store.device_names(conn, {entry.operation.device for entry in log.values()}),
        pictures=store.pictures(conn, inspection_id),
        waiting=waiting,
        admitted=quarantine.admitted_to(conn, inspection_id),
        removed=_removed(conn, checklist, view),
    )


def trace_line(found: Dossier, item: str) -> ItemLine | ExtraLine:
    """What the sheet has on an item. Raises not_found."""
    line = None if found.sheet is None else line_of(found.sheet, item)  # type: ignore[arg-type]
    if line is None:
        raise Problem("not_found", what=item)
    return line
