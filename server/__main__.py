"""The `hucha` command."""

import errno
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from server.access import audit
from server.access.accounts import SALT_BYTES, make_account
from server.intake import package_desk, packages
from server.intake.commands import backup_command, restore_command
from server.intake.package_desk import Handed
from server.planning.campaign import Plan, make_plan
from server.planning.commands import checklist_commands, tell_plan
from server.planning.registering import enter
from server.settings import Settings
from server.storage.database import Connection, Database
from server.storage.package_files import PackageFiles, copy_into, files_in
from server.storage.photo_store import open_photo_store
from shared_schema.problems import Problem
from shared_schema.roles import CONSOLE_ROLES


class _Group(click.Group):
    """Says a Problem, or what the system refuses, as one clear sentence in both languages, and ends with status 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Problem as problem:
            click.echo(f"{problem.code}: {problem.message('zh')}\n{problem.message('en')}", err=True)
            raise SystemExit(2) from problem
        except OSError as err:  # a path, an address or a right that is not what it should be
            if err.errno == errno.EPIPE:
                raise
            click.echo(f"系统拒绝 / the system refused: {err}", err=True)
            raise SystemExit(2) from err


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of the database and photos (var/hucha).",
)
database_option = click.option(
    "--database", default=None, help="Database address; without it SQLite in the data folder."
)


def _settings(data: Path | None, database: str | None, **more: object) -> Settings:
    try:
        return Settings.load(None, data=data, database=database, **more)
    except ValueError as err:
        raise click.ClickException(str(err)) from err


@click.group(cls=_Group)
@click.version_option(package_name="hucha")
def main() -> None:
    """互查 Hucha: peer inspection from tap to evaluator's table."""


main.add_command(checklist_commands)
main.add_command(backup_command)
main.add_command(restore_command)


@main.command()
@data_option
@database_option
@click.option("--host", default=None, help="Address to listen on (127.0.0.1).")
@click.option("--port", type=int, default=None, help="Port to listen on (8470).")
def serve(data: Path | None, database: str | None, host: str | None, port: int | None) -> None:
    """Run the server: tablets exchange with it, the console is on it."""
    from server.app import serve as run

    run(_settings(data, database, host=host, port=port))


@main.command()
@data_option
@database_option
def migrate(data: Path | None, database: str | None) -> None:
    """Create the database, or bring it to this program's version."""
    settings = _settings(data, database)
    Database.open(settings.database_url).close()
    click.echo("数据库已就绪 / The database is ready.")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Read, check and draw only; nothing is written.")
@click.option("--seed", default="", help="Seed of the draw, instead of the one in season.yaml.")
@data_option
@database_option
def plan(folder: Path, check: bool, seed: str, data: Path | None, database: str | None) -> None:
    """Plan a campaign from the registers in FOLDER: check them, draw the squads, enter all of it.

    Again after a correction: names, addresses, people and inventories follow; the draw stands.
    """
    made = make_plan(folder, seed)
    tell_plan(made, click.echo)
    if check:
        click.echo("只检查，未写入 / Checked only; nothing was written.")
        return
    with Database.open(_settings(data, database).database_url) as db:
        new = db.write(lambda conn: _entered(conn, made))
    click.echo(
        "已录入 / Entered."
        if new
        else "名册已更新，抽签不变 / The registers were brought up to date; the draw stands."
    )


def _entered(conn: Connection, made: Plan) -> bool:
    new = enter(conn, made)
    audit.record(conn, _now_ms(), "command", "campaign.plan", made.code, seed=made.drawn.seed, new=str(new))
    return new


@main.command()
@click.argument("login")
@click.option("--name", required=True, help="The person's name, as pages and the audit trail show it.")
@click.option("--role", type=click.Choice(sorted(CONSOLE_ROLES)), required=True, help="What they may do.")
@click.option(
    "--password-file",
    type=click.File(encoding="utf-8"),
    help="A file with the password (-: standard input), instead of asking for it.",
)
@data_option
@database_option
def account(
    login: str, name: str, role: str, password_file: TextIO | None, data: Path | None, database: str | None
) -> None:
    """Make an account for the console, or give LOGIN another name, role and password; their sessions end."""
    if password_file is None:
        password = click.prompt("口令 Password", hide_input=True, confirmation_prompt=True)
    else:
        password = password_file.read().rstrip("\r\n")
    salt = secrets.token_bytes(SALT_BYTES)

    def run(conn: Connection) -> None:
        make_account(conn, login=login, name=name, role=role, password=password, salt=salt)
        audit.record(conn, _now_ms(), "command", "account.make", login, role=role)

    with Database.open(_settings(data, database).database_url) as db:
        db.write(run)
    click.echo(f"{login}: {role}")


@main.command()
@data_option
@database_option
@click.option("--check", is_flag=True, help="Compare only; exit 1 on any difference.")
def rebuild(data: Path | None, database: str | None, check: bool) -> None:
    """Make every state and score row again from the log, or compare them with what is stored."""
    from server.evaluation.freeze import recompute_all
    from server.intake.rebuild import rebuild as again

    # Comparing writes nothing, so a server may be running meanwhile.
    db = Database.open(_settings(data, database).database_url, create=False, readonly=check)
    try:
        report = again(db, check=check)
        frozen = db.read(recompute_all)
    finally:
        db.close()
    bugs = (f"{inspection}: could not be worked out, see the log above" for inspection in report.errors)
    differences = (*map(str, report.differences), *bugs, *frozen.differences)
    for difference in differences:
        click.echo(difference)
    click.echo(
        f"{report.inspections} inspections, {report.operations} operations, {report.rows} rows, "
        f"{frozen.sheets} frozen sheets, {len(differences)} differences"
    )
    if check and differences:
        raise SystemExit(1)


@main.command("take-package")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@data_option
@database_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Also write the receipts into this folder."
)
def take_package(files: tuple[Path, ...], data: Path | None, database: str | None, out: Path | None) -> None:
    """Take in packages carried by hand: files, volumes in any order, or folders of them."""
    with _way(data, database) as way:
        handed = [Handed(path, str(path)) for path in files_in(files)]
        outcomes = package_desk.take_all(way, handed, campaign="", by="command", now_ms=_now_ms())
        for one in outcomes:
            if one.problem is not None:
                click.echo(f"{one.name}: {one.problem.message('zh')}\n{one.problem}", err=True)
            if one.row is not None:
                click.echo(packages.in_words(one.row))
            if one.receipt is not None and one.path is not None:
                path = one.path if out is None else copy_into(out, one.path, one.receipt.code)
                click.echo(f"回执 receipt {one.receipt.code}: {path}")
            if one.volume is not None:
                incomplete = Problem(
                    "package_incomplete",
                    have=one.volume.of - len(one.missing),
                    count=one.volume.of,
                    missing=", ".join(map(str, one.missing[:20])),
                )
                click.echo(f"{incomplete.message('zh')}\n{incomplete.message('en')}")
    if any(one.problem is not None for one in outcomes):
        raise SystemExit(2)


@main.command("give-package")
@click.option("--device", required=True, help="The tablet it is for.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write it into.")
@data_option
@database_option
def give_package(device: str, out: Path, data: Path | None, database: str | None) -> None:
    """Write a package for a tablet: its assignments, checklists, and what it has not been told."""
    with _way(data, database) as way:
        row, path = packages.give(way, device, by="command", now_ms=_now_ms())
        click.echo(f"{row.code}: {copy_into(out, path, row.code)}")


@contextmanager
def _way(data: Path | None, database: str | None) -> Iterator[packages.Way]:
    """The database and the folders of photos and packages. Raises not_found, store_in_use while a server runs."""
    settings = _settings(data, database)
    with Database.open(settings.database_url, create=False) as db:
        yield packages.Way(
            db,
            open_photo_store(settings.photo_store, settings.photo_dir),
            PackageFiles(settings.package_dir),
            secrets.token_bytes,
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@main.command()
@click.option("--once", is_flag=True, help="Exit when the season is played instead of serving.")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("var/demo"), show_default=True)
@click.option("--port", type=int, default=8470, show_default=True)
def demo(once: bool, seed: int, out: Path, port: int) -> None:
    """Play a whole season with real tablets' code over real HTTP, then serve it."""
    from server.demo.season import play

    play(out=out, seed=seed, port=port, once=once)


@main.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def simulate(arguments: tuple[str, ...]) -> None:
    """Run the seeded simulation of tablets, server, network and faults (needs the source checkout).

    For example: hucha simulate --seeds 1-200
    """
    raise SystemExit(_from_checkout("simulation", arguments))


@main.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure a server of this program over real HTTP, beside what the machine itself can do (needs the checkout).

    For example: hucha bench --workloads raw,w1 --runs 3
    """
    raise SystemExit(_from_checkout("bench", arguments))


def _from_checkout(package: str, arguments: tuple[str, ...]) -> int:
    """Runs a package of the tests in a process of its own; its exit status."""
    root = Path(__file__).resolve().parent.parent
    if not (root / "tests" / package / "__main__.py").exists():
        raise click.ClickException(f"{package} is part of the source checkout; this is an installed package")
    command = [sys.executable, "-m", f"tests.{package}", *arguments]
    return subprocess.run(command, cwd=root, check=False).returncode  # noqa: S603 our own module


if __name__ == "__main__":
    main()
