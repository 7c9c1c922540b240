"""Packages by hand: taking in what came on a stick, giving receipts and assignments to carry, and their paper."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from anyio import to_thread
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import File

from server.access import audit
from server.console.context import console_of, signed_in
from server.console.forms import value
from server.console.policy import allow
from server.console.render import AnyRequest, go, is_fragment, part, show
from server.console.streaming import arriving, is_streamed
from server.console.words import Words
from server.intake import package_desk
from server.intake.package_desk import Handed, Outcome
from server.intake.packages import NEW
from server.storage import console_inspection as people
from server.storage import console_packages as store
from server.storage import console_tablets
from server.storage import packages as register
from server.storage.console_tablets import TabletLine
from server.storage.database import Connection
from server.storage.packages import PackageRow
from shared_schema.package import PACKAGE_BYTES_MAX
from shared_schema.problems import Problem

COORDINATOR = allow("coordinator")
FORM_ROOM_BYTES = 4 * 1024 * 1024
"""What a form with a thousand files has besides them."""
LIST_ROWS_MAX = 200
REFUSED_ROWS_MAX = 20
GIVEN_MAX = 100
WAITING = ("refused", "id_reused")


class Sums(NamedTuple):
    """What became of a package's operations."""

    fresh: int
    known: int
    waiting: int


def sums(row: PackageRow) -> Sums:
    """Of one package: new ones, those that were here already, those that wait in quarantine."""
    became = Counter(json.loads(row.facts).get("became", {}))
    return Sums(sum(became[one] for one in NEW), became["duplicate"], sum(became[one] for one in WAITING))


@get("/campaigns/{campaign:str}/packages", opt=COORDINATOR, sync_to_thread=True)
def packages(
    request: AnyRequest, campaign: FromPath[str], given: FromQuery[str] = "", keyless: FromQuery[str] = ""
) -> Response[str]:
    """What came, what was given, what still lacks volumes, what was refused; and the forms for more."""
    return _list(request, campaign, given=given, keyless=keyless)


def _list(
    request: AnyRequest,
    campaign: str,
    *,
    outcomes: Sequence[Outcome] = (),
    given: str = "",
    keyless: str = "",
) -> Response[str]:
    waiting = console_of(request).package_files.waiting()
    fresh, lacking = frozenset(given.split(",")), frozenset(keyless.split(","))

    def load(conn: Connection) -> Mapping[str, Any]:
        came, went = store.lines(conn, campaign, LIST_ROWS_MAX)
        refused = store.refused(conn, campaign, REFUSED_ROWS_MAX)
        named = {one.package.by for one in (*came, *went)} | {one.who for one in refused}
        tablets = console_tablets.tablets(conn, campaign)
        taken = {one.row.device for one in outcomes if one.row}
        return {
            "outcomes": outcomes,
            "names": console_tablets.names(conn, taken),
            "homes": {one: register.campaign_of(conn, one) for one in taken},
            "came": came,
            "went": went,
            "given": [one for one in went if one.package.digest in fresh],
            "keyless": [one for one in tablets if one.id in lacking],
            "receipts": {one.package.answers: one.package for one in went if one.package.answers},
            "refused": refused,
            "waiting": waiting,
            "people": people.person_names(conn, named),
            "squads": _squads(tablets),
            "sums": sums,
            "limit_bytes": PACKAGE_BYTES_MAX,
        }

    return show(request, "packages.html", load, page="packages", campaign=campaign)


def _squads(tablets: Sequence[TabletLine]) -> list[tuple[TabletLine, list[TabletLine]]]:
    """By squad (named by its first), the tablets that may still be told anything."""
    found: dict[str, list[TabletLine]] = {}
    for one in tablets:
        if one.revoked_at_ms is None:
            found.setdefault(one.squad, []).append(one)
    return [(of_squad[0], of_squad) for of_squad in found.values()]


@post(
    "/campaigns/{campaign:str}/packages/take",
    opt=allow("coordinator", streamed=True),
    status_code=200,
    request_max_body_size=PACKAGE_BYTES_MAX + FORM_ROOM_BYTES,
)
async def take(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Takes in files of packages; each is taken or refused by itself, and the page says which and why."""
    console, who = console_of(request), signed_in(request)
    if not is_streamed(request):
        raise Problem("form_invalid", field="files", cure="请选择交换包文件 / choose the files of a package")
    await to_thread.run_sync(console.package_files.check_room, request.content_length or 0)
    async with arriving(request, console.package_files.arriving) as files:
        if not files:
            raise Problem(
                "form_invalid", field="files", cure="请选择交换包文件 / choose the files of a package"
            )
        work = partial(
            package_desk.take_all,
            console.way,
            [Handed(one.path, one.name) for one in files],
            campaign=campaign,
            by=who.login,
            now_ms=console.clock(),
        )
        outcomes = await to_thread.run_sync(work)
    return await to_thread.run_sync(partial(_list, request, campaign, outcomes=outcomes))


@post("/campaigns/{campaign:str}/packages/give", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def give(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Makes a package for a tablet, or one for each tablet of a squad: assignments, and what they were not told."""
    console, who, wanted = console_of(request), signed_in(request), value(request, "for")

    def chosen(conn: Connection) -> list[str]:
        squads = _squads(console_tablets.tablets(conn, campaign))
        return [
            one.id for first, squad in squads for one in squad if wanted in (one.id, f"squad/{first.squad}")
        ]

    devices = console.db.read(chosen)
    if not devices:
        raise Problem("form_invalid", field="for", cure="请选择平板或分队 / choose a tablet or a squad")
    given = package_desk.give_all(console.way, devices[:GIVEN_MAX], by=who.login, now_ms=console.clock())
    told = {"given": ",".join(one.digest for one in given.made), "keyless": ",".join(given.keyless)}
    return go(request, f"/campaigns/{campaign}/packages?{urlencode(told, safe=',')}")


@post("/campaigns/{campaign:str}/packages/discard", opt=COORDINATOR, status_code=200, sync_to_thread=True)
def discard(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Removes the volumes of a set that will not become whole."""
    console, who, digest = console_of(request), signed_in(request), value(request, "package")
    if digest not in {volume.package for volume, _ in console.package_files.waiting()}:
        raise Problem("not_found", what=digest[:12])
    now_ms = console.clock()
    console.db.write(lambda conn: audit.record(conn, now_ms, who.login, "package.discarded", digest))
    console.package_files.forget(digest)
    return go(request, f"/campaigns/{campaign}/packages")


@get("/campaigns/{campaign:str}/packages/{digest:str}", opt=COORDINATOR, sync_to_thread=True)
def package(request: AnyRequest, campaign: FromPath[str], digest: FromPath[str]) -> Response[str]:
    """One package, down to the numbers it carries; printed, it is the paper that travels with the file."""

    def load(conn: Connection) -> Mapping[str, Any]:
        row = _row(conn, campaign, digest)
        tablet = next(one for one in console_tablets.tablets(conn, campaign) if one.id == row.device)
        about = row if row.direction == "in" else register.get(conn, row.answers) if row.answers else None
        return {
            "place": campaign,
            "one": row,
            "tablet": tablet,
            "about": about,
            "told": None if about is None else sums(about),
            "spans": [] if about is None else json.loads(about.facts).get("spans", []),
            "receipt": register.receipt_of(conn, row.digest) if row.direction == "in" else None,
            "people": people.person_names(conn, [row.by, *([about.by] if about else [])]),
            "both": (Words("zh"), Words("en")),
            "version": f"{campaign} {row.code}",
        }

    if is_fragment(request):
        return part(request, "package.html", lambda conn: {**load(conn), "frame": "sheet.html"})
    return show(
        request,
        "package.html",
        lambda conn: {**load(conn), "frame": "package_page.html"},
        page="packages",
        campaign=campaign,
    )


def _row(conn: Connection, campaign: str, digest: str) -> PackageRow:
    row = store.one(conn, campaign, digest)
    if row is None:
        raise Problem("not_found", what=digest[:12])
    return row


@get(
    "/campaigns/{campaign:str}/packages/{digest:str}/file",
    opt=allow("coordinator", read="read.package"),
    sync_to_thread=True,
)
def package_file(request: AnyRequest, campaign: FromPath[str], digest: FromPath[str]) -> File:
    """The file to carry to a tablet. It is sealed to that tablet's key."""
    console = console_of(request)
    row = console.db.read(lambda conn: _row(conn, campaign, digest))
    path = console.package_files.given(row.digest)
    if row.direction != "out" or not path.is_file():
        raise Problem("not_found", what=row.code)
    return File(
        path,
        filename=f"hucha-{row.code}.hcx",
        media_type="application/octet-stream",
        content_disposition_type="attachment",
        headers={"content-security-policy": "default-src 'none'; sandbox"},
    )
