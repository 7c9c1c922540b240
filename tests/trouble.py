"""Trouble in a season: everything the sync board and quarantine show, brought in by the real exchange.

A gap, a fork, numbers told of and not sent, a clock that jumps, a tablet nobody has heard of, one that was
revoked and still delivers, one that changed hands; operations that are late, foreign, wrong or unreadable;
one of them admitted; and a code that waits.
"""

from typing import NamedTuple

from msgspec import Raw

from server.access import devices
from server.intake import exchange, quarantine
from server.storage import chains
from server.storage import devices as registered
from server.storage.database import Connection
from shared_schema.ids import DeviceId, SquadId, digest
from shared_schema.operations import Answer, Note, Operation, YesNo
from shared_schema.wire import ExchangeRequest, SignedHead, encode, read_reply
from tests.make import Scribe
from tests.season import HOUR_MS, Season

REFUSED = {
    "op_late": 3,
    "author_not_allowed": 1,
    "answer_not_allowed": 1,
    "inspection_unknown": 1,
    "op_not_proven": 1,
    "op_malformed": 1,
    "device_revoked": 2,
}
"""How many wait of each kind, after one late operation has been admitted."""


class Trouble(NamedTuple):
    """What a test may want to name."""

    quiet: str
    """The tablet whose chain has a gap and whose clock jumps."""
    busy: str
    """The tablet that brings most of what is refused, and changed hands."""
    revoked: str
    late: Operation
    admitted: Operation
    malformed: str
    code: str
    """The tablet that the open code would make."""


def make_trouble(conn: Connection, season: Season) -> Trouble:
    """Puts the trouble into the season of the first squad."""
    team = season.plan.teams[0]
    leader, other = team.members[0], next(one for one in team.members if one.role == "inspector")
    stranger = season.plan.teams[1].members[0].person.id
    locked, opened, foreign = season.locked[0], season.opened[0], season.plan.teams[1].visits[0].inspection
    now_ms = season.now_ms - 2 * HOUR_MS

    def send(device: str, raws: list[bytes], at_ms: int, ahead_ms: int = 0) -> list[str]:
        request = ExchangeRequest(device=device, ops=tuple(map(Raw, raws)), sent_at_ms=at_ms + ahead_ms)
        reply = exchange.exchange(conn, encode(request), device=DeviceId(device), now_ms=at_ms)
        return [one.problem or one.status for one in read_reply(reply).statuses]

    # The first tablet: numbers 3 to 5 are missing, 7 was given twice, 9 was told of; its clock jumps by two hours.
    quiet = Scribe(device=leader.tablet, person=leader.person.id, epoch="E-quiet", inspection=opened)
    written = [quiet.write(Note("A01", f"补记 {number}"), id=f"quiet.{number}") for number in range(1, 8)]
    twin = Scribe(device=leader.tablet, person=leader.person.id, epoch="E-quiet", inspection=opened)
    twin.written = written[:6]
    again = twin.write(Note("A02", "恢复后另记"), id="quiet.7b")
    raws = [one.raw for one in (*written[:2], written[5], written[6], again)]
    assert send(leader.tablet, raws, season.now_ms - 30 * HOUR_MS) == ["accepted"] * 5
    assert send(leader.tablet, [], season.now_ms - 29 * HOUR_MS, 2 * HOUR_MS) == []
    chains.keep_heads(conn, [SignedHead(leader.tablet, "E-quiet", 9, "9" * 64, "0" * 128)])

    # The second: late after the lock, by a stranger, wrong, about another squad's visit, another tablet's, unreadable.
    busy = Scribe(device=other.tablet, person=other.person.id, epoch="E-busy", inspection=locked)
    late = [busy.write(Note("A01", f"锁定后才送到 {number}"), id=f"busy.{number}") for number in range(1, 5)]
    wrong = [
        busy.write(Note("A02", "代记"), person=stranger, inspection=opened, id="busy.5"),
        busy.write(Answer(count_item(season), YesNo(True)), inspection=opened, id="busy.6"),
        busy.write(Note("A03", "走错单位"), inspection=foreign, id="busy.7"),
    ]
    borrowed = Scribe(device=leader.tablet, person=leader.person.id, epoch="E-lent", inspection=opened)
    malformed = b'{"id": 9, "what": "?"}'
    raws = [
        *(one.raw for one in (*late, *wrong)),
        borrowed.write(Note("A04", "转交"), id="lent.1").raw,
        malformed,
    ]
    wanted = [*["op_late"] * 4, "author_not_allowed", "answer_not_allowed", "inspection_unknown"]
    assert send(other.tablet, raws, now_ms) == [*wanted, "op_not_proven", "op_malformed"]
    quarantine.admit(
        conn,
        other.tablet,
        late[0].hash,
        admitted_by="coordinator",
        why="途中无网络，组长电话说明",
        now_ms=now_ms,
    )
    devices.hand_over(conn, other.tablet, other.person.id, "coordinator", "开季领用", now_ms - 100 * HOUR_MS)
    devices.hand_over(conn, other.tablet, team.members[-1].person.id, "coordinator", "原持有人调离", now_ms)

    # The third was lost and found.
    lost = DeviceId("T-lost")
    registered.add(
        conn,
        registered.DeviceRow(
            id=lost,
            squad=SquadId(team.squad),
            name="平板 099",
            platform="Android 14",
            app="0.2.0",
            public_key=digest(b"T-lost"),
            enrolled_at_ms=now_ms - 90 * HOUR_MS,
        ),
    )
    devices.hand_over(conn, lost, leader.person.id, "coordinator", "备用机", now_ms - 90 * HOUR_MS)
    devices.revoke(conn, lost, now_ms - 3 * HOUR_MS, "lost: 公交车上遗失")
    found = Scribe(device=lost, person=leader.person.id, epoch="E-lost", inspection=opened)
    raws = [found.write(Note("A05", f"找回 {number}"), id=f"lost.{number}").raw for number in (1, 2)]
    assert send(lost, raws, now_ms) == ["device_revoked"] * 2

    code = "T-waiting"
    until_ms = season.now_ms + 7 * 24 * HOUR_MS
    devices.make_enrolment(
        conn, team.squad, "PAPER-WAITS", code, until_ms, holder=leader.person.id, replaces=lost
    )
    return Trouble(leader.tablet, other.tablet, lost, late[1], late[0], digest(malformed), code)


def count_item(season: Season) -> str:
    """An item that takes a number, and so no yes or no."""
    return next(one.id for one in season.plan.checklist.items if one.response == "count")
