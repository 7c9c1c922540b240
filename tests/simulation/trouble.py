"""What befalls tablets, server and inspections: each function one kind of trouble, if the weather brings it now."""

import json
import sqlite3
from typing import TYPE_CHECKING

import sqlcipher3.dbapi2
from msgspec import Raw

from shared_schema.ids import DeviceId, InspectionId, PersonId, digest, make_id
from shared_schema.operations import Envelope, Note, Operation, body_bytes, encode, read
from shared_schema.problems import Problem
from tests.simulation import season
from tests.simulation.journal import Fate
from tests.simulation.network import names_in
from tests.simulation.people import EXPECTED
from tests.simulation.tablets import Tablet

if TYPE_CHECKING:
    from tests.simulation.world import World

DAY_MS = 86_400_000
_POISON = (
    "stranger",
    "elsewhere",
    "forged",
    "item",
    "leader",
    "nan",
    "garbled",
    "reused",
    "deep",
    "long",
)
_TOO_DEEP = 300
_TOO_LONG = 70_000


def kill_tablet(world: "World") -> None:
    """A tablet's program ends in the middle of what it does."""
    tablet = world.draw_tablet()
    budget = int(world.random.random() ** 2 * 3000)
    what = world.random.random()
    if not world.weather.strikes("tablet_killed", 0.6):
        return
    tablet.interrupt_after(budget)
    try:
        if what < 0.6 and tablet.flight is None:
            _tap_on(world, tablet)
        elif what < 0.9:
            tablet.exchange()
    except (sqlite3.OperationalError, sqlcipher3.dbapi2.OperationalError) as err:
        if "interrupted" not in str(err):
            raise
    except Problem as problem:
        if not world.disks.why(problem):
            raise
    tablet.kill()
    # What the file has now was committed, whether the program came to know it or not.
    for one in tablet.held():
        if one.own and one.op in world.journal.entries:
            world.journal.committed.add(one.op)


def _tap_on(world: "World", tablet: Tablet) -> None:
    inspection = world.random.choice(world.inspections[tablet.squad])
    person = PersonId(tablet.person)
    with tablet.app():
        if inspection in tablet.store.assignments() and inspection not in tablet.store.purged():
            tablet.look(inspection)
            seen = tablet.screens[inspection].get("answer/A01", ())
            try:
                tablet.desk.note(person, InspectionId(inspection), "A01", "断电前", seen=seen)  # type: ignore[arg-type]
            except Problem as problem:
                if problem.code not in EXPECTED:
                    raise


def back_up(world: "World") -> None:
    """Somebody copies a tablet's file, or the server's."""
    if world.random.random() < 0.5:
        world.draw_tablet().keep_backup()
    elif world.keeper.purges:
        world.keeper.back_up()
    else:
        world.copy = world.hub.copy()


def restore_tablet(world: "World") -> None:
    """A tablet comes back with the old copy of its file."""
    tablet = world.draw_tablet()
    if tablet.backup is not None and world.weather.strikes("tablet_restored", 0.9):
        tablet.restore()
        count_destroyed(world)


def restore_server(world: "World") -> None:
    """The server comes up with an old copy of its file."""
    if world.keeper.purges:
        world.keeper.lose_the_machine()
    elif world.copy is not None and world.weather.strikes("server_restored", 0.9):
        world.hub.restore(world.copy)
        count_destroyed(world)


def clone_tablet(world: "World") -> None:
    """A tablet's file and key are copied to a second tablet, and both go on."""
    tablet = world.draw_tablet()
    twins = [one for one in world.tablets if one.device == tablet.device]
    if len(twins) > 1 or not world.weather.strikes("tablet_cloned", 0.6):
        return
    name = f"{tablet.device}x"
    people = season.SQUADS[tablet.squad]
    tablet.keep_backup()
    assert tablet.backup is not None
    path = tablet.backup.path
    world.add_tablet(name, tablet.device, tablet.squad, people[len(world.tablets) % len(people)], str(path))


def reassign(world: "World") -> None:
    """The coordinator takes an inspection from its squad, or gives it back."""
    squad = world.random.choice(sorted(world.inspections))
    inspection = world.random.choice(world.inspections[squad])
    strikes = world.weather.draws("taken_away", 0.5)
    if world.hub.row(inspection).squad == season.NOBODY:
        world.hub.assign(inspection, squad)
    elif strikes:
        world.hub.assign(inspection, season.NOBODY)
        world.weather.met("taken_away")


def jump_clock(world: "World") -> None:
    """A tablet's clock jumps."""
    tablet = world.draw_tablet()
    jump = world.clock_random.choice((3_600_000, 90 * DAY_MS, 5_000 * DAY_MS))
    back = world.clock_random.choice((-3 * DAY_MS, -3_600_000, -25_000 * DAY_MS))
    if world.weather.strikes("clock_jumped", 0.4):
        tablet.clock.offset_ms += jump
    if world.weather.strikes("clock_back", 0.4):
        tablet.clock.offset_ms += back


def send_newer(world: "World") -> None:
    """A tablet of a version to come writes an operation of a kind that nobody knows."""
    tablet = world.draw_tablet()
    inspection = world.random.choice(world.inspections[tablet.squad])
    kind, content = world.random.choice(
        (
            ("voice_note", {"item": "A01", "seconds": 7}),
            ("answer", {"item": "A02", "answer": {"type": "matrix", "rows": [[1, 2]]}}),
        )
    )
    if world.weather.strikes("newer_app", 0.5):
        if any(one.lacks for one in world.tablets) and "mixed_versions" in world.weather.wanted:
            world.weather.met("mixed_versions")
        operation = _by_hand(tablet, inspection, kind, json.dumps(content).encode())
        _record(world, tablet, operation, "newer")
        world.journal.committed.add(operation.id)


def send_poison(world: "World") -> None:
    """A tablet with a bug writes an operation that can never be right."""
    tablet = world.draw_tablet()
    inspection = world.random.choice(world.inspections[tablet.squad])
    which = world.random.choice(_POISON)
    if not world.weather.strikes("poison", 0.5):
        return
    # On a field that nobody taps: until it is refused it counts on its own tablet, and would be seen there.
    sound = _by_hand(tablet, inspection, "note", bytes(body_bytes(Note("A02", "误"))))
    plain = json.loads(sound.raw)
    own = {one.op for one in tablet.held() if one.own}
    # As they came: by their ids they would be in another order under other clocks.
    others = [one.op for one in tablet.held() if not one.own and one.op not in own]
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
    elif which == "deep":
        plain["body"] = json.loads("[" * _TOO_DEEP + "]" * _TOO_DEEP)
    elif which == "long":
        plain["body"]["text"] = "长" * _TOO_LONG
    else:
        plain["body"] = {"item": 7}
    raw = json.dumps(plain).encode()
    bad = sound._replace(id=plain["id"], inspection=plain["inspection"], raw=raw, hash=digest(raw))
    _record(world, tablet, bad, "poison")


def _by_hand(tablet: Tablet, inspection: str, kind: str, body: bytes) -> Operation:
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


def _record(world: "World", tablet: Tablet, operation: Operation, fate: Fate) -> None:
    world.fate = fate
    try:
        tablet.store.record(operation)
    finally:
        world.fate = "sound"
    if fate == "poison":
        # No verb wrote this, so no state in memory may count it: the file is read anew.
        tablet.kill()


def count_destroyed(world: "World") -> None:
    """What was committed and now lies nowhere: not on the server, on no tablet, in no request on its way."""
    alive = world.hub.ids() | {one.op for one in world.hub.quarantine()}
    for tablet in world.tablets:
        alive |= {one.op for one in tablet.held()}
    alive |= {op for carried in world.stick.under_way for op in carried.ops}
    bodies = [letter.body for letter in world.network.under_way]
    flights = [tablet.flight for tablet in world.tablets if tablet.flight and not tablet.flight.answered]
    asked = [flight.call.args[0] for flight in flights]  # type: ignore[attr-defined]
    bodies += [body for body in asked if isinstance(body, bytes)]
    for body in bodies:
        alive |= names_in(world, body)
    world.destroyed |= world.journal.committed - alive - world.keeper.purged
