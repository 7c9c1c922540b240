"""Tablets that meet believe each author's own signed word, and nobody's about another."""

import msgspec

from shared_schema import wire
from shared_schema.ids import digest
from shared_schema.operations import Envelope, encode, read
from shared_schema.proofs import head_text
from shared_schema.wire import ExchangeRequest, SignedHead
from tests.unit.mobile.test_relay import noted_by_hand, plainly
from tests.unit.mobile.world import ANNA, BEN, VISIT, Tablet


def test_what_its_author_has_not_signed_for_is_not_kept(one: Tablet, two: Tablet, three: Tablet) -> None:
    """A colleague's answer made up, or under a head that somebody else signed, is told back and counts nowhere."""
    before = two.fold()
    head = three.store.head()
    made_up = noted_by_hand(three, "forged", BEN)
    forged = made_up.raw
    text = head_text("T-3", head.epoch, made_up.seq, made_up.hash)
    for proofs in ((), (SignedHead("T-3", head.epoch, made_up.seq, made_up.hash, one.vault.sign(text)),)):
        request = wire.encode(ExchangeRequest(device="T-1", ops=(msgspec.Raw(forged),), proofs=proofs))
        headers = {wire.DEVICE_HEADER: "T-1", wire.SIGNATURE_HEADER: one.vault.sign(request)}
        answer = wire.read_relay(plainly(two, request, headers))
        [status] = wire.read_reply(bytes(answer.reply)).statuses
        assert (status.status, status.problem) == ("refused", "op_not_proven")
    assert two.fold() == before
    proven = SignedHead("T-3", head.epoch, made_up.seq, made_up.hash, three.vault.sign(text))
    request = wire.encode(ExchangeRequest(device="T-1", ops=(msgspec.Raw(forged),), proofs=(proven,)))
    headers = {wire.DEVICE_HEADER: "T-1", wire.SIGNATURE_HEADER: one.vault.sign(request)}
    plainly(two, request, headers)
    assert two.store.carrying() == {"T-3": 1}


def test_one_record_that_cannot_be_read_leaves_those_before_it_proven(
    one: Tablet, two: Tablet, three: Tablet
) -> None:
    """Of an older app, say: a colleague holds it as the server does, and hands it over with the rest of its chain."""
    head, prev, ops = three.store.head(), three.store.head().hash, list[bytes]()
    for number, body in enumerate(
        (b'{"item":"A06","text":"before"}', b"7", b'{"item":"A06","text":"after"}'), 1
    ):
        raw = encode(
            Envelope(id=f"by-hand-{number}", inspection=VISIT, person=BEN, device="T-3", epoch=head.epoch,
                     seq=head.seq + number, prev=prev, kind="note", body=msgspec.Raw(body))
        )  # fmt: skip
        ops.append(raw)
        prev = digest(raw)
    text = head_text("T-3", head.epoch, head.seq + 3, prev)
    proofs = (SignedHead("T-3", head.epoch, head.seq + 3, prev, three.vault.sign(text)),)
    request = wire.encode(ExchangeRequest(device="T-1", ops=tuple(map(msgspec.Raw, ops)), proofs=proofs))
    headers = {wire.DEVICE_HEADER: "T-1", wire.SIGNATURE_HEADER: one.vault.sign(request)}
    answer = wire.read_relay(plainly(two, request, headers))
    statuses = [(told.status, told.problem) for told in wire.read_reply(bytes(answer.reply)).statuses]
    assert statuses == [("accepted", ""), ("refused", "op_malformed"), ("accepted", "")]
    assert two.store.carrying() == {"T-3": 2}


def test_a_tablet_answers_for_no_other_by_hanging_its_name_into_its_own_chain(
    one: Tablet, two: Tablet, three: Tablet
) -> None:
    """What is made up in a third tablet's name stays unproven, in the same message and in one that comes later."""
    made_up = noted_by_hand(three, "forged", BEN)
    head = one.store.head()
    around = read(
        encode(
            Envelope(id="around", inspection=VISIT, person=ANNA, device="T-1", epoch=head.epoch, seq=head.seq + 2,
                     prev=made_up.hash, kind="note", body=msgspec.Raw(b'{"item":"A06","text":"mine"}'))
        )
    )  # fmt: skip
    text = head_text("T-1", around.epoch, around.seq, around.hash)
    proofs = (SignedHead("T-1", around.epoch, around.seq, around.hash, one.vault.sign(text)),)
    for ops in ((around, made_up), (made_up,)):
        raws = tuple(msgspec.Raw(op.raw) for op in ops)
        request = wire.encode(ExchangeRequest(device="T-1", ops=raws, proofs=proofs))
        headers = {wire.DEVICE_HEADER: "T-1", wire.SIGNATURE_HEADER: one.vault.sign(request)}
        answer = wire.read_relay(plainly(two, request, headers))
        status = wire.read_reply(bytes(answer.reply)).statuses[-1]
        assert (status.status, status.problem) == ("refused", "op_not_proven")
    assert two.store.carrying() == {"T-1": 1}
