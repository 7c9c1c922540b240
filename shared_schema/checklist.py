"""Checklist, Section, Item: what a squad goes through, as immutable data with a version and a hash.

A checklist is read from plain data by `checklist_reader`, travels as canonical JSON, and is named by
the hash of exactly those bytes, so that a tablet and the server can never score by different lists.
"""

from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec
from msgspec import Struct

from shared_schema.ids import ChecklistHash, digest
from shared_schema.problems import Problem
from shared_schema.rules import Aggravating, Bonus, Policy, Rule, Veto, Wording

PhotoPolicy = Literal["forbidden", "scene_only", "allowed"]
Response = Literal["yes_no", "count", "clauses", "ratio", "percent", "shortfall"]


class Term(Struct, frozen=True, omit_defaults=True):
    """One code of the checklist's own vocabulary (a method, a kind of evidence, a reason for N/A) and its words."""

    code: str
    text: Wording = Wording()


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing to check, what it is worth and how it is scored."""

    id: str
    text: Wording
    max_points: Decimal
    rule: Rule
    response: Response
    method: tuple[str, ...] = ()
    basis: tuple[str, ...] = ()
    """Articles as `law:N` (保守国家秘密法) and `reg:N` (实施条例)."""
    evidence: tuple[str, ...] = ()
    photo: PhotoPolicy = "forbidden"
    na: tuple[str, ...] = ()
    """The reason codes for which the item may be left out (合理缺项); none: it always applies."""
    key: bool = False
    """重点项: counts in gates over the key items."""
    abort: bool = False
    """基本项: when it loses all its points the visit is broken off and there is no score (C3)."""
    guidance: Wording = Wording()


class Section(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A group of items with its sum of points."""

    id: str
    title: Wording
    points: Decimal
    items: tuple[Item, ...]
    reg58: tuple[int, ...] = ()
    """Which of the thirteen inspection headings of art. 58 of the regulations it covers."""


class Checklist(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """A whole checklist. Items, aggravating items, vetoes and bonuses share one space of ids."""

    code: str
    version: str
    title: Wording
    total_points: Decimal
    policy: Policy
    sections: tuple[Section, ...]
    audience: Wording = Wording()
    aggravating: tuple[Aggravating, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    bonus: tuple[Bonus, ...] = ()
    methods: tuple[Term, ...] = ()
    evidence: tuple[Term, ...] = ()
    photos: tuple[Term, ...] = ()
    responses: tuple[Term, ...] = ()
    na_reasons: tuple[Term, ...] = ()

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Every item with points, in order."""
        return tuple(item for section in self.sections for item in section.items)

    @cached_property
    def extras(self) -> tuple[Aggravating | Veto | Bonus, ...]:
        """Everything that may be answered outside the items, in order."""
        return (*self.aggravating, *self.vetoes, *self.bonus)

    @cached_property
    def hash(self) -> ChecklistHash:
        """Names exactly this checklist, on every machine."""
        return ChecklistHash(digest(to_bytes(self)))

    def item(self, item_id: str) -> Item | None:
        """The item with points of that id."""
        return self._items.get(item_id)

    @cached_property
    def _items(self) -> dict[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def _extras(self) -> dict[str, Aggravating | Veto | Bonus]:
        return {one.id: one for one in self.extras}

    def entry(self, item_id: str) -> Item | Aggravating | Veto | Bonus | None:
        """Whatever may be answered under that id."""
        return self._items.get(item_id) or self._extras.get(item_id)

    def by_number(self, item_id: str) -> bool:
        """Whether only the count and the number of the paper record may be kept of it, and never a sentence."""
        entry = self._extras.get(item_id)
        return isinstance(entry, Veto) or (isinstance(entry, Aggravating) and entry.sensitive)

    def section_of(self, item_id: str) -> Section | None:
        """The section an item with points lies in."""
        return next((one for one in self.sections if any(item.id == item_id for item in one.items)), None)

    def na_reason(self, code: str) -> Wording:
        """The words of a reason for N/A; the code itself where the checklist has none."""
        return next((term.text for term in self.na_reasons if term.code == code), Wording(code, code))

    def grade(self, code: str | None) -> Wording:
        """The words of a grade; the code itself where the checklist has none."""
        text = next((grade.text for grade in self.policy.grades if grade.code == code), Wording())
        return text if text.zh or text.en else Wording(code or "", code or "")


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Checklist)


def to_bytes(checklist: Checklist) -> bytes:
    """Canonical JSON: fields in order, defaults left out, decimals as plain strings.

    Fields added later have defaults, so the bytes (and the hash) of an older checklist stay as they are.
    """
    return _encoder.encode(checklist)


def from_bytes(stored: bytes) -> Checklist:
    """The checklist from its canonical bytes. Raises checklist_invalid."""
    try:
        return _decoder.decode(stored)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Problem("checklist_invalid", count=1, first=str(err)[:200]) from err


def checklist_hash(checklist: Checklist) -> ChecklistHash:
    """Names exactly this checklist, on every machine."""
    return checklist.hash
