"""How a sentence of a catalogue is filled with its facts, and how English says one or many.

`{count}` is the fact itself; `{count:item|items}` is the first word where the fact is one, the second for any other:
"{count} {count:item is|items are} open".
"""

from collections.abc import Mapping
from string import Formatter

SEPARATOR = "|"


class _Counting(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        if SEPARATOR in format_spec:
            one, many = format_spec.split(SEPARATOR)
            return one if str(value) == "1" else many
        return str(super().format_field(value, format_spec))


_COUNTING = _Counting()


def fill(sentence: str, facts: Mapping[str, object]) -> str:
    """The sentence with its facts."""
    # Most sentences count nothing, and Python's own is ten times as quick.
    if SEPARATOR in sentence:
        return _COUNTING.vformat(sentence, (), facts)
    return sentence.format_map(facts)
