"""What was refused, left out or lost for a reason that has gone gets another chance, without anybody asking."""

from mobile import photos
from mobile.player import draw
from server.storage import chains, registers
from server.storage.database import Connection
from shared_schema.ids import DeviceId
from tests.unit.mobile.world import ANNA, BEN, LEADER, SCENE, SQUAD, VISIT, YES_NO, Server, Tablet, quiet


def members(server: Server, *people: str) -> None:
    """Makes these people the squad; the first leads."""
    roles = [
        {"squad": SQUAD, "person": one, "role": "inspector" if n else "leader"}
        for n, one in enumerate(people)
    ]
    squad = {"id": SQUAD, "campaign": "C-1", "name_zh": "第1分队", "name_en": "Squad 1"}
    server.db.write(lambda conn: registers.put_squads(conn, [squad], roles))


def give(server: Server, squad: str) -> None:
    """Gives the visit to a squad."""

    def run(conn: Connection) -> None:
        row = registers.inspection(conn, VISIT)
        assert row is not None
        registers.put_inspections(
            conn, [{**{f: getattr(row, f) for f in row.__struct_fields__}, "squad": squad}]
        )

    server.db.write(run)


def refusals(server: Server) -> int:
    sql = "SELECT count(*) FROM refusal"
    return int(server.db.read(lambda conn: conn.exec_driver_sql(sql).scalar_one()))


def test_who_becomes_a_member_later_is_heard_after_all(one: Tablet, two: Tablet, server: Server) -> None:
    """The coordinator corrects the squad's list: what was refused goes in again and counts everywhere."""
    one.open_visit()
    quiet(one, two)
    answer = one.answer(YES_NO, True, BEN)
    members(server, LEADER, ANNA)
    assert one.meet().refused == 1
    assert one.standing(f"answer/{YES_NO}") == set()
    assert one.meet().sent == 0
    members(server, LEADER, ANNA, BEN)
    quiet(one, two)
    assert one.store.refused(VISIT) == ()
    assert one.standing(f"answer/{YES_NO}") == two.standing(f"answer/{YES_NO}") == {answer.id}
    assert answer.raw in server.log()
    assert refusals(server) == 0


def test_what_a_person_has_dealt_with_is_not_brought_up_again(one: Tablet, server: Server) -> None:
    """Set aside is a person's decision."""
    one.open_visit()
    one.meet()
    answer = one.answer(YES_NO, True, BEN)
    members(server, LEADER, ANNA)
    one.meet()
    one.store.set_aside(answer.id)
    members(server, LEADER, ANNA, BEN)
    one.meet()
    assert one.meet().sent == 0
    assert answer.raw not in server.log()


def test_an_inspection_that_comes_back_gets_back_all_that_any_tablet_holds(
    one: Tablet, two: Tablet, server: Server
) -> None:
    """A server restored to before its plan is refilled once the plan is entered again."""
    one.open_visit()
    quiet(one, two)
    hers = two.answer(YES_NO, True, ANNA)
    quiet(one, two)
    two.close()
    before = server.log()
    own = one.answer(YES_NO, False, LEADER)
    give(server, "S-2")
    forget = ("DELETE FROM operation", "DELETE FROM state", "DELETE FROM chain")
    for sql in (*forget, "UPDATE inspection SET last_number = 0, log_head = ''"):
        server.db.write(lambda conn, sql=sql: conn.exec_driver_sql(sql))  # type: ignore[misc]
    one.meet()
    assert one.store.assignments()[VISIT][1]
    assert server.log() == []
    give(server, SQUAD)
    quiet(one)
    assert set(server.log()) == {*before, own.raw}
    assert one.standing(f"answer/{YES_NO}") == {own.id}
    assert hers.raw in server.log()
    assert refusals(server) == 0
    epoch = one.store.head().epoch
    tip = server.db.read(lambda conn: chains.tips(conn, DeviceId("T-1"), [epoch]))[epoch]
    assert (tip.seq, tip.hash) == (own.seq, own.hash)
    two.open()


def test_what_the_server_tells_of_counts_though_it_was_refused_here(one: Tablet, server: Server) -> None:
    """A copy of this tablet handed it in later, when it had become right."""
    one.open_visit()
    one.meet()
    answer = one.answer(YES_NO, True, BEN)
    copy = one.backup()
    members(server, LEADER, ANNA)
    assert one.meet().refused == 1
    one.store.set_aside(answer.id)
    refused = one.backup()
    members(server, LEADER, ANNA, BEN)
    one.restore(copy)
    one.meet()
    one.restore(refused)
    assert one.standing(f"answer/{YES_NO}") == set()
    one.meet()
    assert one.standing(f"answer/{YES_NO}") == {answer.id}
    assert one.store.refused(VISIT) == ()


def test_a_photo_taken_in_again_is_sent_though_its_file_was_once_lost(one: Tablet, server: Server) -> None:
    """The same picture has the same name, so it must not stay marked as missing."""
    one.open_visit()
    one.meet()
    folder = one.folder / "photos"
    taken = photos.take(draw("a", 64, 48), folder, one.vault)
    one.desk.attach_photo(ANNA, VISIT, SCENE, taken)
    photos.photo_path(folder, taken.sha256).unlink()
    one.meet()
    assert one.store.sync_state().photos_missing == 1
    photos.take(draw("a", 64, 48), folder, one.vault)
    one.desk.attach_photo(ANNA, VISIT, SCENE, taken)
    assert one.meet().photos == 1
    assert taken.sha256 in server.photos
