"""Real tablets and a real server in one process: what tests of the tablet play with."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from mobile.actions import Desk
from mobile.settling import Settlement
from mobile.store import Store
from mobile.sync import Sync, SyncReport
from mobile.transport import Offline, Rejected
from mobile.vault import Vault
from server.access.devices import enrol, make_enrolment, verify
from server.access.keys import sign
from server.intake.exchange import exchange
from server.storage.database import Connection, Database
from server.storage.edition import renew
from shared_schema import wire
from shared_schema.chance import Chance
from shared_schema.checklist import to_bytes
from shared_schema.ids import DeviceId, InspectionId, OpId, PersonId, digest
from shared_schema.merge import dump
from shared_schema.operations import AnswerValue, Count, Operation, YesNo
from shared_schema.problems import REGISTRY, Problem
from shared_schema.proofs import reply_text
from tests.contract.files import Files
from tests.contract.plan import plan

T = TypeVar("T")
VISIT = InspectionId("I-1")
LEADER, ANNA, BEN = PersonId("P-1"), PersonId("P-2"), PersonId("P-3")
SQUAD = "S-1"
NOW_MS = 1_780_000_000_000

YES_NO, COUNT, SCENE, NA = "A06", "A03", "F02", "B03"
"""Items of the default checklist: one met or not, one counted, one that may be photographed, one that may be N/A."""


class Server:
    """A server on a file of its own, reached without a network."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "server.db"
        self.now_ms = NOW_MS
        self._codes = 0
        self._open()
        self.db.write(plan)

    def _open(self) -> None:
        self.db = Database.open(f"sqlite:///{self.path}")
        self.files = Files(self.db, self.path.parent / "server-photos", lambda: self.now_ms)

    def close(self) -> None:
        """Ends the server."""
        self.files.close()
        self.db.close()

    @property
    def photos(self) -> list[str]:
        """The photos it holds, by their hashes."""
        sql = "SELECT sha256 FROM photo ORDER BY sha256"
        return [sha256 for (sha256,) in self.db.read(lambda conn: conn.exec_driver_sql(sql).fetchall())]

    def code(self, device: str) -> str:
        """A one-time code for a new tablet."""
        self._codes += 1
        code = f"code-{self._codes:04}"
        self.db.write(lambda conn: make_enrolment(conn, SQUAD, code, device, self.now_ms + 1000))
        return code

    def backup(self) -> Path:
        """A copy of the file as it is."""
        self.close()
        copy = self.path.with_name(f"server-{len(list(self.path.parent.glob('server-*.db')))}.db")
        shutil.copy(self.path, copy)
        self._open()
        return copy

    def restore(self, copy: Path) -> None:
        """Puts an earlier copy in the file's place."""
        self.close()
        for one in self.path.parent.glob("server.db*"):
            one.unlink()
        shutil.copy(copy, self.path)
        self._open()

    def dismiss(self, person: str) -> None:
        """The coordinator takes somebody out of the squad."""

        def run(conn: Connection) -> None:
            conn.exec_driver_sql(f"DELETE FROM squad_member WHERE person = '{person}'")
            renew(conn)

        self.db.write(run)

    def log(self) -> list[bytes]:
        """All operations, in the order of their numbers."""
        sql = "SELECT raw FROM operation ORDER BY inspection, number"
        return [bytes(raw) for (raw,) in self.db.read(lambda conn: conn.exec_driver_sql(sql).fetchall())]


class Line:
    """The way from one tablet to the server; `fault` is what happens to the next exchange."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.fault = ""
        self.requests: list[bytes] = []
        self.asked: list[tuple[str, str, int]] = []
        """Of each request for a photo: verb, upload, bytes."""
        self.before_reply: Callable[[], None] = lambda: None
        self.change: Callable[[bytes], bytes] = lambda reply: reply
        """What the server says instead, and signs."""
        self.between: Callable[[bytes], bytes] = lambda reply: reply
        """What somebody on the line makes of the reply, who has no key."""

    def enrol(self, body: bytes) -> bytes:
        request = wire.read_enrol(body)
        return wire.encode(
            self._answer(lambda: self.server.db.write(lambda c: enrol(c, request, self.server.now_ms)))
        )

    def sync(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        fault, self.fault = self.fault, ""
        self.requests.append(body)
        if fault == "request":
            raise Offline("request lost")
        reply = self.handle(body, headers)
        self.before_reply()
        if fault == "reply":
            raise Offline("reply lost")
        if fault == "repeat":
            reply = self.handle(body, headers)
        return self.between(self._said(body, reply))

    def _said(self, asked: bytes, reply: bytes) -> bytes:
        signature, plain = wire.signature_of(reply)
        said = self.change(plain)
        if said == plain:
            return reply
        return self.signed(asked, said) if signature else said

    def signed(self, asked: bytes, said: bytes) -> bytes:
        """A reply as the server signs it."""
        signature = self.server.db.read(lambda conn: sign(conn, reply_text(asked, said)))
        return wire.signed_reply(signature, said)

    def handle(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        device, signature = headers[wire.DEVICE_HEADER], headers[wire.SIGNATURE_HEADER]

        def run() -> bytes:
            self.server.db.read(lambda conn: verify(conn, device, signature, body))
            now_ms = self.server.now_ms
            return self.server.db.write(lambda c: exchange(c, body, device=DeviceId(device), now_ms=now_ms))

        return self._answer(run)

    def files(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        if self.fault == "photo":
            self.fault = ""
            raise Offline("photo lost")
        if self.fault == "photo cut":
            self.fault = ""
            return self.server.files.carry(method, name, body, headers, cut=len(body) // 2)
        self.asked.append((method, name, len(body)))
        return self.server.files.carry(method, name, body, headers)

    def _answer(self, run: Callable[[], T]) -> T:
        try:
            return run()
        except Problem as problem:
            raise Rejected(reply_of(problem)) from problem


def reply_of(problem: Problem) -> wire.ProblemReply:
    """How the server words a Problem."""
    facts = {key: str(value) for key, value in problem.facts.items()}
    return wire.ProblemReply(problem.code, "", "", REGISTRY[problem.code].retry, facts)


class Tablet:
    """One tablet: the real store, verbs and exchange, with a clock and a chance of its own."""

    def __init__(
        self, folder: Path, server: Server, device: str, *, seed: str = "", enrolled: bool = True
    ) -> None:
        self.folder = folder / device
        self.device = device
        self.line = Line(server)
        self.clock_ms = NOW_MS
        self._chance = Chance(f"{seed}/{device}")
        self.open()
        if enrolled:
            self.sync.enrol(server.code(device))

    @property
    def path(self) -> Path:
        return self.folder / "tablet.db"

    def open(self) -> None:
        """Opens the file, as a start of the program does."""
        self.vault = Vault.headless(self.folder)
        self.store = Store.open(self.path, self.vault)
        self.desk = Desk(self.store, self._chance.bytes, lambda: self.clock_ms)
        self.sync = Sync(
            self.store,
            self.vault,
            self.line,
            self.folder / "photos",
            entropy=self._chance.bytes,
            clock=lambda: self.clock_ms,
        )

    def close(self) -> None:
        self.store.close()

    def reopen(self) -> None:
        self.close()
        self.open()

    def backup(self) -> Path:
        """A copy of the file as it is."""
        self.close()
        copy = self.path.with_name(f"copy-{len(list(self.folder.glob('copy-*')))}.db")
        shutil.copy(self.path, copy)
        self.open()
        return copy

    def restore(self, copy: Path) -> None:
        """Puts an earlier copy in the file's place."""
        self.close()
        for one in self.folder.glob("tablet.db*"):
            one.unlink()
        shutil.copy(copy, self.path)
        self.open()

    def meet(self) -> SyncReport:
        """One run of exchanges that must work."""
        report = self.sync.once()
        assert report.outcome == "done", report
        return report

    def answer(self, item: str, value: AnswerValue | int | bool, person: PersonId = LEADER) -> Operation:
        """An answer; a number is a count and a truth is yes or no."""
        if isinstance(value, bool):
            value = YesNo(ok=value)
        return self.desk.answer(person, VISIT, item, Count(value) if isinstance(value, int) else value)

    def open_visit(self, person: PersonId = LEADER) -> Operation:
        return self.desk.open_visit(
            person, VISIT, members=[LEADER, ANNA], task_letter_shown=True, recusal_asked=True
        )

    def standing(self, field: str) -> set[OpId]:
        """The operations that stand on a field."""
        return {one.id for one in self.store.state(VISIT).fields.get(field, ())}  # type: ignore[call-overload]

    def fold(self) -> bytes:
        """The merged state, as bytes."""
        return dump(self.store.state(VISIT))


def assigned(tablet: Tablet, **changes: object) -> Tablet:
    """The tablet after its server assigned the visit with these changes."""
    now = replace(tablet.store.assignments()[VISIT][0], **changes)
    tablet.store.settle(Settlement(journal=tablet.store.journal(), assignments=[now]))
    return tablet


def too_new(tablet: Tablet, *visits: str) -> Tablet:
    """The tablet after its server gave these visits a checklist that only a newer program can read."""
    content = to_bytes(tablet.store.checklists()[0]).replace(b'"type":"clauses"', b'"type":"foreseen"')
    hash_ = digest(content)
    now = [replace(tablet.store.assignments()[one][0], checklist=hash_) for one in visits]
    tablet.store.settle(
        Settlement(journal=tablet.store.journal(), assignments=now, checklists=[(hash_, content)])
    )
    return tablet


def quiet(*tablets: Tablet) -> None:
    """Everybody exchanges until nobody has anything new."""
    for _ in range(10):
        if sum(one.news + one.sent for one in [tablet.meet() for tablet in tablets]) == 0:
            return
    raise AssertionError("the tablets do not come to rest")
