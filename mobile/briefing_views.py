"""What a squad was told before its visit, as rows: leads to verify, and how far blind scoring is; pure."""

from mobile.reader import Reader
from mobile.rows import LeadRow, LeadState, ScoringRow
from mobile.words import when
from shared_schema.inspection import Cell
from shared_schema.operations import LeadChecked


def lead_rows(reader: Reader, item: str = "") -> tuple[LeadRow, ...]:
    """The leads of the visit, or those on one item; what is still to verify first."""
    cells = {cell.value.lead: cell for cell in reader.visit.inspection.leads}
    may = "lead_checked" in reader.may()
    rows = []
    for lead in reader.visit.assignment.leads:
        if item and lead.item != item:
            continue
        cell = cells.get(lead.lead)
        state = _state(cell)
        said = () if cell is None else cell.standing
        rows.append(
            LeadRow(
                lead=lead.lead,
                item=lead.item,
                text=lead.text,
                paper_ref=lead.paper_ref,
                state=state,
                state_text=reader.say(f"lead.{state}"),
                said=tuple(
                    (reader.body(one.value), f"{reader.name(one.person)} {when(one.at_ms)}") for one in said
                ),
                note=_own_note(reader, cell),
                may=may,
                seen=() if cell is None else cell.ops,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.state != "open", row.item, row.lead)))


def _state(cell: Cell[LeadChecked] | None) -> LeadState:
    if cell is None:
        return "open"
    if cell.disputed:
        return "disputed"
    return "true" if cell.value.verified else "untrue"


def _own_note(reader: Reader, cell: Cell[LeadChecked] | None) -> str:
    """What the form starts from."""
    standing = () if cell is None else cell.standing
    return next((one.value.note for one in standing if one.person == reader.person), "")


def open_leads(reader: Reader, item: str = "") -> int:
    """How many leads, of the visit or of one item, nobody has looked into yet."""
    known = {cell.value.lead for cell in reader.visit.inspection.leads}
    return sum(one.lead not in known and item in ("", one.item) for one in reader.visit.assignment.leads)


def scoring_row(reader: Reader) -> ScoringRow | None:
    """How far blind scoring is, while it hides what colleagues recorded; None where nothing is hidden."""
    scoring, may = reader.visit.scoring, reader.may()
    if not scoring.on:
        return None
    role = next((one.role for one in reader.visit.assignment.members if one.person == reader.person), "")
    own = reader.person in scoring.scorers and reader.person not in scoring.closed
    return ScoringRow(
        closed=reader.person in scoring.closed,
        waiting=tuple((one, reader.name(one)) for one in scoring.waiting),
        may_close=own and "scoring_closed" in may,
        may_close_others=role == "leader" and "scoring_closed" in may,
    )
