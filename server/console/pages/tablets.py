"""Tablets: which are enrolled, one-time codes for new ones, and taking a lost one out."""

from collections.abc import Mapping
from typing import Any

import segno
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from markupsafe import Markup

from server.access import audit, devices
from server.console.context import console_of, signed_in
from server.console.forms import value
from server.console.policy import allow
from server.console.render import AnyRequest, go, show
from server.storage import console_progress as board
from server.storage import console_registers as registers
from server.storage.database import Connection
from shared_schema.ids import ID_BYTES, make_id
from shared_schema.problems import Problem

CODE_MS = 10 * 60 * 1000
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read as something else
CODE_LENGTH = 10  # 50 bits, good once, for ten minutes


@get("/campaigns/{campaign:str}/tablets", opt=allow("coordinator", "secadmin"), sync_to_thread=True)
def tablets(request: AnyRequest, campaign: FromPath[str], done: FromQuery[str] = "") -> Response[str]:
    """Every tablet of the campaign's squads."""
    now_ms = console_of(request).clock()

    def load(conn: Connection) -> Mapping[str, Any]:
        return {
            "rows": board.tablets(conn, campaign),
            "squads": registers.squads(conn, campaign),
            "codes": registers.enrolments(conn, campaign, now_ms),
            "done": "revoked" if done == "revoked" else "",
        }

    return show(request, "tablets.html", load, page="tablets", campaign=campaign)


@post(
    "/campaigns/{campaign:str}/tablets/codes", opt=allow("coordinator"), status_code=200, sync_to_thread=True
)
def make_code(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """A one-time code for one tablet of a squad, shown this once: only its hash is kept."""
    console, who, squad = console_of(request), signed_in(request), value(request, "squad")
    now_ms = console.clock()
    code = make_code_text(console.entropy(CODE_LENGTH))
    device = make_id(console.entropy(ID_BYTES))

    def run(conn: Connection) -> None:
        if squad not in {one[0] for one in registers.squads(conn, campaign)}:
            raise Problem("form_invalid", field="squad", cure="请选择分队 / choose a squad")
        devices.make_enrolment(conn, squad, code, device, now_ms + CODE_MS)
        audit.record(conn, now_ms, who.login, "tablet.code", device, squad=squad)

    console.db.write(run)
    server = str(request.base_url).rstrip("/")
    picture = segno.make(f"hucha-enrol {server} {code}", micro=False, error="m")
    drawn = Markup(picture.svg_inline(scale=5, border=0, svgclass="qr", lineclass=None, omitsize=True))  # noqa: S704
    return show(
        request,
        "tablet_code.html",
        lambda conn: {
            "code": code,
            "server": server,
            "qr": drawn,
            "expires_at_ms": now_ms + CODE_MS,
            "squad": next(one for one in registers.squads(conn, campaign) if one[0] == squad),
        },
        page="tablets",
        campaign=campaign,
    )


def make_code_text(entropy: bytes) -> str:
    """A code for people to type, two groups of five."""
    letters = "".join(CODE_ALPHABET[byte % len(CODE_ALPHABET)] for byte in entropy)
    return f"{letters[:5]}-{letters[5:]}"


@post("/campaigns/{campaign:str}/tablets/revoke", opt=allow("secadmin"), status_code=200, sync_to_thread=True)
def revoke(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Takes a tablet out: its next contact is refused."""
    console, who, device = console_of(request), signed_in(request), value(request, "device")
    now_ms = console.clock()

    def run(conn: Connection) -> None:
        if device not in {one.id for one in board.tablets(conn, campaign)}:
            raise Problem("not_found", what=device)
        devices.revoke(conn, device, now_ms)
        audit.record(conn, now_ms, who.login, "tablet.revoked", device)

    console.db.write(run)
    return go(request, f"/campaigns/{campaign}/tablets?done=revoked")
