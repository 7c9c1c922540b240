"""Spans: what of the tablets' chains somebody holds, told in a few lines, and what another one has besides.

An operation names the hash of the one before it, so the last hash of an unbroken piece names all of
it. Two that tell each other their spans know what to hand over, and need to remember nothing of each
other: a tablet that was restored from a backup or cloned simply tells other spans.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby

from shared_schema.proofs import Link
from shared_schema.wire import Span

Chain = tuple[str, str]
"""Tablet and epoch."""


def spans(links: Iterable[Link]) -> tuple[Span, ...]:
    """What these operations come to. Where a chain forks, each branch has a span, down to the first they share."""
    found: list[Span] = []
    for chain in _chains(links).values():
        followed = {one.prev for one in chain.values()}
        for tip in sorted(chain.values(), key=lambda one: (one.seq, one.hash)):
            if tip.hash not in followed:
                *_, first = _back(chain, tip)
                found.append(Span(tip.device, tip.epoch, first.seq, tip.seq, tip.hash))
    return tuple(found)


def besides(links: Iterable[Link], theirs: Iterable[Span]) -> list[Link]:
    """Which of these operations one who holds `theirs` has not got: of each chain the newest first.

    Of a piece whose end is not among them nothing is said, because the other one is further on that chain; should
    it have forked below, the server brings both branches together.
    """
    told = {
        chain: list(some)
        for chain, some in groupby(
            sorted(theirs, key=lambda one: (one.device, one.epoch)), key=lambda one: (one.device, one.epoch)
        )
    }
    lacking: list[Link] = []
    for place, chain in _chains(links).items():
        had: set[str] = set()
        for span in told.get(place, ()):
            had |= _of_span(chain, span)
        newest_first = sorted(chain.values(), key=lambda one: (-one.seq, one.hash))
        lacking += [one for one in newest_first if one.hash not in had]
    return lacking


def covered(place: Link, theirs: Iterable[Span]) -> bool:
    """Whether one who holds `theirs` holds an operation with this number of this chain."""
    return any(
        (one.device, one.epoch) == (place.device, place.epoch) and one.first <= place.seq <= one.last
        for one in theirs
    )


def ends(links: Collection[Link]) -> list[Link]:
    """Those of these operations that none of the others follows: whoever answers for them answers for all."""
    followed = {one.prev for one in links}
    return [one for one in links if one.hash not in followed]


def _of_span(chain: Mapping[str, Link], span: Span) -> set[str]:
    end = chain.get(span.hash)
    piece = [] if end is None else list(_back(chain, end))
    below = piece[-1].seq if piece else span.last + 1
    if any(one.seq == below - 1 for one in chain.values()):
        below = 0  # another branch: all of ours is told, and what is there already does no harm
    # Below a gap of ours, left by what was refused or cleared, there is none of theirs.
    had = [*piece, *(one for one in chain.values() if one.seq < below)]
    return {one.hash for one in had if span.first <= one.seq <= span.last}


def _chains(links: Iterable[Link]) -> dict[Chain, dict[str, Link]]:
    """By tablet and epoch, in order, the operations by their hash."""
    chains: dict[Chain, dict[str, Link]] = {}
    for one in links:
        chains.setdefault((one.device, one.epoch), {})[one.hash] = one
    return dict(sorted(chains.items()))


def _back(chain: Mapping[str, Link], end: Link) -> Iterator[Link]:
    """An operation and, one after the other, those before it, as far as they are there."""
    link: Link | None = end
    while link is not None:
        yield link
        before = chain.get(link.prev)
        link = before if before is not None and before.seq == link.seq - 1 else None
