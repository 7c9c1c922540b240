"""annual(policy, …) -> AnnualResult: one unit's year, composed, reduced and converted, with its trace.

composite = Σ weight × component (weights: hazardous chemicals, construction, university schemes)
annual    = composite less so much for each finding rectified late, up to a cap, never below 0 (C18: −5)
converted = annual / 100 × index points (C5: secrecy is 1.5 points of the whole yearly index)
Each is rounded half up once, for printing; the next is made from the exact figure.
Example (C10a): .70 × 88.50 + .20 × 75.00 + .10 × 96.00 = 86.55; two late: 84.55; of 1.5 points: 1.27.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from shared_schema.figures import HUNDRED, ZERO, exact, never_ending, rounded, shown


class AnnualPolicy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a year is composed. `missing` says what a component without a figure means.

    block: no result, the evaluator must decide (the default); redistribute: the others carry its weight
    in proportion; zero: it counts as 0. Weights of 0.70/0.20/0.10 are our own proposal.
    """

    weights: Mapping[str, Decimal]
    overdue_deduct: Decimal = Decimal(0)
    overdue_cap: Decimal | None = None
    missing: Literal["block", "redistribute", "zero"] = "block"
    places: int = 2


class AnnualPart(Struct, frozen=True, omit_defaults=True):
    """One component: its figure, and the weight it had in the end (as a fraction where no decimal holds it)."""

    component: str
    percent: Decimal | None
    weight: Decimal
    effective_weight: str
    contributes: Decimal


class AnnualResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The year of one unit; no figures while it is blocked."""

    status: Literal["complete", "blocked"]
    composite: Decimal | None = None
    annual: Decimal | None = None
    converted: Decimal | None = None
    overdue: Decimal = Decimal(0)
    parts: tuple[AnnualPart, ...] = ()
    missing: tuple[str, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    """How it came about, one sentence a step, as (zh, en)."""


def annual(
    policy: AnnualPolicy,
    components: Mapping[str, Decimal | None],
    overdue_findings: int = 0,
    index_points: Decimal | None = None,
) -> AnnualResult:
    """The yearly result from the components' percentages (None: there is none)."""
    missing = tuple(
        name for name, weight in policy.weights.items() if weight and components.get(name) is None
    )
    late = max(0, overdue_findings) * exact(policy.overdue_deduct)
    if policy.overdue_cap is not None:
        late = min(late, exact(policy.overdue_cap))
    weights = _effective(policy, missing)
    if weights is None:
        names = ", ".join(missing)
        return AnnualResult(
            status="blocked",
            missing=missing,
            overdue=shown(late),
            steps=((f"缺少 {names}，须由考评人员决定", f"{names} missing: the evaluator must decide"),),
        )
    parts: list[AnnualPart] = []
    composite = ZERO
    for name, weight in policy.weights.items():
        percent = components.get(name)
        contributes = weights[name] * (exact(percent) if percent is not None else ZERO)
        composite += contributes
        effective = never_ending(weights[name]) or str(shown(weights[name]))
        parts.append(AnnualPart(name, percent, weight, effective, shown(contributes)))
    reduced = max(ZERO, composite - late)
    converted = None if index_points is None else reduced / HUNDRED * exact(index_points)
    return AnnualResult(
        status="complete",
        composite=rounded(composite, policy.places),
        annual=rounded(reduced, policy.places),
        converted=None if converted is None else rounded(converted, policy.places),
        overdue=shown(late),
        parts=tuple(parts),
        missing=missing,
        steps=_steps(parts, composite, late, reduced, converted, index_points),
    )


def _effective(policy: AnnualPolicy, missing: tuple[str, ...]) -> dict[str, Fraction] | None:
    """The weights that count; None where a missing component blocks the result."""
    weights = {name: exact(weight) for name, weight in policy.weights.items()}
    if not missing or policy.missing == "zero":
        return weights
    present = sum((weight for name, weight in weights.items() if name not in missing), ZERO)
    if policy.missing == "block" or not present:
        return None
    whole = sum(weights.values(), ZERO)
    return {name: ZERO if name in missing else weight * whole / present for name, weight in weights.items()}


def _steps(
    parts: list[AnnualPart],
    composite: Fraction,
    late: Fraction,
    reduced: Fraction,
    converted: Fraction | None,
    index_points: Decimal | None,
) -> tuple[tuple[str, str], ...]:
    terms = " + ".join(f"{part.percent or 0} × {part.effective_weight}" for part in parts)
    steps = [(f"合成：{terms} = {shown(composite)}", f"composite: {terms} = {shown(composite)}")]
    if late:
        steps.append(
            (
                f"逾期整改扣 {shown(late)}：{shown(reduced)}",
                f"rectified late, less {shown(late)}: {shown(reduced)}",
            )
        )
    if converted is not None:
        how = f"{shown(reduced)} ÷ 100 × {index_points} = {shown(converted)}"
        steps.append((f"折算：{how}", f"converted: {how}"))
    return tuple(steps)
