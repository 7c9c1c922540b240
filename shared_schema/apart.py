"""What tells values apart that differ on one field, beside their words: nobody settles between two lines alike.

The words of a finding are what was found; how severe it is and how often it was found decide about points, and two
inspectors may have recorded the same words with other figures.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import asdict

from shared_schema.basis import basis_text
from shared_schema.operations import (
    Aborted,
    Accepted,
    Answer,
    Body,
    Deliberated,
    DisputeSettled,
    LeadChecked,
    Locked,
    NaConsent,
    NotApplicable,
    Opened,
    Returned,
    ScoringClosed,
    Submitted,
    TakenBack,
    Unknown,
)

LISTED_MAX = 6
"""Of a list so many entries are named, of a longer one those that not all have; then how many more there are."""
_DIGEST_SHOWN = 8
IN_WORDS = frozenset(
    {
        "fact", "statement", "accepts", "before", "after", "caption", "earlier", "other",
        "register_no", "problems", "category", "required", "held", "population_size", "what", "name", "text", "reason",
    }
)  # fmt: skip
"""What the words of a value say already, wherever it has one of these."""
WHOLE_IN_WORDS = (
    Answer, NotApplicable, NaConsent, LeadChecked, ScoringClosed, TakenBack, DisputeSettled, Unknown,
    Opened, Deliberated, Submitted, Returned, Accepted, Locked, Aborted,
)  # fmt: skip
_TERMS = {"severity": "severity", "disposal": "disposal", "method": "signed"}
"""By field, the family of terms that its codes have their words in."""


def told_apart(
    values: Sequence[Body],
    say: Callable[..., str],
    name: Callable[[str], str],
    in_words: Collection[str] = (),
) -> tuple[tuple[str, ...], ...]:
    """Of each value, what it says otherwise than the others and its words do not: (`次数：5`, `处理：立行立改`).

    `say(key, **facts)` has the terms of the reader's language, `name` the people's names; `in_words` tells what the
    words of this reader say besides.
    """
    said = [_said(value, in_words) for value in values]
    fields = [
        field
        for field in dict.fromkeys(field for one in said for field in one)
        if len({repr(one[field]) for one in said if field in one}) > 1
    ]
    return tuple(
        tuple(
            say(f"differs.{field}")
            + say("differs.colon")
            + _value(field, one[field], [other[field] for other in said if field in other], say, name)
            for field in fields
            if field in one
        )
        for one in said
    )


def _said(value: Body, in_words: Collection[str]) -> Mapping[str, object]:
    if isinstance(value, WHOLE_IN_WORDS):
        return {}
    return {field: each for field, each in asdict(value).items() if field not in {*IN_WORDS, *in_words}}


def _value(
    field: str,
    mine: object,
    everyones: Sequence[object],
    say: Callable[..., str],
    name: Callable[[str], str],
) -> str:
    if isinstance(mine, bool):
        return say("differs.yes" if mine else "differs.no")
    if field == "strokes" and isinstance(mine, tuple):
        return say("differs.drawn_points", strokes=len(mine), points=sum(map(len, mine)))
    if isinstance(mine, tuple):
        lists = [one for one in everyones if isinstance(one, tuple)]
        own = [one for one in mine if not all(one in each for each in lists)]
        # A short list stands whole: of a difference alone nobody can tell what else it says.
        shown = mine if len(mine) <= LISTED_MAX or not own else own
        named = [one if isinstance(one, str) else " → ".join(map(str, one)) for one in shown[:LISTED_MAX]]
        if field == "basis":
            named = [basis_text(one, say) for one in named]
        more = len(shown) - len(named)
        return say("differs.and").join(named) + (f" +{more}" if more else "") or "–"
    if field in _TERMS:
        return say(f"{_TERMS[field]}.{mine}")
    text = name(str(mine)) if field == "screened_by" and mine else str(mine)
    return (text[:_DIGEST_SHOWN] if field in ("sha256", "population_hash") else text) or "–"
