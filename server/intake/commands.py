"""`hucha backup` and `hucha restore`."""

import secrets
import time
from pathlib import Path

import click

from server.intake import backups
from server.intake.restore import move_aside, restore
from server.settings import Settings
from server.storage.backup_files import BackupFiles, Manifest
from server.storage.database import Database
from server.storage.disk import Room
from server.storage.photo_store import open_photo_store
from shared_schema.problems import Problem

_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
_data = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of the database and photos (var/hucha).",
)
_database = click.option(
    "--database", default=None, help="Database address; without it SQLite in the data folder."
)
_keys = click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Where the server's secret keys lie, if not in the folder.",
)


@click.command("backup")
@_folder
@_data
@_database
@_keys
@click.option(
    "--check", "only_check", is_flag=True, help="Make none: read every byte of those that are there."
)
@click.option(
    "--keep", type=click.IntRange(min=0), default=0, help="Remove all but so many of the newest (0: none)."
)
def backup_command(
    folder: Path, data: Path | None, database: str | None, keys: Path | None, only_check: bool, keep: int
) -> None:
    """Copy log, tables and photos into FOLDER, verified, while the server goes on."""
    files = BackupFiles(folder, keys)
    if only_check:
        for one in backups.check(files):
            click.echo(
                f"{one.name}: {_told(one.manifest)}, {one.contents} contents, {one.size_bytes} bytes, whole"
            )
        return
    settings = _settings(data, database)
    with Database.open(settings.database_url, create=False, readonly=True) as db:
        store = open_photo_store(settings.photo_store, settings.photo_dir)
        settings.photo_dir.mkdir(parents=True, exist_ok=True)
        room = Room(settings.photo_dir, refuse_percent=settings.disk_refuse_percent)
        made = backups.back_up(db, store, files, clock=_now_ms, keep=keep, room=room)
    click.echo(
        f"{made.name}: {_told(made.manifest)}; {made.copied} contents copied, {made.copied_bytes} bytes"
    )
    for name in made.pruned:
        click.echo(f"removed {name}")
    for sha256 in made.manifest.photos_missing:
        click.echo(f"照片已无法读取 / photo cannot be read any more: {sha256}", err=True)
    if made.elsewhere:
        click.echo(
            f"{settings.photo_store or settings.photo_dir} 里没有记录中的任何一张照片："
            "HUCHA_PHOTO_STORE、--data 须与服务器一致，磁盘须已挂载"
            " / holds not one photo of the record: HUCHA_PHOTO_STORE and --data must be the server's own,"
            " and the disk mounted",
            err=True,
        )
    if made.manifest.photos_missing or made.elsewhere:
        raise SystemExit(1)


@click.command("restore")
@_folder
@_data
@_database
@_keys
@click.option("--from", "name", default="", help="Which backup, by its name; the newest by itself.")
@click.option(
    "--replace", is_flag=True, help="An embedded database that is there is given another name first."
)
def restore_command(
    folder: Path, data: Path | None, database: str | None, keys: Path | None, name: str, replace: bool
) -> None:
    """Make the server again from FOLDER, where there is none; tablets then bring back what came later."""
    settings = _settings(data, database)
    files = BackupFiles(folder, keys)
    # Nothing is moved for a backup that turns out not to be whole.
    backups.check(files, name or backups.newest(files))
    embedded = settings.data / "hucha.db"
    if replace and settings.database:
        raise Problem(
            "form_invalid", field="--replace", cure="PostgreSQL: 请另建空库 / make an empty database"
        )
    if replace and embedded.exists():
        Database.open(settings.database_url, create=False).close()  # raises store_in_use while a server runs
        for path in move_aside(embedded, _now_ms()):
            click.echo(f"原数据已改名 / what was there is now {path}")
    done = restore(
        files,
        lambda: Database.open(settings.database_url),
        open_photo_store(settings.photo_store, settings.photo_dir),
        name=name,
        now_ms=_now_ms(),
        entropy=secrets.token_bytes,
    )
    click.echo(f"{done.name}: {_told(done.manifest)}, {done.rows} rows; server {done.server}")
    click.echo("请运行 hucha rebuild --check / now run hucha rebuild --check")
    click.echo(
        "备份之后停用的平板、锁住的账号请再停用一次；未用的注册码已作废 / "
        "revoke again the tablets, and lock again the accounts, that were since the backup; unused codes are void"
    )


def _told(manifest: Manifest) -> str:
    return (
        f"{manifest.operations} operations, {len(manifest.photos)} photos, log root {manifest.log_root[:16]}"
    )


def _settings(data: Path | None, database: str | None) -> Settings:
    try:
        return Settings.load(None, data=data, database=database)
    except ValueError as err:
        raise click.ClickException(str(err)) from err


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
