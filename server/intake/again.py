"""Judging again: what waits for a newer version, or for other registers, is looked at anew by itself.

Held operations lie in the log already and are counted once their kind can be read. Refused ones are judged like new
ones, where what was wrong with them is what they say: a newer version, or another checklist, may take it.
What still waits afterwards waits as before.
"""

from collections import Counter
from collections.abc import Iterable
from importlib import metadata

from server.access import audit
from server.intake import exchange, projection, taking
from server.intake.judge import Judge
from server.storage import edition, registers, waiting
from server.storage.database import Connection
from shared_schema import merge
from shared_schema.ids import DeviceId
from shared_schema.operations import Operation, Unknown, read_logged
from shared_schema.rules import ENGINE_VERSION

CURABLE = ("op_malformed", "item_unknown", "answer_not_allowed", "photo_forbidden")
"""What is about the content: everything else depends on people, and is judged again when the tablet comes."""
WHO = "server"
"""Under this name the audit trail has what nobody did."""


def judge_again(conn: Connection, *, now_ms: int) -> int:
    """Judges again what waits, once for each version of program and registers; how many were counted by it."""
    judged_for = f"{metadata.version('hucha')} {ENGINE_VERSION} {merge.version()} {edition.edition(conn)}"
    if edition.judged_for(conn) == judged_for:
        return 0
    edition.note_judged(conn, judged_for)
    return _read_held(conn, now_ms) + _take_refused(conn, now_ms)


def _read_held(conn: Connection, now_ms: int) -> int:
    """Counts what was held for its kind alone, as tablets do that can read it; what the judge says of it is told."""
    readable: dict[str, list[Operation]] = {}
    for one in waiting.held(conn):
        operation = read_logged(one.raw)
        if not isinstance(operation.body, Unknown):
            readable.setdefault(one.inspection, []).append(operation)
    judge = Judge(conn, lambda author: exchange.role_of(conn, author))
    for inspection, ones in sorted(readable.items()):
        waiting.release(conn, [one.id for one in ones])
        row = registers.inspection(conn, inspection)
        if row is not None:
            projection.store(conn, row.id, projection.projected(conn, row))
        wrong = [judge(operation, proven=True) for operation in ones]
        _record(
            conn, now_ms, inspection, ["held"] * len(ones), [one.code for one in wrong if one is not None]
        )
    return sum(map(len, readable.values()))


def _take_refused(conn: Connection, now_ms: int) -> int:
    taken = 0
    for device, refused in waiting.refused(conn, CURABLE):
        lines = {one.hash: one for one in refused}
        result = taking.take(
            conn,
            [one.raw for one in refused],
            device=DeviceId(device),
            role_of=lambda author: exchange.role_of(conn, author),
            now_ms=now_ms,
        )
        was: dict[str, list[str]] = {}
        for one in result.fresh:
            was.setdefault(one.inspection, []).append(lines[one.hash].problem)
        for inspection, problems in sorted(was.items()):
            _record(conn, now_ms, inspection, problems, [])
        taken += len(result.fresh)
    return taken


def _record(conn: Connection, now_ms: int, inspection: str, was: Iterable[str], wrong: Iterable[str]) -> None:
    facts = {"was": _counted(was), "but": _counted(wrong)}
    said = {name: text for name, text in facts.items() if text}
    audit.record(conn, now_ms, WHO, "operation.judged_again", inspection, **said)


def _counted(codes: Iterable[str]) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted(Counter(codes).items()))
