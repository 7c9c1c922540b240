"""What a tablet says in an exchange and what a reply changes: decided here, whichever way either is carried.

`sync` carries it over the network, `package` by hand; where tablets meet, `handover` looks for forks the same way.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from mobile.meetings import Chain
from mobile.settling import Journal, Reading, Settlement, Verdict
from mobile.signatures import signed_by
from mobile.store import Outgoing, Store
from mobile.store_file import Identity
from mobile.transport import Rejected
from shared_schema.ids import digest
from shared_schema.problems import Problem
from shared_schema.proofs import reply_text
from shared_schema.wire import (
    ExchangeReply,
    ExchangeRequest,
    Head,
    Held,
    ProblemReply,
    Receipt,
    peers_digest,
    read_reply,
    signature_of,
)

OPS_BYTES_MAX = 6 * 1024 * 1024  # of the 8 MiB a request may have; the rest is for cursors and heads
HEADS_MAX = 64


class Asked(NamedTuple):
    """A request as sent, its operations in order by id and hash, and the photos it asks a receipt for."""

    ops: tuple[tuple[str, str], ...]
    body: bytes
    photos: tuple[str, ...] = ()


def request_of(
    store: Store,
    identity: Identity,
    outbox: Sequence[Outgoing],
    heads: Iterable[Head],
    *,
    app: str,
    now_ms: int,
    photos: tuple[str, ...],
    logs: tuple[str, ...] = (),
    signed: bool = False,
) -> ExchangeRequest:
    """What this tablet says of itself with these operations; `photos` and `logs` are those it asks a receipt for,
    `signed` is whether the reply must be signed.
    """
    cursors = store.cursors()
    return ExchangeRequest(
        device=identity.device,
        app=app,
        sent_at_ms=now_ms,
        heads=tuple(heads),
        ops=tuple(msgspec.Raw(one.raw) for one in outbox),
        proofs=store.proofs(one.hash for one in outbox),
        photos=photos,
        logs=logs,
        cursors={inspection: number for inspection, (number, _) in cursors.items()},
        last_read={inspection: op for inspection, (_, op) in cursors.items() if op},
        checklists=store.checklist_hashes(),
        assignments=store.assignments_digest(),
        peers=peers_digest(store.peers()),
        signed=signed,
    )


def of_another_server(settlement: Settlement, store: Store) -> Settlement:
    """Another server, or the same one set up anew: whatever the former one said no longer counts."""
    return settlement._replace(offer_again=[(epoch, 0) for epoch in store.epochs()], all_photos_wanted=True)


def settlement_of(
    asked: tuple[tuple[str, str], ...],
    reply: ExchangeReply,
    chain_at: Callable[[str, int], Chain | None],
    *,
    now_ms: int,
    epoch: str,
    new_epoch: str,
) -> Settlement:
    """What a reply changes; pure. `asked` are the operations sent, `chain_at` tells of this tablet's chains.

    `epoch` is the run of numbers in use, `new_epoch` the one to begin should that one have forked.
    """
    forked: list[str] = []
    offer_again: list[tuple[str, int]] = []
    receipt_of = reply.receipt or Receipt(server=reply.server, device="")
    for receipt in receipt_of.heads:
        chain = chain_at(receipt.epoch, receipt.seq)
        if chain is None:
            continue
        if not chain.forked and forks(chain, receipt):
            # This tablet was restored from a backup, or cloned. Its later operations need numbers of their own,
            # and what it was told of these ones may have been meant for another.
            forked.append(receipt.epoch)
            offer_again.append((receipt.epoch, 0))
        elif receipt.seq < chain.receipt:
            # The server was restored from a backup and gets back what it has lost.
            offer_again.append((receipt.epoch, 0 if chain.forked else receipt.seq))
    sound = [one for one in reply.checklists if digest(bytes(one.content)) == one.hash]
    garbled = next((one.hash for one in reply.checklists if one not in sound), "")
    return Settlement(
        journal=Journal(
            last_success_ms=now_ms,
            problem="checklist_unknown" if garbled else "",
            facts={"checklist": garbled} if garbled else {},
            clock_ahead_ms=now_ms - reply.received_at_ms if reply.received_at_ms else 0,
        ),
        verdicts=[
            Verdict(
                op, "accepted" if one.status == "duplicate" else one.status, one.problem, one.facts, hash_
            )
            for (op, hash_), one in zip(asked, reply.statuses, strict=True)
        ],
        receipts=receipt_of.heads,
        photos_held=receipt_of.photos,
        photos_backed_up=receipt_of.photos_backed_up,
        logs_backed_up=receipt_of.logs,
        proofs=reply.proofs,
        relayed=reply.relayed,
        peers=reply.peers,
        revoked=reply.revoked,
        offer_again=offer_again,
        forked=forked,
        new_epoch=new_epoch if epoch in forked else "",
        news=[
            Reading(one.inspection, one.cursor, [bytes(raw) for raw in one.ops], one.last_read)
            for one in reply.news
        ],
        assignments=reply.assignments,
        checklists=[(one.hash, bytes(one.content)) for one in sound],
        rewound=reply.rewound,
        read_to_the_end=not reply.more,
        gone=reply.gone,
        photos_wanted=reply.photos_wanted,
    )


def forks(chain: Chain, receipt: Held) -> bool:
    """Whether the server holds, under this chain's numbers, what this tablet never wrote."""
    return receipt.seq > 0 and receipt.hash != chain.hash_there


def checked(asked: Asked, body: bytes, identity: Identity) -> ExchangeReply:
    """The reply, if it is the server's and to this very request; anything else came from something in between.

    A server that has given its key signs each of its replies: what was changed, what answers another request, and what
    somebody kept of earlier, could say that records arrived which did not, or show what nobody wrote. What is not
    signed is not even read: it may be made to fill the memory.
    """
    if identity.signing_key:
        signature, plain = signature_of(body)
        if not signed_by(identity.signing_key, signature, reply_text(asked.body, plain)):
            raise Rejected(ProblemReply(code="receipt_invalid", zh="", en="", retry=True))
    try:
        reply = read_reply(body)
    except Problem as problem:
        raise Rejected(_unreadable(str(problem.facts.get("where", "")))) from problem
    if len(reply.statuses) != len(asked.ops):
        raise Rejected(_unreadable("statuses"))
    return reply


def _unreadable(where: str) -> ProblemReply:
    return ProblemReply(code="request_malformed", zh="", en="", retry=True, facts={"where": where})
