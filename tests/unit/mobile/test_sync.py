"""One exchange: what is sent, what a reply changes, and what a lost or repeated message does not."""

import shutil
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from mobile import sync
from mobile.transport import Rejected
from shared_schema import wire
from shared_schema.ids import FieldKey, digest
from shared_schema.operations import Envelope, encode, read
from shared_schema.problems import Problem
from tests.unit.mobile.world import ANNA, COUNT, LEADER, VISIT, YES_NO, Server, Tablet, quiet

FIELD = FieldKey(f"answer/{YES_NO}")


def test_two_tablets_see_each_other(server: Server, one: Tablet, two: Tablet) -> None:
    """What one inspector answers, the other sees after both have exchanged."""
    one.open_visit()
    quiet(one, two)
    tapped = two.answer(YES_NO, False, ANNA)
    quiet(two, one)
    assert one.standing(FIELD) == {tapped.id}
    assert one.fold() == two.fold()
    assert one.store.sync_state().unsent == 0


def test_a_difference_stands_until_the_leader_settles_it(one: Tablet, two: Tablet) -> None:
    """Two inspectors answer differently offline; an ordinary tap ends nothing, the leader's settlement does."""
    one.open_visit()
    quiet(one, two)
    ours, theirs = one.answer(YES_NO, True), two.answer(YES_NO, False, ANNA)
    quiet(one, two)
    assert one.standing(FIELD) == two.standing(FIELD) == {ours.id, theirs.id}
    again = two.answer(YES_NO, False, ANNA)
    assert again.bases == (theirs.id,)
    quiet(two, one)
    assert one.standing(FIELD) == {ours.id, again.id}
    settled = one.desk.settle(LEADER, VISIT, FIELD, again.id, "现场复核")
    quiet(one, two)
    assert two.standing(FIELD) == {settled.id}
    assert not two.desk.visit(VISIT).inspection.disputes


@pytest.mark.parametrize("fault", ["request", "reply", "repeat"])
def test_losing_or_repeating_a_message_changes_nothing(server: Server, one: Tablet, fault: str) -> None:
    """After the next exchange the server holds every operation exactly once."""
    one.open_visit()
    taps = [one.answer(COUNT, number) for number in range(5)]
    one.line.fault = fault
    report = one.sync.once()
    assert report.outcome == ("done" if fault == "repeat" else "offline")
    state = one.store.sync_state()
    assert (state.offline, state.unsent) == ((False, 0) if fault == "repeat" else (True, 6))
    quiet(one)
    assert server.log()[1:] == [tap.raw for tap in taps]


def test_what_no_request_has_room_for_is_sent_with_the_next(
    one: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their size as well as by their number; one that is larger by itself goes alone."""
    monkeypatch.setattr(sync, "OPS_BYTES_MAX", 1500)
    one.open_visit()
    one.meet()
    taps = [one.answer(COUNT, number) for number in range(8)]
    one.line.requests.clear()
    one.meet()
    sent = [[len(bytes(raw)) for raw in wire.read_request(asked).ops] for asked in one.line.requests]
    assert sum(map(len, sent)) == len(taps)
    assert max(map(sum, sent)) <= 1500
    assert max(map(len, sent)) > 1


def test_the_echo_of_own_operations_is_not_kept_twice(one: Tablet) -> None:
    """News brings own operations back after a lost reply; the store holds each once."""
    one.open_visit()
    one.line.fault = "reply"
    one.sync.once()
    quiet(one)
    assert one.store._rows("SELECT own, status FROM operation") == [(1, "accepted")]


def test_a_tap_during_the_exchange_is_sent_with_the_next(server: Server, one: Tablet) -> None:
    """The status of an operation goes by its place in the request, whatever was tapped meanwhile."""
    one.open_visit()
    taps = iter([3])

    def tap() -> None:
        for count in taps:
            one.answer(COUNT, count)

    one.line.before_reply = tap
    report = one.meet()
    assert (report.sent, report.rounds) == (2, 2)
    assert len(server.log()) == 2


def test_a_refused_operation_stays_visible_and_is_not_counted(server: Server, one: Tablet) -> None:
    """The squad sees what was refused and why; the state on the tablet is the server's."""
    one.open_visit()
    quiet(one)
    before = one.fold()
    server.dismiss(ANNA)
    tapped = one.answer(YES_NO, False, ANNA)
    good = one.answer(COUNT, 2)
    report = one.meet()
    assert (report.refused, report.accepted) == (1, 1)
    [refused] = one.desk.visit(VISIT).refused
    assert (refused.operation.id, refused.problem) == (tapped.id, "author_not_allowed")
    assert one.standing(FIELD) == set()
    assert one.standing(f"answer/{COUNT}") == {good.id}
    assert one.fold() != before
    one.store.set_aside(tapped.id)
    assert one.desk.visit(VISIT).refused == ()
    one.reopen()
    assert one.standing(FIELD) == set()


def test_a_restored_server_gets_back_what_it_lost(server: Server, one: Tablet, two: Tablet) -> None:
    """Operations it had acknowledged after its backup are offered again by the tablets that made them."""
    one.open_visit()
    quiet(one, two)
    old = server.backup()
    one.answer(COUNT, 1)
    two.answer(YES_NO, True, ANNA)
    quiet(one, two)
    log = sorted(server.log())
    server.restore(old)
    assert len(server.log()) == 1
    two.answer("A08", True, ANNA)  # new numbers are given to other operations than before
    quiet(two, one)
    assert set(log) < set(server.log())
    assert one.fold() == two.fold()
    assert len(server.log()) == 4


def test_a_reader_of_a_restored_server_misses_nothing(
    tmp_path: Path, server: Server, one: Tablet, two: Tablet
) -> None:
    """A tablet that only read, and further than the backup, reads what is numbered anew, and nothing twice."""
    three = Tablet(tmp_path, server, "T-3")
    one.open_visit()
    quiet(one, two, three)
    old = server.backup()
    lost = [one.answer(COUNT, number) for number in range(3)]
    quiet(one, two)
    server.restore(old)
    fresh = [three.answer("A09", number) for number in range(3)]
    three.meet()
    one.meet()
    two.meet()
    held = two.store._rows("SELECT id FROM operation ORDER BY id")
    assert held == sorted((tap.id,) for raw in server.log() for tap in [read(raw)])
    assert {tap.id for tap in lost + fresh} < {op for (op,) in held}
    quiet(one, two, three)
    assert one.fold() == two.fold() == three.fold()
    assert len(one.store._rows("SELECT id FROM operation")) == len(held)
    three.close()


def test_a_colleagues_tablet_brings_back_what_its_owners_cannot(
    server: Server, one: Tablet, two: Tablet
) -> None:
    """The server was restored and the tablet that made an operation is gone: whoever has read it hands it in."""
    one.open_visit()
    quiet(one, two)
    old = server.backup()
    made = [one.answer(COUNT, 1), one.answer("A09", 2)]
    quiet(one, two)
    server.restore(old)
    two.answer(YES_NO, True, ANNA)
    quiet(two)
    assert {tap.raw for tap in made} < set(server.log())
    assert len(server.log()) == 4
    quiet(two, one)
    assert one.fold() == two.fold()


def test_a_tablet_restored_from_a_backup_numbers_anew(server: Server, one: Tablet) -> None:
    """The server knows more of its chain than it does: a new epoch, a notice, and nothing lost."""
    one.open_visit()
    quiet(one)
    old = one.backup()
    lost = one.answer(COUNT, 1)
    quiet(one)
    one.restore(old)
    mine = one.answer(YES_NO, True)
    assert (mine.epoch, mine.seq) == (lost.epoch, lost.seq)
    quiet(one)
    assert one.store.sync_state().notice == "forked"
    later = one.answer("A08", True)
    assert later.epoch != mine.epoch
    assert (later.seq, later.prev) == (1, "")
    quiet(one)
    assert {lost.raw, mine.raw, later.raw} < set(server.log())
    assert one.standing(f"answer/{COUNT}") == {lost.id}
    one.store.clear_notice()
    assert one.store.sync_state().notice == ""
    figures = one.store.figures()
    assert (figures.own, figures.receipted) == ({"accepted": 3}, 1), (
        "a receipt for the other branch says nothing"
    )
    assert [run.forked for run in figures.runs if run.receipt >= 2] == [True]


def test_a_clone_finds_that_it_is_one(tmp_path: Path, server: Server, one: Tablet) -> None:
    """Two tablets with one identity: both sets of operations are kept, and later ones have numbers of their own."""
    one.open_visit()
    quiet(one)
    one.close()
    shutil.copytree(one.folder, tmp_path / "clone" / one.device)
    one.open()
    clone = Tablet(tmp_path / "clone", server, one.device, seed="another", enrolled=False)
    ours = [one.answer(COUNT, number) for number in range(3)]
    theirs = [clone.answer(YES_NO, bool(number % 2)) for number in range(5)]
    for _ in range(3):
        one.meet()
        clone.meet()
    assert {tap.raw for tap in ours + theirs} < set(server.log())
    epochs = {one.store.head().epoch, clone.store.head().epoch}
    assert len(epochs) == 2
    assert sorted((one.store.sync_state().notice, clone.store.sync_state().notice)) in (
        ["", "forked"],
        ["forked"] * 2,
    )
    quiet(one, clone)
    assert one.fold() == clone.fold()
    clone.close()


def test_news_of_an_unknown_kind_is_kept_as_bytes_and_stops_nothing(
    server: Server, one: Tablet, two: Tablet
) -> None:
    """An operation of a newer version arrives, is held, and later ones arrive too."""
    one.open_visit()
    quiet(one, two)
    head = two.store.head()
    newer = encode(
        Envelope(id="newer", inspection=VISIT, person=ANNA, device=two.device, epoch=head.epoch, seq=1,
                 kind="of_tomorrow", body=msgspec.Raw(b'{"x":1}'))
    )  # fmt: skip
    two.store._db.execute(
        "INSERT INTO operation (id, inspection, epoch, seq, hash, own, status, raw)"
        " VALUES ('newer', ?, ?, 1, ?, 1, 'unsent', ?)",
        (VISIT, head.epoch, digest(newer), newer),
    )
    two.reopen()
    assert two.meet().held == 1
    two.answer(YES_NO, True, ANNA)
    quiet(two, one)
    assert [held.raw for held in one.store.state(VISIT).held] == [newer]
    assert len(one.standing(FIELD)) == 1


def test_an_inspection_given_to_another_squad_is_marked_and_kept(server: Server, one: Tablet) -> None:
    """What it holds is not deleted, and nothing more can be written to it."""
    one.open_visit()
    quiet(one)
    server.db.write(
        lambda conn: conn.exec_driver_sql(f"UPDATE inspection SET squad = 'S-2' WHERE id = '{VISIT}'")
    )
    one.meet()
    assert one.desk.visit(VISIT).gone
    assert len(one.store.state(VISIT).fields) == 1
    with pytest.raises(Problem, match="inspection_unknown"):
        one.answer(COUNT, 1)
    server.db.write(
        lambda conn: conn.exec_driver_sql(f"UPDATE inspection SET squad = 'S-1' WHERE id = '{VISIT}'")
    )
    one.meet()
    assert not one.desk.visit(VISIT).gone
    one.answer(COUNT, 1)
    quiet(one)


def _garbled(reply: wire.ExchangeReply) -> bytes:
    documents = tuple(
        replace(
            one, content=Raw(bytes(one.content).replace(b'"total_points":"100"', b'"total_points":"101"'))
        )
        for one in reply.checklists
    )
    return wire.encode(replace(reply, checklists=documents))


def test_a_checklist_that_is_not_its_hash_is_not_taken(server: Server, tmp_path: Path, one: Tablet) -> None:
    """The rest of the reply counts; the visit waits for the right bytes, and people are told."""
    fresh = Tablet(tmp_path, server, "T-9")
    fresh.line.change = lambda body: _garbled(wire.read_reply(body))
    assert fresh.meet().outcome == "done"
    assert fresh.store.checklist_hashes() == ()
    assert fresh.store.sync_state().problem == "checklist_unknown"
    assert fresh.desk.visits() == ()
    assert len(fresh.desk.unreadable()) == 10
    fresh.line.change = lambda reply: reply
    fresh.meet()
    assert len(fresh.desk.visits()) == 10
    assert fresh.store.sync_state().problem == ""
    fresh.close()


def test_a_request_too_large_is_halved_until_it_passes(server: Server, one: Tablet) -> None:
    """Something between tablet and server takes less than we would send."""
    one.open_visit()
    for number in range(9):
        one.answer(COUNT, number)
    real = one.line.handle

    def narrow(body: bytes, headers: dict[str, str]) -> bytes:
        if len(wire.read_request(body).ops) > 3:
            raise Rejected(wire.ProblemReply("request_too_large", "", ""))
        return real(body, headers)

    one.line.handle = narrow  # type: ignore[method-assign, assignment]
    assert one.meet().accepted == 10
    assert len(server.log()) == 10


def test_a_refused_request_is_told_and_tried_later(server: Server, one: Tablet) -> None:
    """A tablet the server has forgotten keeps everything and says why nothing is sent."""
    one.open_visit()
    server.db.write(lambda conn: conn.exec_driver_sql("DELETE FROM device"))
    assert one.sync.once().problem == "device_unknown"
    state = one.store.sync_state()
    assert (state.problem, state.attempts, state.unsent, state.offline) == ("device_unknown", 1, 1, False)
    assert not one.store.journal().retry


def test_a_tablet_that_was_turned_away_hands_over_what_it_has_and_knows_it(
    server: Server, one: Tablet
) -> None:
    """Everything goes into quarantine, is receipted, and nothing more comes."""
    one.open_visit()
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))
    report = one.sync.once()
    assert (report.outcome, report.revoked, report.refused) == ("done", True, 1)
    state = one.store.sync_state()
    assert (state.revoked, state.unsent, state.refused) == (True, 0, 1)


def test_another_server_gets_everything(tmp_path: Path, server: Server, one: Tablet) -> None:
    """A server set up anew under the same address is offered all that this tablet ever wrote."""
    one.open_visit()
    one.answer(COUNT, 2)
    quiet(one)
    server.db.write(lambda conn: conn.exec_driver_sql("DELETE FROM operation"))
    server.db.write(lambda conn: conn.exec_driver_sql("DELETE FROM chain"))
    server.db.write(lambda conn: conn.exec_driver_sql("DELETE FROM state"))
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE inspection SET last_number = 0"))
    server.db.write(
        lambda conn: conn.exec_driver_sql("UPDATE meta SET value = 'another' WHERE key = 'server_id'")
    )
    server.restore(server.backup())  # it remembers who it is until it ends
    quiet(one)
    assert len(server.log()) == 2
    identity = one.store.identity()
    assert identity is not None
    assert identity.server == "another"


# --- decided without a server -------------------------------------------------------------------------
