"""What the server took counts as safe only once it lies before the cursor that proves the server's log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mobile.settling import Journal, Reading, Settlement, Verdict
from mobile.store import Store
from mobile.store_file import Identity
from mobile.vault import Vault
from shared_schema.operations import Locked, Note, Operation
from shared_schema.wire import Held, Receipt
from tests.make import make_assignment, make_op

OWN = make_op(Note("A01", "见台账"))
OTHERS = make_op(Note("A01", "另附"), device="D-2", person="P-2")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A tablet's file with one operation, not yet sent."""
    store = Store.open(tmp_path / "tablet.db", Vault.headless(tmp_path))
    store.enrol(Identity("D-1", "server", "S-1"), "E-1")
    store.record(OWN)
    yield store
    store.close()


def settle(
    store: Store, *, to_the_end: bool, taken: Operation | None = None, news: tuple[Operation, ...] = ()
) -> None:
    """Takes a reply in."""
    verdicts = [Verdict(taken.id, "accepted")] if taken else []
    reading = Reading("I-1", len(news), [one.raw for one in news], "head")
    store.settle(Settlement(Journal(), verdicts=verdicts, news=[reading], read_to_the_end=to_the_end))


def waiting(store: Store) -> list[str]:
    """What is to be sent."""
    return [one.id for one in store.outbox(10, 10**6)]


def test_taken_and_read_to_the_end_it_is_safe(store: Store) -> None:
    """The cursor lies behind it, and says so with every request."""
    settle(store, to_the_end=True, taken=OWN)
    settle(store, to_the_end=True)
    assert waiting(store) == []


def test_taken_with_an_early_page_and_not_met_again_it_is_offered_again(store: Store) -> None:
    """A server that came up with an older log in between had it no longer, and no cursor would show that."""
    settle(store, to_the_end=False, taken=OWN)
    assert waiting(store) == []
    settle(store, to_the_end=True, news=(OTHERS,))
    assert waiting(store) == [OWN.id]
    settle(store, to_the_end=True, taken=OWN)
    assert waiting(store) == []


def test_met_while_reading_on_it_is_safe(store: Store) -> None:
    """The log itself has shown it."""
    settle(store, to_the_end=False, taken=OWN)
    settle(store, to_the_end=True, news=(OTHERS, OWN))
    assert waiting(store) == []


def test_what_a_restored_server_has_lost_of_its_console_goes_first(store: Store) -> None:
    """Before the lock of a visit is there again it would count what is late."""
    lock = make_op(Locked(), device="console", epoch="server", id="lock")
    settle(store, to_the_end=True, news=(OTHERS, lock))
    store.settle(Settlement(Journal(), rewound=["I-1"], read_to_the_end=True))
    assert waiting(store) == [lock.id, OWN.id, OTHERS.id]
    assert [one.id for one in store.outbox(10, 10**6, relays=False)] == [lock.id, OWN.id]
    assert [one.id for one in store.outbox(1, 10**6)] == [lock.id]


def test_what_was_brought_back_with_an_early_page_is_brought_again(store: Store) -> None:
    """A colleague's operation is no safer than an own one."""
    settle(store, to_the_end=True, taken=OWN, news=(OTHERS,))
    store.settle(Settlement(Journal(), rewound=["I-1"], read_to_the_end=True))
    assert waiting(store) == [OWN.id, OTHERS.id]
    verdicts = [Verdict(OWN.id, "duplicate"), Verdict(OTHERS.id, "accepted")]
    store.settle(Settlement(Journal(), verdicts=verdicts, read_to_the_end=False))
    assert waiting(store) == []
    settle(store, to_the_end=True, news=(OWN,))
    assert waiting(store) == [OTHERS.id]
    settle(store, to_the_end=True, taken=OTHERS)
    assert waiting(store) == []


def test_of_two_operations_with_one_id_each_gets_its_own_verdict(store: Store) -> None:
    """A garbled app gave an id twice: the colleague's is taken back, the one made here is refused."""
    settle(store, to_the_end=True, taken=OWN, news=(OTHERS,))
    twin = make_op(Note("A01", "x"), seq=2, id=OTHERS.id)
    store.record(twin)
    store.settle(Settlement(Journal(), rewound=["I-1"], read_to_the_end=True))
    verdicts = [
        Verdict(OTHERS.id, "accepted", hash=OTHERS.hash),
        Verdict(twin.id, "id_reused", hash=twin.hash),
        Verdict(OWN.id, "accepted", hash=OWN.hash),
    ]
    store.settle(Settlement(Journal(), verdicts=verdicts, read_to_the_end=True))
    assert waiting(store) == []
    assert [one.operation for one in store.refused("I-1")] == [twin]


def test_news_that_does_not_lead_on_from_here_takes_no_doubt_away(store: Store) -> None:
    """Out of a package of before the server was restored: what it told of then may be lost by now, and is brought."""
    settle(store, to_the_end=True, taken=OWN, news=(OTHERS,))
    store.settle(Settlement(Journal(), rewound=["I-1"]))
    old = Reading("I-1", 1, [OTHERS.raw], "head", positions=frozenset())
    store.settle(Settlement(Journal(), news=[old], late=True))
    store.settle(Settlement(Journal(), read_to_the_end=True))
    assert {one.id for one in store.outbox(10, 10**6, relays=True)} == {OWN.id, OTHERS.id}


def test_the_own_record_taken_back_says_nothing_of_the_colleagues_with_its_id(store: Store) -> None:
    """The other way round: the one made here is taken, the colleague's, waiting to be carried, is refused."""
    settle(store, to_the_end=True, taken=OWN, news=(OTHERS,))
    twin = make_op(Note("A01", "x"), seq=2, id=OTHERS.id)
    store.record(twin)
    store.settle(Settlement(Journal(), rewound=["I-1"], read_to_the_end=True))
    verdicts = [Verdict(twin.id, "accepted", hash=twin.hash)]
    store.settle(Settlement(Journal(), verdicts=verdicts, read_to_the_end=True))
    assert {one.hash for one in store.outbox(10, 10**6, relays=True)} == {OWN.hash, OTHERS.hash}


def test_what_was_answered_meanwhile_is_not_answered_again(store: Store) -> None:
    """A package or a meeting was settled between request and reply: the reply is of before that."""
    settle(store, to_the_end=True, taken=OWN)
    store.settle(Settlement(Journal(), verdicts=[Verdict(OWN.id, "refused", "op_late", hash=OWN.hash)]))
    assert not store.refused("I-1")
    assert store.figures().own == {"accepted": 1}


def test_a_backup_of_another_branch_is_none_of_this_one(store: Store) -> None:
    """A clone's branch was the longer one when it was copied; now this one is, and no receipt shows a fork."""
    settle(store, to_the_end=True, taken=OWN)
    store.settle(Settlement(Journal(), receipts=[Held("E-1", 1, OWN.hash, 1, "another")]))
    assert store.figures().backed_up == 0
    store.settle(Settlement(Journal(), receipts=[Held("E-1", 1, OWN.hash, 1, OWN.hash)]))
    assert store.figures().backed_up == 1


def test_a_receipt_that_comes_late_takes_nothing_back(store: Store) -> None:
    """Out of a forgotten package: what backups hold has been told since."""
    store.record(make_op(Note("A01", "x"), seq=2, prev=OWN.hash), photo=("a" * 64, "image/jpeg"))
    now = Settlement(Journal(), receipts=[Held("E-1", 1, OWN.hash, 1, OWN.hash)], photos_backed_up=["a" * 64])
    store.settle(now)
    late = Settlement(Journal(), receipts=[Held("E-1", 1, OWN.hash)], photos_held=["a" * 64], late=True)
    store.settle(late)
    assert store.figures().runs[0].backed_up == 1
    assert store.figures().photos == {("received", 2): 1}
    store.settle(late._replace(late=False))
    assert store.figures().runs[0].backed_up == 0
    assert store.figures().photos == {("received", 1): 1}


def test_of_receipts_to_be_carried_the_servers_latest_is_kept(store: Store) -> None:
    """Whichever of them comes last."""
    told = [Receipt(server="server", device="D-2", at_ms=at, heads=(Held("E-2", at, "h"),)) for at in (5, 3)]
    for one in told:
        store.settle(Settlement(Journal(), relayed=[one]))
    assert store.carried_receipts(9) == (told[0],)


@pytest.mark.parametrize("server", ["", "another"])
def test_of_a_photo_that_is_wanted_again_no_backup_is_known(store: Store, server: str) -> None:
    """The server lost it, or is another one: what was said of its backups is of before that."""
    store.record(make_op(Note("A01", "x"), seq=2, prev=OWN.hash), photo=("a" * 64, "image/jpeg"))
    store.settle(Settlement(Journal(), photos_backed_up=["a" * 64]))
    assert store.figures().photos == {("received", 2): 1}
    again = Settlement(Journal(), photos_wanted=[] if server else ["a" * 64], all_photos_wanted=bool(server))
    store.settle(again, server=server)
    assert store.figures().photos == {("waiting", 0): 1}


def test_a_visit_that_is_no_longer_assigned_is_marked_though_nothing_was_read_of_it(store: Store) -> None:
    for named in (("I-1", "I-2"), ("I-2",)):
        store.settle(Settlement(Journal(), assignments=[make_assignment(one) for one in named]))
    assert {one: gone for one, (_, gone) in store.assignments().items()} == {"I-1": True, "I-2": False}
