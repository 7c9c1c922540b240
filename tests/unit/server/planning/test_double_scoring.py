"""Which visits are scored blind: a share that anybody can choose again."""

from hypothesis import given
from hypothesis import strategies as st

from server.planning.double_scoring import chosen

VISITS = [f"I-{number}" for number in range(82)]


def test_five_percent_of_82_are_5() -> None:
    """As a season's plan says: rounded up."""
    assert len(chosen(VISITS, 5, "C-1")) == 5


@given(st.permutations(VISITS), st.integers(0, 100), st.integers(0, 100))
def test_the_order_of_the_list_does_not_matter_and_a_larger_share_holds_the_smaller(
    visits: list[str], one: int, other: int
) -> None:
    """So nobody can choose whom to watch by how the list is sorted."""
    low, high = sorted((one, other))
    assert chosen(visits, low, "C-1") == chosen(VISITS, low, "C-1")
    assert set(chosen(visits, low, "C-1")) <= set(chosen(visits, high, "C-1"))


def test_another_campaign_chooses_others() -> None:
    """The seed is part of it."""
    assert chosen(VISITS, 20, "C-1") != chosen(VISITS, 20, "C-2")
