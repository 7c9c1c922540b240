"""The registers: units, people and squads, checklists; and the findings of a campaign."""

import json
from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from server.console.policy import allow
from server.console.render import AnyRequest, show
from server.storage import console_inspection as store
from server.storage import console_reads as reads
from server.storage import console_registers as registers
from server.storage.database import Connection

BOTH = allow("coordinator", "evaluator")


@get("/campaigns/{campaign:str}/units", opt=BOTH, sync_to_thread=True)
def units(request: AnyRequest, campaign: FromPath[str], q: FromQuery[str] = "") -> Response[str]:
    """Every unit with its profile, its inventory and its visit."""

    def load(conn: Connection) -> Mapping[str, Any]:
        rows = registers.units(conn, campaign, q[:100])
        profiles = {
            row.id: sorted(flag for flag, has in json.loads(row.profile).items() if has) for row in rows
        }
        return {"rows": rows, "profiles": profiles, "q": q[:100]}

    return show(request, "units.html", load, page="units", campaign=campaign)


@get("/campaigns/{campaign:str}/people", opt=BOTH, sync_to_thread=True)
def people(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """The pool, by squad."""

    def load(conn: Connection) -> Mapping[str, Any]:
        rows = registers.people(conn, campaign)
        visits = registers.visits(conn, campaign)
        groups = [
            (
                squad,
                sorted(
                    (row for row in rows if row.squad == squad[0]),
                    key=lambda row: (row.role != "leader", row.id),
                ),
                sum(visit.squad == squad[0] for visit in visits),
            )
            for squad in registers.squads(conn, campaign)
        ]
        return {
            "groups": groups,
            "free": [row for row in rows if row.squad is None],
            "count": len({row.id for row in rows}),
        }

    return show(request, "people.html", load, page="people", campaign=campaign)


@get(
    "/campaigns/{campaign:str}/findings",
    opt=allow("coordinator", "evaluator", read="read.findings"),
    sync_to_thread=True,
)
def findings(request: AnyRequest, campaign: FromPath[str], only: FromQuery[str] = "") -> Response[str]:
    """What was found, and what became of it on the spot."""

    def load(conn: Connection) -> Mapping[str, Any]:
        everything = reads.findings(conn, campaign)
        return {
            "rows": reads.findings(conn, campaign, only) if only else everything,
            "only": only,
            "counts": {
                "": len(everything),
                "open": sum(not one.fixed for one in everything),
                "fixed": sum(one.fixed for one in everything),
                "repeat": sum(bool(one.repeat_of) for one in everything),
                "disputed": sum(one.disputed for one in everything),
            },
        }

    return show(request, "findings.html", load, page="findings", campaign=campaign)


@get("/checklists", opt=BOTH, sync_to_thread=True)
def checklists(request: AnyRequest) -> Response[str]:
    """Every version of every checklist."""
    return show(
        request, "checklists.html", lambda conn: {"rows": registers.checklists(conn)}, page="checklists"
    )


@get("/checklists/{name:str}", opt=BOTH, sync_to_thread=True)
def checklist(request: AnyRequest, name: FromPath[str]) -> Response[str]:
    """One version: every item in both languages with its points and its rule."""
    return show(
        request,
        "checklist.html",
        lambda conn: {"checklist": store.checklist_of(conn, name), "hash": name},
        page="checklists",
    )
