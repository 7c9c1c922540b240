"""Reads plain values (what YAML parses to) and collects everything wrong with them, so that reading goes on."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from shared_schema.checklist_issues import Issue, Path, nearest
from shared_schema.rules import Wording

_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")
_DECIMAL = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?")
_ENGLISH_IN_ZH = re.compile(r"(.+?)[,，]\s+en:\s*(.+)", re.DOTALL)
ZERO = Decimal(0)


class Reader:
    """Collects issues while reading; every method returns something usable, so that reading goes on."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self.errors: list[Issue] = []
        self.warnings: list[Issue] = []
        self.item_id = ""

    def error(self, kind: str, path: Path, **facts: object) -> None:
        self.errors.append(Issue(kind, path, self.item_id, facts))

    def warn(self, kind: str, path: Path, **facts: object) -> None:
        self.warnings.append(Issue(kind, path, self.item_id, facts))

    def mapping(self, data: object, path: Path) -> Mapping[str, Any]:
        if isinstance(data, Mapping):
            return data
        if data is not None or not self.lenient:
            self.error("not_mapping", path)
        return {}

    def rows(self, data: object, path: Path) -> Sequence[Any]:
        if isinstance(data, list | tuple):
            return data
        if data is not None:
            self.error("not_list", path)
        return ()

    def codes(self, data: object, path: Path) -> tuple[str, ...]:
        return tuple(
            self.string(one, (*path, place))
            for place, one in enumerate(self.rows([data] if isinstance(data, str) else data, path))
        )

    def string(self, data: object, path: Path, default: str = "") -> str:
        if isinstance(data, str):
            return data
        if data is None:
            return default
        if isinstance(data, bool | float | list | tuple | Mapping):
            self.error("not_text", path)
        return str(data)

    def required(self, data: Mapping[str, Any], key: str, path: Path, default: str = "") -> str:
        """The text under a key that only a worked example may leave out."""
        if data.get(key) is None and not self.lenient:
            self.error("missing", (*path, key), key=key)
        return self.string(data.get(key), (*path, key), default)

    def decimal(self, data: object, path: Path, default: Decimal | None = None) -> Decimal:
        """An exact figure: a decimal string or a whole number."""
        if isinstance(data, float):
            (self.warn if self.lenient else self.error)("float", path, value=data)
            data = repr(data)
        if data is None and default is not None:
            return default
        if data is None:
            self.error("missing", path, key=path[-1] if path else "")
            return ZERO
        if (
            isinstance(data, bool)
            or not isinstance(data, str | int)
            or not _DECIMAL.fullmatch(str(data).strip())
        ):
            self.error("not_decimal", path, value=data)
            return default or ZERO
        return plain(Decimal(str(data).strip()))

    def positive(self, data: Mapping[str, Any], key: str, path: Path) -> Decimal:
        figure = self.decimal(data.get(key), (*path, key))
        if figure <= 0 and data.get(key) is not None:
            self.error("out_of_range", (*path, key), value=figure, allowed="> 0")
        return figure

    def optional(
        self, data: Mapping[str, Any], key: str, path: Path, at_most: Decimal | None = None
    ) -> Decimal | None:
        """A figure that may be left out, above 0 and at most so much."""
        if data.get(key) is None:
            return None
        figure = self.positive(data, key, path)
        if at_most is not None and figure > at_most:
            self.error("out_of_range", (*path, key), value=figure, allowed=f"0 – {at_most}")
        return figure

    def whole(self, data: object, path: Path, least: int = 0, default: int = 0) -> int:
        if data is None:
            return default
        if isinstance(data, str) and data.strip().isdecimal():
            data = int(data)
        if not isinstance(data, int) or isinstance(data, bool) or data < least:
            self.error("not_whole", path, value=data, least=least)
            return default
        return data

    def switch(self, data: object, path: Path, default: bool = False) -> bool:
        if data is None:
            return default
        if not isinstance(data, bool):
            self.error("not_switch", path, value=data)
            return default
        return data

    def one_of(self, data: object, allowed: Sequence[str], path: Path, default: str) -> str:
        if data is None:
            return default
        if data not in allowed:
            self.error("unknown_value", path, **nearest(data, list(allowed)))
            return default
        return str(data)

    def known_keys(
        self, data: Mapping[str, Any], allowed: set[str], path: Path, strict: bool = False
    ) -> None:
        """A misspelt key is an error where it could change a score, else doubtful."""
        for key in data:
            if key not in allowed:
                (self.error if strict else self.warn)(
                    "unknown_key", (*path, key), **nearest(key, sorted(allowed))
                )

    def identifier(self, data: Mapping[str, Any], path: Path, taken: set[str]) -> str:
        found = self.string(data.get("id"), (*path, "id"))
        self.item_id = found
        if not found:
            self.error("missing", (*path, "id"), key="id")
        elif not _ID.fullmatch(found):
            self.error("bad_id", (*path, "id"), value=found)
        elif found in taken:
            self.error("duplicate_id", (*path, "id"), value=found)
        taken.add(found)
        return found

    def wording(self, data: object, path: Path, needed: bool = True) -> Wording:
        """The zh and en of a mapping; English that a misplaced quote put into the Chinese is taken out again."""
        if isinstance(data, str):
            data = {"zh": data}
        texts = self.mapping(data, path) if data is not None else {}
        zh = self.string(texts.get("zh"), (*path, "zh"))
        en = self.string(texts.get("en"), (*path, "en"))
        slipped = _ENGLISH_IN_ZH.fullmatch(zh) if not en else None
        if slipped:
            self.warn("english_in_zh", (*path, "zh"), value=zh, zh=slipped[1], en=slipped[2])
            return Wording(slipped[1].strip(), slipped[2].strip())
        if needed and not self.lenient:
            if not zh:
                self.error("missing", (*path, "zh"), key="zh")
            if not en:
                self.warn("missing_en", path)
        return Wording(zh, en)


def plain(figure: Decimal) -> Decimal:
    """The same figure as people write it: no trailing zeros, no exponent, no negative zero."""
    try:
        short = figure.normalize()
    except InvalidOperation:
        return figure
    if short == 0:
        return ZERO
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else short
