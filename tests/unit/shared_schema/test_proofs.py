"""What is signed: to the byte and for ever, because apps of other versions check it; and all that anybody goes by."""

import tracemalloc
from typing import Any

import pytest
from msgspec.structs import replace

from shared_schema import package, wire
from shared_schema.greeting import hello_text, welcome_text
from shared_schema.ids import digest
from shared_schema.proofs import (
    Link,
    head_text,
    link_in,
    next_head,
    proven,
    receipt_text,
    relay_text,
    reply_text,
)
from shared_schema.wire import BackedLog, Held, Receipt, SignedHead

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
HELD = Held("E-1", 7, A, 5, B)
LOG = BackedLog("I-1", 9, C)
RECEIPT = Receipt(
    server="S-1",
    device="T-1",
    at_ms=1000,
    heads=(HELD, Held("E-2", 0)),
    photos=(A, B),
    photos_backed_up=(A,),
    logs=(LOG,),
    revoked=True,
    signature="00",
)
RECEIPT_TEXT = (
    f"hucha receipt 1\nS-1\nT-1\n1000\nchain E-1 7 {A} 5 {B}\nchain E-2 0  0 \nphoto {A}\nphoto {B}\n"
    f"photo backed up {A}\nlog backed up I-1 9 {C}\nrevoked"
)
SIGNED = {
    "head": (head_text("T-1", "E-1", 7, A), f"hucha head 1\nT-1\nE-1\n7\n{A}"),
    "receipt": (
        receipt_text(RECEIPT),
        RECEIPT_TEXT,
    ),
    "an empty receipt": (receipt_text(Receipt(server="S-1", device="T-1")), "hucha receipt 1\nS-1\nT-1\n0"),
    "reply": (reply_text(b"asked", b"said"), f"hucha reply 1\n{digest(b'asked')}\n{digest(b'said')}"),
    "reply of a tablet": (
        relay_text("T-1", b"asked", b"said"),
        f"hucha relay 1\nT-1\n{digest(b'asked')}\n{digest(b'said')}",
    ),
    "greeting": (hello_text("T-1", "T-2", A), f"hucha hello 1\nT-1\nT-2\n{A}"),
    "its answer": (welcome_text("T-2", b"hello", B), f"hucha welcome 1\nT-2\n{digest(b'hello')}\n{B}"),
    "package": (package.signed_text(A, "T-1", B), f"hucha package 1\n{A}\nT-1\n{B}"),
    "pass for photos": (wire.token_bytes("S-1", "T-1", 1000), "hucha files 1 S-1 T-1 1000"),
}


@pytest.mark.parametrize("name", SIGNED)
def test_what_is_signed_stays_the_same_to_the_byte(name: str) -> None:
    said, written = SIGNED[name]
    assert said == written.encode()


OTHER: dict[str, Any] = {
    "server": "S-2", "device": "T-2", "at_ms": 1001, "heads": (HELD,), "photos": (A,), "photos_backed_up": (),
    "logs": (), "revoked": False, "epoch": "E-3", "seq": 8, "hash": C, "backed_up": 6, "backed_hash": A,
    "inspection": "I-2", "number": 8, "head": A,
}  # fmt: skip


def test_nothing_of_a_receipt_can_be_changed() -> None:
    """Whatever a field of it says, a field of a later version too, the signature answers for."""
    others = [
        replace(RECEIPT, **{field: OTHER[field]})
        for field in Receipt.__struct_fields__
        if field != "signature"
    ]
    others += [
        replace(RECEIPT, heads=(replace(HELD, **{field: OTHER[field]}), RECEIPT.heads[1]))
        for field in Held.__struct_fields__
    ]
    others += [
        replace(RECEIPT, logs=(replace(LOG, **{field: OTHER[field]}),))
        for field in BackedLog.__struct_fields__
    ]
    assert len({receipt_text(one) for one in (RECEIPT, *others)}) == len(others) + 1


def test_the_head_of_a_log_is_over_all_before_it() -> None:
    assert next_head("", A) == digest(f" {A}".encode())
    assert next_head(B, A) == digest(f"{B} {A}".encode())


PLACE = b'{"id":"a","inspection":"I-1","person":"P-1","epoch":"E-1","seq":3,"prev":"p"'


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (PLACE + b',"device":"T-1"}', ("T-1", "E-1", 3, "p")),
        (PLACE + b',"device":"T-1","kind":7}', ("T-1", "E-1", 3, "p")),
        (PLACE + b',"device":["T-1"]}', ("", "E-1", 3, "p")),
        (PLACE + b',"device":"T\\u0000"}', ("", "E-1", 3, "p")),
        (PLACE + b',"device":"T\xff"}', ("", "E-1", 3, "p")),
        (PLACE + b"}", ("", "E-1", 3, "p")),
        (b"7", ("", "", 0, "")),
        (PLACE.replace(b":3", b":0") + b"}", ("", "", 0, "")),
    ],
)
def test_what_cannot_be_read_has_the_place_it_says(raw: bytes, place: tuple[str, str, int, str]) -> None:
    """What follows it answers for it too; whose it is, it says only by a name that a database can be asked for."""
    link = link_in(raw)
    assert (link.device, link.epoch, link.seq, link.prev) == place
    assert link.hash == digest(raw)


def test_a_place_costs_no_memory_whatever_stands_in_it_for_a_name() -> None:
    """Of an operation that is too large, too: packed, its millions of lists were a request of a few bytes."""
    raw = PLACE + b',"device":[' + b"[]," * 100_000 + b"[]]}"
    tracemalloc.start()
    try:
        link_in(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(raw)


CHAIN = [Link("T-1", "E-1", seq, f"h{seq}", f"h{seq - 1}" if seq > 1 else "") for seq in range(1, 5)]


def headed(link: Link, **changes: object) -> SignedHead:
    """A head that its tablet signed at this operation; with something else in it."""
    return replace(SignedHead(link.device, link.epoch, link.seq, link.hash, "00"), **changes)


def test_a_head_answers_for_all_before_it_and_nothing_behind_it() -> None:
    """In whatever order they come, and as far as the chain is unbroken."""
    assert proven(CHAIN, [headed(CHAIN[2])]) == {"h1", "h2", "h3"}
    assert proven(reversed(CHAIN), [headed(CHAIN[2])]) == {"h1", "h2", "h3"}
    assert proven([*CHAIN[:1], *CHAIN[2:]], [headed(CHAIN[2])]) == {"h3"}
    assert proven(CHAIN, []) == set()


def test_what_an_operation_already_held_follows_is_proven_by_it() -> None:
    assert proven(CHAIN, [], [("T-1", "E-1", "h2")]) == {"h1", "h2"}
    for other in (("T-2", "E-1", "h2"), ("T-1", "E-2", "h2"), ("T-1", "E-1", "h9")):
        assert proven(CHAIN, [], [other]) == set()


@pytest.mark.parametrize("changes", [{"device": "T-2"}, {"epoch": "E-2"}, {"seq": 4}, {"hash": "h9"}])
def test_a_head_answers_for_its_own_chain_alone(changes: dict[str, object]) -> None:
    assert proven(CHAIN, [headed(CHAIN[2], **changes)]) == set()


@pytest.mark.parametrize("changes", [{"device": "T-2"}, {"epoch": "E-2"}])
def test_nobody_proves_anothers_operation_by_naming_it_as_the_one_before(changes: dict[str, object]) -> None:
    """Whatever hash a tablet hangs into its own chain."""
    last = replace(CHAIN[2], **changes)
    assert proven([*CHAIN[:2], last], [headed(last)]) == {"h3"}
