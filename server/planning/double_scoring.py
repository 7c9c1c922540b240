"""Which visits are scored blind by every member: a share of them, that anybody can choose again from the seed."""

from collections.abc import Collection

from shared_schema.ids import digest

PERCENT_MAX = 100


def chosen(inspections: Collection[str], percent: int, seed: str) -> tuple[str, ...]:
    """The share of these inspections, rounded up, sorted; by the order of SHA-256 over `seed/inspection`.

    5 % of 82 are 5. Nobody chooses whom to watch more closely, and a larger share contains the smaller one.
    """
    count = -(-len(inspections) * percent // PERCENT_MAX)
    ranked = sorted(inspections, key=lambda one: digest(f"{seed}/{one}".encode()))
    return tuple(sorted(ranked[:count]))
