"""What passes between two tablets that meet: who may, what one hands over, and what the other keeps of it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from msgspec import Raw

from mobile.exchange import forks
from mobile.meetings import Kept, Meeting, Passed, Refusal
from mobile.settling import LEFT_OUT
from mobile.signatures import signed_head, signed_receipt
from mobile.store import Store
from mobile.store_file import Identity
from mobile.vault import Vault
from shared_schema.answers import check_answer
from shared_schema.ids import ID_BYTES, make_id
from shared_schema.operations import Operation, Unknown, read, read_logged
from shared_schema.problems import Problem
from shared_schema.proofs import Link, head_text, link_of, proven
from shared_schema.spans import besides, ends
from shared_schema.wire import (
    REPLY_OPS_MAX,
    Held,
    News,
    OpStatus,
    Peer,
    Receipt,
    SignedHead,
    Span,
)

PAGE_BYTES_MAX = 4 * 1024 * 1024
Entropy = Callable[[int], bytes]


class Page(NamedTuple):
    """What is handed over at one time."""

    links: Sequence[Link]
    news: Sequence[News]
    proofs: tuple[SignedHead, ...]
    more: bool

    @property
    def raws(self) -> tuple[Raw, ...]:
        return tuple(raw for one in self.news for raw in one.ops)


# --- who --------------------------------------------------------------------------------------------


def identity_of(store: Store) -> Identity:
    identity = store.identity()
    if identity is None:
        raise Problem("device_unknown", device="")
    if store.sync_state().revoked:
        raise Problem("device_revoked", device=identity.device)
    return identity


def peer_of(store: Store, device: str) -> Peer:
    """A tablet of the squad, not this one. Raises peer_unknown, device_revoked."""
    me = store.identity()
    found = next((one for one in store.peers() if one.device == device), None)
    if found is None or (me is not None and device == me.device):
        raise Problem("peer_unknown", device=device[:64])
    if found.revoked:
        raise Problem("device_revoked", device=device)
    return found


# --- handing over -----------------------------------------------------------------------------------


def page_for(store: Store, vault: Vault, theirs: Sequence[Span], given: Collection[str]) -> Page:
    """What one who holds `theirs` lacks and can be proven to it; what was `given` before is not given twice."""
    me = identity_of(store).device
    links = store.links()
    lacking = [one for one in besides(links, theirs) if one.hash not in given]
    if not lacking:
        return Page((), (), (), more=False)
    heads = store.heads_kept()
    provable = proven((one for one in links if one.device != me), heads)
    lacking = [one for one in lacking if one.device == me or one.hash in provable]
    chosen = lacking[:REPLY_OPS_MAX]
    found = store.bytes_of([one.hash for one in chosen])
    total = 0
    for index, one in enumerate(chosen):
        total += len(found[one.hash][1]) + 1
        if index and total > PAGE_BYTES_MAX:
            chosen = chosen[:index]
            break
    places = {one.hash for one in chosen}
    proofs = [one for one in heads if one.hash in places and one.device != me]
    proofs += [_sign(vault, one) for one in ends([one for one in chosen if one.device == me])]
    by_inspection: dict[str, list[Link]] = {}
    for one in chosen:
        by_inspection.setdefault(found[one.hash][0], []).append(one)
    news = [
        News(inspection, 0, tuple(Raw(found[one.hash][1]) for one in some))
        for inspection, some in by_inspection.items()
    ]
    ordered = [one for some in by_inspection.values() for one in some]
    return Page(ordered, news, tuple(proofs), more=len(chosen) < len(lacking))


def _sign(vault: Vault, link: Link) -> SignedHead:
    signature = vault.sign(head_text(link.device, link.epoch, link.seq, link.hash))
    return SignedHead(link.device, link.epoch, link.seq, link.hash, signature)


# --- taking in --------------------------------------------------------------------------------------


def take(
    store: Store,
    met: Meeting,
    raws: Sequence[bytes],
    proofs: Iterable[SignedHead],
    receipts: Iterable[Receipt],
    entropy: Entropy,
) -> tuple[list[OpStatus], int]:
    """Keeps what another tablet brought and its authors have signed for; what became of each, and how many were new."""
    me = identity_of(store)
    keys = {one.device: one.public_key for one in store.peers() if not one.revoked}
    heads = [one for one in proofs if one.device in keys and signed_head(one, keys[one.device])]
    statuses, fresh = _sorted_out(store, raws, heads)
    good = [
        one
        for one in receipts
        if one.server == me.server and me.signing_key and signed_receipt(one, me.signing_key)
    ]
    arrived, forked = _own_chains(store, me, fresh, good)
    new = store.pass_on(
        Passed(
            met,
            fresh,
            [one for one in heads if one.device != me.device],
            [one for one in good if one.device in keys and one.device != me.device],
            arrived,
            forked,
            make_id(entropy(ID_BYTES)) if store.head().epoch in forked else "",
        )
    )
    return statuses, new


def _sorted_out(
    store: Store, raws: Sequence[bytes], heads: Sequence[SignedHead]
) -> tuple[list[OpStatus], list[Operation]]:
    """What becomes of each of these operations, and those that are new; `heads` have been checked."""
    batch = [_read(raw) for raw in raws]
    readable = [one for one in batch if isinstance(one, Operation)]
    followed = {(one.device, one.epoch, one.prev) for one in store.links()} if readable else set()
    odd = _links(raw for raw, one in zip(raws, batch, strict=True) if isinstance(one, Problem))
    certain = proven([*map(link_of, readable), *odd], heads, followed)
    kept = store.kept(one.id for one in readable)
    statuses: list[OpStatus] = []
    fresh: dict[str, Operation] = {}
    for one in batch:
        if isinstance(one, Problem):
            statuses.append(_refused(one, ""))
            continue
        here = kept.get(one.id, [])
        if one.id in fresh:
            here = [Kept(fresh[one.id].hash, "relay", "", {})]
        known = next((row for row in here if row.hash == one.hash), None)
        if known is not None:
            statuses.append(_known(one, known))
        elif one.hash not in certain:
            statuses.append(OpStatus("refused", one.id, "op_not_proven", {"device": one.device}))
        elif here:
            statuses.append(OpStatus("id_reused", one.id, "op_id_reused", {"op": one.id}))
        elif (problem := _wrong(store, one)) is not None:
            statuses.append(_refused(problem, one.id))
        else:
            fresh[one.id] = one
            statuses.append(OpStatus("held" if isinstance(one.body, Unknown) else "accepted", one.id))
    in_order = sorted(fresh.values(), key=lambda one: (one.device, one.epoch, one.seq))
    return statuses, in_order


def _wrong(store: Store, one: Operation) -> Problem | None:
    """What the server will not take either, so that a tablet with a bug stops no colleague's."""
    assigned = store.assignments().get(one.inspection)
    if assigned is None or isinstance(one.body, Unknown):
        return None
    try:
        check_answer(store.checklist(assigned[0].checklist), one.body, store.checklists)
    except Problem as problem:
        # What no version held here has may be of one that this tablet has not met: the server will know.
        return None if problem.code in {"checklist_unknown", "checklist_too_new", "item_unknown"} else problem
    return None


def _refused(problem: Problem, op: str) -> OpStatus:
    return OpStatus("refused", op, problem.code, {name: str(fact) for name, fact in problem.facts.items()})


def _known(one: Operation, row: Kept) -> OpStatus:
    """Of one that is here already: what the server said of it, if that was no."""
    if row.status not in LEFT_OUT:
        return OpStatus("duplicate", one.id)
    return OpStatus("refused", one.id, row.problem, dict(row.facts))


def _own_chains(
    store: Store, me: Identity, fresh: Iterable[Operation], receipts: Iterable[Receipt]
) -> tuple[list[Held], list[str]]:
    """What others told of this tablet's own chains: how far the server holds them, and which of them fork.

    Whoever gets operations of its own that it does not know, or a receipt for them, was restored from a backup or
    cloned: it numbers anew from now on.
    """
    forked: set[str] = set()
    arrived: list[Held] = []
    for one in fresh:
        chain = store.chain(one.epoch, one.seq) if one.device == me.device else None
        if chain is not None and not chain.forked:
            forked.add(one.epoch)
    for held in (held for one in receipts if one.device == me.device for held in one.heads):
        chain = store.chain(held.epoch, held.seq)
        if chain is None or chain.forked:
            continue
        if forks(chain, held):
            forked.add(held.epoch)
        else:
            arrived.append(held)
    return arrived, sorted(forked)


def refusals(links: Sequence[Link], statuses: Sequence[OpStatus], me: str) -> list[Refusal]:
    """What the other tablet told of this one's own operations: the server will not have them."""
    return [
        Refusal(status.id, status.problem, status.facts)
        for link, status in zip(links, statuses, strict=True)
        if link.device == me and status.status == "refused" and status.problem != "op_not_proven"
    ]


def _links(raws: Iterable[bytes]) -> Iterator[Link]:
    """Of what cannot be read as it should, the places in its chain: it is not kept, and those before it are proven."""
    for raw in raws:
        with suppress(Problem):
            yield link_of(read_logged(raw))


def _read(raw: bytes) -> Operation | Problem:
    try:
        return read(raw)
    except Problem as problem:
        return problem
