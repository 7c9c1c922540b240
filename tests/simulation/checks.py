"""The ten laws, each as a check that works the truth out another way than the code does.

What people tapped and saw comes from the journal, which never looks at `bases`. What the log says comes
from its bytes by set algebra over all operations at once, which never folds. Every line a check gives
begins with the name of its law.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from mobile.transport import Rejected
from shared_schema import merge
from shared_schema.checklist import Checklist
from shared_schema.ids import InspectionId, digest
from shared_schema.inspection import Inspection
from shared_schema.merge import State, view
from shared_schema.scoring import score
from shared_schema.sheet import sheet_bytes
from shared_schema.wire import read_reply
from tests.simulation.drawing import every_screen
from tests.simulation.network import names_in
from tests.simulation.safety import (
    log_is_sound,
    score_equals_the_log,
    what_comes_after_the_lock_waits,
)
from tests.simulation.tablets import Tablet, screen_of
from tests.simulation.unfolded import readable, unfolded
from tests.simulation.world import World

LAWS: Mapping[str, str] = {
    "reordered": "order does not matter",
    "repeated": "twice is once",
    "hidden": "a tap is never hidden",
    "overruled": "a difference stands until someone who saw both decides",
    "lost": "nothing is lost",
    "invented": "nothing is invented",
    "score_mismatch": "scores equal the fold of the log",
    "diverged": "everyone agrees in the end",
    "stalled": "an unknown operation stops nobody",
    "clock": "no clock matters",
}
"""By the name of its counter, each law."""


# --- in the end --------------------------------------------------------------------------------------


def at_the_end(world: World) -> list[str]:
    """All ten laws, when everything is quiet."""
    found: list[str] = []
    for inspections in world.inspections.values():
        for inspection in inspections:
            raws = [one.raw for one in world.hub.log(inspection)]
            world.weather.counts["late"] += _late(raws)
            found += order_does_not_matter(raws, Random(world.seed))
            found += twice_is_once_in_a_fold(raws)
            found += taps_and_differences(world, inspection)
            found += log_is_sound(world, inspection)
            found += score_equals_the_log(world, inspection)
            found += what_comes_after_the_lock_waits(world, inspection)
            found += no_clock_matters_in_a_fold(raws, Random(world.seed), world.hub.checklist(inspection))
    found += nothing_is_lost(world)
    found += nothing_is_invented(world)
    found += everyone_agrees(world)
    found += nobody_is_stopped(world)
    found += every_screen(world)
    found += twice_is_once_for_requests(world)
    return found


def _late(raws: Iterable[bytes]) -> int:
    """How many operations reached the log while the inspection was handed in."""
    late, handed_in = 0, False
    for raw in raws:
        kind = json.loads(raw)["kind"]
        handed_in = kind == "submitted" or (handed_in and kind != "returned")
        late += handed_in and kind not in ("submitted", "accepted", "locked", "dispute_settled")
    return late


def _stands(state: State) -> dict[str, tuple[str, ...]]:
    return {str(field): tuple(one.id for one in ops) for field, ops in sorted(state.fields.items())}


def order_does_not_matter(raws: Sequence[bytes], random: Random) -> Iterator[str]:
    """Whatever order and grouping the log is folded in, the same stands."""
    ops = readable(raws)
    results = []
    for _ in range(3):
        mixed = list(ops)
        random.shuffle(mixed)
        state = merge.EMPTY
        while mixed:
            size = random.randint(1, 6)
            state = merge.apply(state, mixed[:size])
            mixed = mixed[size:]
        results.append((_stands(state), tuple(one.id for one in state.held)))
    if any(one != results[0] for one in results):
        yield "reordered: another order gives another state"


def twice_is_once_in_a_fold(raws: Sequence[bytes]) -> Iterator[str]:
    """Folding the log again over itself changes nothing."""
    ops = readable(raws)
    once = merge.apply(merge.EMPTY, ops)
    again = merge.apply(once, ops)
    if _stands(once) != _stands(again) or once.held != again.held:
        yield "repeated: the same operations again give another state"
    for stands in _stands(again).values():
        if len(set(stands)) != len(stands):
            yield "repeated: an operation stands twice"


def taps_and_differences(world: World, inspection: str) -> Iterator[str]:
    """On the server: what was tapped stands, or was taken off by somebody who had it on the screen.

    And a difference that somebody had on the screen ends by a settlement, or by its own author.
    """
    journal = world.journal
    ids = {one.op for one in world.hub.log(inspection)} & set(journal.entries)
    _, state = world.hub.state(inspection)
    if state is None:
        return
    shown = {field: set(ops) for field, ops in screen_of(view(state)).items()}
    truth = {field: set(ops) for (_, field), ops in journal.standing(ids).items()}
    named = {op: set(json.loads(journal.entries[op].raw).get("bases", ())) for op in ids}
    for field in sorted(set(shown) | set(truth)):
        stands, should = shown.get(field, set()), truth.get(field, set())
        here = [one for one in sorted(ids) if journal.entries[one].field == field]
        place = f"on {field} of {inspection}"
        blind = [
            (one, base)
            for one in here
            for base in named[one] - journal.entries[one].screen
            if base in here and not journal.own(journal.entries[one], base)
        ]
        for one, base in blind:
            yield f"hidden: {base} {place} was taken off by {one}, whose author had not seen it"
        unnamed = [op for op in should - stands if not any(op in named[one] for one in here)]
        for op in unnamed:
            yield f"hidden: {op} {place} is gone, and nobody took it off"
        if blind or unnamed:
            continue  # what else is wrong on this field may follow from that
        for op in sorted(should - stands):
            yield f"overruled: {op} {place} is gone, and nobody who saw the dispute settled it"
        for op in sorted(stands - should):
            yield f"overruled: {op} {place} still stands, though somebody who saw it decided"
    expected = {field for field, ops in shown.items() if journal.differ(field, ops & set(journal.entries))}
    listed = {str(row[1]) for row in world.hub.rows(inspection)["dispute"]}
    if listed != expected:
        yield f"overruled: {inspection} lists {sorted(listed)} as disputes, not {sorted(expected)}"


def nothing_is_lost(world: World) -> Iterator[str]:
    """Every tap that was committed is in the log, unless every copy of it was destroyed.

    One that still waits, or is shown as refused, is not lost; whether it should is for `nobody_is_stopped`.
    """
    ids = world.hub.ids()
    known_of = ("unsent", "refused", "id_reused")
    waiting = {
        one.op for tablet in world.tablets for one in tablet.held() if one.own and one.status in known_of
    }
    for op in sorted(world.journal.committed - ids - waiting):
        if op not in world.destroyed:
            where = [
                f"{tablet.name} ({one.status})"
                for tablet in world.tablets
                for one in tablet.held()
                if one.op == op
            ]
            yield f"lost: {op} ({world.journal.entries[op].kind}) is not in the log; it is on {where}"
    quarantine = {one.hash for one in world.hub.quarantine()}
    for tablet in world.tablets:
        for one in tablet.held():
            if one.own and one.status in ("refused", "id_reused") and digest(one.raw) not in quarantine:
                yield f"lost: {one.op} was refused to {tablet.name} and is not kept in quarantine"
    # A photo that was taken off the record again need not come back after a restore.
    on_record = {
        row[4]
        for some in world.inspections.values()
        for one in some
        for row in world.hub.rows(one)["evidence"]
    }
    for tablet in world.tablets:
        for sha256 in tablet.photos_owed():
            if sha256 in on_record - world.keeper.photos_lost and not world.hub.has_photo(sha256):
                yield f"lost: the photo {sha256[:8]} of {tablet.name} is not on the server"
    for tablet in world.tablets:
        for op in sorted(tablet.lost()):
            if op in ids or op not in world.destroyed:
                yield f"lost: {tablet.name} says that {op} is lost, and it is not"
    yield from world.office.broken


def nothing_is_invented(world: World) -> Iterator[str]:
    """Nothing is on any tablet that nobody tapped."""
    for tablet in world.tablets:
        for one in tablet.held():
            entry = world.journal.entries.get(one.op)
            known = (entry is not None and entry.raw == bytes(one.raw)) or bytes(
                one.raw
            ) in world.journal.poison
            if not known:
                yield f"invented: nobody tapped {one.op} on {tablet.name}"
        if tablet.fooled:
            yield f"invented: {tablet.name} believed a reply that was not given to what it asked"


def everyone_agrees(world: World) -> Iterator[str]:
    """Every tablet has what the server has of its squad's inspections, shows the same, and scores the same.

    One that cannot exchange at all is for `nobody_is_stopped`.
    """
    for tablet in world.tablets:
        if tablet.last_report is None or tablet.last_report.outcome != "done":
            continue
        head = tablet.store.head()
        twins = [
            one.store.head() for one in world.tablets if one.device == tablet.device and one is not tablet
        ]
        beyond = any(seq > head.seq for seq, _ in world.hub.chain(tablet.device, head.epoch))
        if beyond or any(one.epoch == head.epoch and one != head for one in twins):
            yield f"diverged: {tablet.name} goes on numbering a chain that another goes on with too"
        held = tablet.held()
        for inspection in world.inspections[tablet.squad]:
            log = {one.op: one.raw for one in world.hub.log(inspection)}
            counted = {
                one.op: one.raw
                for one in held
                if one.inspection == inspection
                and one.status in ("accepted", "held", "news", "unreadable", "relay")
            }
            missing = sorted(set(log) - set(counted))
            if missing:
                yield f"diverged: {tablet.name} lacks {len(missing)} operations of {inspection}"
            foreign = sorted(
                one.op
                for one in held
                if one.inspection == inspection
                and not one.own
                and one.op not in log
                and one.status != "disowned"
            )
            if foreign:
                yield f"diverged: {tablet.name} holds {len(foreign)} operations of {inspection} that the server has not"
            if inspection in tablet.store.purged():
                yield f"lost: {inspection}, cleared from {tablet.name}, does not come back whole"
                continue
            if not log or missing or set(counted) != set(log):
                continue
            visit = tablet.desk.visit(InspectionId(inspection))
            _, state = world.hub.state(inspection)
            assert state is not None
            if screen_of(visit.inspection) != screen_of(view(state)):
                yield f"diverged: {tablet.name} and the server show {inspection} differently"
            stored = [row[22] for row in world.hub.rows(inspection)["score_sheet"]]
            if stored != [sheet_bytes(visit.sheet)]:
                yield f"score_mismatch: {tablet.name} and the server score {inspection} differently"


def nobody_is_stopped(world: World) -> Iterator[str]:
    """Nothing waits for ever; what is unknown is held by all, what is poison is refused and shown."""
    if world.restless:
        yield "stalled: the tablets do not come to rest"
    for tablet in world.tablets:
        report = tablet.last_report
        if report is None or report.outcome != "done":
            yield f"stalled: {tablet.name} cannot finish an exchange: {report}"
        for one in tablet.held():
            poison = bytes(one.raw) in world.journal.poison
            if one.own and one.status == "unsent":
                yield f"stalled: {one.op} still waits on {tablet.name}"
            elif one.own and poison != (one.status in ("refused", "id_reused")):
                yield f"stalled: {one.op} is {one.status} on {tablet.name}"
        for inspection in world.inspections[tablet.squad]:
            log = world.hub.log(inspection)
            here = inspection in tablet.store.assignments() and inspection not in tablet.store.purged()
            if log and here:
                newer = {one.op for one in log if world.journal.entries[one.op].fate == "newer"}
                held = {one.id for one in tablet.desk.visit(InspectionId(inspection)).inspection.held}
                if not newer <= held:
                    yield f"stalled: {tablet.name} does not hold {len(newer - held)} newer operations"
    for inspections in world.inspections.values():
        for inspection in inspections:
            for row in world.hub.rows(inspection)["score_sheet"]:
                if row[6] == "error":
                    yield f"stalled: {inspection} could not be worked out"


def twice_is_once_for_requests(world: World) -> Iterator[str]:
    """A request that arrives again, however late, changes nothing; nor does a reply."""
    random = Random(world.seed)
    ids = world.hub.ids()
    before = _everything(world)
    old = random.sample(world.network.sent, min(3, len(world.network.sent)))
    for letter in [*old, *world.network.sent[-1:]]:
        names = names_in(world, letter.body)
        if not names <= ids | {one.op for one in world.journal.poison.values()}:
            continue  # it would bring back what a restore destroyed, and rightly so
        try:
            reply = read_reply(world.hub.exchange(letter.body, letter.headers, world.now_ms))
        except Rejected as err:
            assert err.problem.code == "bases_unknown", err  # noqa: PT017 - a restore destroyed them
            continue
        if any(one.status in ("accepted", "held") for one in reply.statuses):
            yield "repeated: an operation was taken a second time"
    if _everything(world) != before:
        yield "repeated: an old request changed something"
    for tablet in random.sample(world.tablets, 2):
        yield from _the_same_reply_again(tablet)


def _the_same_reply_again(tablet: Tablet) -> Iterator[str]:
    first = tablet.ask_and_wait()
    if first is None:
        return
    held = [one[:4] for one in tablet.held()]
    tablet.ask()
    tablet.answer(first)
    if [one[:4] for one in tablet.held()] != held:
        yield f"repeated: the same reply again changed {tablet.name}"


def _everything(world: World) -> object:
    inspections = [one for some in world.inspections.values() for one in some]
    return [
        (world.hub.log(one), world.hub.row(one), world.hub.rows(one), world.hub.state(one))
        for one in inspections
    ]


def no_clock_matters_in_a_fold(raws: Sequence[bytes], random: Random, checklist: Checklist) -> Iterator[str]:
    """The same operations with any other times on them stand alike, dispute alike and score alike."""
    stamped = []
    for raw in raws:
        plain = json.loads(raw)
        plain["at_ms"] = random.choice((0, -(10**12), 10**13, 1_762_000_000_000))
        stamped.append(json.dumps(plain, ensure_ascii=False).encode())
    results = []
    for version in (raws, stamped):
        inspection = merge.view(merge.apply(merge.EMPTY, readable(version)))
        disputes = [str(cell.field) for cell in inspection.disputes]
        results.append(
            (list(screen_of(inspection).items()), disputes, inspection.stage, _figures(inspection, checklist))
        )
    if results[0] != results[1]:
        yield "clock: other times on the same operations give another inspection"


def _figures(inspection: Inspection, checklist: Checklist) -> tuple[object, ...]:
    sheet = score(checklist, inspection)
    return sheet.status, sheet.percent, sheet.percent_low, sheet.percent_high, sheet.grade


def outcome(world: World) -> object:
    """What a world came to, told without ids, hashes or times: by the numbers of its taps."""
    numbers = {op: entry.number for op, entry in world.journal.entries.items()}
    told = []
    for inspections in world.inspections.values():
        for inspection in inspections:
            reading = unfolded(
                (one.raw for one in world.hub.log(inspection)), world.hub.checklist(inspection)
            )
            stands = sorted(
                (str(field), sorted(numbers.get(one.id, 0) for one in ops))
                for field, ops in reading.state.fields.items()
            )
            disputes = sorted(str(cell.field) for cell in reading.inspection.disputes)
            statuses = sorted(
                (numbers[one.op], one.status)
                for tablet in world.tablets
                for one in tablet.held()
                if one.inspection == inspection and one.own and one.op in numbers
            )
            told.append(
                (
                    inspection,
                    stands,
                    disputes,
                    reading.inspection.stage,
                    _figures(reading.inspection, world.hub.checklist(inspection)),
                    statuses,
                )
            )
    return told
