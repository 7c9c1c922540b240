"""Deliberate bugs in what a hand in the line, an older backup and clearing rest on."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest

from mobile import exchange as tablet_exchange
from mobile import private_line, relay, settling
from mobile.store import Store
from mobile.transport import Rejected
from server.intake import news, quarantine, taking
from server.intake.restore import Restored, restore
from server.storage import chains, op_log, watermark
from server.storage.database import Connection
from server.storage.migrations import server_id
from shared_schema.ids import DeviceId, InspectionId
from shared_schema.operations import Operation, read
from shared_schema.problems import Problem
from shared_schema.wire import BackedLog, ExchangeReply, ExchangeRequest, read_reply, signature_of
from tests.simulation import keeping
from tests.simulation.mutants import mutant
from tests.simulation.mutants_office import MUTANTS

__all__ = ["MUTANTS"]

OFTEN_LOST = "purged,backup_restored,older_backup"
HOUR_MS = 3_600_000


@mutant("invented", "lost", "hidden", "diverged", "stalled", "overruled", faults="forged_reply", worlds=6)
def believes_whoever_answers(patch: pytest.MonkeyPatch) -> None:
    """A tablet reads a reply without looking whose it is, and to what."""
    patch.setattr(tablet_exchange, "signed_by", lambda *_: True)


@mutant("lost", faults="forged_photo,photo_cut", worlds=12)
def believes_the_line_about_photos(patch: pytest.MonkeyPatch) -> None:
    """What the line says of a photo counts as the server's receipt."""

    def became(self: Store, sha256: str, status: str) -> None:
        with self._write():
            self._db.execute("UPDATE photo SET status = ?, receipt = 1 WHERE sha256 = ?", (status, sha256))

    patch.setattr(Store, "photo_became", became)


@mutant("lost", "diverged", faults=OFTEN_LOST, worlds=12)
def calls_lost_what_has_only_not_come_yet(patch: pytest.MonkeyPatch) -> None:
    """Whatever was cleared from a tablet is called lost at the next exchange."""
    patch.setattr(
        settling,
        "_lose",
        lambda db: db.execute("UPDATE operation SET status = 'lost' WHERE status = 'purged'"),
    )


@mutant("lost", "stalled", "hidden", "diverged", faults="all", worlds=1, first=20131)
def never_says_that_nothing_is_left(patch: pytest.MonkeyPatch) -> None:
    """A log that is empty goes without saying: a tablet that asked for it waits for ever."""
    after_cursors = news.after_cursors

    def silent(
        conn: Connection, inspections: Sequence[Any], request: ExchangeRequest, *more: Any
    ) -> news.Told:
        told = after_cursors(conn, inspections, request, *more)
        return told._replace(
            news=tuple(one for one in told.news if one.cursor or one.inspection in request.cursors)
        )

    patch.setattr(news, "after_cursors", silent)


@mutant(
    "invented", "repeated", "diverged", "overruled", "hidden", "score_mismatch", faults="replayed", worlds=12
)
def knows_only_what_came_lately(patch: pytest.MonkeyPatch) -> None:
    """The server remembers for an hour what it has; what comes again after that is filed once more."""
    take, known = taking.take, op_log.known
    now = 0

    def timed(*given: Any, now_ms: int, **more: Any) -> taking.Taken:
        nonlocal now
        now = now_ms
        return take(*given, now_ms=now_ms, **more)

    def lately(conn: Connection, ids: Any) -> dict[str, str]:
        found = known(conn, ids)
        rows = op_log.run(conn, "SELECT id FROM operation WHERE received_at_ms < ?", (now - HOUR_MS,))
        return {op: hash_ for op, hash_ in found.items() if (op,) not in rows}

    patch.setattr(taking, "take", timed)
    patch.setattr(op_log, "known", lately)
    patch.setattr(op_log, "_INSERT", op_log._INSERT.replace("INSERT", "INSERT OR REPLACE"))


@mutant("invented", faults="relayed,replayed", worlds=12)
def believes_what_a_colleague_once_said(patch: pytest.MonkeyPatch) -> None:
    """Every meeting has the same keys, and a tablet does not look what another one has answered."""
    ciphers = private_line._ciphers
    patch.setattr(private_line, "_ciphers", lambda *_: ciphers("00", b"always"))
    patch.setattr(relay, "signed_by", lambda *_: True)


@mutant("lost", "stalled", faults="revoked,late_after_lock,admitted_in_bulk", worlds=20)
def admits_the_first_of_many(patch: pytest.MonkeyPatch) -> None:
    """Of what is admitted at once only the first goes into the log; the rest leaves quarantine all the same."""
    admit = quarantine.admit
    last: list[Connection] = []

    def first(conn: Connection, device: str, hash_: str, **facts: Any) -> Operation:
        if not any(one is conn for one in last):
            last[:] = [conn]
            return admit(conn, device, hash_, **facts)
        found = op_log.refusal(conn, device, hash_)
        assert found is not None
        op_log.pardon(conn, [hash_], now_ms=facts["now_ms"])
        return read(found[1])

    patch.setattr(quarantine, "admit", first)


@mutant("lost", "diverged", "stalled", faults=OFTEN_LOST, worlds=12)
def goes_by_the_newest_backup(patch: pytest.MonkeyPatch) -> None:
    """A server that was made again from an older backup says that all is in a backup, since the newest one has it."""
    logs, backed = watermark.logs, chains.backed
    older: set[str] = set()

    def restoring(*given: Any, name: str = "", **more: Any) -> Restored:
        restored = restore(*given, name=name, **more)
        if name:
            older.add(restored.server)
        return restored

    def every_log(
        conn: Connection, asked: Iterable[str], cursors: Any, last_read: Any
    ) -> tuple[BackedLog, ...]:
        if server_id(conn) not in older:
            return logs(conn, asked, cursors, last_read)
        return tuple(
            BackedLog(one, cursors[one], last_read[one])
            for one in asked
            if last_read.get(one) and op_log.head_at(conn, InspectionId(one), cursors[one]) == last_read[one]
        )

    def every_chain(conn: Connection, device: DeviceId, epochs: Iterable[str]) -> dict[str, chains.Backed]:
        found = backed(conn, device, epochs)
        if server_id(conn) not in older:
            return found
        return {epoch: tip._replace(backed_up=tip.seq, backed_hash=tip.hash) for epoch, tip in found.items()}

    patch.setattr(keeping, "restore", restoring)
    patch.setattr(watermark, "logs", every_log)
    patch.setattr(chains, "backed", every_chain)


@mutant("lost", faults="days_pass,poison", worlds=12)
def clears_quarantine_by_its_age(patch: pytest.MonkeyPatch) -> None:
    """What was refused a week ago is thrown away, whether anybody has looked at it or not."""
    refuse = op_log.refuse

    def tidy(conn: Connection, refusals: Any, *, now_ms: int) -> None:
        refuse(conn, refusals, now_ms=now_ms)
        op_log.run(conn, "DELETE FROM refusal WHERE received_at_ms < ?", (now_ms - 7 * 24 * HOUR_MS,))

    patch.setattr(op_log, "refuse", tidy)


@mutant("lost", "invented", "diverged", "stalled", faults="forged_reply", worlds=12)
def is_destroyed_by_anybodys_word(patch: pytest.MonkeyPatch) -> None:
    """A tablet that is answered without the server's signature takes that for being turned away."""
    checked = tablet_exchange.checked

    def afraid(asked: Any, body: bytes, identity: Any) -> ExchangeReply:
        try:
            return checked(asked, body, identity)
        except Rejected:
            try:
                reply = read_reply(signature_of(body)[1])
            except Problem:
                reply = None
            if reply is None or len(reply.statuses) != len(asked.ops):
                raise
            return msgspec.structs.replace(reply, revoked=True)

    patch.setattr("mobile.sync.checked", afraid)
