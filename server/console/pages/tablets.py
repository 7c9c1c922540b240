"""Tablets: which are enrolled and who has them, handing one over, taking a lost one out."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from server.access import audit, devices
from server.access.public_keys import fingerprint
from server.console import board
from server.console.context import console_of, signed_in
from server.console.forms import value
from server.console.pages.enrolments import PERIODS, choices, member
from server.console.policy import allow
from server.console.render import AnyRequest, go, is_fragment, part, show
from server.storage import chains
from server.storage import console_inspection as people
from server.storage import console_tablets as store
from server.storage import devices as registered
from server.storage.console_tablets import TabletLine
from server.storage.database import Connection
from shared_schema.ids import DeviceId
from shared_schema.problems import Problem

BOTH = allow("coordinator", "secadmin")
DONE = frozenset({"revoked", "handed_over", "withdrawn"})
REVOKE_WHYS = ("lost", "broken", "returned", "other")


@get("/campaigns/{campaign:str}/tablets", opt=BOTH, sync_to_thread=True)
def tablets(request: AnyRequest, campaign: FromPath[str], done: FromQuery[str] = "") -> Response[str]:
    """Every tablet of the campaign's squads, and the codes that are still good."""
    now_ms = console_of(request).clock()

    def load(conn: Connection) -> Mapping[str, Any]:
        return {
            "rows": board.tablets(conn, campaign, now_ms),
            "crews": choices(conn, campaign),
            "codes": store.codes(conn, campaign, now_ms),
            "periods": PERIODS,
            "fingerprint": fingerprint,
            "done": done if done in DONE else "",
        }

    return show(request, "tablets.html", load, page="tablets", campaign=campaign)


@get("/campaigns/{campaign:str}/tablets/{device:str}", opt=BOTH, sync_to_thread=True)
def tablet(request: AnyRequest, campaign: FromPath[str], device: FromPath[str]) -> Response[str]:
    """One tablet: keys, holders, chains, clock, what lies in quarantine; beside the list when htmx asks."""
    now_ms = console_of(request).clock()

    def load(conn: Connection) -> Mapping[str, Any]:
        found = _tablet(conn, campaign, device, now_ms)
        line = found.line
        held = registered.holders(conn, DeviceId(device))
        named = {one.person for one in held} | {one.given_by for one in held}
        return {
            "one": found,
            "fingerprint": fingerprint(line.public_key),
            "holders": held,
            "people": people.person_names(conn, named),
            "jumps": registered.jumps(conn, DeviceId(device)),
            "runs": [run for run in store.runs(conn, campaign) if run.device == device],
            "refused": store.refused(conn, device),
            "since": 0
            if line.revoked_at_ms is None
            else store.delivered_since(conn, device, line.revoked_at_ms),
            "replacement": store.names(conn, [line.replaced_by]).get(line.replaced_by, ""),
            "crew": next((crew for crew in choices(conn, campaign) if crew.squad == line.squad), None),
            "periods": PERIODS,
            "whys": REVOKE_WHYS,
        }

    if is_fragment(request):
        return part(
            request, "tablet.html", lambda conn: {**load(conn), "frame": "sheet.html", "place": campaign}
        )
    return show(
        request,
        "tablet.html",
        lambda conn: {**load(conn), "frame": "tablet_page.html", "place": campaign},
        page="tablets",
        campaign=campaign,
    )


def _line(conn: Connection, campaign: str, device: str) -> TabletLine:
    """One tablet of the campaign, without a survey of its chains: the writer has others to serve. Raises not_found."""
    for one in store.tablets(conn, campaign):
        if one.id == device:
            return one
    raise Problem("not_found", what=device)


def _tablet(conn: Connection, campaign: str, device: str, now_ms: int) -> board.Tablet:
    (gathered,) = board.gather(
        [_line(conn, campaign, device)],
        store.runs(conn, campaign),
        chains.gaps(conn),
        chains.forks(conn),
        due=(),
        now_ms=now_ms,
    )
    return gathered


@post("/campaigns/{campaign:str}/tablets/revoke", opt=allow("secadmin"), status_code=200, sync_to_thread=True)
def revoke(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Turns a tablet away: what it still delivers waits in quarantine, and it destroys its key at its next contact."""
    console, who, device = console_of(request), signed_in(request), value(request, "device")
    why, remark = value(request, "why"), value(request, "remark")[:200]
    if why not in REVOKE_WHYS:
        raise Problem("form_invalid", field="why", cure="请选择停用原因 / choose why it is revoked")
    if why == "other" and not remark:
        raise Problem("form_invalid", field="remark", cure="请写明停用原因 / say why it is revoked")
    now_ms = console.clock()

    def run(conn: Connection) -> None:
        _line(conn, campaign, device)
        devices.revoke(conn, device, now_ms, f"{why}: {remark}" if remark else why)
        audit.record(conn, now_ms, who.login, "tablet.revoked", device, why=why, remark=remark)

    console.db.write(run)
    return go(request, f"/campaigns/{campaign}/tablets?done=revoked")


@post(
    "/campaigns/{campaign:str}/tablets/hand-over",
    opt=allow("coordinator"),
    status_code=200,
    sync_to_thread=True,
)
def hand_over(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Another member of the squad has the tablet from now on; its operations name their authors as before."""
    console, who, device = console_of(request), signed_in(request), value(request, "device")
    why = value(request, "why")[:200]
    if not why:
        raise Problem("form_invalid", field="why", cure="请写明移交原因 / say why it is handed over")
    now_ms = console.clock()

    def run(conn: Connection) -> None:
        line = _line(conn, campaign, device)
        squad, person = member(conn, campaign, value(request, "for"))
        if squad != line.squad or not person:
            raise Problem("form_invalid", field="for", cure="请选择本分队成员 / choose a member of its squad")
        if person == line.holder:
            raise Problem("form_invalid", field="for", cure="已由此人持有 / that person has it already")
        devices.hand_over(conn, device, person, who.login, why, now_ms)
        audit.record(conn, now_ms, who.login, "tablet.handed_over", device, person=person, why=why)

    console.db.write(run)
    return go(request, f"/campaigns/{campaign}/tablets?done=handed_over")
