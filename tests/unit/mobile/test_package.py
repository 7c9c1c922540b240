"""Packages by hand, with real tablets, a real server and real files."""

import errno
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from mobile import package_files, wipe
from mobile.door import Opened
from mobile.store import Store
from server.storage import devices, registers
from server.storage.database import Connection
from shared_schema.ids import DeviceId, SquadId
from shared_schema.problems import Problem
from tests.unit.mobile import by_hand, sealed
from tests.unit.mobile.world import BEN, COUNT, LEADER, SCENE, VISIT, YES_NO, Server, Tablet, quiet


@pytest.fixture
def one(tmp_path: Path, server: Server) -> Tablet:
    return Tablet(tmp_path, server, "T-1")


@pytest.fixture
def two(tmp_path: Path, server: Server) -> Tablet:
    return Tablet(tmp_path, server, "T-2")


def opened(server: Server, one: Tablet, two: Tablet | None = None) -> None:
    """The visit is open, on the server and on these tablets."""
    one.meet()
    one.open_visit()
    one.meet()
    if two is not None:
        two.meet()


def photographed(tablet: Tablet, shade: int = 90) -> str:
    out = BytesIO()
    Image.new("RGB", (64, 48), (shade, 120, 30)).save(out, "PNG")
    path = tablet.folder / f"{shade}.png"
    path.write_bytes(out.getvalue())
    from mobile import photos

    taken = photos.take_file(path, tablet.folder / "photos", tablet.vault)
    tablet.desk.attach_photo(LEADER, VISIT, SCENE, taken)
    return taken.sha256


def bad_sector(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The files called so can no longer be read."""
    read = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path.name.startswith(name):
            raise OSError(errno.EIO, "bad sector")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", failing)


def test_two_tablets_that_never_see_a_network_come_to_the_same(
    one: Tablet, two: Tablet, server: Server, tmp_path: Path
) -> None:
    """Assignments come in a package, answers go in one, and each learns what the other has recorded."""
    for tablet in (one, two):
        _, path = by_hand.give(server, tablet.device)
        told = by_hand.read(tablet, path)
        assert (told.kind, told.late) == ("assignments", True)
        assert VISIT in tablet.store.assignments()
    one.open_visit()
    one.answer(YES_NO, True)
    assert by_hand.carry(one, server, tmp_path / "stick").accepted == 2
    assert by_hand.carry(two, server, tmp_path / "stick").news == 2
    two.answer(COUNT, 3, BEN)
    assert by_hand.carry(two, server, tmp_path / "stick").accepted == 1
    told = by_hand.carry(one, server, tmp_path / "stick")
    assert (told.late, told.news, told.refused) == (False, 1, 0)
    assert one.fold() == two.fold()
    assert not one.store.outbox(1, 1)
    # The network finds nothing left to do.
    before = len(server.log())
    quiet(one, two)
    assert len(server.log()) == before == 3


def test_photos_go_with_the_package_and_the_receipt_says_they_are_there(
    one: Tablet, server: Server, tmp_path: Path
) -> None:
    """The same photo intake as over the network; nothing is sent again afterwards."""
    opened(server, one)
    sha256 = photographed(one)
    assert one.store.sync_state().photos_left == 1
    written = by_hand.write(one, tmp_path / "stick")
    assert (written.operations, written.photos) == (1, 1)
    taken = by_hand.take(server, *written.files)
    assert taken.row.photos == 1
    assert taken.path is not None
    by_hand.read(one, taken.path)
    assert one.store.sync_state().photos_left == 0
    assert by_hand.way(server).photo_files.has(sha256)
    assert one.meet().photos == 0


def test_a_package_taken_twice_changes_nothing(one: Tablet, server: Server, tmp_path: Path) -> None:
    """The log is as long as before, and a receipt read twice is the same receipt."""
    one.meet()
    one.open_visit()
    written = by_hand.write(one, tmp_path / "stick")
    first = by_hand.take(server, *written.files)
    log = server.log()
    again = by_hand.take(server, *written.files)
    assert server.log() == log
    assert "duplicate" in again.row.facts
    assert first.path is not None
    assert again.path is not None
    assert not by_hand.read(one, first.path).late
    state = one.fold(), one.store.cursors(), one.store.outbox(9, 10**6)
    for path in (first.path, again.path, first.path):
        assert by_hand.read(one, path).late
        assert (one.fold(), one.store.cursors(), one.store.outbox(9, 10**6)) == state


def test_packages_are_read_in_any_order(one: Tablet, two: Tablet, server: Server, tmp_path: Path) -> None:
    """The later first: what the earlier says is used as far as it cannot have been overtaken."""
    opened(server, one, two)
    one.answer(YES_NO, False)
    first = by_hand.write(one, tmp_path / "1")
    two.answer(YES_NO, True, BEN)
    two.meet()
    one.answer(COUNT, 2)
    second = by_hand.write(one, tmp_path / "2")
    later = by_hand.take(server, *second.files)
    earlier = by_hand.take(server, *first.files)
    assert later.path is not None
    assert earlier.path is not None
    assert by_hand.read(one, later.path).accepted == 2
    told = by_hand.read(one, earlier.path)
    assert told.late
    quiet(one, two)
    assert one.fold() == two.fold()
    assert len(server.log()) == 4


def test_a_receipt_that_the_network_has_overtaken_takes_nothing_back(
    one: Tablet, two: Tablet, server: Server, tmp_path: Path
) -> None:
    """Neither cursors nor assignments go back to what they were."""
    opened(server, one, two)
    one.answer(COUNT, 1)
    taken = by_hand.take(server, *by_hand.write(one, tmp_path / "stick").files)

    def away(conn: Connection) -> None:
        rows = registers.inspections(conn, squad=SquadId("S-1"))
        registers.put_inspections(conn, [replace(rows[-1], squad=SquadId("S-2"))])

    server.db.write(away)
    two.answer(YES_NO, True, BEN)
    two.meet()
    one.meet()
    held = one.store.assignments_digest(), one.store.cursors(), one.fold()
    assert taken.path is not None
    assert by_hand.read(one, taken.path).late
    assert (one.store.assignments_digest(), one.store.cursors(), one.fold()) == held


def test_a_package_of_assignments_leads_on_from_wherever_the_tablet_stands(
    one: Tablet, two: Tablet, server: Server, tmp_path: Path
) -> None:
    """Made without a request, it is proved against what the tablet has read: the cursor moves over it."""
    opened(server, one, two)
    two.answer(YES_NO, True, BEN)
    two.answer(COUNT, 4, BEN)
    two.meet()
    _, path = by_hand.give(server, one.device)
    told = by_hand.read(one, path)
    assert told.news == 2
    assert one.store.cursors() == two.store.cursors()
    assert by_hand.read(one, path).news == 0


def test_a_revoked_tablets_package_goes_to_quarantine_and_its_receipt_says_so(
    one: Tablet, server: Server, tmp_path: Path
) -> None:
    """What it holds is taken, and nothing is told to it."""
    one.meet()
    one.open_visit()
    server.db.write(lambda conn: devices.revoke(conn, DeviceId(one.device), server.now_ms))
    told = by_hand.carry(one, server, tmp_path / "stick")
    assert (told.revoked, told.refused, told.news) == (True, 1, 0)
    assert server.log() == []
    assert one.store.sync_state().revoked
    with pytest.raises(Problem, match="device_revoked"):
        by_hand.give(server, one.device)


def test_a_tablet_restored_from_a_backup_learns_it_from_a_receipt(
    one: Tablet, server: Server, tmp_path: Path
) -> None:
    """The server has numbers it never wrote: it numbers anew, and nothing is lost."""
    opened(server, one)
    copy = one.backup()
    one.answer(COUNT, 1)
    taken = by_hand.take(server, *by_hand.write(one, tmp_path / "stick").files)
    one.restore(copy)
    one.answer(YES_NO, True)
    assert taken.path is not None
    by_hand.read(one, taken.path)
    assert one.store.sync_state().notice == "forked"
    by_hand.carry(one, server, tmp_path / "stick2")
    assert len(server.log()) == 3
    quiet(one)


def test_volumes_are_read_in_any_order_and_say_what_is_missing(
    one: Tablet, server: Server, tmp_path: Path
) -> None:
    """Two of three come today, one tomorrow; the server keeps what it has."""
    opened(server, one)
    import random

    noise = random.Random(7)
    for shade in range(2):
        out = BytesIO()
        Image.frombytes("RGB", (400, 300), noise.randbytes(400 * 300 * 3)).save(out, "PNG")
        path = one.folder / f"noise-{shade}.png"
        path.write_bytes(out.getvalue())
        from mobile import photos

        taken = photos.take_file(path, one.folder / "photos", one.vault)
        one.desk.attach_photo(LEADER, VISIT, SCENE, taken)
    written = by_hand.write(one, tmp_path / "stick", 70_000)
    count = len(written.files)
    assert count >= 3
    its = by_hand.way(server)
    some = its.files.incoming([written.files[-1], written.files[0]])
    assert some.whole == ()
    ((volume, missing),) = some.waiting
    assert (volume.of, list(missing)) == (count, list(range(2, count)))
    for path in (written.files[-1], written.files[0]):
        path.unlink()
    taken_in = by_hand.take(server, tmp_path / "stick")
    assert (taken_in.row.operations, taken_in.row.photos) == (2, 2)
    assert its.files.waiting() == []


def test_a_package_without_the_servers_key_is_not_written(one: Tablet, tmp_path: Path) -> None:
    """A tablet enrolled by version 0.1 has no key to seal to, and says what to do."""
    identity = one.store.identity()
    assert identity is not None
    one.store.enrol_again(identity._replace(sealing_key=""))
    with pytest.raises(Problem, match="package_keys_missing"):
        by_hand.write(one, tmp_path)


def test_an_answer_of_the_server_for_another_tablet_is_refused(
    one: Tablet, two: Tablet, server: Server, tmp_path: Path
) -> None:
    """It cannot even be opened; nor can a tablet's own package."""
    _, path = by_hand.give(server, two.device)
    with pytest.raises(Problem, match="package_foreign"):
        by_hand.read(one, path)
    with pytest.raises(Problem, match="package_foreign"):
        by_hand.read(one, *by_hand.write(one, tmp_path / "stick").files)


class OpenDoor:
    """The door of a tablet of these tests."""

    def __init__(self, tablet: Tablet) -> None:
        self._tablet = tablet

    def open_unprotected(self) -> Opened:
        self._opened = Opened(self._tablet.vault, Store.open(self._tablet.path, self._tablet.vault))
        return self._opened

    def lock(self) -> None:
        self._opened.store.close()


def test_the_program_without_a_screen_writes_and_reads_packages(
    one: Tablet,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`hucha-tablet --write-package DIR` and `--read-package FILE`; this tablet's key asks for no PIN."""
    from mobile import main as program
    from mobile.main import main

    monkeypatch.setattr(program, "Door", lambda *_: OpenDoor(one))
    one.meet()
    one.open_visit()
    one.close()
    data = ["--data", str(one.folder)]
    (tmp_path / "stick").mkdir()
    assert main([*data, "--write-package", str(tmp_path / "stick")]) == 0
    (file,) = (tmp_path / "stick").glob("*.hcx")
    assert file.name in capsys.readouterr().out
    taken = by_hand.take(server, file)
    assert main([*data, "--read-package", str(taken.path)]) == 0
    assert taken.receipt is not None
    assert taken.receipt.code in capsys.readouterr().out
    assert main([*data, "--read-package", str(file)]) == 2
    assert "package_foreign" in capsys.readouterr().err
    one.store = Store.open(one.path, one.vault)
    assert not one.store.outbox(1, 1)


def test_without_a_screen_what_a_stick_does_is_said(
    one: Tablet, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full, pulled out, or a file in its place; nothing is left of what was begun, nor made where no stick is."""
    from mobile import main as program

    monkeypatch.setattr(program, "Door", lambda *_: OpenDoor(one))
    one.meet()
    one.close()
    stick, a_file = tmp_path / "stick", tmp_path / "file"
    a_file.write_bytes(b"")
    stick.mkdir()

    def refused(number: int) -> Any:
        def fsync(_: int) -> None:
            raise OSError(number, "made up")

        return fsync

    data = ["--data", str(one.folder), "--write-package"]
    for folder, error, code in (
        (stick, errno.ENOSPC, "folder_full"),
        (stick, errno.EIO, "folder_unusable"),
        (a_file, None, "folder_unusable"),
        (a_file / "below", None, "folder_unusable"),
        (tmp_path / "pulled out", None, "folder_unusable"),
    ):
        with monkeypatch.context() as inner:
            if error:
                inner.setattr(package_files, "_flush", refused(error))
            assert program.main([*data, str(folder)]) == 2
        said = capsys.readouterr().err
        assert said.startswith(code)
        assert all(str(folder) in line for line in said.splitlines()), "the place, in both languages"
        assert "another place" in said
    assert not list(stick.iterdir())
    assert not (tmp_path / "pulled out").exists()
    assert program.main(["--data", str(one.folder), "--read-package", str(stick / "gone.hcx")]) == 2
    assert "not_found" in capsys.readouterr().err
    one.store = Store.open(one.path, one.vault)


def test_without_a_screen_a_tablet_that_was_wiped_is_not_set_up_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its next start would have destroyed it again."""
    from mobile.main import main

    wipe.wipe(sealed.keyring(tmp_path), sealed.secret(tmp_path), tmp_path / "x", tmp_path / "y", "revoked", 1)
    before = sorted(tmp_path.rglob("*"))
    assert main(["--data", str(tmp_path / "data"), "--write-package", str(tmp_path / "stick")]) == 2
    assert "本机数据已销毁" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_photo_in_a_bad_sector_keeps_nothing_else_here(
    one: Tablet, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said to be left; over the network it is told, and the others go on."""
    opened(server, one)
    bad, *_ = sorted(photographed(one, shade) for shade in (10, 20, 30))
    bad_sector(monkeypatch, bad)
    written = by_hand.write(one, tmp_path / "stick")
    assert (written.operations, written.photos, written.photos_left) == (3, 2, 1)
    report = one.sync.once()
    assert (report.outcome, report.photos, report.problem) == ("failed", 2, "disk_failing")
