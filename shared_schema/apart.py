"""What tells values apart that differ on one field, beside their words: nobody settles between two lines alike.

The words of a finding are what was found; how severe it is and how often it was found decide about points, and two
inspectors may have recorded the same words with other figures.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import asdict

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
    values: Sequence[Body], term: Callable[[str], str], in_words: Collection[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """Of each value, what it says otherwise than the others and its words do not: (`次数：5`, `处理：立行立改`).

    `term` gives the field's terms in the reader's language; `in_words` names what the words of this reader say besides.
    """
    said = [_said(value, in_words) for value in values]
    names = [
        name
        for name in dict.fromkeys(name for one in said for name in one)
        if len({repr(one[name]) for one in said if name in one}) > 1
    ]
    return tuple(
        tuple(
            term(f"differs.{name}")
            + term("differs.colon")
            + _value(name, one[name], [other[name] for other in said if name in other], term)
            for name in names
            if name in one
        )
        for one in said
    )


def _said(value: Body, in_words: Collection[str]) -> Mapping[str, object]:
    if isinstance(value, WHOLE_IN_WORDS):
        return {}
    return {name: each for name, each in asdict(value).items() if name not in {*IN_WORDS, *in_words}}


def _value(name: str, mine: object, everyones: Sequence[object], term: Callable[[str], str]) -> str:
    if isinstance(mine, bool):
        return term("differs.yes" if mine else "differs.no")
    if name == "strokes" and isinstance(mine, tuple):
        return str(len(mine))
    if isinstance(mine, tuple):
        lists = [one for one in everyones if isinstance(one, tuple)]
        own = [one for one in mine if not all(one in each for each in lists)]
        # A short list stands whole: of a difference alone nobody can tell what else it says.
        shown = mine if len(mine) <= LISTED_MAX or not own else own
        named = [one if isinstance(one, str) else " → ".join(map(str, one)) for one in shown[:LISTED_MAX]]
        more = len(shown) - len(named)
        return term("differs.and").join(named) + (f" +{more}" if more else "") or "–"
    if name in _TERMS:
        return term(f"{_TERMS[name]}.{mine}")
    text = str(mine)
    return (text[:_DIGEST_SHOWN] if name in ("sha256", "population_hash") else text) or "–"
