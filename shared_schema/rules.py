"""The kinds of scoring rule a checklist may use, each with its source and one worked example.

A rule says how an answer takes points away; `scoring` applies it. Amounts are `Decimal`, read from
decimal strings. Sources: C1 is the national self-assessment standard (59 items, 100 points, 90/80
grade lines), C3 the defence-industry standard, C5 a township yearly index (2014), C6 a university
assessment, C16 staff schemes, C17 safety standardisation, C18 city sanitation checks (2016).
The order in which everything is applied is written down in `scoring`.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

ENGINE_VERSION = "2"
"""Part of every score sheet: raised whenever the same operations could give another figure or trace."""

Scope = Literal["item", "section"]
"""Who pays: the item itself, or its whole section (C17 "在该类目内扣分": the item then keeps its points)."""


class Wording(Struct, frozen=True, omit_defaults=True):
    """One sentence of a checklist in Chinese and, where it was written, in English."""

    zh: str = ""
    en: str = ""

    def read(self, language: str = "zh") -> str:
        """The sentence in that language, or in the other one where it is missing."""
        return (self.en or self.zh) if language == "en" else (self.zh or self.en)


# --- rules of one item ------------------------------------------------------------------------------


class BinaryRule(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="binary"):
    """Met or not met: all points or none (C1 "不得分").

    Example: worth 0.5, not met: 0.5 − 0.5 = 0.
    """

    scope: Scope = "item"


class PerOccurrenceRule(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="per_occurrence"
):
    """So many points for each occurrence, limited by `cap`, then by the item (C5, C3 per person).

    A repeat of an earlier finding counts `repeat_multiplier` times (after C18; the factor is ours).
    Example: 0.1 for each unsigned letter, at most 0.5: eight letters 0.8, charged 0.5.
    """

    deduct: Decimal
    unit: str = ""
    cap: Decimal | None = None
    repeat_multiplier: Decimal = Decimal(1)
    scope: Scope = "item"


class ShortfallRule(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="shortfall"):
    """So many points for each time missing of what is required; more than required earns nothing (C5).

    Example: two checks a year, 0.25 for each missing: one made, 0.25 charged; five made, nothing.
    """

    required: int
    deduct: Decimal
    unit: str = ""
    cap: Decimal | None = None
    scope: Scope = "item"


class Range(Struct, frozen=True):
    """Bounded discretion: any amount from `min` to `max` in whole steps above `min` ("扣0.5至1分")."""

    min: Decimal
    max: Decimal
    step: Decimal


class Clause(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One independent reason; it has either a fixed `deduct` or a `range`."""

    id: str
    text: Wording = Wording()
    deduct: Decimal | None = None
    range: Range | None = None


class ClausesRule(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="clauses"):
    """Independent reasons, each charged once, some with discretion (C1 item 1: four reasons, one "0.5至1").

    Example: worth 2, clause b "0.5 to 1" applies with 0.5: 2 − 0.5 = 1.5.
    """

    clauses: tuple[Clause, ...]
    cap: Decimal | None = None
    scope: Scope = "item"


class Tier(Struct, frozen=True):
    """From `gte` upwards the item earns `points`."""

    gte: Decimal
    points: Decimal


class TiersRule(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="tiers"):
    """A measured figure earns the points of the first tier it reaches, boundaries included (C16).

    Example: 95 → 1.5, 85 → 1, 70 → 0.5, 0 → 0; a rate of 94.9 earns 1, of 95 earns 1.5.
    """

    tiers: tuple[Tier, ...]
    value: str = "percent"
    min_sample: int = 0
    scope: Scope = "item"


class RatioRule(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="ratio"):
    """Points × conforming / sampled, half up to `step`; nothing below `zero_below` (C17, sampled form ours).

    Example: worth 3, 19 of 20 conform, step 0.1: 2.85 → 2.9. No step: not rounded, 5 of 8 of 1 is 0.625.
    """

    step: Decimal | None = None
    min_sample: int = 0
    """Fewer are enough only where they are all there is."""
    zero_below: Decimal | None = None
    scope: Scope = "item"


Rule = BinaryRule | PerOccurrenceRule | ShortfallRule | ClausesRule | TiersRule | RatioRule


def rule_type(rule: Rule) -> str:
    """The name of a rule's kind as checklists write it."""
    return str(rule.__struct_config__.tag)


# --- outside the items ------------------------------------------------------------------------------


class Aggravating(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A breach without points of its own that takes `deduct` off the sum, each time (C1 items 51-58).

    Recorded by exception: unanswered is "none". Example: base 83 of 90 due, one at 4: 79/90 = 87.78 %.
    """

    id: str
    deduct: Decimal
    text: Wording = Wording()
    unit: str = ""
    sensitive: bool = False
    """Only code, count and the number of the paper record are kept, never content."""
    basis: tuple[str, ...] = ()


class Veto(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Forces its grade and leaves the figure as it is (C1 item 59 "一票否决").

    An empty `grade` only counts towards a `veto_count` gate (C6 "any two missing").
    Example: 98.00 % and a major leak: 98.00 %, does not conform.
    """

    id: str
    grade: str = ""
    text: Wording = Wording()
    basis: tuple[str, ...] = ()


class Bonus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Points added to the percentage, at most `max_count` times, and all together at most the bonus cap.

    Example: one hazard dealt with (1) and three practices of at most two (0.5 each): 88.50 % → 90.50 %.
    """

    id: str
    points: Decimal
    max_count: int | None = None
    text: Wording = Wording()
    basis: tuple[str, ...] = ()


# --- gates ------------------------------------------------------------------------------------------


class SectionRatio(Struct, frozen=True, tag_field="type", tag="section_ratio"):
    """A section earned under `below` of what applied in it; "*" is any section (C17 "every element ≥60").

    Example: E earned 13 of 22, 0.5909 < 0.60: fires. Nothing applicable in E: cannot fire.
    """

    section: str
    below: Decimal


class ItemsRatio(Struct, frozen=True, tag_field="type", tag="items_ratio"):
    """These items together, or (when none is named) the key items, earned under `below` (C18 key items ≥80 %).

    Example: key items earned 11.5 of 15, 0.7667 < 0.80: fires.
    """

    below: Decimal
    items: tuple[str, ...] = ()


class AggravatingCount(Struct, frozen=True, tag_field="type", tag="aggravating_count"):
    """So many aggravating occurrences in all; two of the same kind are two.

    Example: X03 twice and at_least 2: fires.
    """

    at_least: int


class VetoCount(Struct, frozen=True, tag_field="type", tag="veto_count"):
    """So many of these items failed (C6: any one of 1-8, any two of 9-18).

    A veto fails when present, an aggravating item when it occurred, any other when it lost all its points.
    Example: items b1 to b4, at_least 2, b1 and b4 not met: fires.
    """

    items: tuple[str, ...]
    at_least: int


Condition = SectionRatio | ItemsRatio | AggravatingCount | VetoCount


class Gate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When all its conditions hold, the grade is at most `max_grade` (C17: the lowest grade of any route counts).

    A gate that *forces* its grade reads the same, because a forced grade never lifts a lower one.
    Example: 91.00 % conforms, GATE-E fired with "basic": basic.
    """

    id: str
    when: tuple[Condition, ...]
    max_grade: str
    forces: bool = False
    text: Wording = Wording()


# --- policy of the whole ----------------------------------------------------------------------------


class Grade(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From `min` percent upwards; the first grade reached from the top counts (C1: 90, 80, else)."""

    code: str
    min: Decimal
    text: Wording = Wording()


class Policy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the item scores become a percentage and a grade. Floors are 0 everywhere and cannot be set.

    Example, na_policy with an item of 10 that does not apply and 78 earned of 90: *renormalise* (C1)
    78/90 = 86.67; *full_credit* (C3) (78 + 10)/100 = 88.00.
    Example, aggravating_stage with one at 4, base 83 of 90: *before_normalise* (83 − 4)/90 = 87.78;
    *after_normalise* 92.22 − 4 = 88.22. C1's text breaks off here; its table order suggests *before*.
    """

    grades: tuple[Grade, ...]
    na_policy: Literal["renormalise", "full_credit"] = "renormalise"
    na_needs_consent: bool = True
    """合理缺项: an N/A counts once another member stands behind it."""
    aggravating_stage: Literal["before_normalise", "after_normalise"] = "before_normalise"
    total_cap: Decimal = Decimal(100)
    bonus_cap: Decimal | None = None
    bonus_enabled: bool = False
    places: int = 2
    """Places of the printed percentage, rounded half up, once (C17 四舍五入)."""
    grade_on: Literal["rounded", "exact"] = "rounded"
    duplicate_facts: Literal["charge_once", "charge_each"] = "charge_once"
    """One fact under several findings: charged once, the higher (同一事实只计一次, 就高不重复), or each time."""
    gates: tuple[Gate, ...] = ()
