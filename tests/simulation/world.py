"""A world: tablets, their people, the network and the server, in one thread, drawn from one seed.

First everything goes wrong that can, while the safety checks look on after every step. Then the faults
end, the world runs until it is quiet, and everyone must agree.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

from msgspec import Raw

from mobile import sync
from mobile.transport import Offline, Rejected
from mobile.vault import Vault
from server.intake import desk, news, projection
from server.intake.rebuild import rebuild
from shared_schema import wire
from shared_schema.ids import DeviceId, InspectionId, PersonId, make_id
from shared_schema.merge import view
from shared_schema.operations import (
    KIND_OF,
    Decision,
    DisputeSettled,
    Envelope,
    Note,
    Operation,
    body_bytes,
    encode,
    field_of,
    read,
)
from shared_schema.problems import Problem
from shared_schema.scoring import score
from tests.simulation import season
from tests.simulation.faults import Weather
from tests.simulation.hub import Copy, Hub, Killed
from tests.simulation.journal import Entry, Fate, Journal
from tests.simulation.people import CRASHING, Person, coordinator_says
from tests.simulation.tablets import OLDER_LACKS, Clock, Tablet, screen_of

STEPS = (90, 170)
QUIET_ROUNDS_MAX = 12
"""After the faults have ended, so many rounds of every tablet exchanging once must be enough."""
DAY_MS = 86_400_000
EXPECTED = frozenset(
    {
        "stage_forbids",
        "consent_needs_another",
        "not_disputed",
        "not_found",
        "author_not_allowed",
        "inspection_unknown",
    }
)
"""What a verb may answer to somebody who taps what the screen should not have offered."""

Check = Callable[["World"], Iterable[str]]


class Letter(NamedTuple):
    """A request that is still on its way, though its tablet has long given it up."""

    body: bytes
    headers: Mapping[str, str]


class Network:
    """One tablet's way to the server: a Transport with faults."""

    def __init__(self, world: "World", tablet: Tablet) -> None:
        self.world = world
        self.tablet = tablet

    def enrol(self, body: bytes) -> bytes:
        """Tablets come enrolled."""
        raise NotImplementedError

    def put_photo(self, sha256: str, content: bytes, headers: Mapping[str, str]) -> None:
        """Hands a photo over, if it gets there whole."""
        self.world.carry_photo(sha256, content, headers)

    def sync(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The reply, if the request gets there and the reply comes back."""
        return self.world.carry(body, headers)


class World:
    """Everything there is, for one seed."""

    def __init__(self, seed: int, faults: frozenset[str], *, clocks: int | None = None) -> None:
        self.seed = seed
        self.random = Random(seed)
        clock_seed = self.random.getrandbits(64)
        # Clocks are drawn apart, so that a twin world can have other clocks and all else the same.
        self.clock_random = Random(clock_seed if clocks is None else clocks)
        self.weather = Weather(self.random, faults)
        self.folder = season.copy()
        self.now_ms = season.START_MS
        self.hub = Hub(self.folder)
        self.journal = Journal()
        self.letters: list[Letter] = []
        self.sent: list[Letter] = []
        self.copy: Copy | None = None
        self.destroyed: set[str] = set()
        self.met_disputes: set[tuple[str, str]] = set()
        self.fate: Fate = "sound"
        self.bug: ExitStack | None = None
        self.tablets: list[Tablet] = []
        self.touched: set[str] = set()
        """Inspections that something was done to in this step."""
        self.tapped: list[tuple[Tablet, Entry]] = []
        self.inspections: dict[str, tuple[str, ...]] = {}
        self._people()

    def _people(self) -> None:
        """Who is there: one or two squads, each with a few tablets and inspections."""
        squads = ["S-1", "S-2"] if self.random.random() < 0.35 else ["S-1"]
        for squad in squads:
            count = self.random.randint(1, 2 if len(squads) > 1 else 3)
            self.inspections[squad] = season.INSPECTIONS[squad][:count]
            most = len(season.DEVICES[squad])
            for index, device in enumerate(season.DEVICES[squad][: self.random.randint(2, most)]):
                people = season.SQUADS[squad]
                self._tablet(device, device, squad, people[index % len(people)], f"{device}/0.db")

    def _tablet(self, name: str, device: str, squad: str, person: str, file: str) -> Tablet:
        folder = self.folder / device
        tablet = Tablet(
            name=name,
            device=device,
            squad=squad,
            person=person,
            folder=folder,
            random=Random(self.random.getrandbits(64)),
            now=lambda: self.now_ms,
            network=lambda one: Network(self, one),
            watch=self._write_down,
            vault=Vault(folder),
            path=self.folder / file,
            clock=self._clock(),
            lacks=OLDER_LACKS if self.weather.strikes("older_app", 0.3) else frozenset(),
        )
        tablet.open()
        self.tablets.append(tablet)
        return tablet

    def _clock(self) -> Clock:
        wrong = self.clock_random.choice(
            (0, -11 * 60_000, 5 * DAY_MS, -5 * DAY_MS, -400 * DAY_MS, 11_000 * DAY_MS, -25_000 * DAY_MS)
        )
        drift = self.clock_random.choice((1.0, 1.0, 0.999, 1.01))
        return Clock(wrong, drift) if self.weather.strikes("clock_wrong", 0.5) else Clock()

    # --- running --------------------------------------------------------------------------------------

    def run(self, safety: Check, before_healing: Check, liveness: Check) -> list[str]:
        """Plays the world to its end; what the checks found, each line beginning with the name of its law."""
        found: list[str] = []
        with ExitStack() as stack:
            if self.weather.strikes("small_pages", 0.3):
                stack.enter_context(patch.object(news, "REPLY_OPS_MAX", 4))
                stack.enter_context(patch.object(sync, "REQUEST_OPS_MAX", 5))
            if self.weather.strikes("score_bug", 0.2):
                self.bug = stack.enter_context(ExitStack())
                self.bug.enter_context(patch.object(projection, "score", _tripping(score)))
            found += self._run(safety, before_healing, liveness)
        return found

    def _run(self, safety: Check, before_healing: Check, liveness: Check) -> list[str]:
        found: list[str] = []
        try:
            for _ in range(self.random.randint(*STEPS)):
                self.step()
                found += safety(self)
            found += before_healing(self)
            self.heal()
            found += safety(self)
            found += liveness(self)
        finally:
            self.close()
        return found

    def close(self) -> None:
        """Lets go of all files."""
        for tablet in self.tablets:
            tablet.close()
        self.hub.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def step(self) -> None:
        """One thing happens."""
        self.touched = set()
        self.tapped = []
        self.now_ms += self.random.randint(500, 600_000)
        actions, weights = zip(*_ACTIONS, strict=True)
        self.random.choices(actions, weights)[0](self)

    def _draw_tablet(self) -> Tablet:
        return self.tablets[int(self.random.random() * len(self.tablets))]

    # --- people ---------------------------------------------------------------------------------------

    def taps(self) -> None:
        """Somebody taps, and perhaps somebody else, and again."""
        for _ in range(self.random.randint(1, 4)):
            self.tap()

    def tap(self) -> None:
        """Somebody taps."""
        tablet = self._draw_tablet()
        inspection = self.random.choice(self.inspections[tablet.squad])
        stale = self.weather.strikes("stale_screen", 0.25)
        inspection_id = InspectionId(inspection)
        if inspection not in tablet.store.assignments():
            return
        if inspection not in tablet.screens or not stale:
            tablet.look(inspection)
        roles = season.roles(tablet.squad)
        person = tablet.person if self.random.random() < 0.85 else self.random.choice(sorted(roles))
        if tablet.flight is not None:
            if "tap_in_flight" not in self.weather.wanted:
                return
            self.weather.counts["tap_in_flight"] += 1
        with tablet.app():
            visit = tablet.desk.visit(inspection_id)
            somebody = Person(
                self.random,
                tablet,
                PersonId(person),
                roles[person],
                inspection_id,
                tablet.screens[inspection],
                visit,
                "late" in self.weather.wanted,
            )
            drawn = somebody.draws()
            if drawn is None:
                return
            seen = tuple(tablet.screens[inspection].get(drawn.field, ()))
            try:
                operation = drawn.verb(seen)  # type: ignore[arg-type]
            except Problem as problem:
                if problem.code not in EXPECTED:
                    raise
                return
        self._committed(operation.id)
        self.tapped.append((tablet, self.journal.entries[operation.id]))

    def _write_down(self, tablet: Tablet, operation: Operation) -> None:
        """Writes a tap down, before it is committed."""
        if self.fate == "poison":
            self.journal.write(operation.raw, "poison", tablet.name, (), ())
            return
        known = tablet.readable(self.journal.entries)
        field = "" if self.fate == "newer" else str(field_of(operation.body, operation.person))
        screen = tablet.screens.get(operation.inspection, {}).get(field, ())
        self.journal.write(operation.raw, self.fate, tablet.name, known, screen)

    def _committed(self, op: str) -> None:
        self.journal.committed.add(op)

    def look(self) -> None:
        """Somebody opens an inspection and looks at it, to tap later."""
        tablet = self._draw_tablet()
        inspection = self.random.choice(self.inspections[tablet.squad])
        if inspection in tablet.store.assignments():
            tablet.look(inspection)

    def coordinate(self) -> None:
        """The coordinator does something at the console."""
        squad = self.random.choice(sorted(self.inspections))
        inspection = self.random.choice(self.inspections[squad])
        state = self.hub.state(inspection)[1]
        assert state is not None
        seen = view(state)
        screen = screen_of(seen)
        disputed = [cell for cell in seen.disputes if str(cell.field) != "stage"]
        body: Any = coordinator_says(self.random, seen.stage)
        if seen.stage == "submitted" and disputed and self.random.random() < 0.6:
            cell = self.random.choice(disputed)
            kept: Any = self.random.choice(cell.standing)
            body = DisputeSettled(
                str(cell.field), Decision(KIND_OF[type(kept.value)], body_bytes(kept.value)), "统筹", kept.op
            )
        if body is None:
            return
        field = str(field_of(body, PersonId("coord")))
        known = self.hub.ids()
        self.hub.db.write(
            lambda conn: desk.record(
                conn,
                inspection,
                "coord",
                "coordinator",
                body,
                screen.get(field, ()),
                now_ms=self.now_ms,
                entropy=self.random.randbytes,
            )
        )
        (logged,) = [one for one in self.hub.log(inspection) if one.op not in known]
        self.journal.write(logged.raw, "sound", "console", known, screen.get(field, ()))
        self._committed(logged.op)
        self.touched.add(inspection)

    # --- the network ----------------------------------------------------------------------------------

    def exchange(self) -> None:
        """A tablet exchanges, from the beginning to the end."""
        self._draw_tablet().exchange()

    def creep(self) -> None:
        """An exchange goes one step further, or begins; until it ends, people go on tapping."""
        tablet = self._draw_tablet()
        if tablet.flight is None:
            tablet.ask()
        elif not tablet.flight.answered:
            tablet.send()
        else:
            tablet.take()

    def carry(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """A request through the network and its reply back. Raises Offline, Rejected."""
        weather = self.weather
        if weather.strikes("lost_request", 0.06):
            raise Offline("lost on the way")
        if weather.strikes("delayed", 0.06):
            self.letters.append(Letter(body, headers))
            raise Offline("no reply yet")
        damage = self.random.random(), self.random.random()
        if weather.strikes("damaged_request", 0.05):
            body = _damaged(body, *damage)
        if weather.strikes("server_killed", 0.04):
            try:
                self.hub.exchange(body, headers, self.now_ms, killed=True)
            except Killed:
                raise Offline("the server is gone") from None
        if weather.strikes("repeated", 0.08):
            self.deliver(body, headers)
        reply = self.deliver(body, headers)
        if weather.strikes("lost_reply", 0.08):
            raise Offline("the reply is lost")
        cut = int(self.random.random() * len(reply))
        return reply[:cut] if weather.strikes("cut_reply", 0.03) else reply

    def carry_photo(self, sha256: str, content: bytes, headers: Mapping[str, str]) -> None:
        """A photo through the network. Raises Offline, Rejected."""
        if self.weather.strikes("lost_request", 0.1):
            raise Offline("lost on the way")
        if self.weather.strikes("damaged_request", 0.1):
            content = _damaged(content, 0.7, 0.9)
        self.hub.take_photo(sha256, content, headers, self.now_ms)
        if self.weather.strikes("lost_reply", 0.1):
            raise Offline("the reply is lost")

    def deliver(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """A request reaches the server. Raises Rejected."""
        reply = self.hub.exchange(body, headers, self.now_ms)
        self.sent.append(Letter(body, headers))
        for inspections in self.inspections.values():
            self.touched.update(inspections)
        return reply

    def late_letter(self) -> None:
        """A request arrives that was long given up; which of them is chance."""
        if self.letters:
            letter = self.letters.pop(int(self.random.random() * len(self.letters)))
            try:
                self.deliver(*letter)
            except Rejected:
                return

    # --- faults ---------------------------------------------------------------------------------------

    def kill_tablet(self) -> None:
        """A tablet's program ends in the middle of what it does."""
        tablet = self._draw_tablet()
        budget = int(self.random.random() ** 2 * 3000)
        what = self.random.random()
        if not self.weather.strikes("tablet_killed", 0.6):
            return
        tablet.interrupt_after(budget)
        try:
            if what < 0.6 and tablet.flight is None:
                self._tap_on(tablet)
            elif what < 0.9:
                tablet.exchange()
        except sqlite3.OperationalError as err:
            if "interrupted" not in str(err):
                raise
        tablet.kill()
        # What the file has now was committed, whether the program came to know it or not.
        for one in tablet.held():
            if one.own and one.op in self.journal.entries:
                self._committed(one.op)

    def _tap_on(self, tablet: Tablet) -> None:
        inspection = self.random.choice(self.inspections[tablet.squad])
        person = PersonId(tablet.person)
        with tablet.app():
            if inspection in tablet.store.assignments():
                tablet.look(inspection)
                seen = tablet.screens[inspection].get("answer/A01", ())
                try:
                    tablet.desk.note(person, InspectionId(inspection), "A01", "断电前", seen=seen)  # type: ignore[arg-type]
                except Problem as problem:
                    if problem.code not in EXPECTED:
                        raise

    def back_up(self) -> None:
        """Somebody copies a tablet's file, or the server's."""
        if self.random.random() < 0.5:
            self._draw_tablet().keep_backup()
        else:
            self.copy = self.hub.copy()

    def restore_tablet(self) -> None:
        """A tablet comes back with the old copy of its file."""
        tablet = self._draw_tablet()
        if tablet.backup is not None and self.weather.strikes("tablet_restored", 0.9):
            tablet.restore()
            self._count_destroyed()

    def restore_server(self) -> None:
        """The server comes up with an old copy of its file."""
        if self.copy is not None and self.weather.strikes("server_restored", 0.9):
            self.hub.restore(self.copy)
            self._count_destroyed()

    def clone_tablet(self) -> None:
        """A tablet's file and key are copied to a second tablet, and both go on."""
        tablet = self._draw_tablet()
        twins = [one for one in self.tablets if one.device == tablet.device]
        if len(twins) > 1 or not self.weather.strikes("tablet_cloned", 0.6):
            return
        name = f"{tablet.device}x"
        people = season.SQUADS[tablet.squad]
        tablet.keep_backup()
        assert tablet.backup is not None
        path = tablet.backup.path
        self._tablet(name, tablet.device, tablet.squad, people[len(self.tablets) % len(people)], str(path))

    def reassign(self) -> None:
        """The coordinator takes an inspection from its squad, or gives it back."""
        squad = self.random.choice(sorted(self.inspections))
        inspection = self.random.choice(self.inspections[squad])
        strikes = self.weather.strikes("taken_away", 0.5)
        if self.hub.row(inspection).squad == season.NOBODY:
            self.hub.assign(inspection, squad)
        elif strikes:
            self.hub.assign(inspection, season.NOBODY)

    def jump_clock(self) -> None:
        """A tablet's clock jumps."""
        tablet = self._draw_tablet()
        jump = self.clock_random.choice((-3 * DAY_MS, -3_600_000, 3_600_000, 90 * DAY_MS))
        if self.weather.strikes("clock_jumped", 0.7):
            tablet.clock.offset_ms += jump

    def send_newer(self) -> None:
        """A tablet of a version to come writes an operation of a kind that nobody knows."""
        tablet = self._draw_tablet()
        inspection = self.random.choice(self.inspections[tablet.squad])
        kind, content = self.random.choice(
            (
                ("voice_note", {"item": "A01", "seconds": 7}),
                ("answer", {"item": "A02", "answer": {"type": "matrix", "rows": [[1, 2]]}}),
            )
        )
        if self.weather.strikes("newer_app", 0.5):
            operation = self._by_hand(tablet, inspection, kind, json.dumps(content).encode())
            self._record(tablet, operation, "newer")
            self._committed(operation.id)

    def send_poison(self) -> None:
        """A tablet with a bug writes an operation that can never be right."""
        tablet = self._draw_tablet()
        inspection = self.random.choice(self.inspections[tablet.squad])
        which = self.random.choice(_POISON)
        if not self.weather.strikes("poison", 0.5):
            return
        # On a field that nobody taps: until it is refused it counts on its own tablet, and would be seen there.
        sound = self._by_hand(tablet, inspection, "note", bytes(body_bytes(Note("A02", "误"))))
        plain = json.loads(sound.raw)
        own = {one.op for one in tablet.held() if one.own}
        others = sorted(one.op for one in tablet.held() if not one.own and one.op not in own)
        if which == "reused" and not others:
            return
        if which == "reused":
            # By nobody of the squad, so that it is wrong even where the server has lost the first of that id.
            plain.update(id=others[0], person="P-99")
        elif which == "stranger":
            plain["person"] = "P-99"
        elif which == "elsewhere":
            plain["inspection"] = "I-99"
        elif which == "forged":
            plain["device"] = "D-99"
        elif which == "item":
            plain["body"]["item"] = "Z99"
        elif which == "leader":
            plain.update(kind="accepted", body={})
        elif which == "nan":
            plain.update(kind="answer", body={"item": "A02", "answer": {"type": "value", "value": "NaN"}})
        else:
            plain["body"] = {"item": 7}
        raw = json.dumps(plain).encode()
        self._record(
            tablet, sound._replace(id=plain["id"], inspection=plain["inspection"], raw=raw), "poison"
        )

    def _by_hand(self, tablet: Tablet, inspection: str, kind: str, body: bytes) -> Operation:
        head = tablet.store.head()
        return read(
            encode(
                Envelope(
                    id=make_id(tablet.random.randbytes(16)),
                    inspection=inspection,
                    person=season.SQUADS[tablet.squad][0],
                    device=DeviceId(tablet.device),
                    epoch=head.epoch,
                    seq=head.seq + 1,
                    prev=head.hash,
                    at_ms=tablet.tell_time(),
                    kind=kind,
                    body=Raw(body),
                )
            )
        )

    def _record(self, tablet: Tablet, operation: Operation, fate: Fate) -> None:
        self.fate = fate
        try:
            tablet.store.record(operation)
        finally:
            self.fate = "sound"
        if fate == "poison":
            # No verb wrote this, so no state in memory may count it: the file is read anew.
            tablet.kill()

    def _count_destroyed(self) -> None:
        """What was committed and now lies nowhere: not on the server, on no tablet, in no request on its way."""
        alive = self.hub.ids()
        for tablet in self.tablets:
            alive |= {one.op for one in tablet.held()}
        bodies = [letter.body for letter in self.letters]
        flights = [tablet.flight for tablet in self.tablets if tablet.flight and not tablet.flight.answered]
        asked = [flight.call.args[0] for flight in flights]  # type: ignore[attr-defined]
        bodies += [body for body in asked if isinstance(body, bytes)]
        for body in bodies:
            alive |= {json.loads(bytes(raw))["id"] for raw in wire.read_request(body).ops}
        self.destroyed |= self.journal.committed - alive

    # --- the end --------------------------------------------------------------------------------------

    def heal(self) -> None:
        """The faults end: every app is brought up to date, and tablets exchange until nothing changes."""
        self.weather.calm = True
        self.letters.clear()
        self._count_destroyed()
        for squad, inspections in self.inspections.items():
            for inspection in inspections:
                self.hub.assign(inspection, squad)
        if self.bug is not None:
            # The bug is fixed in a new version, and what it kept from being worked out is worked out.
            self.bug.close()
            self.bug = None
            rebuild(self.hub.db, check=False)
        for tablet in self.tablets:
            if tablet.flight is not None:
                tablet.exchange()
            if tablet.lacks:
                tablet.lacks = frozenset()
                tablet.kill()
        for _ in range(QUIET_ROUNDS_MAX):
            for tablet in self.tablets:
                self.now_ms += 60_000
                tablet.exchange()
            if self._quiet():
                return

    def _quiet(self) -> bool:
        """Whether nobody has anything left to send or to read."""
        rows = [self.hub.row(one) for inspections in self.inspections.values() for one in inspections]
        lengths = {row.id: row.last_number for row in rows}
        for tablet in self.tablets:
            cursors = {one: number for one, (number, _) in tablet.store.cursors().items() if number}
            mine = {one: lengths[one] for one in self.inspections[tablet.squad] if lengths[one]}  # type: ignore[index]
            if cursors != mine or tablet.store.outbox(1, 1):
                return False
        return True


_ACTIONS: tuple[tuple[Callable[[World], None], float], ...] = (
    (World.taps, 50),
    (World.look, 4),
    (World.exchange, 13),
    (World.creep, 12),
    (World.coordinate, 2),
    (World.late_letter, 2),
    (World.kill_tablet, 1.5),
    (World.back_up, 3),
    (World.restore_tablet, 2.5),
    (World.restore_server, 2),
    (World.clone_tablet, 0.8),
    (World.reassign, 1.5),
    (World.jump_clock, 1),
    (World.send_newer, 1.5),
    (World.send_poison, 1.5),
)
_POISON = ("stranger", "elsewhere", "forged", "item", "leader", "nan", "garbled", "reused")


def _tripping(score: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def tripping(checklist: Any, inspection: Any) -> Any:
        for item in inspection.items.values():
            if any(one.value.text == CRASHING for cell in item.notes for one in cell.standing):
                raise ZeroDivisionError("a bug in scoring")
        return score(checklist, inspection)

    return tripping


def _damaged(body: bytes, where: float, how: float) -> bytes:
    at = int(where * len(body))
    if how < 0.4:
        return body[:at]
    return body[:at] + bytes([body[at] ^ (1 << int(how * 8))]) + body[at + 1 :]
