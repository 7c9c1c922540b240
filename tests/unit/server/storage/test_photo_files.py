"""Photo files: named by their bytes, whole or absent, and safe when the answer goes out."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.settings import Settings
from server.storage.partials import KEPT_MS, Partials
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import digest
from shared_schema.problems import Problem

CONTENT = b"\xff\xd8\xff a picture"
NAME = digest(CONTENT)


def test_what_is_put_is_there(tmp_path: Path) -> None:
    files = PhotoFiles(tmp_path / "photos")
    assert not files.has(NAME)
    with pytest.raises(Problem, match="not_found"):
        files.get(NAME)
    files.put(NAME, CONTENT)
    files.put(NAME, CONTENT)
    assert files.has(NAME)
    assert files.get(NAME) == CONTENT
    assert [path.name for path in (tmp_path / "photos").rglob("*") if path.is_file()] == [NAME]


def test_a_photo_lies_where_every_version_looks_for_it(tmp_path: Path) -> None:
    """Folders of photos are older than the program that reads them."""
    PhotoFiles(tmp_path).put(NAME, CONTENT)
    assert (tmp_path / NAME[:2] / NAME).read_bytes() == CONTENT


def test_other_bytes_are_refused(tmp_path: Path) -> None:
    files = PhotoFiles(tmp_path)
    with pytest.raises(Problem, match="photo_wrong_hash"):
        files.put(NAME, CONTENT + b"!")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "name", ["", "..", "../" * 20 + "x" * 4, "x" * 64, NAME.upper(), NAME + "\n", NAME[:-1] + "/"]
)
def test_nothing_but_a_hash_names_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(Problem, match="not_found"):
        PhotoFiles(tmp_path).path(name)


def test_it_is_synced_before_it_gets_its_name_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that survives a power cut: bytes, name, folder."""
    done: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "bytes")  # noqa: PTH112
        real_fsync(handle)

    def replace(path: Path, target: Any) -> Path:
        done.append("name")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    files = PhotoFiles(tmp_path)
    files.put(NAME, CONTENT)
    assert done == ["bytes", "name", "folder", "folder", "folder"]
    del done[:]
    files.put(NAME, CONTENT)
    assert done == ["folder"], "the folders above it hold its name for good"
    del done[:]
    PhotoFiles(tmp_path).put(NAME, CONTENT)
    assert done == ["folder", "folder", "folder"], "who put it first may have been killed before this"


@pytest.mark.parametrize(("code", "said"), [(errno.ENOSPC, "disk_full"), (errno.EIO, "disk_failing")])
@pytest.mark.parametrize("at", ["write", "fsync", "replace"])
def test_a_disk_that_is_full_or_failing_is_said_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, code: int, said: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(code, "a fault of the test")

    with monkeypatch.context() as patched:
        if at == "fsync":
            patched.setattr(os, "fsync", full)
        elif at == "replace":
            patched.setattr(Path, "replace", full)
        else:
            patched.setattr(Path, "write_bytes", full)
        with pytest.raises(Problem, match=said):
            PhotoFiles(tmp_path).put(NAME, CONTENT)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    PhotoFiles(tmp_path).put(NAME, CONTENT)
    assert PhotoFiles(tmp_path).get(NAME) == CONTENT


def _unreadable(path: Path) -> None:
    path.unlink()
    path.symlink_to("/proc/self/mem")  # its first byte is EIO


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(CONTENT[:-1]),
    "emptied": lambda path: path.write_bytes(b""),
    "flipped": lambda path: path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])),
    "another picture": lambda path: path.write_bytes(b"\xff\xd8\xff another one"),
    "unreadable": _unreadable,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_one_that_is_no_longer_what_it_was_is_not_handed_out_and_the_same_bytes_mend_it(
    tmp_path: Path, damage: str
) -> None:
    files = PhotoFiles(tmp_path)
    files.put(NAME, CONTENT)
    DAMAGES[damage](files.path(NAME))
    with pytest.raises(Problem, match="disk_failing" if damage == "unreadable" else "not_found"):
        files.get(NAME)
    files.put(NAME, CONTENT)
    assert files.get(NAME) == CONTENT
    assert not files.path(NAME).is_symlink()


def test_what_a_killed_server_left_of_a_photo_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lay beside the photos under a name of its own, for good."""
    settings = Settings(data=tmp_path)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    monkeypatch.setattr(PhotoFiles, "keep", lambda *_: None)
    PhotoFiles(settings.photo_dir).put(NAME, CONTENT)
    monkeypatch.undo()
    (left,) = (path for path in settings.photo_dir.rglob("*") if path.is_file())
    partials = Partials(settings.upload_dir)
    written_ms = left.stat().st_mtime_ns // 1_000_000
    assert partials.sweep(written_ms + KEPT_MS - 1) == 0
    assert partials.sweep(written_ms + KEPT_MS + 1) == 1
    assert not left.exists()


@pytest.mark.parametrize(
    "number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF, errno.EIO]
)
def test_a_file_system_that_flushes_no_folder_keeps_files_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A backup onto a stick or another machine's folder ended with a trace; a file that is not flushed is an error."""
    real_fsync = os.fsync

    def fsync(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").is_dir():
            raise OSError(number, "made up")
        real_fsync(handle)

    files = PhotoFiles(tmp_path / "photos")
    monkeypatch.setattr(os, "fsync", fsync)
    if number == errno.EIO:
        with pytest.raises(Problem, match="disk_failing"):
            files.put(NAME, CONTENT)
        return
    files.put(NAME, CONTENT)
    assert files.has(NAME)

    def never(_: int) -> None:
        raise OSError(number, "made up")

    monkeypatch.setattr(os, "fsync", never)
    with pytest.raises(OSError, match="made up"):
        PhotoFiles(tmp_path / "others").put(NAME, CONTENT)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_folder_that_may_not_be_read_is_not_flushed_and_a_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The folder above the data belongs to somebody else, often enough."""
    real_open = os.open
    closed = {tmp_path}

    def opened(path: Any, *rest: Any, **named: Any) -> int:
        if path in closed:
            raise OSError(number, "made up")
        return real_open(path, *rest, **named)

    monkeypatch.setattr(os, "open", opened)
    files = PhotoFiles(tmp_path / "photos")
    files.put(NAME, CONTENT)
    assert files.has(NAME)
    letter = tmp_path / "letter"
    letter.write_bytes(CONTENT)
    closed.add(letter)
    with pytest.raises(PermissionError):
        files.keep(NAME, letter)
    assert letter.exists()
