"""The lowest and highest percentage that open items leave possible, exactly.

Of every item it is known whether it may apply, whether it may be N/A, and between which points it lies.
The points are simply taken at their ends. Whether an item is N/A changes numerator and denominator at
once, so the extreme of the fraction N/D over all combinations is found by Dinkelbach's method: for a
guess λ the best combination for N − λD is chosen item by item; its own N/D is the next guess, until
nothing improves. That is exact and takes a few rounds. (W. Dinkelbach, Management Science 13, 1967.)

A section whose floor of 0 can bind (`scope: section`) is max(0, S) rather than S. For the highest end it
stays separable, max of two sums; for the lowest end its combinations are tried out, and beyond
2^TRIED_MAX of them bounded from below: still true, less tight.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import NamedTuple

from shared_schema.figures import ZERO, added

TRIED_MAX = 10


class Stake(NamedTuple):
    """What is known of one item. `low` and `high` are its points less what its section pays for it."""

    most: Fraction
    low: Fraction
    high: Fraction
    applies: bool = True
    """It may apply."""
    absent: bool = False
    """It may be N/A."""


class _Sum(NamedTuple):
    """A chosen combination: earned, and applicable."""

    earned: Fraction
    due: Fraction


class Stakes(tuple[Stake, ...]):  # noqa: SLOT001 - what it remembers lies in its dictionary
    """The stakes of one section, which remembers what it is in sum: after one change all other sections stay."""

    @cached_property
    def closed(self) -> bool:
        """Whether both ends are the same for every item, so that they need not be worked out twice."""
        return all(stake.low is stake.high and stake.applies != stake.absent for stake in self)

    @cached_property
    def surely_due(self) -> bool:
        """Whether anything applies for sure."""
        return any(stake.applies and not stake.absent for stake in self)

    @cached_property
    def due(self) -> Fraction:
        """Of all that may apply."""
        return added(stake.most for stake in self if stake.applies)

    @cached_property
    def fixed(self) -> bool:
        """Whether nothing that may apply may be N/A, so that there is but one combination at each end."""
        return not any(stake.applies and stake.absent for stake in self)

    @cached_property
    def lowest(self) -> _Sum:
        """With all that may apply, at the low end."""
        return _Sum(max(ZERO, added(stake.low for stake in self if stake.applies)), self.due)

    @cached_property
    def highest(self) -> _Sum:
        """With all that may apply, at the high end."""
        return _Sum(max(ZERO, added(stake.high for stake in self if stake.applies)), self.due)


Sections = Sequence[Sequence[Stake]]


def _known(sections: Sections) -> list[Stakes]:
    return [one if isinstance(one, Stakes) else Stakes(one) for one in sections]


def nothing_open(sections: Sections) -> bool:
    """Whether both ends are the same for every item, so that they need not be worked out twice."""
    return all(section.closed for section in _known(sections))


def shares(sections: Sections) -> tuple[Fraction, Fraction] | None:
    """The lowest and the highest share of what applies that is earned; None when nothing can apply."""
    high = share(sections, ZERO, highest=True)
    if high is None or nothing_open(sections):
        return None if high is None else (high, high)
    low = share(sections, ZERO, highest=False)
    return None if low is None else (low, high)


def share(sections: Sections, less: Fraction, highest: bool) -> Fraction | None:
    """The extreme of (earned − less) / applicable, at least 0; None when nothing can apply."""
    sections = _known(sections)
    if any(section.surely_due for section in sections):
        return max(ZERO, _share(sections, less, highest))
    # Something must apply for there to be a figure: each candidate in turn is held to apply.
    found = [_share(forced, less, highest) for forced in _each_held(sections)]
    if not found:
        return None
    return max(ZERO, max(found) if highest else min(found))


def credited(sections: Sections, less: Fraction, highest: bool) -> Fraction | None:
    """The extreme of max(0, earned − less) + points of the N/A items (full_credit); None as above.

    An N/A item gives all its points, so N/A is best and applying is worst for every item alike.
    """
    if not any(stake.applies and not stake.absent for section in sections for stake in section):
        found = [_credited(forced, less, highest) for forced in _each_held(sections)]
        return (max(found) if highest else min(found)) if found else None
    return _credited(sections, less, highest)


def _credited(sections: Sections, less: Fraction, highest: bool) -> Fraction:
    def left_out(stake: Stake) -> bool:
        return stake.absent and (highest or not stake.applies)

    earned = added(
        max(ZERO, added((one.high if highest else one.low) for one in section if not left_out(one)))
        for section in sections
    )
    credit = added(one.most for section in sections for one in section if left_out(one))
    return max(ZERO, earned - less) + credit


def points(sections: Sections, highest: bool) -> Fraction:
    """The extreme of the sum of sections, each at least 0."""
    return added(_points(section, highest) for section in _known(sections))


def _points(section: Stakes, highest: bool) -> Fraction:
    if section.fixed:
        return (section.highest if highest else section.lowest).earned
    return max(ZERO, added(_end(stake, highest) for stake in section))


def _end(stake: Stake, highest: bool) -> Fraction:
    if not stake.applies:
        return ZERO
    worth = stake.high if highest else stake.low
    if not stake.absent:
        return worth
    return max(ZERO, worth) if highest else min(ZERO, worth)


def _each_held(sections: Sections) -> Iterable[Sections]:
    for at, section in enumerate(sections):
        for place, stake in enumerate(section):
            if stake.applies:
                held = [*section[:place], stake._replace(absent=False), *section[place + 1 :]]
                yield [*sections[:at], held, *sections[at + 1 :]]


def _share(sections: Sections, less: Fraction, highest: bool) -> Fraction:
    sections = _known(sections)
    chosen = _choose(sections, None, highest)
    if all(section.fixed for section in sections):
        return (chosen.earned - less) / chosen.due
    while True:
        guess = (chosen.earned - less) / chosen.due
        if guess <= 0 and not highest:
            return ZERO  # the floor of the whole; no combination can be lower
        better = _choose(sections, guess, highest)
        gain = better.earned - less - guess * better.due
        if gain == 0 or (gain < 0) == highest or better.due == 0:
            return guess
        chosen = better


def _choose(sections: Sequence[Stakes], guess: Fraction | None, highest: bool) -> _Sum:
    """The combination that is extreme for earned − guess × due; without a guess all that may apply does."""
    chosen = [_choose_section(section, guess, highest) for section in sections]
    return _Sum(added(one.earned for one in chosen), added(one.due for one in chosen))


def _choose_section(section: Stakes, guess: Fraction | None, highest: bool) -> _Sum:
    if guess is None or section.fixed:
        return section.highest if highest else section.lowest
    if all((stake.high if highest else stake.low) >= 0 for stake in section):
        return _separately(section, guess, highest, floored=False)
    if not highest:
        return _tried(section, guess)
    # max(0, S) − guess × D is the greater of S − guess × D and 0 − guess × D, and so is its maximum.
    plain = _separately(section, guess, highest, floored=False)
    floored = _separately(section, guess, highest, floored=True)
    return max(plain, floored, key=lambda one: one.earned - guess * one.due)


def _separately(section: Sequence[Stake], guess: Fraction, highest: bool, floored: bool) -> _Sum:
    def worth(stake: Stake) -> Fraction:
        return ZERO if floored else stake.high if highest else stake.low

    taken = [
        stake
        for stake in section
        if stake.applies and (not stake.absent or (worth(stake) > guess * stake.most) == highest)
    ]
    return _Sum(added(map(worth, taken)), added(stake.most for stake in taken))


def _tried(section: Sequence[Stake], guess: Fraction) -> _Sum:
    """The least of max(0, S) − guess × D: every combination of the items that may be N/A or not."""
    marginal = [stake for stake in section if stake.applies and stake.absent]
    fixed = [stake for stake in section if stake.applies and not stake.absent]
    earned = added(stake.low for stake in fixed)
    due = added(stake.most for stake in fixed)
    if len(marginal) > TRIED_MAX:
        # max(0, S) − guess × D ≥ 0 − guess × D: everything applies and nothing is earned.
        return _Sum(ZERO, due + added(stake.most for stake in marginal))
    best: _Sum | None = None
    for taken in product((True, False), repeat=len(marginal)):
        more = [stake for stake, take in zip(marginal, taken, strict=True) if take]
        one = _Sum(
            max(ZERO, earned + added(stake.low for stake in more)),
            due + added(stake.most for stake in more),
        )
        if best is None or one.earned - guess * one.due < best.earned - guess * best.due:
            best = one
    assert best is not None
    return best
