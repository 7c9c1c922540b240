"""A tablet's program without a window, in a process of its own: does what it is told on its standard input.

    python -m tests.e2e.meeting_tablet FOLDER

One command a line, as JSON, and one answer. Door, worker, store, exchange and meetings are those of the program.
"""

import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from mobile import meeting_tools
from mobile.actions import Desk
from mobile.addresses import read_address
from mobile.door import Door
from mobile.main import clock_ms
from mobile.relay import MeetingReport
from mobile.relay_server import RelayServer
from mobile.settings import Settings
from mobile.sync import Sync
from mobile.transport import HttpTransport
from mobile.worker import Worker
from shared_schema.ids import InspectionId, PersonId
from shared_schema.merge import dump
from shared_schema.operations import Count

WAIT_SECONDS = 60


class Program:
    """The tablet, from its start until its input ends."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(folder, secrets=folder / "secrets")
        self._door = Door(settings, os.urandom, clock_ms)
        opened = self._door.open_unprotected()
        assert opened is not None
        self._vault, self._store = opened
        self._photos = settings.photos
        self._desk = Desk(self._store, os.urandom, clock_ms)
        self._worker = Worker(lambda job: job())
        self._tools = meeting_tools.make(
            opened, self._worker, settings, entropy=os.urandom, clock=clock_ms, port=0
        )
        self._server: RelayServer | None = None

    def do(self, command: dict[str, Any]) -> object:
        """One command, on the worker's thread but for those that wait for the network."""
        verb = command.pop("do")
        act = getattr(self, verb)
        if verb in ("serve", "stop", "meet"):
            return act(**command)
        return self._worker.ask(lambda: act(**command)).result(WAIT_SECONDS)

    def enrol(self, server: str, code: str) -> str:
        with closing(HttpTransport(server)) as line:
            return self._sync(line).enrol(code).device

    def sync(self, server: str) -> list[object]:
        with closing(HttpTransport(server)) as line:
            report = self._sync(line).once()
            return [report.outcome, report.problem]

    def open(self, visit: str, members: list[str]) -> None:
        self._desk.open_visit(
            PersonId(members[0]),
            InspectionId(visit),
            members=[PersonId(one) for one in members],
            task_letter_shown=True,
            recusal_asked=True,
        )

    def answer(self, visit: str, person: str, item: str, count: int) -> str:
        return self._desk.answer(PersonId(person), InspectionId(visit), item, Count(count)).raw.decode()

    def serve(self) -> int:
        self._server = self._tools.serve(lambda: self._server is not None, lambda _: None)
        return self._server.port

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def meet(self, address: str) -> list[object]:
        done: list[MeetingReport] = []
        self._worker.run(lambda: self._tools.meet(read_address(address)), done.append)
        while not done:
            self._worker.ask(lambda: None).result(WAIT_SECONDS)
        [report] = done
        return [report.outcome, report.problem, report.news, report.given]

    def waiting(self) -> list[list[object]]:
        return [[one.op, one.arrived] for one in self._store.own_waiting()]

    def state(self, visit: str) -> str:
        return dump(self._store.state(visit)).hex()

    def _sync(self, line: HttpTransport) -> Sync:
        return Sync(self._store, self._vault, line, self._photos, entropy=os.urandom, clock=clock_ms)

    def end(self) -> None:
        """The program is closed."""
        self.stop()
        self._worker.stop()
        self._door.lock()


def main() -> None:
    """Runs until the input ends."""
    program = Program(Path(sys.argv[1]))
    try:
        for line in sys.stdin:
            print(msgspec.json.encode(program.do(json.loads(line))).decode(), flush=True)
    finally:
        program.end()


if __name__ == "__main__":
    main()
