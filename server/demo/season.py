"""`hucha demo`: plays a whole season and, unless told otherwise, keeps serving it.

The flow: files → draw → registers and enrolment codes in the database → the embedded server on
127.0.0.1 → scripts for the squads, played by `mobile.replay` in processes of their own over real HTTP
→ the coordinator returns or accepts each inspection → the evaluator freezes → three score files,
a summary, and what is printed. Nothing here computes a score or merges an answer.
"""

import contextlib
import errno
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click
import msgspec

from server.access.devices import make_enrolment
from server.app import running
from server.demo import telling
from server.demo.plan import Plan, Team, make_plan
from server.demo.registering import register, register_trial
from server.demo.script import Member, Step, VisitScript, at_start, enrolments
from server.evaluation.exports import csv_bytes, json_bytes, table, xlsx_bytes
from server.evaluation.freeze import freeze, recompute_all
from server.follow_up.yearly_report import yearly_report
from server.intake.desk import record
from server.settings import Settings
from server.storage import evaluation as store
from server.storage.database import Connection, Database
from shared_schema.chance import Chance
from shared_schema.ids import digest
from shared_schema.operations import ID_LENGTH, Accepted, Body, Returned
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
    settings = Settings(data=out, host="127.0.0.1", port=0 if once else port, log_level="warning")
    with contextlib.closing(Database.open(settings.database_url)) as db, _serving(settings, db) as url:
        db.write(lambda conn: register(conn, plan, _now_ms() + DAY_MS))
        scripts = {script.visit.inspection: script for team in plan.teams for script in _scripts(plan, team)}
        parts = {str(team.squad): list(_first_part(plan, team, scripts)) for team in plan.teams}
        _play_parts(
            out,
            url,
            plan.seed,
            "visits",
            parts,
            lambda: db.read(lambda c: _handed_in(c, campaign)),
            len(scripts),
        )
        _coordinate(db, plan, out, url, scripts)
        version = db.write(lambda conn: freeze(conn, campaign, "evaluator", _season_end_ms(plan)))
        _deliver(db, plan, out, version)
        _say(f"用时 took {time.monotonic() - began:.1f} s")
        if not once:
            _invite(db, plan, url)


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


@contextlib.contextmanager
def _serving(settings: Settings, db: Database) -> Iterator[str]:
    try:
        with running(settings, db) as url:
            yield url
    except OSError as err:
        if err.errno != errno.EADDRINUSE:
            raise
        cure = "端口被占用，请用 --port 另选 / the port is taken, choose another with --port"
        raise Problem("form_invalid", field=f"--port {settings.port}", cure=cure) from err


def _scripts(plan: Plan, team: Team) -> list[VisitScript]:
    return [VisitScript(visit, plan.checklist, plan.phrases, plan.seed) for visit in team.visits]


def _first_part(plan: Plan, team: Team, scripts: dict[str, VisitScript]) -> Iterator[Step]:
    members = [Member(one.person.id, one.role) for one in team.members if one.role != "officer"]
    codes = {str(one.person.id): one.code for one in team.members}
    first_ms = scripts[team.visits[0].inspection].start_ms - DAY_MS
    yield from enrolments(members, codes, first_ms, plan.seed)
    for visit in team.visits:
        yield from scripts[visit.inspection].steps()


def _play_parts(
    out: Path,
    url: str,
    seed: str,
    name: str,
    parts: Mapping[str, Sequence[Step]],
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
                    url,
                    "--out",
                    str(out / "tablets"),
                    "--seed",
                    seed,
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


def _coordinate(db: Database, plan: Plan, out: Path, url: str, scripts: dict[str, VisitScript]) -> None:
    """The coordinator sends back what is still open and a few for a second look, and accepts the rest."""
    campaign = plan.registers.season.campaign.code
    rows = db.read(lambda conn: store.sheet_rows(conn, campaign))
    unclear = db.read(lambda conn: [row.inspection for row in rows if store.is_open(conn, row.inspection)])
    clear = [row.inspection for row in rows if row.inspection not in unclear]
    back = [*unclear, *Chance(f"{plan.seed}/second look").sample(clear, SECOND_LOOK)]
    for inspection in back:
        remark = "有分歧未解决，请组长处理后重新提交" if inspection in unclear else "请补充说明检查方式"
        _decide(db, scripts[inspection], Returned(remarks=(("", remark),)))
    _say(f"退回 returned: {len(back)}")
    squads = {visit.inspection: team.squad for team in plan.teams for visit in team.visits}
    parts: dict[str, list[Step]] = {}
    for inspection in sorted(back):
        parts.setdefault(squads[inspection], []).extend(scripts[inspection].again())
    before = len(rows) - len(back)
    _play_parts(
        out,
        url,
        plan.seed,
        "returned",
        parts,
        lambda: db.read(lambda c: _handed_in(c, campaign)) - before,
        len(back),
    )
    for script in scripts.values():
        _decide(db, script, Accepted())
    _say(f"接收 accepted: {len(scripts)}")


def _decide(db: Database, script: VisitScript, body: Body) -> None:
    """One operation of the coordinator, replacing the stage as it stands."""
    script.now_ms += DAY_MS
    op = digest(f"{script.visit.inspection}/{script.now_ms}".encode())[:ID_LENGTH]
    db.write(
        lambda conn: record(
            conn,
            script.visit.inspection,
            person="coordinator",
            role="coordinator",
            body=body,
            now_ms=script.now_ms,
            op=op,
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
    people = {str(person.id): person.name_zh for person in plan.registers.people}
    click.echo(telling.report(lines))
    click.echo(telling.bands(made_of))
    traced = telling.best_documented(made_of)
    if traced is not None:
        ops = db.read(lambda conn: store.operation_rows(conn, traced.line.source.ops))
        photos = db.read(lambda conn: store.photo_rows(conn, traced.deduction.source.evidence))
        click.echo(telling.trace(traced, made_of, people, ops, photos))
    click.echo()
    _say(
        f"冻结 frozen {version}：重算 recomputed {recomputed.sheets}, 不同 differences {len(recomputed.differences)}"
    )
    _say(
        "文件 files: "
        + "  ".join(str(out / name) for name in ("scores.csv", "scores.xlsx", "scores.json", "summary.json"))
    )


def _invite(db: Database, plan: Plan, url: str) -> None:
    """The addresses and accounts to try, and visits nobody has touched, until the user stops the server."""
    team = plan.teams[0]
    code = f"demo-{time.time_ns() % 10**8:08}"

    def prepare(conn: Connection) -> None:
        register_trial(conn, plan, team)
        make_enrolment(conn, team.squad, code, f"T{code[-8:]}", _now_ms() + YEAR_MS)

    db.write(prepare)
    click.echo(f"\n控制台 console   {url}/")
    for account in plan.accounts:
        click.echo(f"  {account.login:<14}{account.password:<28}{account.role}")
    click.echo(f"平板 tablet      .venv/bin/hucha-tablet --server {url} --enrol {code}")
    click.echo(
        "                 首次使用请选择姓名并设置 PIN / choose a name and set a PIN at its first start"
    )
    click.echo("按 Ctrl-C 结束 / Ctrl-C ends it")
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
