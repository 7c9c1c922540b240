"""Packages as people hand them over, at the console or by command: what is refused leaves one line, whichever way."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.__main__ import main
from server.intake import package_desk
from server.intake.package_desk import Handed
from server.storage.database import Database
from shared_schema.ids import digest
from shared_schema.package import read_start
from tests.contract.talk import NOW_MS, ask
from tests.unit.server.intake.test_packages import Post

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
