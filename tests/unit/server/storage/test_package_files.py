"""Package files on disk: what a killed server left of one that was being written goes with the next start."""

from pathlib import Path

import pytest

from server.app import create_app
from server.settings import Settings
from server.storage.database import Database
from server.storage.package_files import PackageFiles, write
from shared_schema.ids import digest

CONTENT = b"a package"
NAME = digest(CONTENT)


def test_what_a_killed_server_left_unfinished_is_gone_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a package for a tablet, of a volume that came, of a file that was arriving; what is whole stays."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    settings = Settings(data=tmp_path)
    files = PackageFiles(settings.package_dir)
    volume = settings.package_dir / "inbox" / NAME / "1.hcx"
    whole = files.give(NAME, [CONTENT])
    write(volume, [CONTENT])
    monkeypatch.setattr(Path, "replace", killed)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    for target in (whole, volume, files.arriving / "form"):
        with pytest.raises(KeyboardInterrupt):
            write(target, [CONTENT])
    monkeypatch.undo()
    assert len(_there(settings)) == 5
    with Database.open(settings.database_url) as db:
        create_app(settings, db)
    assert _there(settings) == {whole, volume}


def _there(settings: Settings) -> set[Path]:
    return {path for path in settings.package_dir.rglob("*") if path.is_file()}
