"""Sticks, discs and folders: what is plugged in, which packages lie there, and what a stick can do to us."""

import errno
import os
from pathlib import Path

import pytest

from mobile import places
from mobile.package_files import source_of
from mobile.places import Found, own, packages, removable, usable
from mobile.sealing import sealing_for
from shared_schema import volumes
from shared_schema.package import start_bytes
from shared_schema.problems import Problem
from shared_schema.volumes import VOLUME_BYTES_MIN

OURS = "20" * 32
THEIRS = "30" * 32


def written(folder: Path, name: str, receiver: str = OURS, seed: int = 1) -> Path:
    """The beginning of a package, which is all that a list reads."""
    path = folder / f"{name}.hcx"
    path.write_bytes(start_bytes(sealing_for(receiver, bytes([seed]) * 32).header) + b"sealed")
    return path


def in_volumes(folder: Path, name: str, receiver: str = OURS) -> list[Path]:
    """A package in three volumes."""
    sealing = sealing_for(receiver, bytes([9]) * 32)
    content = start_bytes(sealing.header) + bytes(2 * VOLUME_BYTES_MIN)
    plan = volumes.plan(sealing.digest, len(content), VOLUME_BYTES_MIN)
    found: dict[int, bytes] = {}
    for volume, some in volumes.split([content], plan):
        found[volume.number] = found.get(volume.number, b"") + some
    paths = []
    for number, some in found.items():
        paths.append(folder / f"{name}.{number}-of-{len(found)}.hcx")
        paths[-1].write_bytes(some)
    return paths


def test_what_is_plugged_in_is_found_by_name(tmp_path: Path) -> None:
    """Directly in the folder or within the user's; folders that nothing is mounted at are none."""
    for name in ("CDROM", "hucha/KINGSTON", "hucha/left over"):
        (tmp_path / name).mkdir(parents=True)
    mounted = {tmp_path / "CDROM", tmp_path / "hucha" / "KINGSTON"}
    found = removable([tmp_path, tmp_path / "nothing"], mounted.__contains__)
    assert [one.name for one in found] == ["CDROM", "KINGSTON"]
    assert all(one.free_bytes > 0 for one in found)


def test_a_disc_that_cannot_be_written_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disc = tmp_path / "disc"
    disc.mkdir()
    assert len(removable([tmp_path], lambda path: path == disc)) == 1
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert removable([tmp_path], lambda path: path == disc) == ()


def test_packages_are_listed_newest_first_with_whose_they_are(tmp_path: Path) -> None:
    """Sealed to this tablet, to somebody else, or unreadable: the last can be asked why."""
    for age, path in enumerate(
        (written(tmp_path, "ours"), written(tmp_path, "theirs", THEIRS), tmp_path / "broken.hcx")
    ):
        if not path.exists():
            path.write_bytes(b"no package")
        os.utime(path, (1000 + age, 1000 + age))
    (tmp_path / "letter.txt").write_bytes(b"x")
    assert [(one.name, one.ours) for one in packages(tmp_path, OURS)] == [
        ("broken", True),
        ("theirs", False),
        ("ours", True),
    ]


def test_volumes_are_one_package_and_say_how_many_are_missing(tmp_path: Path) -> None:
    """In whatever order, and the files of the found package are those a reader needs."""
    paths = in_volumes(tmp_path, "hucha-ABCDEFGH")
    [whole] = packages(tmp_path, OURS)
    assert whole == Found("hucha-ABCDEFGH", tuple(sorted(paths)), whole.size_bytes)
    assert whole.size_bytes > 2 * VOLUME_BYTES_MIN
    assert source_of(whole.paths)
    assert [one.ours for one in packages(tmp_path, THEIRS)] == [False]
    paths[0].unlink()
    [part] = packages(tmp_path, THEIRS)
    assert (part.missing, part.ours) == (1, True)


def test_a_long_list_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "FILES_MAX", 2)
    for number in range(4):
        os.utime(written(tmp_path, f"p{number}", seed=number + 1), (number, number))
    assert [one.name for one in packages(tmp_path, OURS)] == ["p3", "p2"]


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    """A stick that was pulled out is not made anew on the tablet's own disk."""
    with pytest.raises(Problem, match="not_found"):
        packages(tmp_path / "gone", OURS)
    with pytest.raises(Problem, match="folder_unusable"), usable(tmp_path / "gone"):
        raise AssertionError("nothing is written there")
    for typed in ("", "  ", str(tmp_path / "gone"), "~/no such folder here"):
        with pytest.raises(Problem, match="form_invalid"):
            own(typed)
    assert own(f" {tmp_path} ") == tmp_path


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "folder_full"), (errno.EROFS, "folder_unusable"), (errno.EIO, "folder_unusable")],
)
def test_what_a_stick_can_do_is_a_problem(tmp_path: Path, number: int, code: str) -> None:
    with pytest.raises(Problem, match=code), usable(tmp_path):
        raise OSError(number, "stick")
