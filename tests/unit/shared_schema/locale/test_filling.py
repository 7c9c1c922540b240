"""Sentences filled with their facts; and no English one says "1 items"."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from string import Formatter

from shared_schema import checklist_issues, locale, problems
from shared_schema.locale.filling import fill

NOT_COUNTED = re.compile("limit_.*|most|least|peer|.*name|person|device|register_no|value|item|unit|reason")
"""Facts that are a limit of ours, which is never one, or that are no number."""
SINGULAR = {"does", "has", "is", "was", "awaits", "waits"}
MANY = re.compile(
    r"(?<![\w.,:–-])1 (?:more |own |items of |of 1 )?([a-z]+s|people|have|are|were|wait|await)\b"
)


def english() -> Iterator[tuple[str, str]]:
    """Every English sentence by its key, of all catalogues, problems and issues of a checklist."""
    for module in pkgutil.iter_modules(locale.__path__):
        for catalogue in vars(importlib.import_module(f"shared_schema.locale.{module.name}")).values():
            if isinstance(catalogue, dict):
                yield from (
                    (key, both[1])
                    for key, both in catalogue.items()
                    if isinstance(both, tuple) and len(both) == 2
                )
    yield from ((code, kind.en) for code, kind in problems.REGISTRY.items())
    for code, issue in checklist_issues.KINDS.items():
        yield from ((code, issue.en), (code, issue.cure_en))


def test_one_is_not_many_in_any_english_sentence() -> None:
    said = 0
    for key, sentence in english():
        names = {name for _, name, _, _ in Formatter().parse(sentence) if name}
        text = fill(sentence, {name: 9 if NOT_COUNTED.fullmatch(name) else 1 for name in names})
        wrong = [word for word in MANY.findall(text) if word not in SINGULAR]
        assert not wrong, f"{key}: {text}"
        said += bool(names)
    assert said > 200


def test_a_number_decides_the_word() -> None:
    said = "{count} {count:item is|items are} open"
    assert [fill(said, {"count": count}) for count in (0, 1, "1", 21)] == [
        "0 items are open",
        "1 item is open",
        "1 item is open",
        "21 items are open",
    ]


def test_a_sentence_that_counts_nothing_is_filled_as_python_does() -> None:
    assert fill("{share:.1f} of {unit}", {"share": 0.25, "unit": "A|B"}) == "0.2 of A|B"
