"""A package on a stick: what is said to be written is there when the stick is pulled out."""

import os
import stat
from pathlib import Path

import pytest

from mobile.package_files import UNFINISHED_SECONDS, written


@pytest.mark.parametrize("split_bytes", [0, 1000])
def test_its_name_is_on_the_stick_when_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split_bytes: int
) -> None:
    """The folder is flushed after each file has its name."""
    flushed: list[set[str]] = []
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        flush(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            flushed.append({path.name for path in tmp_path.iterdir()})

    monkeypatch.setattr(os, "fsync", fsync)
    files = written(tmp_path, "p", "0" * 64, 3000, [bytes(3000)], split_bytes)
    assert len(flushed) == len(files) == (4 if split_bytes else 1)
    assert flushed[-1] == {path.name for path in files}


@pytest.mark.parametrize("split_bytes", [0, 1000])
def test_what_an_earlier_package_left_unfinished_goes(tmp_path: Path, split_bytes: int) -> None:
    """A stick that was pulled out keeps half a file; only what is called as ours are is removed from it."""
    ours = ["hucha-6BZY-EBYC.hcx.part", "hucha-6BZY-EBYC.12-of-120.hcx.part"]
    others = [
        "hucha-6BZY-EBYC.hcx",
        "hucha-6BZY-EBYC.1-of-2.hcx",
        "hucha-6BZY-EBYC.part",
        "hucha-6bzy-ebyc.hcx.part",
        "hucha-6BZY-EBYC.1-of-2.hcx.part.jpg",
        "my hucha-6BZY-EBYC.hcx.part",
        "film.mp4.part",
        ".part",
    ]
    for name in [*ours, *others]:
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (1, 1))
    others.append("hucha-6BZY-EBYD.hcx.part")  # another tablet is at work
    (tmp_path / others[-1]).write_bytes(b"half")
    begun = (tmp_path / others[-1]).stat().st_mtime - UNFINISHED_SECONDS + 60
    os.utime(tmp_path / others[-1], (begun, begun))
    folder = tmp_path / "hucha-6BZY-2222.hcx.part"
    folder.mkdir()
    files = written(tmp_path, "hucha-2222-3333", "0" * 64, 3000, [bytes(3000)], split_bytes)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*others, folder.name, *(path.name for path in files)}


def test_what_cannot_be_removed_from_a_stick_keeps_no_package_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "hucha-6BZY-EBYC.hcx.part"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path == left:
            raise PermissionError
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    (path,) = written(tmp_path, "hucha-2222-3333", "0" * 64, 3000, [bytes(3000)], 0)
    assert path.stat().st_size == 3000


def test_where_a_stick_was_pulled_out_no_folder_is_made(tmp_path: Path) -> None:
    """Between the look at it and the writing: the package would lie on the tablet's own disk."""
    with pytest.raises(FileNotFoundError):
        written(tmp_path / "gone", "p", "0" * 64, 3000, [bytes(3000)], 0)
    assert not (tmp_path / "gone").exists()
