"""The safety checks: what must hold after every single step, while everything goes wrong that can."""

import json
from collections.abc import Iterator

from server.storage.devices import CONSOLE
from shared_schema.ids import InspectionId
from tests.simulation.journal import Entry
from tests.simulation.tablets import Tablet, screen_of
from tests.simulation.unfolded import unfolded
from tests.simulation.world import World


class Watch:
    """The safety checks of one world; remembers what it has looked at."""

    def __init__(self) -> None:
        self.lengths: dict[str, tuple[int, int]] = {}
        self.ever_logged: set[str] = set()
        self.ever_photos: set[str] = set()
        self.looks = 0

    def __call__(self, world: World) -> list[str]:
        """What this step broke."""
        found: list[str] = []
        retapped = {op for _, entry in world.tapped for op in entry.takes}
        for tablet, entry in world.tapped:
            if entry.op not in retapped:
                found += _tap_is_there(tablet, entry)
        for inspection in sorted(world.touched):
            row = world.hub.row(inspection)
            before = self.lengths.get(inspection)
            if before == (world.hub.generation, row.last_number):
                continue
            self.lengths[inspection] = (world.hub.generation, row.last_number)
            raws = [one.raw for one in world.hub.log(inspection)]
            ids = {json.loads(raw)["id"] for raw in raws}
            self.ever_logged |= ids
            world.met_disputes |= world.journal.disputes(ids)
            found += log_is_sound(world, inspection)
            self.looks += 1
            if self.looks % 3 == 0 and world.bug is None:
                found += score_equals_the_log(world, inspection)
        if world.touched:
            found += self._acknowledged(world)
        return found

    def _acknowledged(self, world: World) -> Iterator[str]:
        """What a tablet was told is taken has been in the log; only a restored server may have lost it since."""
        self.ever_photos |= world.hub.photos() | world.keeper.photos
        for tablet in world.tablets:
            # Who lies about a photo is found out when the tablet asks for the server's signature.
            signed = world.weather.counts["forged_photo"] > 0
            for sha256 in set(tablet.photos_received(signed=signed)) - self.ever_photos:
                yield f"lost: the photo {sha256[:8]} was acknowledged to {tablet.name} and never was on the server"
            for one in tablet.held():
                taken = one.own and one.status in ("accepted", "held")
                known = self.ever_logged | world.keeper.logged
                if taken and one.op not in known and one.op not in world.hub.ids():
                    yield f"lost: {one.op} was acknowledged to {tablet.name} and never was in the log"


def _tap_is_there(tablet: Tablet, entry: Entry) -> Iterator[str]:
    """A tap that was committed is in the file, and the screen shows it."""
    raws = {one.raw for one in tablet.held() if one.own}
    if entry.raw not in raws:
        yield f"lost: the tap {entry.op} is not in the file of {tablet.name}"
    with tablet.app():
        shown = screen_of(tablet.desk.visit(InspectionId(entry.inspection)).inspection)
    if entry.op not in shown.get(entry.field, ()):
        yield f"hidden: {tablet.name} does not show the tap {entry.op} on {entry.field}"


def log_is_sound(world: World, inspection: str) -> Iterator[str]:
    """The log holds what was tapped, byte for byte, each once, numbered without gaps."""
    log = world.hub.log(inspection)
    if [one.number for one in log] != list(range(1, len(log) + 1)):
        yield f"invented: the numbers of {inspection} have gaps"
    if len({one.op for one in log}) != len(log):
        yield f"repeated: {inspection} has an operation twice"
    for one in log:
        entry = world.journal.entries.get(one.op)
        if entry is None or bytes(one.raw) != entry.raw or entry.inspection != inspection:
            yield f"invented: nobody tapped {one.op} of {inspection}"
        elif one.held != (entry.fate == "newer"):
            yield f"stalled: {one.op} is {'held' if one.held else 'counted'}, which it should not be"


def before_healing(world: World) -> Iterator[str]:
    """An older app holds, byte for byte, what it does not know, and shows all else."""
    for tablet in world.tablets:
        if not tablet.lacks:
            continue
        held = [one for one in tablet.held() if one.status not in ("refused", "disowned")]
        entries = world.journal.entries
        for inspection in world.inspections[tablet.squad]:
            if inspection not in tablet.store.assignments() or inspection in tablet.store.purged():
                continue
            strange = {
                one.op
                for one in held
                if one.inspection == inspection
                and one.op in entries
                and (
                    entries[one.op].fate == "newer"
                    or {entries[one.op].kind, entries[one.op].decides} & tablet.lacks
                )
            }
            with tablet.app():
                seen = tablet.desk.visit(InspectionId(inspection)).inspection
            # What can never be right is held there too, until the server has refused it.
            if {one.id for one in seen.held if bytes(one.raw) not in world.journal.poison} != strange:
                yield f"stalled: {tablet.name}, an older app, does not hold what it does not know of {inspection}"


def score_equals_the_log(world: World, inspection: str) -> Iterator[str]:
    """The stored rows are what the log comes to."""
    log = world.hub.log(inspection)
    rows = world.hub.rows(inspection)["score_sheet"]
    if not log:
        return
    if len(rows) != 1:
        yield f"score_mismatch: {inspection} has {len(rows)} score sheets"
        return
    reading = unfolded((one.raw for one in log), world.hub.checklist(inspection))
    sheet = json.loads(reading.sheet)
    row = rows[0]
    number, stage, status, percent = row[4], row[5], row[6], row[7]
    disputes, held, stored = row[18], row[19], row[22]
    expected = (
        len(log),
        reading.inspection.stage,
        sheet["status"],
        sheet.get("percent"),
        len(reading.inspection.disputes),
        len(reading.inspection.held),
    )
    if (number, stage, status, percent, disputes, held) != expected or stored != reading.sheet:
        yield f"score_mismatch: {inspection} is stored as {(number, stage, status, percent)}, not {expected[:4]}"


def what_comes_after_the_lock_waits(world: World, inspection: str) -> Iterator[str]:
    """Behind a lock that nobody has unsaid, the log holds what the lock covers, and what a person has let in."""
    locks: dict[str, dict[tuple[str, str], int]] = {}
    for one in world.hub.log(inspection):
        plain = json.loads(one.raw)
        place, seq = (plain["device"], plain["epoch"]), plain["seq"]
        late = locks and all(seq > covered.get(place, 0) for covered in locks.values())
        if late and place[0] != CONSOLE and one.op not in world.office.admitted:
            yield f"overruled: {one.op} of {inspection} counts, made after its lock and let in by nobody"
        for base in plain.get("bases", ()):
            locks.pop(base, None)
        if plain["kind"] == "locked":
            locks[one.op] = {(device, epoch): last for device, epoch, last in plain["body"]["covers"]}
