"""Projection: once for each inspection and commit, only what changed, and nothing remembered that was rolled back."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, event

from server.intake import projection
from server.intake.exchange import exchange
from server.intake.rebuild import rebuild
from server.storage import group, states, writer
from server.storage.database import Database
from server.storage.op_log import run
from shared_schema import wire
from shared_schema.ids import DeviceId, InspectionId
from shared_schema.operations import FindingDuplicateOf, FindingWithdrawn, NotApplicable, Note, Operation
from shared_schema.problems import Problem
from tests.contract.plan import CHECKLIST
from tests.contract.talk import NOW_MS, ask, outcomes, say
from tests.make import Scribe, make_answer, make_finding, make_photo, make_request

YES_NO, COUNTED = (next(i.id for i in CHECKLIST.items if i.response == kind) for kind in ("yes_no", "count"))
SCENE = next(item.id for item in CHECKLIST.items if item.photo != "forbidden")
OPTIONAL = next(item for item in CHECKLIST.items if item.na)


def sent(*operations: Operation) -> Callable[[Connection], bytes]:
    """An exchange with these operations, as the route runs it."""
    request = wire.encode(make_request(operations))
    device = DeviceId(operations[0].device)
    return lambda conn: exchange(conn, request, device=device, now_ms=NOW_MS)


@pytest.fixture
def held(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Keeps the writer busy until released, so that what is submitted meanwhile becomes one group."""
    monkeypatch.setattr(writer, "GROUP_SECONDS_MAX", 60.0)
    release, entered = threading.Event(), threading.Event()

    def wait(_conn: Connection) -> None:
        entered.set()
        release.wait(10)

    holder = db.submit(wait)
    entered.wait(10)
    yield release
    release.set()
    holder.exception()


@pytest.fixture
def brought_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by each inspection brought up to date."""
    real, seen = projection.bring_up, list[str]()

    def bring_up(conn: Connection, inspection: str, decoded: Any) -> None:
        seen.append(inspection)
        real(conn, inspection, decoded)

    monkeypatch.setattr(projection, "bring_up", bring_up)
    return seen


@pytest.fixture
def ten() -> list[Callable[[Connection], bytes]]:
    """Ten exchanges of two tablets on one inspection."""
    scribes = Scribe(), Scribe(device="D-2", person="P-2")
    return [sent(scribe.write(Note(YES_NO, f"{n}"))) for n in range(5) for scribe in scribes]


def test_an_inspection_is_worked_out_once_for_many_exchanges(
    db: Database,
    ten: list[Callable[[Connection], bytes]],
    held: threading.Event,
    brought_up: list[str],
) -> None:
    futures = [db.submit(one, joins=True) for one in ten]
    held.set()
    for future in futures:
        assert outcomes(wire.read_reply(future.result())) == ["accepted"]
    assert db.read(projection.behind) == []
    assert brought_up == ["I-1"]
    assert rebuild(db, check=True).differences == ()


def test_whoever_reads_rows_in_the_same_commit_finds_them_up_to_date(
    db: Database, held: threading.Event
) -> None:
    handed_in = db.submit(sent(Scribe().write(Note(YES_NO, "x"))), joins=True)
    read = db.submit(lambda conn: run(conn, "SELECT number FROM score_sheet"))
    held.set()
    assert outcomes(wire.read_reply(handed_in.result())) == ["accepted"]
    assert read.result() == [(1,)]


def test_a_photo_is_wanted_in_the_reply_to_the_request_that_names_it(db: Database) -> None:
    photo = make_photo(item=SCENE)
    reply = db.submit(sent(Scribe().write(photo)), joins=True).result()
    assert wire.read_reply(reply).photos_wanted == (photo.sha256,)


def test_a_request_taken_back_leaves_no_row_and_no_memory(db: Database, held: threading.Event) -> None:
    first, second = Scribe(), Scribe(device="D-2", person="P-2")
    taken_back = second.write(make_answer(COUNTED, 3))

    def fail(conn: Connection) -> None:
        sent(taken_back)(conn)
        raise Problem("not_allowed", action="this")

    good = db.submit(sent(first.write(make_answer(COUNTED, 1))), joins=True)
    bad = db.submit(fail, joins=True)
    other = db.submit(sent(first.write(Note(YES_NO, "x"))), joins=True)
    held.set()
    with pytest.raises(Problem, match="not_allowed"):
        bad.result()
    assert [outcomes(wire.read_reply(one.result())) for one in (good, other)] == [["accepted"]] * 2
    assert rebuild(db, check=True).differences == ()
    assert outcomes(say(db, [taken_back], device="D-2")) == ["accepted"]
    assert rebuild(db, check=True).differences == ()


def test_what_a_failed_commit_had_worked_out_is_forgotten(db: Database, held: threading.Event) -> None:
    """The same operation comes again, and its row is written again."""
    scribe = Scribe()
    before, again = scribe.write(Note(YES_NO, "x")), scribe.write(make_answer(COUNTED, 2))
    held.set()
    say(db, [before])
    failing = [True]

    def refuse(_conn: Any) -> None:
        if failing:
            failing.clear()
            raise OSError("the disk says no")

    event.listen(db._write_engine, "commit", refuse)
    with pytest.raises(OSError, match="the disk says no"):
        db.submit(sent(again), joins=True).result()
    assert rebuild(db, check=True).differences == ()
    assert outcomes(say(db, [again])) == ["accepted"]
    assert rebuild(db, check=True).differences == ()


def test_a_plan_that_changed_is_noticed(db: Database) -> None:
    scribe = Scribe()
    say(db, [scribe.write(Note(YES_NO, "x"))])
    db.write(lambda conn: run(conn, "UPDATE inspection SET unit = 'U-I-2' WHERE id = 'I-1'"))
    say(db, [scribe.write(Note(YES_NO, "y"))])
    assert ask(db, "SELECT unit FROM score_sheet") == [("U-I-2",)]
    assert rebuild(db, check=True).differences == ()


def test_a_state_does_not_grow_with_history(db: Database) -> None:
    """Each note replaces the one before; however many there were, one stands."""
    scribe, sizes = Scribe(), []
    for _ in range(3):
        ops = []
        for _ in range(200):
            bases = (scribe.written[-1].id,) if scribe.written else ()
            ops.append(scribe.write(Note(YES_NO, "x"), bases=bases))
        say(db, ops)
        sizes.append(len(ask(db, "SELECT content FROM state")[0][0]))
    assert max(sizes) - min(sizes) <= 2  # the number itself
    assert rebuild(db, check=True).differences == ()


def cold(conn: Connection) -> None:
    """Forgets what is remembered, as a new start does."""
    commit = group.of(conn)
    assert commit is not None
    commit.memory.clear()


def test_what_arrives_after_its_replacement_does_not_come_back(db: Database) -> None:
    """Warm, and after a cold start from the stored state."""
    for start, inspection in ((lambda _: None, "I-1"), (cold, "I-2")):
        one = Scribe(inspection=inspection, epoch=f"E-{inspection}")
        other = Scribe(device="D-2", person="P-2", inspection=inspection, epoch=f"E-{inspection}")
        replaced = one.write(make_answer(COUNTED, 1))
        say(db, [other.write(make_answer(COUNTED, 2), bases=(replaced.id,))], device="D-2")
        db.write(start)
        say(db, [replaced])
        db.write(start)
        found = db.read(partial(states.load, inspection=InspectionId(inspection)))
        assert found is not None
        assert [one.id for ones in found.state.fields.values() for one in ones] == [other.written[0].id]
        assert found.state.replaced == {}
    assert rebuild(db, check=True).differences == ()


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_only_follow_are_those_made_at_once(db: Database, seed: int) -> None:
    """A visit in any order and grouping, with cold starts between: after each commit rows and state are the log's."""
    random = Random(seed)
    first, second = Scribe(), Scribe(device="D-2", person="P-2")
    last: dict[str, str] = {}
    for number in range(40):
        scribe = random.choice((first, second))
        body = random.choice(
            (
                make_answer(COUNTED, number % 4),
                make_answer(YES_NO, bool(number % 2)),
                NotApplicable(OPTIONAL.id, OPTIONAL.na[0], "无"),
                make_finding(f"F-{number % 3}", COUNTED, occurrences=1 + number % 2),
                FindingWithdrawn(f"F-{number % 3}", COUNTED, "误"),
                FindingDuplicateOf(f"F-{number % 3}", random.choice(("", "F-0"))),
                make_photo(f"E-{number % 2}", SCENE),
                Note(SCENE, "x"),
            )
        )
        key = f"{type(body).__name__}{scribe.device}{number % 3}"
        scribe.write(body, bases=(last[key],) if key in last and random.random() < 0.7 else ())
        last[key] = scribe.written[-1].id
    waiting = [*first.written, *second.written]
    random.shuffle(waiting)
    while waiting:
        size = random.randint(1, 4)
        some, waiting = waiting[:size], waiting[size:]
        for device in ("D-1", "D-2"):
            mine = [one for one in some if one.device == device]
            if mine:
                assert set(outcomes(say(db, mine, device=device))) == {"accepted"}
        if random.random() < 0.2:
            db.write(cold)
        assert rebuild(db, check=True).differences == ()
