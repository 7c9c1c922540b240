"""Operations taken in, whatever way they came: each into the log, into quarantine, or known already."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import compress
from types import MappingProxyType
from typing import NamedTuple

from server.intake import projection
from server.intake.judge import Judge, RoleOf
from server.problems import facts_of
from server.storage import chains, devices, op_log
from server.storage.database import Connection
from server.storage.op_log import Refusal, Span
from server.storage.registers import InspectionRow
from shared_schema.ids import DeviceId, InspectionId, digest
from shared_schema.operations import OP_BYTES_MAX, Operation, Unknown, read, read_place
from shared_schema.problems import Problem
from shared_schema.proofs import Link, Place, link_in, link_of, proven
from shared_schema.wire import OpStatus, SignedHead


class Taken(NamedTuple):
    """What became of each operation, in order; and by inspection where those that were taken now stand in its log."""

    statuses: list[OpStatus]
    spans: Mapping[InspectionId, Span]
    fresh: Sequence[Operation] = ()
    """Those that were new, in order."""


def take(
    conn: Connection,
    raws: Sequence[bytes],
    *,
    device: DeviceId,
    role_of: Callable[[str], RoleOf],
    proofs: Iterable[SignedHead] = (),
    epochs: Iterable[str] = (),
    now_ms: int,
    decoded: Mapping[bytes, Operation] = MappingProxyType({}),
    planned: Iterable[InspectionRow] = (),
) -> Taken:
    """What became of each of these operations, in order; the inspections they touch are brought up to date.

    `role_of` tells of a tablet by its id; `proofs` are heads whose signatures have been checked; `epochs` are those
    that whoever brings them calls its own; `decoded` are those operations, by their bytes, that have been read already;
    of `planned` inspections the plan need not be looked up.

    What the console made is taken first, wherever it stands: by it the rest is late, or takes back what was accepted.
    """
    if not raws:
        return Taken([], {})
    batch = [decoded.get(raw) or _read(raw) for raw in raws]
    op_log.lock(conn, [one.inspection for one in batch if isinstance(one, Operation)])
    sealed = [isinstance(one, Operation) and one.device == devices.CONSOLE for one in batch]
    judge = partial(Judge, conn, role_of, planned)
    take_some = partial(_take, conn, device=device, proofs=list(proofs), epochs=epochs, now_ms=now_ms)
    if not any(sealed):
        return take_some(raws, batch, judge())
    halves = [
        take_some(list(compress(raws, chosen)), list(compress(batch, chosen)), judge())
        for chosen in (sealed, [not one for one in sealed])
    ]
    return _together(sealed, *halves)


def _together(sealed: Iterable[bool], first: Taken, rest: Taken) -> Taken:
    """What became of all, in the order in which they came; in the logs the rest stands behind the first."""
    statuses = {True: iter(first.statuses), False: iter(rest.statuses)}
    in_order = [next(statuses[one]) for one in sealed]
    return Taken(in_order, {**first.spans, **rest.spans}, [*first.fresh, *rest.fresh])


def _take(
    conn: Connection,
    raws: Sequence[bytes],
    batch: Sequence[Operation | Problem],
    judge: Judge,
    *,
    device: DeviceId,
    proofs: Iterable[SignedHead],
    epochs: Iterable[str],
    now_ms: int,
) -> Taken:
    readable = [one for one in batch if isinstance(one, Operation)]
    known = op_log.known(conn, [one.id for one in readable])
    odd = {
        digest(raw): link_in(raw) for raw, one in zip(raws, batch, strict=True) if isinstance(one, Problem)
    }
    signed = _proven(conn, device, [*readable, *odd.values()], proofs)
    own = {*epochs, *(one.epoch for one in readable if one.device == device)}
    statuses: list[OpStatus] = []
    fresh: list[Operation] = []
    refused: list[Refusal] = []
    for raw, one in zip(raws, batch, strict=True):
        place = odd[digest(raw)] if isinstance(one, Problem) else one
        hash_ = place.hash
        ours = place.device == device or hash_ in signed
        whose = place.device if ours else device
        placed = ours or place.epoch in own
        if isinstance(one, Problem):
            refused.append(_refusal(raw, one, whose, placed, ours))
            statuses.append(_refused(one, refused[-1].op))
        elif one.id in known:
            if known[one.id] == hash_:
                statuses.append(OpStatus("duplicate", one.id))
            else:
                refused.append(_refusal(raw, Problem("op_id_reused", op=one.id), whose, placed, ours))
                statuses.append(OpStatus("id_reused", one.id))
        elif (problem := judge(one, proven=ours)) is not None:
            refused.append(_refusal(raw, problem, whose, placed, ours))
            statuses.append(_refused(problem, one.id))
        else:
            fresh.append(one)
            known[one.id] = hash_
            statuses.append(OpStatus("held" if isinstance(one.body, Unknown) else "accepted", one.id))
    spans = op_log.append(conn, fresh, now_ms=now_ms)
    op_log.pardon(conn, [one.hash for one in fresh], now_ms=now_ms)
    op_log.refuse(conn, refused, now_ms=now_ms)
    _advance(conn, [*fresh, *refused])
    _project(conn, fresh, spans)
    return Taken(statuses, spans, fresh)


def _project(conn: Connection, fresh: Iterable[Operation], spans: Mapping[InspectionId, Span]) -> None:
    by_inspection: dict[InspectionId, list[Operation]] = {}
    for one in fresh:
        by_inspection.setdefault(one.inspection, []).append(one)
    projection.project(
        conn, {one: dict(enumerate(mine, spans[one].first)) for one, mine in by_inspection.items()}
    )


def _advance(conn: Connection, stored: Iterable[Operation | Refusal]) -> None:
    """Moves the tips of the chains that these are part of."""
    links: dict[tuple[str, str], list[chains.Link]] = {}
    for one in stored:
        if one.epoch:
            mine = links.get((one.device, one.epoch))
            if mine is None:
                mine = links[one.device, one.epoch] = []
            mine.append((one.seq, one.prev, one.hash))
    chains.advance(conn, links)


def _proven(
    conn: Connection, device: DeviceId, batch: Iterable[Operation | Link], proofs: Iterable[SignedHead]
) -> set[str]:
    """The hashes of those operations of other tablets for which these have signed."""
    links = [link_of(one) for one in batch if one.device not in (device, devices.CONSOLE)]
    if not links:
        return set()
    spans: dict[tuple[str, str], list[int]] = {}
    for one in links:
        spans.setdefault((one.device, one.epoch), []).append(one.seq)
    followed: set[Place] = set()
    for (author, epoch), numbers in spans.items():
        hashes = chains.followed(conn, author, epoch, min(numbers), max(numbers))
        followed |= {(author, epoch, one) for one in hashes}
    return proven(links, proofs, followed)


def _read(raw: bytes) -> Operation | Problem:
    try:
        return read(raw)
    except Problem as problem:
        return problem


def _refused(problem: Problem, op: str) -> OpStatus:
    return OpStatus("refused", op, problem.code, facts_of(problem))


def _refusal(raw: bytes, problem: Problem, author: str, placed: bool, home: bool) -> Refusal:
    """What is kept of a refused operation: its bytes, as many as an operation may have, and its place in the
    chain of its author: a number that has been given away, whatever else it says there.

    Not `placed` is what waits under the name of whoever brought it, and is of a chain of another tablet.
    """
    refusal = Refusal(digest(raw), problem.code, facts_of(problem), raw[:OP_BYTES_MAX], author, home=home)
    place = read_place(raw)
    if place is None:
        return refusal
    refusal = refusal._replace(op=place.id, inspection=place.inspection, person=place.person)
    return refusal._replace(epoch=place.epoch, seq=place.seq, prev=place.prev) if placed else refusal
