"""The part of the store that tablets need which meet without a server: what is held, and what another one brought.

What came from another tablet counts at once and waits, with status `relay`, to be carried to the server.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from mobile import settling
from mobile.clearing import LOST, WITHOUT_BYTES, Clearing
from mobile.settling import LEFT_OUT, Journal, Settlement
from shared_schema.merge import apply
from shared_schema.operations import Operation
from shared_schema.proofs import Link
from shared_schema.wire import Held, Receipt, SignedHead, Span

CONSOLE = "console"
"""What the console writes carries the server's seal, which no tablet can check: it comes from the server alone."""


class Chain(NamedTuple):
    """What this file knows of one of its own chains, seen from a number the server named."""

    hash_there: str
    """Of the own operation with that number; empty where there is none."""
    receipt: int
    """The last number the server said it holds, the time before."""
    forked: bool


class Kept(NamedTuple):
    """An operation in the file."""

    hash: str
    status: str
    problem: str
    facts: Mapping[str, str]


class Refusal(msgspec.Struct, frozen=True):
    """What another tablet told: the server has refused this operation of ours, and why."""

    op: str
    problem: str
    facts: dict[str, str] = {}


class Meeting(NamedTuple):
    """The last time another tablet was met."""

    device: str
    at_ms: int
    """By this tablet's clock."""
    address: str = ""
    """Where it was found; empty where it came by itself."""
    holds: Sequence[Span] = ()
    refused: Sequence[Refusal] | None = ()
    """None: nothing was told of refusals, so what was told before stands."""


class Own(NamedTuple):
    """An operation made here that the server has not answered for."""

    link: Link
    op: str
    arrived: bool
    """A receipt of the server for it came back through another tablet."""


class Run(NamedTuple):
    """One of this file's chains, and how far the server said it has come."""

    epoch: str
    last: int
    receipt: int
    backed_up: int
    forked: bool


class Figures(NamedTuple):
    """How many operations and photos are where."""

    own: Mapping[str, int]
    """By status, the operations made here."""
    others: int
    """Colleagues' operations."""
    receipted: int
    """Of the own ones that it has received (accepted, held), those that a signed receipt of the server covers."""
    backed_up: int
    """Of these, those that a backup of the server holds, too."""
    photos: Mapping[tuple[str, int], int]
    """By status (waiting, received, missing) and receipt (0 none, 1 signed for, 2 in a backup)."""
    runs: Sequence[Run]
    lost: int = 0
    """Operations that were cleared from here and that a restored server has lost."""
    moving: tuple[str, int] | None = None
    """The photo that is on its way, by its hash, and how many of its bytes have arrived."""


class Passed(NamedTuple):
    """What another tablet brought, checked: all of it is kept in one transaction."""

    meeting: Meeting
    ops: Sequence[Operation] = ()
    heads: Sequence[SignedHead] = ()
    receipts: Sequence[Receipt] = ()
    arrived: Sequence[Held] = ()
    forked: Sequence[str] = ()
    new_epoch: str = ""


class Meetings(Clearing):
    """What the store knows of other tablets and for them."""

    def links(self, *, cleared: bool = False) -> list[Link]:
        """Every operation that is held and counts, but those of the console: what can be handed to other tablets.

        With `cleared` those too whose bytes are gone from here: nobody need hand them over again.
        """
        left_out = LEFT_OUT if cleared else (*LEFT_OUT, *WITHOUT_BYTES)
        rows = self._rows(
            "SELECT device, epoch, seq, hash, CASE WHEN raw = x'' THEN ''"
            " ELSE coalesce(json_extract(CAST(raw AS TEXT), '$.prev'), '') END FROM operation"
            " WHERE (NOT own OR device = ?1) AND device NOT IN ('', ?2)"
            " AND status NOT IN (SELECT value FROM json_each(?3)) ORDER BY device, epoch, seq",
            self._device(),
            CONSOLE,
            _line(left_out),
        )
        return _chained([Link(*row) for row in rows]) if cleared else [Link(*row) for row in rows]

    def heads_kept(self) -> list[SignedHead]:
        """All heads of other tablets' chains."""
        return [
            SignedHead(*row)
            for row in self._rows("SELECT device, epoch, seq, hash, signature FROM signed_head ORDER BY hash")
        ]

    def bytes_of(self, hashes: Collection[str]) -> dict[str, tuple[str, bytes]]:
        """By hash, the inspection and the bytes of these operations."""
        rows = self._rows(
            "SELECT hash, inspection, raw FROM operation WHERE hash IN (SELECT value FROM json_each(?))"
            " ORDER BY own DESC",
            _line(list(hashes)),
        )
        return {hash_: (inspection, raw) for hash_, inspection, raw in rows}

    def kept(self, ids: Iterable[str]) -> dict[str, list[Kept]]:
        """By id, what is in the file of these operations: one made here, one of others, or both."""
        found: dict[str, list[Kept]] = {}
        rows = self._rows(
            "SELECT id, hash, status, problem, facts FROM operation"
            " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY own DESC",
            _line(list(ids)),
        )
        for op, hash_, status, problem, facts in rows:
            found.setdefault(op, []).append(Kept(hash_, status, problem, msgspec.json.decode(facts)))
        return found

    def chain(self, epoch: str, number: int) -> Chain | None:
        """One of this file's own chains; None for a run of numbers it never began."""
        rows = self._rows("SELECT receipt, forked FROM epoch WHERE epoch = ?", epoch)
        if not rows:
            return None
        there = self._rows("SELECT hash FROM operation WHERE own AND epoch = ? AND seq = ?", epoch, number)
        [(receipt, forked)] = rows
        return Chain(there[0][0] if there else "", receipt, bool(forked))

    def carried_receipts(self, limit: int) -> tuple[Receipt, ...]:
        """The server's receipts for other tablets."""
        rows = self._rows(
            "SELECT DISTINCT content FROM carried_receipt ORDER BY device, content LIMIT ?", limit
        )
        return tuple(_receipt_decoder.decode(content) for (content,) in rows)

    def meetings(self) -> tuple[Meeting, ...]:
        """The last meeting with each tablet."""
        rows = self._rows("SELECT device, at_ms, address, holds, refused FROM meeting ORDER BY device")
        return tuple(
            Meeting(device, at_ms, address, _spans_decoder.decode(holds), _refusals_decoder.decode(refused))
            for device, at_ms, address, holds, refused in rows
        )

    def own_waiting(self) -> list[Own]:
        """What was made here and the server has not answered for, with its place in the chain."""
        rows = self._rows(
            "SELECT o.device, o.epoch, o.seq, o.hash, o.id, o.seq <= e.arrived FROM operation o"
            " JOIN epoch e ON e.epoch = o.epoch WHERE o.own AND o.status = 'unsent' ORDER BY o.position"
        )
        return [
            Own(Link(device, epoch, seq, hash_, ""), op, bool(arrived))
            for device, epoch, seq, hash_, op, arrived in rows
        ]

    def carrying(self) -> dict[str, int]:
        """By tablet, how many of its operations wait here to be carried to the server."""
        return dict(
            self._rows("SELECT device, count(*) FROM operation WHERE status = 'relay' GROUP BY 1 ORDER BY 1")
        )

    def figures(self) -> Figures:
        """For people: how many operations and photos are where."""
        by_status = self._rows("SELECT own, status, count(*) FROM operation GROUP BY own, status")
        [(receipted, backed_up)] = self._rows(
            # Of a chain that forked a receipt may be for the other branch; what was refused or cleared lies in the
            # chain, too, and is not counted among what these are a part of.
            "SELECT coalesce(sum(o.seq <= e.receipt AND NOT e.forked), 0), coalesce(sum(o.seq <= e.backed_up), 0)"
            " FROM operation o JOIN epoch e ON e.epoch = o.epoch WHERE o.own AND o.status IN ('accepted', 'held')"
        )
        photos = self._rows("SELECT status, receipt, count(*) FROM photo GROUP BY status, receipt")
        moving = self._rows(
            "SELECT sha256, sent_bytes FROM photo WHERE status = 'waiting' AND sent_bytes > 0"
            " ORDER BY sent_bytes DESC, sha256 LIMIT 1"
        )
        runs = self._rows(
            "SELECT epoch, coalesce((SELECT max(seq) FROM operation o WHERE own AND o.epoch = e.epoch), 0),"
            " receipt, backed_up, forked FROM epoch e ORDER BY position"
        )
        return Figures(
            own={status: count for own, status, count in by_status if own},
            others=sum(count for own, _, count in by_status if not own),
            receipted=receipted,
            backed_up=backed_up,
            photos={(status, receipt): count for status, receipt, count in photos},
            runs=[
                Run(epoch, last, receipt, safe, bool(forked)) for epoch, last, receipt, safe, forked in runs
            ],
            lost=sum(count for _, status, count in by_status if status == LOST),
            moving=moving[0] if moving else None,
        )

    def pass_on(self, passed: Passed) -> int:
        """Keeps what another tablet brought, in one transaction; how many operations were new."""
        with self._write():
            settled = settling.settle(
                self._db,
                Settlement(
                    Journal(),
                    proofs=passed.heads,
                    relayed=passed.receipts,
                    forked=passed.forked,
                    offer_again=[(epoch, 0) for epoch in passed.forked],
                    new_epoch=passed.new_epoch,
                ),
            )
            if passed.new_epoch:
                self._set("sync.notice", "forked")
            self._insert(passed.ops)
            for held in passed.arrived:
                self._db.execute(
                    "UPDATE epoch SET arrived = max(arrived, ?) WHERE epoch = ?", (held.seq, held.epoch)
                )
            self._note_meeting(passed.meeting)
        self._chains_changed()
        for inspection in settled.refold:
            self._states.pop(inspection, None)
        for one in passed.ops:
            if one.inspection in self._states:
                self._states[one.inspection] = apply(self._states[one.inspection], (one,))
        return len(passed.ops)

    def _insert(self, ops: Iterable[Operation]) -> None:
        for one in ops:
            self._db.execute(
                "INSERT INTO operation (id, inspection, device, epoch, seq, hash, own, status, raw)"
                " VALUES (?, ?, ?, ?, ?, ?, 0, 'relay', ?)",
                (one.id, one.inspection, one.device, one.epoch, one.seq, one.hash, one.raw),
            )

    def _note_meeting(self, meeting: Meeting) -> None:
        # An address once known is kept: the other tablet may come by itself the next time.
        self._db.execute(
            "INSERT INTO meeting VALUES (?1, ?2, ?3, ?4, coalesce(?5, '[]')) ON CONFLICT (device) DO UPDATE SET"
            " at_ms = ?2, address = iif(?3 = '', address, ?3), holds = ?4, refused = coalesce(?5, refused)",
            (
                meeting.device,
                meeting.at_ms,
                meeting.address,
                _line(meeting.holds),
                None if meeting.refused is None else _line(meeting.refused),
            ),
        )

    def _chains_changed(self) -> None:
        """What is remembered of the own chains has changed in the file."""

    def _device(self) -> str:
        identity = self.identity()
        return "" if identity is None else identity.device


_receipt_decoder = msgspec.json.Decoder(Receipt)
_spans_decoder = msgspec.json.Decoder(tuple[Span, ...])
_refusals_decoder = msgspec.json.Decoder(tuple[Refusal, ...])


def _chained(links: Sequence[Link]) -> list[Link]:
    """The same, in order of chain and number; what was cleared follows whatever has the number before it, if that is
    one only.
    """
    at: dict[tuple[str, str, int], list[str]] = {}
    for one in links:
        at.setdefault((one.device, one.epoch, one.seq), []).append(one.hash)
    found = []
    for one in links:
        before = at.get((one.device, one.epoch, one.seq - 1), [])
        lost = not one.prev and len(before) == 1
        found.append(replace(one, prev=before[0]) if lost else one)
    return found


def _line(value: object) -> str:
    """A value as one line of JSON."""
    return msgspec.json.encode(value).decode()
