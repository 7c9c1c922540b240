"""The coordinator of a world: what is done at the console, to inspections, tablets, the checklist and quarantine."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from server.access import devices
from server.intake import desk, quarantine
from server.storage import registers
from server.storage.database import Connection
from shared_schema.ids import PersonId
from shared_schema.inspection import Inspection
from shared_schema.merge import view
from shared_schema.operations import KIND_OF, Accepted, Decision, DisputeSettled, Locked, body_bytes, field_of
from shared_schema.problems import Problem
from tests.simulation import season
from tests.simulation.hub import Waiting
from tests.simulation.people import coordinator_says
from tests.simulation.tablets import Tablet, screen_of
from tests.simulation.trouble import count_destroyed

if TYPE_CHECKING:
    from tests.simulation.world import World

LEAST_TABLETS = 2
"""So many of a squad are never turned away: somebody has to go on."""


class Office:
    """Who sits there, and what was seen to go wrong."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.turned_away: set[str] = set()
        self.admitted: set[str] = set()
        """Every operation that somebody let in."""
        self.broken: list[str] = []
        """What was seen to go wrong as it happened, each line beginning with the name of the law it breaks."""

    def _draw(self) -> str:
        squad = self.world.random.choice(sorted(self.world.inspections))
        return self.world.random.choice(self.world.inspections[squad])

    def coordinate(self) -> None:
        """The coordinator takes an inspection a step further, or settles a dispute."""
        world, inspection = self.world, self._draw()
        seen = self._seen(inspection)
        disputed = [cell for cell in seen.disputes if str(cell.field) != "stage"]
        body: Any = coordinator_says(
            world.random, seen.stage, locks="late_after_lock" in world.weather.wanted
        )
        if seen.stage == "submitted" and disputed and world.random.random() < 0.6:
            cell = world.random.choice(disputed)
            kept: Any = world.random.choice(cell.standing)
            body = DisputeSettled(
                str(cell.field), Decision(KIND_OF[type(kept.value)], body_bytes(kept.value)), "统筹", kept.op
            )
        if body is not None:
            self._record(inspection, body, seen)

    def _seen(self, inspection: str) -> Inspection:
        state = self.world.hub.state(inspection)[1]
        assert state is not None
        return view(state)

    def _record(self, inspection: str, body: Any, seen: Inspection) -> None:
        world = self.world
        shown = screen_of(seen).get(str(field_of(body, PersonId("coord"))), ())
        known = world.hub.ids()
        world.hub.write(
            lambda conn: desk.record(
                conn, inspection, "coord", "coordinator", body, shown, now_ms=world.now_ms
            )
        )
        (logged,) = [one for one in world.hub.log(inspection) if one.op not in known]
        world.journal.write(logged.raw, "sound", "console", known, shown)
        world.journal.committed.add(logged.op)
        world.touched.add(inspection)

    def lock(self) -> None:
        """What was handed in is accepted and locked at once, while other tablets have not heard of it."""
        wanted = self.world.weather.draws("late_after_lock", 1.0)
        for inspection in [one for some in self.world.inspections.values() for one in some] if wanted else ():
            for stage, body in (("submitted", Accepted()), ("accepted", Locked())):
                seen = self._seen(inspection)
                if seen.stage == stage and not any(str(cell.field) == "stage" for cell in seen.disputes):
                    self._record(inspection, body, seen)

    # --- the checklist --------------------------------------------------------------------------------

    def change_checklist(self) -> None:
        """A new version is read in, and every inspection of the campaign is planned anew with it."""
        world = self.world
        number = world.random.choice(season.VERSIONS)
        if not world.weather.draws("checklist_changed", 0.8):
            return
        name = world.hub.write(lambda conn: registers.put_checklist(conn, season.later(number)))
        for inspections in world.inspections.values():
            for inspection in inspections:
                before = world.hub.row(inspection)
                planned = msgspec.structs.replace(before, checklist=name)
                try:
                    world.hub.write(lambda conn, row=planned: registers.put_inspections(conn, [row]))  # type: ignore[misc]
                except Problem as problem:
                    # What has begun keeps the version it was begun under.
                    if problem.code != "checklist_in_use" or not before.last_number:
                        raise
                else:
                    moved = before.checklist != name
                    world.weather.met("checklist_changed", moved)
                    if moved and before.last_number:
                        self.broken.append(
                            f"score_mismatch: {inspection} has answers under another checklist now"
                        )

    # --- tablets that are turned away -----------------------------------------------------------------

    def revoke(self) -> None:
        """A tablet is turned away: it was lost, or its holder is no longer trusted."""
        world = self.world
        tablet = world.draw_tablet()
        squad = {one.device for one in world.tablets if one.squad == tablet.squad}
        others = squad - self.turned_away - {tablet.device}
        if len(others) >= LEAST_TABLETS and world.weather.draws("revoked", 0.7):
            known = tablet.device in self.turned_away
            self.turned_away.add(tablet.device)
            try:
                world.hub.write(lambda conn: devices.revoke(conn, tablet.device, world.now_ms, "lost"))
            except Problem as problem:
                # Once is enough; but a server that was restored from before has to be told again.
                if problem.code != "device_revoked" or not known:
                    raise

    def wipe(self) -> None:
        """What the app does that was told so: once all is handed over, keys and data are destroyed."""
        for tablet in list(self.world.tablets):
            report = tablet.last_report
            if tablet.flight is None and report and report.revoked and report.outcome == "done":
                self._wipe(tablet)

    def _wipe(self, tablet: Tablet) -> None:
        world = self.world
        world.weather.met("revoked")
        if tablet.device not in self.turned_away:
            self.broken.append(f"lost: {tablet.name} was destroyed, and nobody has turned it away")
        if tablet.told_at == world.hub.generation:
            self.broken += self._taken_along(tablet)
        tablet.close()
        world.tablets.remove(tablet)
        world.stick.under_way = [one for one in world.stick.under_way if one.tablet is not tablet]
        # What the server has lost in a restore since it gave its receipt, is lost with the tablet.
        count_destroyed(world)

    def _taken_along(self, tablet: Tablet) -> Iterator[str]:
        """What the server said it has, and has not."""
        world = self.world
        there = {one.raw for one in world.hub.quarantine()}
        logged = world.hub.ids()
        for one in tablet.held():
            if one.own and one.op in world.journal.committed and not (one.raw in there or one.op in logged):
                yield f"lost: {one.op} was destroyed with {tablet.name}, and nobody else has it"
        for sha256 in tablet.photos_of_own():
            if not world.hub.has_photo(sha256):
                yield f"lost: the photo {sha256[:8]} was destroyed with {tablet.name}"

    # --- quarantine -----------------------------------------------------------------------------------

    def admit(self) -> None:
        """Somebody looks into quarantine, and admits something of it."""
        found = self.admissible()
        drawn = self.world.random.random()
        if found and self.world.weather.draws("admitted", 0.8):
            self._admit(found[int(drawn * len(found))])

    def admit_in_bulk(self) -> None:
        """Somebody marks all that waits, also after a restore, and admits it: all or, where that fails, nothing."""
        found = list({one.op: one for one in self.admissible()}.values())
        if found and self.world.weather.strikes("admitted_in_bulk", 0.02):
            self._admit(*found)

    def admit_all(self) -> bool:
        """Admits all that can be; whether there was anything."""
        found = self.admissible()
        for one in {one.op: one for one in found}.values():
            self._admit(one)
        return bool(found)

    def admissible(self) -> list[Waiting]:
        """What waits there that somebody really tapped, whose content is sound, and that is not in the log by now.

        What a tablet handed on without a proof stays there under its name when the author brings it later.
        """
        entries, logged = self.world.journal.entries, self.world.hub.ids()
        found = [
            one
            for one in self.world.hub.quarantine()
            if one.problem in quarantine.ADMISSIBLE
            and one.op not in logged
            and one.op in entries
            and entries[one.op].raw == one.raw
        ]
        # As they were tapped: by their hashes they would be in another order under other clocks.
        return sorted(found, key=lambda one: (one.device, entries[one.op].number))

    def _admit(self, *waiting: Waiting) -> None:
        world = self.world

        def run(conn: Connection) -> None:
            for one in waiting:
                quarantine.admit(
                    conn, one.device, one.hash, admitted_by="coord", why="核实", now_ms=world.now_ms
                )

        world.hub.write(run)
        for one in waiting:
            self.admitted.add(one.op)
            world.weather.met("admitted")
            world.weather.met("late_after_lock", one.problem == "op_late")
            world.touched.add(world.journal.entries[one.op].inspection)
