"""Packages as people hand them over, at the console or by command: what is refused leaves one line, whichever way."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from server.__main__ import main
from server.intake import package_desk
from server.intake.package_desk import Handed, Outcome
from server.storage import devices
from server.storage.database import Database
from server.storage.package_files import PackageFiles, Source
from shared_schema.ids import DeviceId, digest
from shared_schema.package import read_start
from shared_schema.problems import Problem
from shared_schema.volumes import DIGEST_BYTES, HEADER_BYTES
from tests.contract.talk import NOW_MS, ask
from tests.parcels import in_volumes
from tests.small_disk import elsewhere, small_disk
from tests.unit.server.intake.test_packages import PHOTO, Post

TABLET_KEY = X25519PrivateKey.from_private_bytes(bytes(31) + b"1").public_key().public_bytes_raw().hex()

BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a letter": (lambda _: b"Dear sirs", "package_damaged"),
    "flipped": (lambda sound: sound[:-9] + bytes([sound[-9] ^ 1]) + sound[-8:], "package_damaged"),
    "cut": (lambda sound: sound[:-1], "package_damaged"),
}


def _start_digest(content: bytes) -> str:
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        at += count
        return content[at - count : at]

    return read_start(read).digest


def by_console(post: Post, paths: list[Path]) -> None:
    """As the page of the console does."""
    handed = [Handed(one, one.name) for one in paths]
    package_desk.take_all(post.way, handed, campaign="C-1", by="xu", now_ms=NOW_MS)


def by_command(post: Post, paths: list[Path]) -> None:
    """While the server is stopped."""
    post.db.close()
    result = CliRunner().invoke(main, ["take-package", "--data", str(post.folder), *map(str, paths)])
    assert result.exit_code == 2, result.output
    post.db = Database.open(f"sqlite:///{post.folder / 'hucha.db'}")


@pytest.mark.parametrize("way", [by_console, by_command])
@pytest.mark.parametrize("kind", [*BAD, "foreign"])
def test_a_refusal_leaves_one_line_with_reason_and_digest(
    tmp_path: Path, way: Callable[[Post, list[Path]], None], kind: str
) -> None:
    """The package's own digest where its beginning can be read, else the file's; the good one beside it is taken."""
    post = Post(tmp_path)
    sound = post.make(post.requests())
    foreign = post.make(post.requests(), receiver="0a" * 32)
    content, code = (foreign, "package_foreign") if kind == "foreign" else (BAD[kind][0](sound), BAD[kind][1])
    bad, good = tmp_path / "bad.hcx", tmp_path / "good.hcx"
    bad.write_bytes(content)
    good.write_bytes(post.make(post.requests()))
    way(post, [bad, good])
    lines = ask(post.db, "SELECT what, facts FROM audit_event WHERE action = 'package.refused'")
    ((what, kept),) = lines
    facts = json.loads(kept)
    assert what.endswith("bad.hcx")
    assert facts["code"] == code
    assert facts["digest"] == (digest(content) if kind == "a letter" else _start_digest(content))
    assert ask(post.db, "SELECT count(*) FROM package WHERE direction = 'in'") == [(1,)]


def test_without_room_for_the_receipt_nothing_is_taken_and_without_room_to_give_nothing_is_given(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Nobody is told that a package was refused whose records are here, nor shown a file that is not there."""
    with small_disk(tmp_path / "packages", 64 * 1024) as mounted:
        if not mounted:
            elsewhere(request.node.nodeid)
        post = Post(tmp_path)
        post.db.write(lambda conn: devices.give_sealing_key(conn, DeviceId("D-1"), TABLET_KEY))
        path = tmp_path / "sound.hcx"
        path.write_bytes(post.make(post.requests()))

        def take() -> Outcome:
            (outcome,) = package_desk.take_all(
                post.way, [Handed(path, "sound")], campaign="C-1", by="xu", now_ms=NOW_MS
            )
            return outcome

        ballast = tmp_path / "packages" / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(ballast.parent).free))
        refused = take()
        assert refused.problem is not None
        assert refused.problem.code == "disk_full"
        with pytest.raises(Problem, match="disk_full"):
            package_desk.give_all(post.way, ["D-1"], by="xu", now_ms=NOW_MS)
        for table in ("operation", "package"):
            assert ask(post.db, f"SELECT count(*) FROM {table}") == [(0,)]
        ballast.unlink()
        taken = take()
        ((given,), _) = package_desk.give_all(post.way, ["D-1"], by="xu", now_ms=NOW_MS)
        assert ask(post.db, "SELECT count(*) FROM operation") == [(2,)]
        assert taken.receipt is not None
        told = ask(post.db, "SELECT who, what FROM audit_event WHERE action = 'package.given'")
        assert told == [("xu", "D-1")]
        for row in (taken.receipt, given):
            assert post.way.files.given(row.digest).stat().st_size == row.size_bytes
        post.db.close()


def test_whoever_hands_in_the_same_volumes_second_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one's package is taken meanwhile, and its volumes are gone; nobody's list breaks by it."""
    post = Post(tmp_path)
    content = post.make(post.requests())
    parts = in_volumes(content, -(-len(content) // 2) + HEADER_BYTES + DIGEST_BYTES)
    paths = [tmp_path / f"{number}.hcx" for number in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    first, second = [Handed(path, path.name) for path in paths]

    def take(one: Handed) -> Outcome:
        (outcome,) = package_desk.take_all(post.way, [one], campaign="C-1", by="xu", now_ms=NOW_MS)
        return outcome

    assert take(first).volume is not None
    digest_of = PackageFiles.digest_of

    def somebody_was_first(self: PackageFiles, source: Source) -> str:
        self.forget(_start_digest(content))
        return digest_of(self, source)

    with monkeypatch.context() as patch:
        patch.setattr(PackageFiles, "digest_of", somebody_was_first)
        refused = take(second).problem
    assert refused is not None
    assert refused.code == "busy"
    inbox = tmp_path / "packages" / "inbox" / "0a"
    inbox.mkdir(parents=True)
    (inbox / "1.hcx").symlink_to(tmp_path / "gone")
    assert post.way.files.waiting() == []
    post.db.close()


def test_a_kept_volume_that_cannot_be_read_any_more_is_asked_for_again(tmp_path: Path) -> None:
    """Whatever became of it on the disk: it breaks nobody's list, and it can be handed in once more."""
    post = Post(tmp_path)
    content = post.make(post.requests())
    first, second = in_volumes(content, -(-len(content) // 2) + HEADER_BYTES + DIGEST_BYTES)
    path = tmp_path / "volume"

    def take(volume: bytes) -> Outcome:
        path.write_bytes(volume)
        (outcome,) = package_desk.take_all(
            post.way, [Handed(path, "volume")], campaign="C-1", by="xu", now_ms=NOW_MS
        )
        return outcome

    assert take(first).missing == (2,)
    kept = tmp_path / "packages" / "inbox" / _start_digest(content) / "1.hcx"
    kept.write_bytes(bytes(100))
    assert post.way.files.waiting() == []
    assert take(second).missing == (1,)
    kept.unlink(missing_ok=True)
    kept.symlink_to("/proc/self/mem")  # which answers what a disk with a bad sector does
    assert [missing for _, missing in post.way.files.waiting()] == [[1]]
    assert take(first).row is not None
    post.db.close()


def test_a_nearly_full_disk_takes_records_and_no_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand as on the line: photos wait on the tablet, operations need the room."""
    post = Post(tmp_path)
    paths = []
    for name, photos in (("with.hcx", (PHOTO,)), ("without.hcx", ())):
        paths.append(tmp_path / name)
        paths[-1].write_bytes(post.make(post.requests(photos=photos)))
    usage = shutil.disk_usage(tmp_path)
    nearly = usage._replace(free=usage.total * 4 // 100)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: nearly)
        by_command(post, paths)
    ((what, facts),) = ask(post.db, "SELECT what, facts FROM audit_event WHERE action = 'package.refused'")
    assert what.endswith("with.hcx")
    assert json.loads(facts)["code"] == "disk_full"
    assert ask(post.db, "SELECT count(*) FROM package WHERE direction = 'in'") == [(1,)]
    assert ask(post.db, "SELECT count(*) FROM photo") == [(0,)]
    post.db.close()


def test_a_file_that_cannot_be_read_keeps_none_of_the_others(tmp_path: Path) -> None:
    """A worn disc: it is named and said to be failing, and the good one beside it is taken."""
    post = Post(tmp_path)
    worn, good = tmp_path / "a.hcx", tmp_path / "good.hcx"
    worn.symlink_to("/proc/self/mem")  # which answers what a disc with a bad sector does
    good.write_bytes(post.make(post.requests()))
    by_command(post, [worn, good])
    ((what, facts),) = ask(post.db, "SELECT what, facts FROM audit_event WHERE action = 'package.refused'")
    assert what.endswith("a.hcx")
    assert json.loads(facts)["code"] == "disk_failing"
    assert ask(post.db, "SELECT count(*) FROM package WHERE direction = 'in'") == [(1,)]
    post.db.close()
