"""Quarantine: what was refused, why, by whom, about what; a coordinator admits what may be, with a reason."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from server.access import audit
from server.console.context import console_of, signed_in
from server.console.forms import value, values
from server.console.policy import allow
from server.console.refused import entries, entry_of
from server.console.render import AnyRequest, go, is_fragment, part, show
from server.intake import quarantine as intake
from server.storage import console_inspection as people
from server.storage import console_quarantine as store
from server.storage import console_registers as registers
from server.storage import console_tablets
from server.storage.console_quarantine import RefusalLine, Sift
from server.storage.console_reads import LIST_ROWS_MAX
from server.storage.database import Connection
from shared_schema.problems import Problem

READ = allow("coordinator", "evaluator", read="read.quarantine")
DONE = frozenset({"admitted"})
PAGES_MAX = 100_000


@get("/campaigns/{campaign:str}/quarantine", opt=READ, sync_to_thread=True)
def quarantine(
    request: AnyRequest,
    campaign: FromPath[str],
    squad: FromQuery[str] = "",
    tablet: FromQuery[str] = "",
    why: FromQuery[str] = "",
    page: FromQuery[int] = 1,
    done: FromQuery[str] = "",
) -> Response[str]:
    """What waits, narrowed by what the address says, and what was admitted."""
    by = Sift(squad, tablet, why, max(1, min(page, PAGES_MAX)))

    def load(conn: Connection) -> Mapping[str, Any]:
        lines, total = store.waiting(conn, campaign, by)
        rows = entries(conn, lines)
        admitted = store.admitted(conn, campaign)
        named = {one.line.person for one in rows} | {one.person for one in admitted}
        return {
            "rows": rows,
            "total": total,
            "by": by,
            "rows_max": LIST_ROWS_MAX,
            "reasons": store.reasons(conn, campaign),
            "squads": registers.squads(conn, campaign),
            "tablets": console_tablets.tablets(conn, campaign),
            "admitted": admitted,
            "people": people.person_names(conn, named),
            "address": partial(_address, campaign, by),
            "done": done if done in DONE else "",
        }

    return show(request, "quarantine.html", load, page="quarantine", campaign=campaign)


def _address(campaign: str, by: Sift, **change: Any) -> str:
    wanted = by._asdict() | change
    kept = {name: text for name, text in wanted.items() if text and (name, text) != ("page", 1)}
    return f"/campaigns/{campaign}/quarantine" + (f"?{urlencode(kept)}" if kept else "")


@get("/campaigns/{campaign:str}/quarantine/{device:str}/{hash_:str}", opt=READ, sync_to_thread=True)
def refused(
    request: AnyRequest, campaign: FromPath[str], device: FromPath[str], hash_: FromPath[str]
) -> Response[str]:
    """One refused operation, down to its bytes; with the form that admits it, where it may be admitted."""

    def load(conn: Connection) -> Mapping[str, Any]:
        line = _line(conn, campaign, device, hash_)
        return {
            "place": campaign,
            "one": entry_of(conn, line),
            "people": people.person_names(conn, [line.person]),
            "raw": _shown(line.raw),
        }

    if is_fragment(request):
        return part(request, "refused.html", lambda conn: {**load(conn), "frame": "sheet.html"})
    return show(
        request,
        "refused.html",
        lambda conn: {**load(conn), "frame": "refused_page.html"},
        page="quarantine",
        campaign=campaign,
    )


def _line(conn: Connection, campaign: str, device: str, hash_: str) -> RefusalLine:
    line = store.one(conn, campaign, device, hash_)
    if line is None:
        raise Problem("not_found", what=hash_[:12])
    return line


def _shown(raw: bytes) -> str:
    try:
        return msgspec.json.format(raw, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw.decode("utf-8", "replace")


@post(
    "/campaigns/{campaign:str}/quarantine/admit",
    opt=allow("coordinator"),
    status_code=200,
    sync_to_thread=True,
)
def admit(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Takes operations into the log after all, all that are named or none; the reason stays on the record of each."""
    console, who, why = console_of(request), signed_in(request), value(request, "why")
    devices, hashes = values(request, "device"), values(request, "hash")
    if not hashes or len(devices) != len(hashes):
        raise Problem("form_invalid", field="hash", cure="请选择要补收的记录 / say which operations")
    now_ms = console.clock()

    def run(conn: Connection) -> None:
        # Each tablet's in its own order, as it would have brought them; what several brought waits under each name.
        named = [_line(conn, campaign, *one) for one in zip(devices, hashes, strict=True)]
        lines = {one.hash: one for one in named}.values()
        for line in sorted(lines, key=lambda one: (one.device, one.epoch, one.seq)):
            operation = intake.admit(
                conn, line.device, line.hash, admitted_by=who.login, why=why, now_ms=now_ms
            )
            audit.record(
                conn,
                now_ms,
                who.login,
                "operation.admitted",
                operation.inspection,
                op=operation.id,
                was=line.problem,
            )

    console.db.write(run)
    return go(request, f"/campaigns/{campaign}/quarantine?done=admitted")
