"""What several bring of one tablet's chain comes to the same, in whatever order it arrives."""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

from server.intake import projection
from server.intake.exchange import exchange
from server.storage.database import Connection, Database
from server.storage.op_log import run
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.operations import Note, Operation, Submitted
from tests.contract.talk import NOW_MS, signed
from tests.make import Scribe, make_answer, make_op, make_request

Delivery = tuple[str, bytes]
ENDS = (
    "SELECT raw FROM operation ORDER BY hash",
    "SELECT device, hash, problem, epoch, seq FROM refusal ORDER BY device, hash",
    "SELECT device, epoch, seq, hash FROM chain WHERE device <> 'D-21' ORDER BY device, epoch",
    "SELECT * FROM score_item ORDER BY inspection, item",
    "SELECT * FROM dispute ORDER BY inspection, field",
)
"""What everybody sees of it; in which order the log has it, and who waited for what meanwhile, is history.

D-21 wrote nothing: only its requests name an epoch.
"""


class Taken(Exception):
    """What all deliveries have come to."""


def come_to(db: Database, order: Iterable[Delivery]) -> list[list[Any]]:
    """What these come to, one after the other; the database is as before."""

    def deliver(conn: Connection) -> None:
        for device, body in order:
            exchange(conn, body, device=DeviceId(device), now_ms=NOW_MS)
        for inspection in projection.behind(conn):
            projection.bring_up(conn, inspection, {})
        raise Taken([[tuple(map(str, row)) for row in run(conn, sql)] for sql in ENDS])

    try:
        db.write(deliver)
    except Taken as taken:
        ends: list[list[Any]] = taken.args[0]
        return ends
    raise AssertionError


def delivery(device: str, ops: Iterable[Operation], *proofs: Operation) -> Delivery:
    """What a tablet brings, with the word of its author for some of it."""
    request = make_request(list(ops), device=device, proofs=tuple(map(signed, proofs)))
    return device, wire.encode(request)


def test_a_forked_chain_that_several_bring_comes_to_the_same_in_any_order(db: Database) -> None:
    """Its author, its clone, a colleague with its word and another without; one record in it that nobody takes."""
    scribe, clone = Scribe(), Scribe()
    ours = [scribe.write(make_answer("A03", number)) for number in (1, 2)]
    ours += [
        scribe.write(body)
        for body in (Note("Z99", "没有这一项"), make_answer("A06", answer=False), Submitted())
    ]
    clone.written = ours[:1]
    theirs = [clone.write(make_answer("A03", number), id=f"clone.{number}") for number in (3, 4)]
    own = make_op(make_answer("A03", 5), device="D-2", person="P-2")
    deliveries = [
        delivery("D-1", ours[:4]),
        delivery("D-1", theirs),
        delivery("D-2", [*reversed(ours[1:]), own], ours[-1]),
        delivery("D-2", [*theirs, *ours[:2]], theirs[-1]),
        delivery("D-21", ours[:3]),
    ]
    ends = [come_to(db, order) for order in permutations(deliveries)]
    assert len(ends) == 120
    log, refused, *_ = ends[0]
    assert (len(log), len(refused)) == (7, 1)
    assert [one for one in ends if one != ends[0]] == []
