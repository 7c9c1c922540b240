"""The list of inspections, one inspection, and everything behind a figure down to the bytes received."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, NamedTuple, cast
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from server.console.context import console_of, signed_in
from server.console.custody import custody_of
from server.console.dossier import Dossier, dossier, trace_line
from server.console.policy import allow
from server.console.render import AnyRequest, is_fragment, part, show
from server.storage import briefing
from server.storage import console_inspection as store
from server.storage import console_reads as reads
from server.storage import console_registers as registers
from server.storage.console_reads import Filter
from server.storage.database import Connection
from shared_schema.problems import Problem
from shared_schema.roles import Role, may_now

LIST = allow("coordinator", "evaluator")
RECORD = allow("coordinator", "evaluator", read="read.inspection")
PAGES_MAX = 100_000
DONE = frozenset({"accepted", "returned", "locked", "settled", "lead", "lead_removed", "blind"})
TRACE = allow("coordinator", "evaluator", read="read.trace")


@get("/campaigns/{campaign:str}/inspections", opt=LIST, sync_to_thread=True)
def inspections(
    request: AnyRequest,
    campaign: FromPath[str],
    q: FromQuery[str] = "",
    stage: FromQuery[str] = "",
    squad: FromQuery[str] = "",
    grade: FromQuery[str] = "",
    only: FromQuery[str] = "",
    page: FromQuery[int] = 1,
    opened: Annotated[str, QueryParameter(name="open")] = "",
) -> Response[str]:
    """The list, narrowed by what the address says; `open` names the one shown beside it."""
    by = Filter(q[:100], stage, squad, grade, only, max(1, min(page, PAGES_MAX)))

    def load(conn: Connection) -> Mapping[str, Any]:
        rows, total = reads.inspections(conn, campaign, by)
        return {
            "rows": rows,
            "total": total,
            "by": by,
            "squads": registers.squads(conn, campaign),
            "stages": reads.STAGES,
            "rows_max": reads.LIST_ROWS_MAX,
            "opened": opened,
            "address": partial(_address, campaign, by),
        }

    if not is_fragment(request):
        return show(request, "inspections.html", load, page="inspections", campaign=campaign)
    response = show(request, "inspections_rows.html", load, page="inspections", campaign=campaign)
    response.headers["HX-Push-Url"] = _address(campaign, by)
    return response


def _address(campaign: str, by: Filter, **change: Any) -> str:
    wanted = by._asdict() | change
    kept = {name: text for name, text in wanted.items() if text and (name, text) != ("page", 1)}
    return f"/campaigns/{campaign}/inspections" + (f"?{urlencode(kept)}" if kept else "")


@get("/inspections/{inspection:str}", opt=RECORD, sync_to_thread=True)
def inspection(
    request: AnyRequest, inspection: FromPath[str], items: FromQuery[str] = "", done: FromQuery[str] = ""
) -> Response[str]:
    """The whole record; as a sheet beside the list when htmx asks."""

    def load(conn: Connection) -> Mapping[str, Any]:
        found = dossier(conn, inspection)
        earlier = store.earlier_findings(conn, found.line.unit)
        return {
            "d": found,
            "earlier": earlier,
            "leads": briefing.leads(conn, inspection),
            "blind": briefing.is_blind(conn, inspection),
            "all_items": items == "all",
            "done": done if done in DONE else "",
            "can": can(signed_in(request).role, found),
            "version": _version(found),
            "custody_of": partial(custody_of, arrived=console_of(request).partials.on_its_way),
        }

    if is_fragment(request):
        return part(request, "inspection_sheet.html", load)
    return show(request, "inspection.html", load, page="inspections", campaign=campaign_of(inspection))


class Can(NamedTuple):
    """What the person may do to the inspection now, and the operations the page shows as its stage."""

    accept: bool
    return_: bool
    lock: bool
    settle: bool
    seen: tuple[str, ...]


def can(role: str, found: Dossier) -> Can:
    """The actions a page offers to a role."""
    stage_cell = found.view.stage_cell

    def allowed(kind: str) -> bool:
        return may_now(cast("Role", role), kind, found.view.stage)

    return Can(
        accept=allowed("accepted"),
        return_=allowed("returned"),
        lock=allowed("locked"),
        settle=allowed("dispute_settled"),
        seen=() if stage_cell is None else tuple(stage_cell.ops),
    )


def _version(found: Dossier) -> str:
    engine = "" if found.sheet is None else f" engine {found.sheet.engine_version}"
    return f"{found.line.unit} log {found.line.number} checklist {found.line.checklist[:12]}{engine}"


def campaign_of(inspection: str) -> Callable[[Connection], str]:
    """Reads which campaign an inspection belongs to. Raises not_found."""

    def read(conn: Connection) -> str:
        found = store.campaign_of_inspection(conn, inspection)
        if found is None:
            raise Problem("not_found", what=inspection)
        return found

    return read


@get("/inspections/{inspection:str}/trace/{item:str}", opt=TRACE, sync_to_thread=True)
def trace(request: AnyRequest, inspection: FromPath[str], item: FromPath[str]) -> Response[str]:
    """Why an item has its points: rule, answer, author, tablet, photo, operation."""

    def load(conn: Connection) -> Mapping[str, Any]:
        found = dossier(conn, inspection)
        line = trace_line(found, item)
        return {"d": found, "item": item, "line": line, "entry": found.checklist.entry(item)}

    return _sheet(request, "trace.html", load, inspection)


@get("/inspections/{inspection:str}/history", opt=TRACE, sync_to_thread=True)
def history(request: AnyRequest, inspection: FromPath[str], field: FromQuery[str]) -> Response[str]:
    """Everything ever written to one field."""

    def load(conn: Connection) -> Mapping[str, Any]:
        found = dossier(conn, inspection)
        entries = found.history(field)
        if not entries:
            raise Problem("not_found", what=field)
        return {"d": found, "field": field, "entries": entries, "standing": found.standing(field)}

    return _sheet(request, "history.html", load, inspection)


@get("/inspections/{inspection:str}/operations/{op:str}", opt=TRACE, sync_to_thread=True)
def operation(request: AnyRequest, inspection: FromPath[str], op: FromPath[str]) -> Response[str]:
    """One operation as it was received."""

    def load(conn: Connection) -> Mapping[str, Any]:
        found = dossier(conn, inspection)
        entry = found.log.get(op)
        if entry is None:
            raise Problem("not_found", what=op)
        raw = msgspec.json.format(entry.operation.raw, indent=2).decode()
        return {"d": found, "entry": entry, "raw": raw}

    return _sheet(request, "operation.html", load, inspection)


def _sheet(request: AnyRequest, template: str, load: Any, inspection: str) -> Response[str]:
    """A sheet for htmx, the same as a page of its own for everybody else."""
    if is_fragment(request):
        return part(request, template, lambda conn: {**load(conn), "frame": "sheet.html"})
    return show(
        request,
        template,
        lambda conn: {**load(conn), "frame": "sheet_page.html"},
        page="inspections",
        campaign=campaign_of(inspection),
    )
