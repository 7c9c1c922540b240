"""Evaluation: the score table by grade band, its downloads, and the freeze."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from server.access import audit
from server.console.context import console_of, signed_in
from server.console.policy import allow
from server.console.render import AnyRequest, go, show
from server.evaluation import exports
from server.evaluation.freeze import freeze
from server.storage import console_inspection as store
from server.storage import console_reads as reads
from server.storage.database import Connection

SCORES = allow("evaluator", read="read.scores")
EXPORT = allow("evaluator", read="read.export")

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
JSON = "application/json"


@get("/campaigns/{campaign:str}/scores", opt=SCORES, sync_to_thread=True)
def scores(request: AnyRequest, campaign: FromPath[str], done: FromQuery[str] = "") -> Response[str]:
    """The table as it is frozen, or as it stands. By grade band and unit code: it ranks nobody."""

    def load(conn: Connection) -> Mapping[str, Any]:
        table = exports.table(conn, campaign)
        grades = [grade.code for grade in table.checklist.policy.grades]
        bands: dict[str, list[exports.Scored]] = {code: [] for code in [*grades, "open", "none"]}
        for scored in sorted(table.scored, key=lambda one: (one.row.unit, one.row.inspection)):
            bands[_band(scored)].append(scored)
        freezes = reads.freezes(conn, campaign)
        return {
            "table": table,
            "bands": [(code, rows) for code, rows in bands.items() if rows],
            "figures": [figure for scored in table.scored for figure in _figures(scored)],
            "freezes": freezes,
            "names": store.person_names(conn, [one.by for one in freezes]),
            "later": reads.after_freeze(conn, campaign, table.version),
            "done": "frozen" if done == "frozen" else "",
        }

    return show(request, "scores.html", load, page="scores", campaign=campaign)


def _band(scored: exports.Scored) -> str:
    if scored.sheet.grade is not None:
        return scored.sheet.grade
    return "open" if scored.sheet.status == "open" else "none"


def _figures(scored: exports.Scored) -> list[Decimal | None]:
    return [figure for section in scored.sheet.sections for figure in (section.low, section.high)]


@get("/campaigns/{campaign:str}/scores.csv", opt=EXPORT, sync_to_thread=True)
def scores_csv(request: AnyRequest, campaign: FromPath[str]) -> Response[bytes]:
    """The score table for any spreadsheet."""
    return _file(request, campaign, exports.export_csv, CSV, "csv")


@get("/campaigns/{campaign:str}/scores.xlsx", opt=EXPORT, sync_to_thread=True)
def scores_xlsx(request: AnyRequest, campaign: FromPath[str]) -> Response[bytes]:
    """The score table, every deduction and every finding as a workbook."""
    return _file(request, campaign, exports.export_xlsx, XLSX, "xlsx")


@get("/campaigns/{campaign:str}/scores.json", opt=EXPORT, sync_to_thread=True)
def scores_json(request: AnyRequest, campaign: FromPath[str]) -> Response[bytes]:
    """The score table with every trace."""
    return _file(request, campaign, exports.export_json, JSON, "json")


def _file(
    request: AnyRequest,
    campaign: str,
    export: Callable[[Connection, str], bytes],
    media_type: str,
    suffix: str,
) -> Response[bytes]:
    content = console_of(request).db.read(lambda conn: export(conn, campaign))
    name = "".join(one for one in campaign if one.isascii() and (one.isalnum() or one in "-_")) or "campaign"
    headers = {"content-disposition": f'attachment; filename="{name}-scores.{suffix}"'}
    return Response(content, media_type=media_type, headers=headers)


@post("/campaigns/{campaign:str}/freeze", opt=allow("evaluator"), status_code=200, sync_to_thread=True)
def freeze_scores(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Freezes the scores as they stand. Raises freeze_blocked, naming the units that are not ready."""
    console = console_of(request)
    who = signed_in(request)
    now_ms = console.clock()

    def run(conn: Connection) -> str:
        made = freeze(conn, campaign, who.login, now_ms)
        audit.record(conn, now_ms, who.login, "freeze", campaign, freeze=made)
        return made

    console.db.write(run)
    return go(request, f"/campaigns/{campaign}/scores?done=frozen")
