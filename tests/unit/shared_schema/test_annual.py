"""A unit's year: composed, reduced, converted, and explained."""

from decimal import Decimal

import pytest

from shared_schema.annual import AnnualPolicy, AnnualResult, annual

D = Decimal
WEIGHTS = {"peer": D("0.70"), "rectification": D("0.20"), "self": D("0.10")}


def year(missing: str = "block", late: int = 0, **components: str | None) -> AnnualResult:
    """The year of a unit, worth 1.5 index points."""
    policy = AnnualPolicy(weights=WEIGHTS, overdue_deduct=D(1), overdue_cap=D(5), missing=missing)  # type: ignore[arg-type]
    figures = {name: None if figure is None else D(figure) for name, figure in components.items()}
    return annual(policy, figures, late, D("1.5"))


def test_a_year_is_composed_reduced_and_converted() -> None:
    """The worked case C10a, with its trace."""
    result = year(late=2, peer="88.50", rectification="75.00", self="96.00")
    assert (result.composite, result.annual, result.converted) == (D("86.55"), D("84.55"), D("1.27"))
    assert [part.contributes for part in result.parts] == [D("61.95"), D(15), D("9.6")]
    assert [zh for zh, _ in result.steps] == [
        "合成：88.50 × 0.7 + 75.00 × 0.2 + 96.00 × 0.1 = 86.55",
        "逾期整改扣 2：84.55",
        "折算：84.55 ÷ 100 × 1.5 = 1.26825",
    ]


@pytest.mark.parametrize(
    ("missing", "status", "composite"),
    [("block", "blocked", None), ("zero", "complete", "82.40"), ("redistribute", "complete", "91.56")],
)
def test_a_missing_component_does_what_the_policy_says(
    missing: str, status: str, composite: str | None
) -> None:
    """Blocks, counts as nothing, or leaves its weight to the others."""
    result = year(missing, peer="92", rectification="90", self=None)
    assert (result.status, result.missing) == (status, ("self",))
    assert result.composite == (None if composite is None else D(composite))


def test_weights_of_those_present_carry_the_rest_exactly() -> None:
    """7/9 and 2/9, which no decimal holds."""
    result = year("redistribute", peer="92", rectification="90")
    assert [part.effective_weight for part in result.parts] == ["7/9", "2/9", "0"]


def test_nothing_present_blocks_whatever_the_policy() -> None:
    """There is nobody to carry the weight."""
    assert year("redistribute").status == "blocked"


def test_lateness_takes_no_more_than_its_cap_and_no_more_than_there_is() -> None:
    """Nine late cost five; a year is never negative."""
    assert year(late=9, peer="80", rectification="80", self="80").annual == D("75.00")
    assert str(year(late=9, peer="2", rectification="2", self="2").annual) == "0.00"


def test_a_component_without_weight_may_be_missing() -> None:
    """The self score shown for comparison only."""
    policy = AnnualPolicy(weights={"peer": D(1), "self": D(0)})
    assert annual(policy, {"peer": D("81.25")}).composite == D("81.25")
