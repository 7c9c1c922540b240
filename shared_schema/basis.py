"""What an item or a finding rests on: an article (`law:26`) by the name people know it by, anything else as written."""

import re
from collections.abc import Callable

from shared_schema.locale.terms import TERMS

LAWS = ("law", "reg")
"""What an article may be of; the words of each are `basis.<law>`."""


def basis_text(code: str, say: Callable[..., str]) -> str:
    """`law:26` as `《保密法》第 26 条`; `say(key, **facts)` has the words of the reader's language."""
    source, _, article = code.partition(":")
    return say(f"basis.{source}", article=article) if source in LAWS and article else code


def basis_code(text: str) -> str:
    """The turn-back of `basis_text`, from either language."""
    for source in LAWS:
        for name in TERMS[f"basis.{source}"]:
            # People put blanks as they like.
            before, after = (re.escape(piece.replace(" ", "")) for piece in name.split("{article}"))
            found = re.fullmatch(f"{before}([0-9][0-9-]*){after}", text.replace(" ", ""))
            if found:
                return f"{source}:{found[1]}"
    return text
