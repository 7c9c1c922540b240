"""What a coordinator does to an inspection, each as one operation: accept, return, lock, settle a dispute.

Every form carries the operations its author was looking at; they become the new operation's bases. What
arrived in the meantime is therefore never hidden: it stays, and shows as a dispute.
"""

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from server.access import audit
from server.console.context import console_of, signed_in
from server.console.dossier import dossier
from server.console.forms import value, values
from server.console.pages.inspections import campaign_of, can
from server.console.policy import allow
from server.console.render import AnyRequest, go, is_fragment, part, show
from server.intake import desk
from server.storage import console_inspection as store
from server.storage.database import Connection
from shared_schema.operations import (
    Accepted,
    Body,
    Decision,
    DisputeSettled,
    Locked,
    Operation,
    Returned,
    read_envelope,
)
from shared_schema.problems import Problem

COORDINATOR = allow("coordinator")
REMARK_ROWS = 3
REMARKS_MAX = 50


def _record(request: AnyRequest, inspection: str, body: Body, done: str) -> Response[str]:
    """Writes one operation of the person asking and shows the inspection again. Raises what refuses it."""
    console = console_of(request)
    who = signed_in(request)
    seen = values(request, "seen")
    now_ms = console.clock()

    def run(conn: Connection) -> None:
        desk.record(conn, inspection, who.login, "coordinator", body, seen, now_ms=now_ms)
        audit.record(conn, now_ms, who.login, f"operation.{done}", inspection)

    console.db.write(run)
    return go(request, f"/inspections/{inspection}?done={done}")


@post("/inspections/{inspection:str}/accept", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def accept(request: AnyRequest, inspection: FromPath[str]) -> Response[str]:
    """Takes the inspection in."""
    return _record(request, inspection, Accepted(value(request, "remark")), "accepted")


@post("/inspections/{inspection:str}/lock", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def lock(request: AnyRequest, inspection: FromPath[str]) -> Response[str]:
    """Closes the inspection: what arrives later is late."""
    return _record(request, inspection, Locked(value(request, "remark")), "locked")


@get("/inspections/{inspection:str}/return", opt=COORDINATOR, sync_to_thread=True)
def return_form(
    request: AnyRequest, inspection: FromPath[str], rows: FromQuery[int] = REMARK_ROWS
) -> Response[str]:
    """The form for sending an inspection back, with room for a remark on each item it is about."""

    def load(conn: Connection) -> dict[str, object]:
        count = max(1, min(rows, REMARKS_MAX))
        found = dossier(conn, inspection)
        return {"d": found, "rows": count, "seen": can(signed_in(request).role, found).seen}

    if is_fragment(request):
        return part(request, "return.html", lambda conn: {**load(conn), "frame": "sheet.html"})
    return show(
        request,
        "return.html",
        lambda conn: {**load(conn), "frame": "sheet_page.html"},
        page="inspections",
        campaign=campaign_of(inspection),
    )


@post("/inspections/{inspection:str}/return", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def send_back(request: AnyRequest, inspection: FromPath[str]) -> Response[str]:
    """Sends the inspection back to its squad, saying what is missing."""
    pairs = zip(values(request, "item"), values(request, "remark"), strict=False)
    remarks = tuple((item[:64], text) for item, text in pairs if text)
    if not remarks:
        raise Problem("form_invalid", field="remark", cure="写明需要补充什么 / say what is missing")
    return _record(request, inspection, Returned(remarks), "returned")


@post("/inspections/{inspection:str}/settle", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def settle(request: AnyRequest, inspection: FromPath[str]) -> Response[str]:
    """Ends a dispute: one of the values the coordinator saw stands, for a reason that stays on the record."""
    kept, reason = value(request, "kept"), value(request, "reason")
    if not kept or kept not in values(request, "seen"):
        raise Problem("form_invalid", field="kept", cure="请选择保留哪一个 / choose which one stands")
    if not reason:
        raise Problem("form_invalid", field="reason", cure="请写明理由 / give the reason")

    def chosen(conn: Connection) -> Operation:
        entry = store.log_entry(conn, inspection, kept)
        if entry is None:
            raise Problem("not_found", what=kept)
        return entry.operation

    operation = console_of(request).db.read(chosen)
    field = value(request, "field")
    return _record(request, inspection, settlement(operation, field, reason), "settled")


def settlement(operation: Operation, field: str, reason: str) -> DisputeSettled:
    """The settlement that lets exactly what this operation says stand on the field."""
    if isinstance(operation.body, DisputeSettled):
        decision = operation.body.decision
    else:
        decision = Decision(operation.kind, read_envelope(operation.raw).body)
    return DisputeSettled(field=field, decision=decision, reason=reason, kept=operation.id)
