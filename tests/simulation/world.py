"""A world: tablets, their people, the network and the server, in one thread, drawn from one seed.

First everything goes wrong that can, while the safety checks look on after every step. Then the faults
end, the world runs until it is quiet, and everyone must agree.
"""

import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from random import Random
from typing import Any
from unittest.mock import patch

from mobile import handover, sync
from mobile.vault import Vault
from server.intake import news, projection
from server.intake.rebuild import rebuild
from shared_schema import merge
from shared_schema.ids import InspectionId, PersonId
from shared_schema.operations import Note, Operation, field_of
from shared_schema.problems import Problem
from shared_schema.scoring import score
from tests.simulation import keeping, season, trouble
from tests.simulation.disks import Disks
from tests.simulation.faults import Weather
from tests.simulation.hand import Hand
from tests.simulation.hub import Copy, Hub
from tests.simulation.journal import Entry, Fate, Journal
from tests.simulation.network import Cable, Network
from tests.simulation.office import Office
from tests.simulation.people import CRASHING, EXPECTED, Person
from tests.simulation.stick import Stick
from tests.simulation.tablets import OLDER_LACKS, Clock, Tablet

STEPS = (100, 185)
QUIET_ROUNDS_MAX = 12
"""After the faults have ended, so many rounds of every tablet exchanging once must be enough."""
DAY_MS = 86_400_000
DAYS_MAX = 12
Check = Callable[["World"], Iterable[str]]


class World:
    """Everything there is, for one seed."""

    def __init__(self, seed: int, faults: frozenset[str], *, clocks: int | None = None) -> None:
        self.seed = seed
        self.random = Random(seed)
        clock_seed = self.random.getrandbits(64)
        # Clocks are drawn apart, so that a twin world can have other clocks and all else the same.
        self.clock_random = Random(clock_seed if clocks is None else clocks)
        self.weather = Weather(self.random, faults, seed)
        self.folder = season.copied()
        self.now_ms = season.START_MS
        self.hub = Hub(self.folder)
        self.keeper = keeping.Keeper(self, seed)
        self.journal = Journal()
        self.network = Network(self)
        self.hand = Hand(self)
        self.stick = Stick(self)
        self.disks = Disks(self)
        self.office = Office(self)
        self.copy: Copy | None = None
        self.destroyed: set[str] = set()
        self.met_disputes: set[tuple[str, str]] = set()
        self.fate: Fate = "sound"
        self.bug: ExitStack | None = None
        self.restless = False
        """Set in the end, where the tablets have not come to rest."""
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
                self.add_tablet(device, device, squad, people[index % len(people)], f"{device}/0.db")

    def add_tablet(self, name: str, device: str, squad: str, person: str, file: str) -> None:
        """One more tablet, on a file that is there."""
        folder = self.folder / device
        tablet = Tablet(
            name=name,
            device=device,
            squad=squad,
            person=person,
            folder=folder,
            random=Random(self.random.getrandbits(64)),
            now=lambda: self.now_ms,
            network=lambda _: self.network,
            restores=lambda: self.hub.generation,
            watch=self._write_down,
            vault=Vault.headless(folder),
            path=self.folder / file,
            clock=self._clock(),
            lacks=OLDER_LACKS if self.weather.strikes("older_app", 0.3) else frozenset(),
        )
        tablet.open()
        self.tablets.append(tablet)

    def _clock(self) -> Clock:
        wrong = self.clock_random.choice((-11 * 60_000, 5 * DAY_MS, -5 * DAY_MS, -400 * DAY_MS))
        far = self.clock_random.choice((-season.START_MS, -25_000 * DAY_MS, 4_200 * DAY_MS, 11_000 * DAY_MS))
        drift = self.clock_random.choice((0.999, 1.01))
        clock = Clock()
        if self.weather.strikes("clock_wrong", 0.4):
            clock.offset_ms += wrong
        if self.weather.strikes("clock_far", 0.2):
            clock.offset_ms += far
        if self.weather.strikes("clock_drifts", 0.3):
            clock.drift = drift
        return clock

    # --- running --------------------------------------------------------------------------------------

    def run(self, safety: Check, before_healing: Check, liveness: Check) -> list[str]:
        """Plays the world to its end; what the checks found, each line beginning with the name of its law."""
        found: list[str] = []
        with ExitStack() as stack:
            if self.weather.strikes("small_pages", 0.3):
                stack.enter_context(patch.object(news, "REPLY_OPS_MAX", 4))
                stack.enter_context(patch.object(sync, "REQUEST_OPS_MAX", 5))
                stack.enter_context(patch.object(handover, "REPLY_OPS_MAX", 5))
            if self.weather.strikes("score_bug", 0.2):
                self.bug = stack.enter_context(ExitStack())
                self.bug.enter_context(patch.object(projection, "score", _tripping(score)))
            if self.weather.strikes("fold_bug", 0.2):
                self.bug = self.bug or stack.enter_context(ExitStack())
                self.bug.enter_context(patch.object(merge, "advance", _tripping_fold(merge.advance)))
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
        if self.weather.strikes("days_pass", 0.02):
            self.now_ms += int(self.weather.later.random() * DAYS_MAX) * DAY_MS
        self.office.wipe()
        actions, weights = zip(*_ACTIONS, strict=True)
        try:
            self.random.choices(actions, weights)[0](self)
            self.hand.replays()
            self.office.admit_in_bulk()
        except Problem as problem:
            if not self.disks.why(problem):
                raise

    def draw_tablet(self) -> Tablet:
        """Any tablet."""
        return self.tablets[int(self.random.random() * len(self.tablets))]

    # --- people ---------------------------------------------------------------------------------------

    def taps(self) -> None:
        """Somebody taps, and perhaps somebody else, and again."""
        for _ in range(self.random.randint(1, 4)):
            self.tap()

    def tap(self) -> None:
        """Somebody taps."""
        tablet = self.draw_tablet()
        inspection = self.random.choice(self.inspections[tablet.squad])
        stale = self.weather.strikes("stale_screen", 0.25)
        inspection_id = InspectionId(inspection)
        if inspection not in tablet.store.assignments() or inspection in tablet.store.purged():
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
                if problem.code not in EXPECTED and not self.disks.why(problem):
                    raise
                return
        self.journal.committed.add(operation.id)
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

    def look(self) -> None:
        """Somebody opens an inspection and looks at it, to tap later."""
        tablet = self.draw_tablet()
        inspection = self.random.choice(self.inspections[tablet.squad])
        if inspection in tablet.store.assignments() and inspection not in tablet.store.purged():
            tablet.look(inspection)

    # --- the network ----------------------------------------------------------------------------------

    def exchange(self) -> None:
        """A tablet exchanges, from the beginning to the end, over the network or by a file."""
        tablet = self.draw_tablet()
        if tablet.flight is None and self.weather.strikes("by_package", 0.3):
            self.stick.exchange(tablet)
        else:
            tablet.exchange()

    def give_package(self) -> None:
        """The coordinator makes a package for a tablet."""
        tablet = self.draw_tablet()
        if tablet.flight is None and self.weather.strikes("by_package", 0.5):
            self.stick.give(tablet)

    def creep(self) -> None:
        """An exchange goes one step further, or begins; until it ends, people go on tapping."""
        tablet = self.draw_tablet()
        if tablet.flight is None:
            tablet.ask()
        elif not tablet.flight.answered:
            tablet.send()
        else:
            tablet.take()

    def meet(self) -> None:
        """Two tablets of a squad meet, and no server is near."""
        tablet = self.draw_tablet()
        others = [one for one in self.tablets if one.squad == tablet.squad and one is not tablet]
        other = others[int(self.random.random() * len(others))]
        if self.weather.strikes("relayed", 0.7):
            report = tablet.meet(Cable(self, other).meet)
            if not report.news + report.given:
                self.weather.counts["relayed"] -= 1  # nothing was handed over, so nothing was relayed

    # --- the end --------------------------------------------------------------------------------------

    def heal(self) -> None:
        """The faults end: every app is brought up to date, and tablets exchange until nothing changes."""
        self.tapped = []  # whoever tapped last may be wiped meanwhile
        self.weather.calm = True
        self.network.under_way.clear()
        self.stick.under_way.clear()
        self.disks.ease()
        trouble.count_destroyed(self)
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
        keeping.bring_all_back(self)
        for _ in range(QUIET_ROUNDS_MAX):
            for tablet in self.tablets:
                self.now_ms += 60_000
                tablet.exchange()
            self.office.wipe()
            if not self.office.admit_all() and self._quiet():
                return
        self.restless = True

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
    (World.taps, 56),
    (World.look, 4),
    (World.exchange, 13),
    (World.creep, 12),
    (World.meet, 7),
    (lambda world: world.office.coordinate(), 3),
    (lambda world: world.office.lock(), 3),
    (lambda world: world.office.change_checklist(), 2),
    (lambda world: world.office.revoke(), 0.7),
    (lambda world: world.office.admit(), 2),
    (lambda world: world.disks.trouble(), 1.5),
    (lambda world: world.disks.look_after(), 5),
    (World.give_package, 1.5),
    (lambda world: world.network.late_letter(), 2),
    (lambda world: world.stick.late_package(), 2),
    (trouble.kill_tablet, 1.5),
    (trouble.back_up, 3),
    (trouble.restore_tablet, 2.5),
    (trouble.restore_server, 2),
    (keeping.clear_tablets, 4),
    (trouble.clone_tablet, 0.8),
    (trouble.reassign, 1.5),
    (trouble.jump_clock, 1),
    (trouble.send_newer, 1.5),
    (trouble.send_poison, 1.5),
)


def _tripping_fold(advance: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def tripping(seen: Any, operations: Any) -> Any:
        if any(isinstance(one.body, Note) and one.body.text == CRASHING for one in operations):
            raise ZeroDivisionError("a bug in merging")
        return advance(seen, operations)

    return tripping


def _tripping(score: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def tripping(checklist: Any, inspection: Any) -> Any:
        for item in inspection.items.values():
            if any(one.value.text == CRASHING for cell in item.notes for one in cell.standing):
                raise ZeroDivisionError("a bug in scoring")
        return score(checklist, inspection)

    return tripping
