"""One-time codes: made for a named person, shown once on the screen and on paper, and withdrawn."""

from typing import NamedTuple

import segno
from litestar import Response, post
from litestar.params import FromPath
from markupsafe import Markup

from server.access import audit, devices
from server.console.context import console_of, signed_in
from server.console.forms import value
from server.console.policy import allow
from server.console.render import AnyRequest, go, show
from server.console.words import Words
from server.storage import console_registers as registers
from server.storage import console_tablets as store
from server.storage import devices as registered
from server.storage.console_registers import PersonLine
from server.storage.database import Connection
from shared_schema.ids import ID_BYTES, make_id
from shared_schema.problems import Problem
from shared_schema.square_code import EnrolmentCode

MINUTE_MS = 60 * 1000
PERIODS = {"10m": 10 * MINUTE_MS, "1d": 24 * 60 * MINUTE_MS, "7d": 7 * 24 * 60 * MINUTE_MS}
"""How long a code may be good: at the desk, until tomorrow, or on paper that travels to the squad."""
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read as something else
CODE_LENGTH = 10  # 50 bits, good once, and whoever guesses is told to wait


class Crew(NamedTuple):
    """A squad and the people a tablet of it may be handed to, leader first."""

    squad: str
    name_zh: str
    name_en: str
    people: list[PersonLine]


def choices(conn: Connection, campaign: str) -> list[Crew]:
    """The campaign's squads with their members."""
    rows = registers.people(conn, campaign)
    return [
        Crew(
            *squad,
            sorted((row for row in rows if row.squad == squad[0]), key=lambda row: row.role != "leader"),
        )
        for squad in registers.squads(conn, campaign)
    ]


def member(conn: Connection, campaign: str, given: str) -> tuple[str, str]:
    """Squad and person of a form's `squad/person`; nobody in particular where it ends with the stroke.

    Raises form_invalid.
    """
    squad, _, person = given.partition("/")
    crew = next((one for one in choices(conn, campaign) if one.squad == squad), None)
    if crew is None or (person and person not in {one.id for one in crew.people}):
        raise Problem("form_invalid", field="for", cure="请选择持有人 / choose who gets it")
    return squad, person


@post(
    "/campaigns/{campaign:str}/tablets/codes", opt=allow("coordinator"), status_code=200, sync_to_thread=True
)
def make_code(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """A one-time code for one tablet, shown this once: only its hash is kept. Printed, it is a sheet for its holder."""
    console, who = console_of(request), signed_in(request)
    period, replaces = value(request, "period") or "10m", value(request, "replaces")
    if period not in PERIODS:
        raise Problem("form_invalid", field="period", cure="请选择有效期 / choose how long it is good")
    now_ms = console.clock()
    code = make_code_text(console.entropy(CODE_LENGTH))
    device = make_id(console.entropy(ID_BYTES))
    until_ms = now_ms + PERIODS[period]

    def run(conn: Connection) -> tuple[str, str]:
        squad, person = member(conn, campaign, value(request, "for"))
        if replaces and replaces not in {one.id for one in store.tablets(conn, campaign)}:
            raise Problem("not_found", what=replaces)
        devices.make_enrolment(conn, squad, code, device, until_ms, holder=person, replaces=replaces)
        facts = {"squad": squad, "holder": person, "period": period, "replaces": replaces}
        audit.record(
            conn,
            now_ms,
            who.login,
            "tablet.code",
            device,
            **{key: text for key, text in facts.items() if text},
        )
        return squad, person

    squad, person = console.db.write(run)
    server = str(request.base_url).rstrip("/")

    def load(conn: Connection) -> dict[str, object]:
        crew = next(one for one in choices(conn, campaign) if one.squad == squad)
        return {
            "code": code,
            "server": server,
            "qr": qr_picture(EnrolmentCode(server, code).text),
            "expires_at_ms": until_ms,
            "period": period,
            "crew": crew,
            "holder": next((one for one in crew.people if one.id == person), None),
            "replaces": store.names(conn, [replaces]).get(replaces, replaces),
            "both": (Words("zh"), Words("en")),
        }

    return show(request, "tablet_code.html", load, page="tablets", campaign=campaign)


@post(
    "/campaigns/{campaign:str}/tablets/withdraw",
    opt=allow("coordinator", "secadmin"),
    status_code=200,
    sync_to_thread=True,
)
def withdraw(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Takes back a code that nobody has used yet."""
    console, who, device = console_of(request), signed_in(request), value(request, "device")
    now_ms = console.clock()

    def run(conn: Connection) -> None:
        ours = {one.device for one in store.codes(conn, campaign, now_ms)}
        if device not in ours or not registered.drop_enrolment(conn, device):
            raise Problem("not_found", what=device)
        audit.record(conn, now_ms, who.login, "tablet.code_withdrawn", device)

    console.db.write(run)
    return go(request, f"/campaigns/{campaign}/tablets?done=withdrawn")


def make_code_text(entropy: bytes) -> str:
    """A code for people to type, two groups of five."""
    letters = "".join(CODE_ALPHABET[byte % len(CODE_ALPHABET)] for byte in entropy)
    return f"{letters[:5]}-{letters[5:]}"


def qr_picture(text: str) -> Markup:
    """A QR code drawn as SVG in the colour of ink, without a style of its own."""
    picture = segno.make(text, micro=False, error="m")
    return Markup(picture.svg_inline(scale=5, border=0, svgclass="qr", lineclass=None, omitsize=True))  # noqa: S704
