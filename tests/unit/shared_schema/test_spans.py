"""Spans: what somebody holds of the tablets' chains in a few lines, and what another one has besides."""

from shared_schema.proofs import Link
from shared_schema.spans import besides, covered, ends, spans
from shared_schema.wire import Span


def chain(first: int, last: int, *, branch: str = "", forks_at: int = 0, device: str = "T-1") -> list[Link]:
    """The operations of one tablet from a number to another; from `forks_at` on they are of a branch."""

    def named(seq: int) -> str:
        return "" if seq == 0 else f"{device}.{seq}{branch if seq >= forks_at else ''}".ljust(64, "0")

    return [Link(device, "e", seq, named(seq), named(seq - 1)) for seq in range(first, last + 1)]


def hashes(links: list[Link]) -> list[str]:
    return [one.hash for one in links]


def test_an_unbroken_chain_is_one_span() -> None:
    links = chain(1, 5)
    assert spans(links) == (Span("T-1", "e", 1, 5, links[-1].hash),)
    assert spans([]) == ()


def test_a_gap_makes_two_spans_and_a_fork_too() -> None:
    """The branches of a fork reach down to the first number they share."""
    assert [(one.first, one.last) for one in spans(chain(1, 3) + chain(6, 8))] == [(1, 3), (6, 8)]
    forked = chain(1, 5) + chain(4, 6, branch="b", forks_at=4)
    assert [(one.first, one.last) for one in spans(forked)] == [(1, 5), (1, 6)]


def test_what_another_one_lacks_is_told_newest_first() -> None:
    links = chain(1, 6)
    assert hashes(besides(links, spans(chain(1, 3)))) == hashes(links[:2:-1])
    assert besides(links, spans(links)) == []
    assert besides(links, spans(chain(1, 9))) == [], "that one is further"
    assert hashes(besides(links, spans(chain(1, 2) + chain(5, 6)))) == hashes([links[3], links[2]])


def test_what_lies_below_a_gap_here_the_other_has_all_the_same() -> None:
    """What was refused or cleared here leaves a gap in our piece and none in theirs."""
    whole = chain(1, 6)
    ours = whole[:2] + whole[3:]
    assert besides(ours, spans(whole)) == []
    assert hashes(besides(ours, spans(whole[1:]))) == hashes(whole[:1])


def test_a_branch_that_the_other_has_not_is_told() -> None:
    """The same numbers with other bytes are other operations."""
    ours, theirs = chain(1, 5), chain(1, 5, branch="b", forks_at=4)
    assert set(hashes(ours[3:])) <= set(hashes(besides(ours, spans(theirs))))
    both = ours + theirs[3:]
    assert set(hashes(besides(both, spans(theirs)))) == set(hashes(ours[3:]))


def test_chains_of_different_tablets_are_apart() -> None:
    links = chain(1, 2) + chain(1, 2, device="T-2")
    assert {one.device for one in besides(links, spans(chain(1, 2)))} == {"T-2"}


def test_whether_a_number_is_held_and_who_must_sign() -> None:
    links = chain(1, 4)
    assert covered(links[1], spans(links))
    assert not covered(links[3], spans(links[:3]))
    assert not covered(links[0], spans(chain(1, 4, device="T-2")))
    assert ends(links) == [links[3]]
    assert ends([links[0], links[2], links[3]]) == [links[0], links[3]]
