"""What one reply of the server changes in the tablet's file: written whole, inside one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from mobile.engine import Database
from shared_schema.ids import digest
from shared_schema.operations import Operation, read_envelope, read_logged
from shared_schema.problems import Problem
from shared_schema.wire import Assignment, BackedLog, Held, Peer, Receipt, SignedHead, encode

LEFT_OUT = ("refused", "id_reused", "set_aside", "disowned")
"""The statuses of operations that do not count in the state."""


class Journal(msgspec.Struct, frozen=True):
    """How the last exchanges went."""

    last_success_ms: int | None = None
    offline: bool = False
    problem: str = ""
    facts: dict[str, str] = {}
    attempts: int = 0
    retry: bool = True
    """Whether trying again may help without a person doing something first."""
    clock_ahead_ms: int = 0
    """By how much the tablet's clock was ahead of the server's at the last success."""
    photo_attempts: int = 0
    """Failures of photos alone, one after the other, without a byte that got through: the exchanges worked."""


class Verdict(NamedTuple):
    """What the server said of one operation."""

    op: str
    status: str
    problem: str = ""
    facts: Mapping[str, str] = {}
    hash: str = ""
    """Which of the operations with that id, where two have it: one made here, and one of a colleague's."""


class Reading(NamedTuple):
    """News of one inspection, and how far the tablet has read it thereby."""

    inspection: str
    cursor: int
    ops: Sequence[bytes]
    last_read: str
    """The operation at the cursor."""
    positions: frozenset[tuple[int, str]] | None = None
    """Of news out of a file: the numbers it begins at and passes, each with what names the log up to there. Where the
    tablet has read to none of them, the news may be of another log by now, or leave something out: then it is kept
    in doubt, and the cursor stays. None: it answers what was asked just now."""


class Settlement(NamedTuple):
    """All that one reply changes, as `sync` decided it."""

    journal: Journal
    verdicts: Sequence[Verdict] = ()
    receipts: Sequence[Held] = ()
    photos_held: Sequence[str] = ()
    photos_backed_up: Sequence[str] = ()
    logs_backed_up: Sequence[BackedLog] = ()
    proofs: Sequence[SignedHead] = ()
    relayed: Sequence[Receipt] = ()
    """For other tablets, to be handed to them."""
    peers: Sequence[Peer] | None = None
    revoked: bool = False
    offer_again: Sequence[tuple[str, int]] = ()
    """(epoch, number): what the server has answered for after this number becomes unsent again."""
    forked: Sequence[str] = ()
    new_epoch: str = ""
    news: Sequence[Reading] = ()
    rewound: Sequence[str] = ()
    """Inspections of which a restored server has lost something: all that is held of them is in doubt."""
    read_to_the_end: bool = False
    """There is no more news: what is still in doubt, the server has not got."""
    assignments: Sequence[Assignment] | None = None
    checklists: Sequence[tuple[str, bytes]] = ()
    gone: Sequence[str] = ()
    photos_wanted: Sequence[str] = ()
    all_photos_wanted: bool = False
    heard_ms: int = 0
    """The server's time, where it answered over the network: what passes for photos are dated by."""
    mark: str = ""
    """A new name for where the tablet stands now: a receipt in a file that names another one came late."""
    late: bool = False
    """Out of a file, and other replies have been settled since: what it says may have been overtaken."""


class Settled(NamedTuple):
    """What became of it, for the states in memory."""

    refold: frozenset[str]
    """Inspections of which operations were refused, or get another chance."""
    fresh: Mapping[str, Sequence[Operation]]
    """By inspection, the operations of others that were new."""


def settle(db: Database, settlement: Settlement) -> Settled:
    """Writes it; the caller has opened the transaction."""
    # What is offered again because of this reply's assignments is not among what the reply judges.
    changed, returned = _changed(db, settlement.assignments or ())
    refold = _reconsider(db, changed)
    refold |= _verdicts(db, settlement.verdicts, settlement.read_to_the_end)
    _receipts(db, settlement)
    refold |= _offer_again(db, settlement.offer_again)
    for epoch in settlement.forked:
        db.execute("UPDATE epoch SET forked = 1 WHERE epoch = ?", (epoch,))
    if settlement.new_epoch:
        db.execute("INSERT INTO epoch (epoch) VALUES (?)", (settlement.new_epoch,))
    for inspection in {*settlement.rewound, *returned}:
        _doubt(db, inspection)
    fresh: dict[str, list[Operation]] = {}
    for reading in settlement.news:
        refold |= _news(db, reading, fresh)
    if settlement.read_to_the_end:
        db.execute("UPDATE operation SET status = 'relay' WHERE status = 'doubtful'")
        # Taken with an earlier page and not met while reading on: a server restored in between may have lost it
        # without any cursor showing that. Asking again costs little.
        db.execute(
            "UPDATE operation SET status = 'unsent' WHERE own AND NOT confirmed AND status IN ('accepted', 'held')"
        )
        _lose(db)
    _registers(db, settlement)
    return Settled(frozenset(refold), fresh)


def _changed(db: Database, assignments: Iterable[Assignment]) -> tuple[list[str], list[str]]:
    """The inspections whose assignment is not what it was; of these, those that were gone."""
    changed, returned = [], []
    for one in assignments:
        rows = db.execute(
            "SELECT content, gone FROM assignment WHERE inspection = ?", (one.inspection,)
        ).fetchall()
        if not rows or rows[0][1] or rows[0][0] != encode(one):
            changed.append(one.inspection)
        if rows and rows[0][1]:
            returned.append(one.inspection)
    return changed, returned


def _reconsider(db: Database, changed: Iterable[str]) -> set[str]:
    """What was refused goes in again: who belongs to the squad, and what is its to inspect, is in the assignment."""
    refold: set[str] = set()
    for inspection in changed:
        again = db.execute(
            "UPDATE operation SET status = CASE WHEN own THEN 'unsent' ELSE 'relay' END, problem = '', facts = '{}'"
            " WHERE inspection = ? AND status IN ('refused', 'disowned') RETURNING id",
            (inspection,),
        ).fetchall()
        if again:
            refold.add(inspection)
    return refold


def _verdicts(db: Database, verdicts: Iterable[Verdict], read_to_the_end: bool) -> set[str]:
    """What the server took lies before the cursor only when the news was read to its end."""
    refold: set[str] = set()
    taken = "news" if read_to_the_end else "doubtful"
    for verdict in verdicts:
        facts = msgspec.json.encode(verdict.facts).decode()
        rows = db.execute(
            "UPDATE operation SET status = ?1, problem = ?2, facts = ?3, confirmed = ?4"
            " WHERE id = ?5 AND own AND status = 'unsent' AND ?6 IN ('', hash) RETURNING inspection",
            (verdict.status, verdict.problem, facts, read_to_the_end, verdict.op, verdict.hash),
        ).fetchall()
        # What a colleague made and the server takes back from here is news like any other; what it will not
        # take, nobody else has, so it counts here no longer either.
        rows += db.execute(
            "UPDATE operation SET status = ?1, problem = ?2, facts = ?3 WHERE id = ?4 AND NOT own AND status = 'relay'"
            " AND ?5 IN ('', hash) RETURNING inspection",
            (
                "disowned" if verdict.status in ("refused", "id_reused") else taken,
                verdict.problem or ("op_id_reused" if verdict.status == "id_reused" else ""),
                facts,
                verdict.op,
                verdict.hash,
            ),
        ).fetchall()
        if verdict.status in ("refused", "id_reused"):
            refold.update(inspection for (inspection,) in rows)
    return refold


def _doubt(db: Database, inspection: str) -> None:
    """What the server had of an inspection it may have lost: own operations go in again, others' must be read again."""
    db.execute(
        "UPDATE operation SET status = 'unsent' WHERE inspection = ? AND own AND status IN ('accepted', 'held')",
        (inspection,),
    )
    db.execute(
        "UPDATE operation SET status = 'doubtful' WHERE inspection = ? AND NOT own AND status = 'news'",
        (inspection,),
    )


def _receipts(db: Database, settlement: Settlement) -> None:
    for one in settlement.receipts:
        at_least = "max(receipt, ?), backed_up = max(backed_up, ?)" if settlement.late else "?, backed_up = ?"
        # A number alone would not do: of a chain that forked the backup may hold the other branch.
        ours = db.execute(
            "SELECT 1 FROM operation WHERE own AND epoch = ? AND seq = ? AND hash = ?",
            (one.epoch, one.backed_up, one.backed_hash),
        ).fetchall()
        db.execute(
            f"UPDATE epoch SET receipt = {at_least} WHERE epoch = ?",  # noqa: S608 one of two constants
            (one.seq, one.backed_up if ours else 0, one.epoch),
        )
    for log in settlement.logs_backed_up:
        db.execute(
            "INSERT OR REPLACE INTO backed_log VALUES (?, ?, ?)", (log.inspection, log.number, log.head)
        )
    for level, photos in ((1, settlement.photos_held), (2, settlement.photos_backed_up)):
        for sha256 in photos:
            db.execute(
                "UPDATE photo SET receipt = max(?, receipt * ?),"
                " status = CASE status WHEN 'waiting' THEN 'received' ELSE status END WHERE sha256 = ?",
                (level, settlement.late, sha256),
            )
    for head in settlement.proofs:
        db.execute(
            "INSERT OR IGNORE INTO signed_head (device, epoch, seq, hash, signature) VALUES (?, ?, ?, ?, ?)",
            (head.device, head.epoch, head.seq, head.hash, head.signature),
        )
    keep_carried(db, settlement.relayed)


def keep_carried(db: Database, receipts: Iterable[Receipt]) -> None:
    """Keeps the server's receipts for other tablets: of each chain the latest by the server's clock."""
    for receipt in receipts:
        for held in receipt.heads:
            db.execute(
                "INSERT INTO carried_receipt VALUES (?, ?, ?, ?) ON CONFLICT (device, epoch) DO UPDATE"
                " SET at_ms = excluded.at_ms, content = excluded.content WHERE excluded.at_ms > at_ms",
                (receipt.device, held.epoch, receipt.at_ms, encode(receipt)),
            )


def _offer_again(db: Database, lost: Iterable[tuple[str, int]]) -> set[str]:
    refold: set[str] = set()
    for epoch, number in lost:
        rows = db.execute(
            "UPDATE operation SET status = 'unsent', problem = '', facts = '{}'"
            " WHERE own AND epoch = ? AND seq > ? AND status NOT IN ('unsent', 'purged', 'lost') RETURNING inspection",
            (epoch, number),
        ).fetchall()
        refold.update(inspection for (inspection,) in rows)
        db.execute("UPDATE epoch SET arrived = min(arrived, ?) WHERE epoch = ?", (number, epoch))
    return refold


def _news(db: Database, reading: Reading, fresh: dict[str, list[Operation]]) -> set[str]:
    """Adds what was new to `fresh`; gives inspections of which something counts no longer."""
    sure = _sure(db, reading)
    refold: set[str] = set()
    brought_back = False
    for raw in reading.ops:
        operation, row = _received(reading.inspection, raw)
        op, hash_ = row[0], row[5]
        # Another tablet handed over other bytes under this id: what the server has is the operation.
        replaced = db.execute(
            "DELETE FROM operation WHERE id = ? AND NOT own AND hash != ? AND status IN ('relay', 'disowned')"
            " RETURNING inspection",
            (op, hash_),
        ).fetchall()
        refold.update(inspection for (inspection,) in replaced)
        # The echo of an operation made here is in the file already.
        known = db.execute(
            "SELECT status FROM operation WHERE id = ? AND (NOT own OR hash = ?)", (op, hash_)
        ).fetchall()
        if known and not sure:
            continue
        if ("purged",) in known or ("lost",) in known:
            _bring_back(db, operation, raw)
            brought_back = True
            refold.add(reading.inspection)
            continue
        if known:
            db.execute(
                "UPDATE operation SET status = CASE WHEN own THEN 'accepted' ELSE 'news' END,"
                " problem = '', facts = '{}' WHERE id = ? AND (NOT own OR hash = ?)"
                " AND status IN ('doubtful', 'relay', 'disowned', 'refused', 'id_reused', 'set_aside')",
                (op, hash_),
            )
            db.execute("UPDATE operation SET confirmed = 1 WHERE id = ? AND own", (op,))
            if operation is not None and all(status in LEFT_OUT for (status,) in known):
                fresh.setdefault(operation.inspection, []).append(operation)
            continue
        db.execute(
            "INSERT INTO operation (id, inspection, device, epoch, seq, hash, own, status, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
            row if sure or operation is None else (*row[:-2], "doubtful", row[-1]),
        )
        if operation is not None:
            fresh.setdefault(operation.inspection, []).append(operation)
    if sure:
        db.execute(
            "INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)",
            (reading.inspection, reading.cursor, reading.last_read),
        )
    if not brought_back and fresh.get(reading.inspection):
        # Something new about a visit that was cleared away here: it is read again from the start.
        db.execute(
            "DELETE FROM cursor WHERE inspection = ?1"
            " AND EXISTS (SELECT 1 FROM operation WHERE inspection = ?1 AND status = 'purged')",
            (reading.inspection,),
        )
    return refold


def _bring_back(db: Database, operation: Operation | None, raw: bytes) -> None:
    """What was cleared away here comes back with the news, both kinds of row that it may have."""
    others = "news" if operation is not None else "unreadable"
    db.execute(
        "UPDATE operation SET raw = ?, status = CASE WHEN own THEN 'accepted' ELSE ? END, confirmed = own"
        " WHERE hash = ? AND status IN ('purged', 'lost')",
        (raw, others, digest(raw)),
    )


def _lose(db: Database) -> None:
    """What was cleared here and did not come back with all that the server's log holds now, a restored server has lost.

    As long as a visit stays cleared, the backup's log ends where it was read to; such a one is not looked at.
    """
    read_again = db.execute(
        "SELECT DISTINCT p.inspection FROM operation p JOIN cursor c ON c.inspection = p.inspection"
        " WHERE p.status = 'purged' AND NOT EXISTS"
        " (SELECT 1 FROM backed_log b WHERE b.inspection = c.inspection AND b.head = c.last_read)"
    ).fetchall()
    for (inspection,) in read_again:
        db.execute(
            "UPDATE operation SET status = 'lost' WHERE inspection = ?1 AND status = 'purged'"
            " AND (SELECT number FROM cursor WHERE inspection = ?1) = (SELECT count(DISTINCT id) FROM operation"
            " WHERE inspection = ?1 AND status IN ('accepted', 'held', 'news', 'unreadable'))",
            (inspection,),
        )


def _sure(db: Database, reading: Reading) -> bool:
    """Whether the news leads on from where this tablet has read to."""
    if reading.positions is None:
        return True
    rows = db.execute(
        "SELECT number, last_read FROM cursor WHERE inspection = ?", (reading.inspection,)
    ).fetchall()
    return (rows[0] if rows else (0, "")) in reading.positions


def _received(inspection: str, raw: bytes) -> tuple[Operation | None, tuple[str | int | bytes, ...]]:
    """An operation from the server and its row; what cannot be read is kept as bytes."""
    hash_ = digest(raw)
    try:
        one = read_logged(raw)
    except Problem:
        return None, (_id_of(raw) or hash_, inspection, "", "", 0, hash_, "unreadable", raw)
    return one, (one.id, one.inspection, one.device, one.epoch, one.seq, hash_, "news", raw)


def _id_of(raw: bytes) -> str:
    try:
        return read_envelope(raw).id
    except Problem:
        return ""


def _registers(db: Database, settlement: Settlement) -> None:
    for hash_, content in settlement.checklists:
        db.execute("INSERT OR IGNORE INTO checklist VALUES (?, ?)", (hash_, content))
    if settlement.assignments is not None:
        # What is no longer assigned stays, marked: it may hold what nobody else has.
        db.execute("UPDATE assignment SET gone = 1")
        for one in settlement.assignments:
            db.execute("INSERT OR REPLACE INTO assignment VALUES (?, 0, ?)", (one.inspection, encode(one)))
    for inspection in settlement.gone:
        db.execute("UPDATE assignment SET gone = 1 WHERE inspection = ?", (inspection,))
        db.execute("DELETE FROM cursor WHERE inspection = ?", (inspection,))
    if settlement.all_photos_wanted:
        db.execute(
            "UPDATE photo SET status = 'waiting', receipt = 0, sent_bytes = 0 WHERE status = 'received'"
        )
    for sha256 in settlement.photos_wanted:
        db.execute(
            "UPDATE photo SET status = 'waiting', receipt = 0, sent_bytes = 0"
            " WHERE sha256 = ? AND status IN ('received', 'stray')",
            (sha256,),
        )
