"""What is signed, to the byte: the heads of tablets' chains, and the server's receipts.

An operation carries the hash of the one before it, so a signature over the head of a chain answers for
every operation up to it. Whoever holds the operations up to a signed head can pass them on, and the
server knows them for their author's. The signatures themselves are made and checked at the edges.
"""

from collections.abc import Collection, Iterable

import msgspec
from msgspec import Struct

from shared_schema.ids import digest
from shared_schema.operations import Id, Operation, read_place
from shared_schema.wire import Receipt, SignedHead


def head_text(device: str, epoch: str, seq: int, hash_: str) -> bytes:
    """What a tablet signs to answer for its operations of an epoch up to this number."""
    return f"hucha head 1\n{device}\n{epoch}\n{seq}\n{hash_}".encode()


def receipt_text(receipt: Receipt) -> bytes:
    """What the server signs: all that a receipt says, in its order."""
    lines = [
        "hucha receipt 1",
        receipt.server,
        receipt.device,
        str(receipt.at_ms),
        *(
            f"chain {one.epoch} {one.seq} {one.hash} {one.backed_up} {one.backed_hash}"
            for one in receipt.heads
        ),
        *(f"photo {one}" for one in receipt.photos),
        *(f"photo backed up {one}" for one in receipt.photos_backed_up),
        *(f"log backed up {one.inspection} {one.number} {one.head}" for one in receipt.logs),
        *(["revoked"] if receipt.revoked else []),
    ]
    return "\n".join(lines).encode()


def reply_text(asked: bytes, reply: bytes) -> bytes:
    """What the server signs that answers a tablet: its reply to this very request, which names the tablet."""
    return f"hucha reply 1\n{digest(asked)}\n{digest(reply)}".encode()


def refusal_text(sha256: str, code: str) -> bytes:
    """What the server signs that will never take a photo: a tablet that was turned away destroys it by this."""
    return f"hucha photo refused 1\n{sha256}\n{code}".encode()


def next_head(head: str, operation_hash: str) -> str:
    """The hash over a log up to an operation, from the one before it ("" at the start) and the operation's own."""
    return digest(f"{head} {operation_hash}".encode())


def relay_text(device: str, asked: bytes, reply: bytes) -> bytes:
    """What a tablet signs that answers another one: its reply to this very request."""
    return f"hucha relay 1\n{device}\n{digest(asked)}\n{digest(reply)}".encode()


class Link(Struct, frozen=True):
    """An operation's place in its tablet's chain."""

    device: str
    epoch: str
    seq: int
    hash: str
    prev: str


def link_of(operation: Operation | Link) -> Link:
    """The place of an operation, or of what is only a place."""
    return Link(operation.device, operation.epoch, operation.seq, operation.hash, operation.prev)


_name_decoder = msgspec.json.Decoder(Id)


def link_in(raw: bytes) -> Link:
    """The place of what cannot be read as an operation, as far as it says one: what follows it answers for it too."""
    place = read_place(raw)
    if place is None:
        return Link("", "", 0, digest(raw), "")
    try:
        named = _name_decoder.decode(place.device)
    except (ValueError, RecursionError):
        named = ""
    return Link(named, place.epoch, place.seq, digest(raw), place.prev)


Place = tuple[str, str, str]
"""Tablet, epoch and hash: a tablet answers for its own chain, whatever hash it names as the one before."""


def proven(links: Iterable[Link], heads: Iterable[SignedHead], followed: Collection[Place] = ()) -> set[str]:
    """The hashes of those operations that a head answers for; the heads' signatures have been checked.

    `followed` are what operations already held name as the one before them, each in its own chain: proven by those.
    """
    signed = {(one.device, one.epoch, one.seq, one.hash) for one in heads}
    known = set(followed)
    found: set[str] = set()
    # From the newest to the oldest: each proven operation names the one before it.
    for one in sorted(links, key=lambda link: -link.seq):
        if (one.device, one.epoch, one.seq, one.hash) in signed or (one.device, one.epoch, one.hash) in known:
            found.add(one.hash)
            known.add((one.device, one.epoch, one.prev))
    return found
