"""The tablet's file: operations, outbox, cursors, assignments, checklists, photos, settings.

All SQL of the tablet is here, in `tables`, `settling` and `meetings`. Every method that writes is one
transaction, on the disk when it returns; a kill between any two statements leaves the file as before
or after it. The merged state of an inspection is kept in memory only, as a fold of the operations in
the file, so it can never disagree with them.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mobile import settling
from mobile.clearing import WITHOUT_BYTES
from mobile.engine import Database
from mobile.meetings import CONSOLE, Meetings
from mobile.settling import Journal, Settlement
from mobile.store_file import Identity
from mobile.tables import open_file
from mobile.vault import Vault
from shared_schema.checklist import Checklist, from_bytes
from shared_schema.ids import DeviceId, InspectionId, OpId, PersonId, digest
from shared_schema.merge import EMPTY, State, apply
from shared_schema.operations import Operation, Unknown, read, read_logged
from shared_schema.problems import Problem
from shared_schema.wire import Assignment, Head, SignedHead, assignments_digest, encode


class Refused(NamedTuple):
    """An operation of this tablet that the server refused, with the problem's code and facts."""

    operation: Operation
    problem: str
    facts: Mapping[str, str]


class SyncState(NamedTuple):
    """What is not with the server yet, and how the last exchanges went."""

    enrolled: bool
    unsent: int
    refused: int
    photos_left: int
    offline: bool
    """The last attempt found no server; a state, not an error."""
    last_success_ms: int | None
    """By the tablet's clock."""
    problem: str
    facts: Mapping[str, str]
    """Why the last exchange failed though there was a server; an empty code when it did not."""
    attempts: int
    """Failed attempts, of photos or of all, one after the other."""
    notice: str
    """`` or `forked`: this tablet was restored from a backup or cloned, and numbers anew."""
    photos_missing: int = 0
    """Photos whose file is gone from this tablet before the server had it."""
    revoked: bool = False
    """The server has turned this tablet away."""
    clock_ahead_ms: int = 0
    """By how much this tablet's clock was ahead of the server's at the last success; negative: behind."""


class Outgoing(NamedTuple):
    """An operation to be sent."""

    id: str
    hash: str
    raw: bytes


class PhotoHeld(NamedTuple):
    """Who has a photo that was taken here."""

    status: str
    """`waiting`, `received` or `missing`."""
    receipt: int
    """0 none yet, 1 the server has signed that it holds it, 2 a backup of the server holds it too."""
    sent_bytes: int


class Store(Meetings):
    """The one open file. Used from one thread at a time."""

    def __init__(self, database: Database, path: Path) -> None:
        super().__init__(database, path)
        self._checklists: dict[str, Checklist] = {}
        self._assignments: dict[str, tuple[Assignment, bool]] | None = None
        self._assignments_digest: str | None = None
        self._head: Head | None = None

    @classmethod
    def open(cls, path: Path, vault: Vault) -> "Store":
        """The store at a path, made when missing. Raises store_damaged, schema_too_new, store_in_use."""
        return cls(open_file(path, vault), path)

    # -- identity and settings ------------------------------------------------------------------------

    def enrol(self, identity: Identity, epoch: str) -> None:
        """Keeps who this tablet is, and names its first run of numbers."""
        with self._write():
            self._set("tablet.identity", _line(identity))
            self._db.execute("INSERT INTO epoch (epoch) VALUES (?)", (epoch,))
        self._identity = identity
        self._head = None

    def enrol_again(self, identity: Identity) -> None:
        """Keeps what a server that had forgotten this tablet said of it; its numbers go on."""
        self.set_setting("tablet.identity", _line(identity))
        self._identity = identity

    # -- operations -----------------------------------------------------------------------------------

    def head(self) -> Head:
        """The end of the chain that the next operation continues."""
        if self._head is None:
            *_, self._head = self.heads(1)
        return self._head

    def record(self, operation: Operation, photo: tuple[str, str] | None = None) -> None:
        """Commits an operation made here, unsent; `photo` is its (SHA-256, media type). Raises disk_full."""
        hash_ = operation.hash
        with self._write():
            self._db.execute(
                "INSERT INTO operation (id, inspection, device, epoch, seq, hash, own, status, raw)"
                " VALUES (?, ?, ?, ?, ?, ?, 1, 'unsent', ?)",
                (*_place(operation), hash_, operation.raw),
            )
            if photo is not None:
                # The same picture taken in again brings back a file that had been lost or cleared. Whoever had it
                # then may have been restored since.
                self._db.execute(
                    "INSERT INTO photo (sha256, media_type, status) VALUES (?, ?, 'waiting') ON CONFLICT (sha256)"
                    " DO UPDATE SET status = 'waiting', receipt = 0, sent_bytes = 0"
                    " WHERE status IN ('missing', 'purged', 'stray')",
                    photo,
                )
                self._db.execute("INSERT INTO photo_use VALUES (?, ?)", (photo[0], operation.id))
        self._head = Head(operation.epoch, operation.seq, hash_)
        if operation.inspection in self._states:
            self._states[operation.inspection] = apply(self._states[operation.inspection], (operation,))

    def state(self, inspection: str) -> State:
        """The fold of all that this tablet holds of an inspection, refused operations left out."""
        if inspection not in self._states:
            rows = self._rows(
                "SELECT raw, status FROM operation WHERE inspection = ? ORDER BY position", inspection
            )
            left_out = {*settling.LEFT_OUT, *WITHOUT_BYTES}
            counted = (raw for raw, status in rows if status not in left_out)
            self._states[inspection] = apply(EMPTY, _readable(counted))
        return self._states[inspection]

    def refused(self, inspection: str) -> tuple[Refused, ...]:
        """What the server refused of this tablet's operations and nobody has dealt with yet."""
        return self.refusals().get(inspection, ())

    def refusals(self) -> dict[str, tuple[Refused, ...]]:
        """All of them by inspection, in one query: the work list asks for 300 visits at every tap."""
        rows = self._rows(
            "SELECT problem, facts, raw, id, inspection, epoch, seq FROM operation"
            " WHERE status IN ('refused', 'id_reused') ORDER BY position"
        )
        found: dict[str, tuple[Refused, ...]] = {}
        for problem, facts, *row in rows:
            one = Refused(_as_far_as_it_reads(*row), problem, msgspec.json.decode(facts))
            found[row[2]] = (*found.get(row[2], ()), one)
        return found

    def set_aside(self, op: OpId) -> None:
        """A person has dealt with a refused operation: kept, no longer shown."""
        with self._write():
            self._db.execute(
                "UPDATE operation SET status = 'set_aside'"
                " WHERE id = ? AND own AND status IN ('refused', 'id_reused')",
                (op,),
            )

    def unsent(self) -> dict[str, int]:
        """By inspection, how many operations the server has not answered for."""
        return dict(
            self._rows("SELECT inspection, count(*) FROM operation WHERE status = 'unsent' GROUP BY 1")
        )

    # -- assignments and checklists -------------------------------------------------------------------

    def assignments(self) -> Mapping[str, tuple[Assignment, bool]]:
        """By inspection: the assignment, and whether it is gone (no longer this squad's)."""
        if self._assignments is None:
            rows = self._rows("SELECT content, gone FROM assignment ORDER BY inspection")
            decoded = ((_assignment_decoder.decode(content), bool(gone)) for content, gone in rows)
            self._assignments = {one.inspection: (one, gone) for one, gone in decoded}
        return self._assignments

    def assignments_digest(self) -> str:
        """Names the assignments held, those that are gone left out."""
        if self._assignments_digest is None:
            held = (one for one, gone in self.assignments().values() if not gone)
            self._assignments_digest = assignments_digest(held)
        return self._assignments_digest

    def checklist(self, checklist_hash: str) -> Checklist:
        """A checklist version. Raises checklist_unknown, checklist_too_new."""
        if checklist_hash not in self._checklists:
            rows = self._rows("SELECT content FROM checklist WHERE hash = ?", checklist_hash)
            if not rows:
                raise Problem("checklist_unknown", checklist=checklist_hash[:12])
            try:
                self._checklists[checklist_hash] = from_bytes(rows[0][0])
            except Problem as problem:
                # Only what its hash names is ever kept, so nothing is wrong with it: a newer version wrote it.
                raise Problem("checklist_too_new") from problem
        return self._checklists[checklist_hash]

    # -- for the exchange -----------------------------------------------------------------------------

    def outbox(self, ops_max: int, bytes_max: int, *, relays: bool = True) -> list[Outgoing]:
        """The next operations to send: at least one if there is any.

        First what a restored server has lost of its console's: without the lock of a visit it would count what is
        late. Then what was made here, in the order it was. Then, if `relays`, colleagues' operations that the server
        has not got or has lost, each tablet's from the newest to the oldest, so that every one is followed by one that
        answers for it. Without `relays`, while news is still to be read, what was made here waits until it is known
        what the console has lost.
        """
        if not relays and self._rows(
            "SELECT 1 FROM operation WHERE status = 'doubtful' AND device = ? LIMIT 1", CONSOLE
        ):
            return []
        rows: list[tuple[Any, ...]] = []
        for which, order in _OUTBOX if relays else _OUTBOX[:-1]:
            if len(rows) < ops_max:
                rows += self._rows(
                    f"SELECT id, hash, raw FROM operation WHERE {which} ORDER BY {order} LIMIT ?",  # noqa: S608 ours
                    ops_max - len(rows),
                )
        total = 0
        for index, (_, _, raw) in enumerate(rows):
            total += len(raw) + 1
            if index and total > bytes_max:
                rows = rows[:index]
                break
        return [Outgoing(*row) for row in rows]

    def proofs(self, hashes: Iterable[str]) -> tuple[SignedHead, ...]:
        """The heads that other tablets have signed at these operations."""
        rows = self._rows(
            "SELECT device, epoch, seq, hash, signature FROM signed_head"
            " WHERE hash IN (SELECT value FROM json_each(?)) ORDER BY device, epoch, seq",
            _line(list(hashes)),
        )
        return tuple(SignedHead(*row) for row in rows)

    def servers_before(self) -> list[str]:
        """The servers that answered before another one did, or the same one restored under another name."""
        stored = self.setting("tablet.servers_before")
        return msgspec.json.decode(stored, type=list[str]) if stored else []

    def ids_of(self, hashes: Iterable[str]) -> dict[str, str]:
        """By hash, the ids of those operations that are here."""
        return dict(
            self._rows(
                "SELECT hash, id FROM operation WHERE hash IN (SELECT value FROM json_each(?))",
                _line(list(hashes)),
            )
        )

    def spans(self, hashes: Iterable[str]) -> list[tuple[str, int, int]]:
        """By epoch, the first and last number of these operations that were made here."""
        return self._rows(
            "SELECT epoch, min(seq), max(seq) FROM operation WHERE own AND hash IN (SELECT value FROM json_each(?))"
            " GROUP BY epoch ORDER BY epoch",
            _line(list(hashes)),
        )

    def photos_to_carry(self) -> list[str]:
        """Photos the server has not got, of operations that it has, or that are on their way to it."""
        return self._photos_waiting(_PHOTO_DUE)

    def photos_without_receipt(self, limit: int) -> tuple[str, ...]:
        """Photos handed over of which the server has not yet signed that a backup holds them; those first that have
        no receipt at all.
        """
        rows = self._rows(
            "SELECT sha256 FROM photo WHERE status = 'received' AND receipt < 2 ORDER BY receipt, sha256 LIMIT ?",
            limit,
        )
        return tuple(sha256 for (sha256,) in rows)

    def _chains_changed(self) -> None:
        self._head = None

    def heads(self, limit: int) -> tuple[Head, ...]:
        """The ends of this file's own chains, the latest run of numbers last."""
        epochs = self._rows("SELECT epoch FROM epoch ORDER BY position DESC LIMIT ?", limit)
        return tuple(self._end(epoch) for (epoch,) in reversed(epochs))

    def _end(self, epoch: str) -> Head:
        rows = self._rows(
            "SELECT seq, hash FROM operation WHERE own AND epoch = ? ORDER BY seq DESC LIMIT 1", epoch
        )
        return Head(epoch, *rows[0]) if rows else Head(epoch, 0)

    def epochs(self) -> tuple[str, ...]:
        """All runs of numbers of this file."""
        return tuple(epoch for (epoch,) in self._rows("SELECT epoch FROM epoch ORDER BY position"))

    def cursors(self) -> dict[str, tuple[int, str]]:
        """By inspection: the last log number read, and the operation there ("" when not known)."""
        rows = self._rows("SELECT inspection, number, last_read FROM cursor")
        return {inspection: (number, last_read) for inspection, number, last_read in rows}

    def checklists(self) -> list[Checklist]:
        """The checklist versions held, as far as this version of the app can read them."""
        found = []
        for hash_ in self.checklist_hashes():
            with contextlib.suppress(Problem):
                found.append(self.checklist(hash_))
        return found

    def checklist_hashes(self) -> tuple[str, ...]:
        """The checklist versions held."""
        return tuple(hash_ for (hash_,) in self._rows("SELECT hash FROM checklist ORDER BY hash"))

    def photos_to_send(self) -> list[str]:
        """Photos the server has not got, of operations it has."""
        return self._photos_waiting(_PHOTO_SENDABLE)

    def _photos_waiting(self, condition: str) -> list[str]:
        rows = self._rows(f"SELECT sha256 {_waiting(condition)} ORDER BY sha256")
        return [sha256 for (sha256,) in rows]

    def photo_upload(self, sha256: str) -> str:
        """What the server calls the upload of a photo; empty where none was begun."""
        [(upload,)] = self._rows("SELECT upload FROM photo WHERE sha256 = ?", sha256)
        return str(upload)

    def photo_moved(self, sha256: str, upload: str, sent_bytes: int) -> None:
        """Notes how far a photo is on its way."""
        with self._write():
            self._db.execute(
                "UPDATE photo SET upload = ?, sent_bytes = ? WHERE sha256 = ?", (upload, sent_bytes, sha256)
            )

    def photos_held(self, inspection: str) -> dict[str, PhotoHeld]:
        """By SHA-256, how far the photos of this tablet's operations on an inspection are."""
        rows = self._rows(
            "SELECT p.sha256, p.status, p.receipt, p.sent_bytes FROM photo p WHERE p.sha256 IN ("
            "SELECT u.sha256 FROM photo_use u JOIN operation o ON o.id = u.operation AND o.own"
            " WHERE o.inspection = ?)",
            inspection,
        )
        return {sha256: PhotoHeld(*row) for sha256, *row in rows}

    def keep_strays(self, pictures: Iterable[str]) -> None:
        """Of pictures on the disk, by hash, notes those that this file does not know: it was made before them."""
        with self._write():
            for sha256 in pictures:
                self._db.execute(
                    "INSERT OR IGNORE INTO photo (sha256, media_type, status) VALUES (?, 'image/jpeg', 'stray')",
                    (sha256,),
                )

    def knows_photo(self, sha256: str) -> bool:
        """Whether an operation of this tablet names the photo, or did before a copy of this file took its place."""
        return bool(self._rows("SELECT 1 FROM photo WHERE sha256 = ?", sha256))

    def photo_became(self, sha256: str, status: str) -> None:
        """Marks a photo `received` (the server has it), or `missing` (this tablet has lost its file)."""
        with self._write():
            self._db.execute("UPDATE photo SET status = ? WHERE sha256 = ?", (status, sha256))

    def heard_ms(self) -> int:
        """The server's time as it last told it over the network; 0 before that."""
        return int(self.setting("server.time_ms", "0"))

    def revoked_for_ms(self) -> int:
        """How long ago, by the server's clock, it first said over the network that this tablet is turned away."""
        since_ms = int(self.setting("tablet.revoked_ms", "0"))
        return self.heard_ms() - since_ms if since_ms else 0

    def journal(self) -> Journal:
        """How the last exchanges went."""
        stored = self.setting("sync.journal")
        return _journal_decoder.decode(stored) if stored else Journal()

    def note(self, journal: Journal) -> None:
        """Keeps how an exchange went that had no reply to settle."""
        self.set_setting("sync.journal", encode(journal).decode())

    def clear_notice(self) -> None:
        """A person has read the notice."""
        self.set_setting("sync.notice", "")

    def settle(self, settlement: Settlement, server: str = "") -> int:
        """All that a reply changes, in one transaction; how many operations of others were new.

        `server` is given where another server than before answered.
        """
        with self._write():
            if server:
                # What the former one signed, of others or of its backups, says nothing of this one.
                self._db.execute("DELETE FROM carried_receipt")
                self._db.execute("DELETE FROM backed_log")
            settled = settling.settle(self._db, settlement)
            for key, value in self._noted(settlement, server).items():
                self._set(key, value)
        self._identity = None
        self._head = None
        if settlement.assignments is not None or settlement.gone:
            self._assignments = self._assignments_digest = None
        for inspection in settled.refold:
            self._states.pop(inspection, None)
        for inspection, operations in settled.fresh.items():
            if inspection in self._states:
                self._states[inspection] = apply(self._states[inspection], operations)
        return sum(map(len, settled.fresh.values()))

    def _noted(self, settlement: Settlement, server: str) -> dict[str, str]:
        """The settings that a reply changes."""
        noted = {"sync.journal": encode(settlement.journal).decode()}
        identity = self.identity()
        if server and identity is not None:
            noted["tablet.identity"] = _line(identity._replace(server=server))
            before = (one for one in self.servers_before() if one != server)
            noted["tablet.servers_before"] = _line([*before, identity.server])
        if settlement.peers is not None:
            noted["tablet.peers"] = _line(settlement.peers)
        known = self.setting("tablet.revoked_ms")
        told = {
            "sync.notice": "forked" if settlement.new_epoch else "",
            "tablet.revoked": "1" if settlement.revoked else "",
            "tablet.revoked_ms": str((not known and settlement.revoked and settlement.heard_ms) or ""),
            "sync.mark": settlement.mark,
            "server.time_ms": str(settlement.heard_ms or ""),
        }
        return noted | {key: value for key, value in told.items() if value}

    def sync_state(self) -> SyncState:
        """For the bar at the bottom."""
        [(unsent, refused, waiting, missing)] = self._rows(
            "SELECT (SELECT count(*) FROM operation WHERE status = 'unsent'),"  # noqa: S608 our own texts
            " (SELECT count(*) FROM operation WHERE status IN ('refused', 'id_reused')),"
            f" (SELECT count(*) {_waiting(_PHOTO_DUE)}),"
            " (SELECT count(*) FROM photo WHERE status = 'missing')"
        )
        journal = self.journal()
        return SyncState(
            enrolled=self.identity() is not None,
            unsent=unsent,
            refused=refused,
            photos_left=waiting,
            offline=journal.offline,
            last_success_ms=journal.last_success_ms,
            problem=journal.problem,
            facts=journal.facts,
            attempts=max(journal.attempts, journal.photo_attempts),
            notice=self.setting("sync.notice"),
            photos_missing=missing,
            revoked=self.setting("tablet.revoked") == "1",
            clock_ahead_ms=journal.clock_ahead_ms,
        )


_OUTBOX = (
    (f"status = 'relay' AND device = '{CONSOLE}'", "epoch, seq"),
    ("own AND status = 'unsent'", "position"),
    (f"status = 'relay' AND device <> '{CONSOLE}'", "device, epoch, seq DESC"),
)
"""What is to be sent, and each in which order; colleagues' operations last."""
_PHOTO_SENDABLE = (
    "(o.status IN ('accepted', 'held') OR (o.status = 'refused' AND o.problem = 'device_revoked'))"
)
"""Whose operation the server has. What a tablet that was turned away hands over may be admitted, and the keys to its
photos are destroyed afterwards."""
_PHOTO_DUE = f"(o.status = 'unsent' OR {_PHOTO_SENDABLE})"


def _waiting(condition: str) -> str:
    """The photos not handed over yet, of own operations `o` for which this holds, or of one that only the server has
    left: it has asked for what was a stray.
    """
    return (
        "FROM photo p WHERE p.status = 'waiting' AND (EXISTS ("  # noqa: S608 - constants of this module
        "SELECT 1 FROM photo_use u JOIN operation o ON o.id = u.operation AND o.own"
        f" WHERE u.sha256 = p.sha256 AND {condition})"
        " OR NOT EXISTS (SELECT 1 FROM photo_use u WHERE u.sha256 = p.sha256))"
    )


_assignment_decoder = msgspec.json.Decoder(Assignment)
_journal_decoder = msgspec.json.Decoder(Journal)


def _place(operation: Operation) -> tuple[str, str, str, str, int]:
    return (operation.id, operation.inspection, operation.device, operation.epoch, operation.seq)


def _line(value: object) -> str:
    """A value as one line of JSON."""
    return msgspec.json.encode(value).decode()


def _readable(raws: Iterator[bytes]) -> Iterator[Operation]:
    """What this version can read; the rest stays in the file for a newer one."""
    for raw in raws:
        try:
            yield read_logged(raw)
        except Problem:
            continue


def _as_far_as_it_reads(raw: bytes, op: str, inspection: str, epoch: str, seq: int) -> Operation:
    """An operation to show to people; of one that cannot be read, what the file knows of it."""
    try:
        return read(raw)
    except Problem:
        nobody, nowhere = PersonId(""), DeviceId("")
        place = (OpId(op), InspectionId(inspection), nobody, nowhere, epoch, seq)
        return Operation(*place, "", 0, (), "", Unknown(msgspec.Raw(b"null")), raw, digest(raw))
