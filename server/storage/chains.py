"""Chains: how far the server holds each tablet's operations without a gap, and what is missing or forked.

A tablet numbers its operations within an epoch, and each carries the hash of the one before. The head
hash therefore names everything up to it: a receipt of number and hash says exactly what is held.
Refused operations are held too, and leave no gap. Nothing is ever refused for a gap or a fork.
"""
# ruff: noqa: S608 - the texts are put together from constants of this package; values are always parameters

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

from server.storage.op_log import one_of, run, run_many
from shared_schema.ids import DeviceId
from shared_schema.wire import SignedHead

PAGE_LINKS = 1000
_LINKS = (
    "SELECT seq, prev, hash FROM operation WHERE device = ? AND epoch = ? AND seq > ? UNION "
    "SELECT seq, prev, hash FROM refusal WHERE device = ? AND epoch = ? AND seq > ? ORDER BY seq, hash"
)


class Tip(NamedTuple):
    """How far a chain is held without a gap: its last number, and the hash of that operation."""

    seq: int = 0
    hash: str = ""


class Backed(NamedTuple):
    """A tip, and the last number that a backup holds, with the hash there."""

    seq: int = 0
    hash: str = ""
    backed_up: int = 0
    backed_hash: str = ""


class Gap(NamedTuple):
    """Numbers of a tablet that have not been received, though later ones have."""

    device: str
    epoch: str
    first: int
    last: int


class Fork(NamedTuple):
    """A number that a tablet (or its clone, or the same tablet restored from a backup) gave twice."""

    device: str
    epoch: str
    seq: int
    hashes: tuple[str, ...]


def tips(conn: Connection, device: DeviceId, epochs: Iterable[str]) -> dict[str, Tip]:
    """By epoch, how far each chain is held; epochs nothing is held of are left out."""
    where, value = one_of(conn, "epoch", epochs)
    rows = run(conn, f"SELECT epoch, seq, hash FROM chain WHERE device = ? AND {where}", (device, value))
    return {epoch: Tip(seq, head) for epoch, seq, head in rows}


def backed(conn: Connection, device: DeviceId, epochs: Iterable[str]) -> dict[str, Backed]:
    """By epoch, how far each chain is held, and how far a backup holds it."""
    where, value = one_of(conn, "epoch", epochs)
    sql = f"SELECT epoch, seq, hash, backed_up, backed_hash FROM chain WHERE device = ? AND {where}"
    return {epoch: Backed(*rest) for epoch, *rest in run(conn, sql, (device, value))}


def keep_heads(conn: Connection, heads: Iterable[SignedHead]) -> None:
    """Keeps heads whose signatures have been checked; the same again changes nothing."""
    run_many(
        conn,
        "INSERT INTO signed_head (device, epoch, seq, hash, signature) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [(one.device, one.epoch, one.seq, one.hash, one.signature) for one in heads],
    )


def is_kept(conn: Connection, head: SignedHead) -> bool:
    """Whether this tablet is known to have signed for this operation."""
    place = (head.device, head.epoch, head.seq, head.hash)
    sql = "SELECT 1 FROM signed_head WHERE device = ? AND epoch = ? AND seq = ? AND hash = ?"
    return bool(run(conn, sql, place))


def head_over(conn: Connection, device: str, epoch: str, seq: int) -> SignedHead | None:
    """The nearest signed head that answers for an operation with this number; None where there is none."""
    rows = run(
        conn,
        "SELECT device, epoch, seq, hash, signature FROM signed_head"
        " WHERE device = ? AND epoch = ? AND seq >= ? ORDER BY seq, hash LIMIT 1",
        (device, epoch, seq),
    )
    return SignedHead(*rows[0]) if rows else None


def followed(conn: Connection, device: str, epoch: str, first: int, last: int) -> set[str]:
    """The hashes of these numbers of a tablet's chain that it answers for by what is held of it.

    What is here names the one before it, but for what a person let in without its tablet's word; and what was refused
    for another reason has come from its author already.
    """
    rows = run(
        conn,
        "SELECT prev FROM operation WHERE device = ? AND epoch = ? AND seq BETWEEN ? AND ? AND NOT EXISTS ("
        "SELECT 1 FROM admission WHERE admission.hash = operation.hash AND problem = 'op_not_proven'"
        " AND admitted_by <> '') UNION "
        "SELECT hash FROM refusal WHERE device = ? AND epoch = ? AND seq BETWEEN ? AND ?",
        (device, epoch, first + 1, last + 1, device, epoch, first, last),
    )
    return {prev for (prev,) in rows}


def is_beside(conn: Connection, device: str, epoch: str, seq: int, hash_: str) -> bool:
    """Whether another operation with this number is held, and the log has none that follows this one: it is of another
    branch.
    """
    place = (device, epoch, seq)
    others = run(
        conn,
        "SELECT 1 FROM operation WHERE device = ? AND epoch = ? AND seq = ? AND hash <> ? UNION "
        "SELECT 1 FROM refusal WHERE device = ? AND epoch = ? AND seq = ? AND hash <> ?",
        (*place, hash_, *place, hash_),
    )
    return bool(others) and not run(
        conn,
        "SELECT 1 FROM operation WHERE device = ? AND epoch = ? AND seq = ? AND prev = ?",
        (device, epoch, seq + 1, hash_),
    )


def last_numbers(conn: Connection, inspection: str, limit: int) -> list[tuple[str, str, int]]:
    """By tablet and epoch, the last number in an inspection's log; of more than so many, those that wrote most."""
    rows = run(
        conn,
        "SELECT device, epoch, max(seq) FROM operation WHERE inspection = ? AND device <> 'console'"
        " GROUP BY device, epoch ORDER BY count(*) DESC, device, epoch LIMIT ?",
        (inspection, limit),
    )
    return sorted((device, epoch, seq) for device, epoch, seq in rows)


Link = tuple[int, str, str]
"""An operation's place in its tablet's chain: its number, the hash of the one before, its own."""


def advance(conn: Connection, stored: Mapping[tuple[str, str], Sequence[Link]]) -> None:
    """Moves the tips of these chains, by tablet and epoch, over what has been stored just now."""
    for device, epoch in sorted(stored):
        tip = tips(conn, DeviceId(device), [epoch]).get(epoch, Tip())
        moved = _moved(conn, DeviceId(device), epoch, tip, stored[device, epoch])
        if moved != tip:
            run(
                conn,
                "INSERT INTO chain (device, epoch, seq, hash) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (device, epoch) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
                (device, epoch, *moved),
            )


def _moved(conn: Connection, device: DeviceId, epoch: str, tip: Tip, stored: Sequence[Link]) -> Tip:
    """The tip after what was stored: most often each simply follows the one before, and nothing waits behind them."""
    last, head = tip
    for seq, prev, hash_ in sorted(stored):
        if seq != last + 1 or prev != head:
            return _furthest(conn, device, epoch, tip)
        last, head = seq, hash_
    return (
        _furthest(conn, device, epoch, tip)
        if _holds_more(conn, device, epoch, tip, stored)
        else Tip(last, head)
    )


_HELD = " UNION ALL ".join(
    f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE device = ? AND epoch = ? AND seq > ? LIMIT ?) AS held"
    for table in ("operation", "refusal")
)


def _holds_more(conn: Connection, device: DeviceId, epoch: str, tip: Tip, stored: Sequence[Link]) -> bool:
    """Whether more is held of the numbers after a tip than what was stored just now: a fork, or what waits behind."""
    place = (device, epoch, tip.seq, len(stored) + 1)
    return sum(int(row[0]) for row in run(conn, _HELD, (*place, *place))) != len(stored)


def _furthest(conn: Connection, device: DeviceId, epoch: str, tip: Tip) -> Tip:
    while True:
        links = _links(conn, device, epoch, tip.seq, PAGE_LINKS)
        start = tip
        for seq, prev, hash_ in links:
            if seq == tip.seq + 1 and prev == tip.hash:
                tip = Tip(seq, hash_)
            elif seq > tip.seq:
                break  # a gap, or a link to another branch
        if tip == start or len(links) < PAGE_LINKS:
            break
    forked = any(seq == tip.seq + 1 for seq, _, _ in links)
    return _furthest_branch(conn, device, epoch, tip) if forked else tip


def _furthest_branch(conn: Connection, device: DeviceId, epoch: str, tip: Tip) -> Tip:
    """Of a forked chain, the branch held furthest, so that every other branch's owner sees a foreign hash."""
    reached = {""}
    best = Tip()
    for seq, links in groupby(_links(conn, device, epoch, 0, None), key=lambda link: link[0]):
        if seq != best.seq + 1:
            break
        reached = {hash_ for _, prev, hash_ in links if prev in reached}
        if not reached:
            break
        best = Tip(seq, min(reached))
    return best if best.seq > tip.seq else tip


def _links(conn: Connection, device: DeviceId, epoch: str, after: int, limit: int | None) -> list[Link]:
    place = (device, epoch, after)
    most = "" if limit is None else f" LIMIT {limit}"
    return [(seq, prev, hash_) for seq, prev, hash_ in run(conn, _LINKS + most, (*place, *place))]


_ODD = (
    "SELECT device, epoch FROM operation GROUP BY device, epoch"
    " HAVING count(*) <> max(seq) OR count(DISTINCT seq) <> count(*)"
    " UNION SELECT device, epoch FROM refusal WHERE seq > 0"
)
"""The chains that are not simply 1, 2, 3 … in the log: an index says so, and only these few are looked at closely."""
_ALL = (
    "SELECT operation.device, operation.epoch, seq, hash FROM operation"
    f" JOIN ({_ODD}) AS odd ON operation.device = odd.device AND operation.epoch = odd.epoch"
    " UNION SELECT device, epoch, seq, hash FROM refusal WHERE seq > 0"
)


def gaps(conn: Connection) -> list[Gap]:
    """What is missing of every tablet's numbers below the highest received, for people to look after."""
    rows = run(
        conn,
        "SELECT device, epoch, before + 1, seq - 1 FROM ("
        " SELECT device, epoch, seq, lag(seq, 1, 0) OVER (PARTITION BY device, epoch ORDER BY seq) AS before"
        f" FROM ({_ALL}) AS held) AS steps WHERE seq > before + 1 ORDER BY device, epoch, seq",
    )
    return [Gap(*row) for row in rows]


def forks(conn: Connection) -> list[Fork]:
    """Numbers held twice with different bytes, for people to look after."""
    rows = run(
        conn,
        f"SELECT h.device, h.epoch, h.seq, h.hash FROM ({_ALL}) AS h JOIN ("
        f" SELECT device, epoch, seq FROM ({_ALL}) AS held GROUP BY device, epoch, seq HAVING count(*) > 1"
        ") AS twice ON h.device = twice.device AND h.epoch = twice.epoch AND h.seq = twice.seq"
        " ORDER BY h.device, h.epoch, h.seq, h.hash",
    )
    return [
        Fork(*place, tuple(row[3] for row in same))
        for place, same in groupby(rows, key=lambda row: (row[0], row[1], row[2]))
    ]
