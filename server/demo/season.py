"""`hucha demo`: plays a whole season and, unless told otherwise, keeps serving it.

The flow: files → draw → registers and enrolment codes in the database → the embedded server on
127.0.0.1 → scripts for the squads, played by `mobile.replay` in processes of their own over real HTTP
→ the coordinator returns or accepts each inspection → the evaluator freezes → three score files,
a summary, and what is printed. Nothing here computes a score or merges an answer.
"""

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import msgspec
from server.access.devices import make_enrolment
from server.app import create_app
from server.intake.desk import record

from server.access.accounts import put_account
from server.demo import telling
from server.demo.plan import Plan, Team, make_plan, profile
from server.demo.script import Member, Step, VisitScript, at_start, earlier_id, enrolments
from server.evaluation.exports import csv_bytes, json_bytes, table, xlsx_bytes
from server.evaluation.freeze import freeze, recompute_all
from server.follow_up.yearly_report import yearly_report
from server.settings import Settings
from server.storage import evaluation as store
from server.storage import registers
from server.storage.database import Connection, Database
from shared_schema.chance import Chance
from shared_schema.checklist import checklist_hash, to_bytes
from shared_schema.operations import Accepted, Body, Returned
from shared_schema.problems import Problem

MARK = ".hucha-demo"
PLAYERS = 2  # processes that play tablets; the machine the demo is sized for has two cores
SECOND_LOOK = 2  # visits sent back although nothing is open, as a coordinator does
DAY_MS = 24 * 3600 * 1000
YEAR_MS = 365 * DAY_MS


def play(*, out: Path, seed: int, port: int, once: bool) -> None:
    """Play the season for a seed into a folder. Raises file_invalid, store_in_use, freeze_blocked."""
    began = time.monotonic()
    _empty(out)
    plan = make_plan(seed)
    campaign = plan.registers.season.campaign.code
    _say(f"抽签 draw: {len(plan.drawn.assignments)} 个单位 units, {len(plan.teams)} 个检查组 squads")
    settings = Settings(data=out, host="127.0.0.1", port=_free_port(port, fixed=not once))
    with _serving(settings, plan) as db:
        scripts = {script.visit.inspection: script for team in plan.teams for script in _scripts(plan, team)}
        parts = {team.squad: list(_first_part(plan, team, scripts)) for team in plan.teams}
        _play_parts(
            out, settings, "visits", parts, lambda: db.read(lambda c: _handed_in(c, campaign)), len(scripts)
        )
        _coordinate(db, plan, out, settings, scripts)
        version = db.write(lambda conn: freeze(conn, campaign, "evaluator", _season_end_ms(plan)))
        _deliver(db, plan, out, version)
        _say(f"用时 took {time.monotonic() - began:.1f} s")
        if not once:
            _invite(db, plan, settings)


# --- the parts ----------------------------------------------------------------------------------------


def _empty(out: Path) -> None:
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise Problem(
            "form_invalid",
            field=f"--out {out}",
            cure="文件夹不为空且不是演示目录 / not empty and not a demo folder",
        )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).touch()


def _free_port(port: int, *, fixed: bool) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port if fixed else 0))
        except OSError as err:
            cure = "端口被占用，请用 --port 另选 / the port is taken, choose another with --port"
            raise Problem("form_invalid", field=f"--port {port}", cure=cure) from err
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _serving(settings: Settings, plan: Plan) -> Iterator[Database]:
    """The embedded server with the season's registers in it, for as long as the block lasts."""
    import uvicorn

    with contextlib.closing(Database.open(settings.database_url)) as db:
        db.write(lambda conn: _register(conn, plan))
        config = uvicorn.Config(
            create_app(settings, db),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, name="demo server", daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise Problem("store_in_use", path=f"{settings.host}:{settings.port}")
                time.sleep(0.02)
            yield db
        finally:
            server.should_exit = True
            thread.join()


def _register(conn: Connection, plan: Plan) -> None:
    season, checklist = plan.registers.season, plan.checklist
    named = checklist_hash(checklist)
    registers.put_units(
        conn,
        [
            {
                "id": unit.code,
                "name_zh": unit.name_zh,
                "name_en": unit.name_en,
                "kind": unit.kind,
                "parent_area": unit.parent_area,
                "parent_system": unit.parent_system,
                "address": unit.address,
                "contact": unit.contact,
                "profile": profile(unit),
            }
            for unit in plan.registers.units
        ],
    )
    registers.put_people(
        conn,
        [
            {
                "id": person.id,
                "name_zh": person.name_zh,
                "name_en": person.name_en,
                "unit": person.unit,
                "experienced": person.experienced,
                "certified_no": person.certified_no,
                "certified_until": "" if person.valid_to is None else person.valid_to.isoformat(),
            }
            for person in plan.registers.people
        ],
    )
    registers.put_inventory(conn, [msgspec.to_builtins(device) for device in plan.registers.inventory])
    registers.put_earlier_findings(
        conn,
        [
            {
                "id": earlier_id(found),
                "unit": found.unit,
                "year": found.found_on.year,
                "item": found.item,
                "fact": found.fact_zh,
                "open": True,
            }
            for found in plan.registers.last_findings
        ],
    )
    registers.put_checklist(
        conn,
        {
            "hash": named,
            "code": checklist.code,
            "version": checklist.version,
            "title_zh": checklist.title.zh,
            "title_en": checklist.title.en,
            "content": to_bytes(checklist),
        },
    )
    registers.put_campaign(
        conn,
        {
            "id": season.campaign.code,
            "year": season.campaign.year,
            "kind": season.campaign.kind,
            "title_zh": season.campaign.title.zh,
            "title_en": season.campaign.title.en,
            "checklist": named,
            "state": "open",
            "draw_seed": plan.drawn.seed,
            "draw": msgspec.to_builtins(plan.drawn),
        },
    )
    for team in plan.teams:
        squad = {
            "id": team.squad,
            "campaign": season.campaign.code,
            "name_zh": team.name_zh,
            "name_en": team.name_en,
        }
        members = [{"squad": team.squad, "person": one.person.id, "role": one.role} for one in team.members]
        registers.put_squads(conn, [squad], members)
        registers.put_inspections(
            conn,
            [
                {
                    "id": visit.inspection,
                    "campaign": season.campaign.code,
                    "unit": visit.unit.code,
                    "squad": team.squad,
                    "planned_date": visit.date.isoformat(),
                    "checklist": named,
                    "responsible_person": team.members[0].person.id,
                }
                for visit in team.visits
            ],
        )
        for one in team.members:
            make_enrolment(conn, team.squad, one.code, one.tablet, _now_ms() + DAY_MS)
    for account in plan.registers.accounts:
        put_account(conn, account.login, account.name, account.role, account.password)


def _scripts(plan: Plan, team: Team) -> list[VisitScript]:
    return [VisitScript(visit, plan.checklist, plan.phrases, plan.seed) for visit in team.visits]


def _first_part(plan: Plan, team: Team, scripts: dict[str, VisitScript]) -> Iterator[Step]:
    members = [Member(one.person.id, one.role) for one in team.members if one.role != "officer"]
    codes = {one.person.id: one.code for one in team.members}
    first_ms = scripts[team.visits[0].inspection].start_ms - DAY_MS
    yield from enrolments(members, codes, first_ms, plan.seed)
    for visit in team.visits:
        yield from scripts[visit.inspection].steps()


def _play_parts(
    out: Path,
    settings: Settings,
    name: str,
    parts: dict[str, Sequence[Step]],
    done: Callable[[], int],
    expected: int,
) -> None:
    """Play one script for each squad, in so many processes at a time, showing how far they are."""
    folder = out / "scripts"
    folder.mkdir(exist_ok=True)
    shares: list[list[str]] = [[] for _ in range(PLAYERS)]
    for number, (squad, steps) in enumerate(parts.items()):
        path = folder / f"{name}-{squad}.jsonl"
        path.write_bytes(b"\n".join(map(msgspec.json.encode, steps)) + b"\n")
        shares[number % PLAYERS].append(str(path))
    log = out / f"{name}.log"
    with log.open("wb") as errors:
        players = [
            subprocess.Popen(  # noqa: S603 our own program
                [
                    sys.executable,
                    "-m",
                    "mobile.replay",
                    *share,
                    "--server",
                    settings.url,
                    "--out",
                    str(out / "tablets"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            for share in shares
            if share
        ]
        try:
            while any(player.poll() is None for player in players):
                _progress(name, done(), expected)
                time.sleep(0.5)
        finally:
            for player in players:
                player.kill() if player.poll() is None else None
    _progress(name, done(), expected)
    click.echo()
    if any(player.returncode for player in players):
        raise RuntimeError(f"a tablet's script failed, see {log}:\n{log.read_text()[-2000:]}")


def _coordinate(
    db: Database, plan: Plan, out: Path, settings: Settings, scripts: dict[str, VisitScript]
) -> None:
    """The coordinator sends back what is still open and a few for a second look, and accepts the rest."""
    campaign = plan.registers.season.campaign.code
    rows = db.read(lambda conn: store.sheet_rows(conn, campaign))
    unclear = [row.inspection for row in rows if db.read(lambda c, row=row: store.is_open(c, row.inspection))]
    clear = [row.inspection for row in rows if row.inspection not in unclear]
    back = [*unclear, *Chance(f"{plan.seed}/second look").sample(clear, SECOND_LOOK)]
    for inspection in back:
        remark = "有分歧未解决，请组长处理后重新提交" if inspection in unclear else "请补充说明检查方式"
        _decide(db, plan, scripts[inspection], Returned(remarks=(("", remark),)))
    _say(f"退回 returned: {len(back)}")
    squads = {visit.inspection: team.squad for team in plan.teams for visit in team.visits}
    parts: dict[str, list[Step]] = {}
    for inspection in sorted(back):
        parts.setdefault(squads[inspection], []).extend(scripts[inspection].again())
    before = len(rows) - len(back)
    _play_parts(
        out,
        settings,
        "returned",
        parts,
        lambda: db.read(lambda c: _handed_in(c, campaign)) - before,
        len(back),
    )
    for script in scripts.values():
        _decide(db, plan, script, Accepted())
    _say(f"接收 accepted: {len(scripts)}")


def _decide(db: Database, plan: Plan, script: VisitScript, body: Body) -> None:
    """One operation of the coordinator, replacing the stage as it stands."""
    script.now_ms += DAY_MS
    entropy = Chance(f"{plan.seed}/console/{script.visit.inspection}/{script.now_ms}").bytes(16)
    db.write(
        lambda conn: record(
            conn,
            script.visit.inspection,
            person="coordinator",
            role="coordinator",
            body=body,
            now_ms=script.now_ms,
            entropy=entropy,
        )
    )


def _deliver(db: Database, plan: Plan, out: Path, version: str) -> None:
    """The score files, the summary, and what a newcomer sees."""
    season = plan.registers.season
    campaign = season.campaign.code
    made_of = db.read(lambda conn: table(conn, campaign))
    (out / "scores.csv").write_bytes(csv_bytes(made_of))
    (out / "scores.xlsx").write_bytes(xlsx_bytes(made_of))
    (out / "scores.json").write_bytes(json_bytes(made_of))
    last = msgspec.to_builtins(season.last_year)
    figures, lines = db.read(lambda conn: yearly_report(conn, campaign, last))
    recomputed = db.read(recompute_all)
    grades = {
        grade.code: sum(one.sheet.grade == grade.code for one in made_of.scored)
        for grade in plan.checklist.policy.grades
    }
    summary = {
        "campaign": campaign,
        "seed": plan.seed,
        "version": version,
        "counts": figures._asdict(),
        "last_year": last,
        "grades": grades,
        "recomputed_sheets": recomputed.sheets,
        "recomputed_differences": list(recomputed.differences),
    }
    (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")
    people = {person.id: person.name_zh for person in plan.registers.people}
    hashes = db.read(lambda conn: store.operation_hashes(conn, campaign))
    click.echo(telling.report(lines))
    click.echo(telling.bands(made_of))
    click.echo(telling.trace(made_of, people, hashes))
    click.echo()
    _say(
        f"冻结 frozen {version}：重算 recomputed {recomputed.sheets}, 不同 differences {len(recomputed.differences)}"
    )
    _say(
        "文件 files: "
        + "  ".join(str(out / name) for name in ("scores.csv", "scores.xlsx", "scores.json", "summary.json"))
    )


def _invite(db: Database, plan: Plan, settings: Settings) -> None:
    """The addresses and accounts to try, until the user stops the server."""
    team = plan.teams[0]
    code = f"demo-{time.time_ns() % 10**8:08}"
    db.write(lambda conn: make_enrolment(conn, team.squad, code, f"T{code[-8:]}", _now_ms() + YEAR_MS))
    click.echo(f"\n控制台 console   {settings.url}/")
    for account in plan.registers.accounts:
        click.echo(f"  {account.login:<14}{account.password:<28}{account.role}")
    click.echo(f"平板 tablet      .venv/bin/hucha-tablet --server {settings.url} --enrol {code}")
    click.echo("按 Ctrl-C 结束 / Ctrl-C ends it", nl=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


# --- small --------------------------------------------------------------------------------------------


def _handed_in(conn: Connection, campaign: str) -> int:
    return store.handed_in(conn, campaign)


def _season_end_ms(plan: Plan) -> int:
    return at_start(plan.registers.season.window.last) + 30 * DAY_MS


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _progress(name: str, done: int, expected: int) -> None:
    words = {"visits": "检查 visits", "returned": "退回后重交 resubmitted"}[name]
    bar = "█" * (30 * done // max(expected, 1))
    click.echo(f"\r{words} {bar:<30} {done} / {expected}", nl=False)


def _say(text: str) -> None:
    click.echo(text)
