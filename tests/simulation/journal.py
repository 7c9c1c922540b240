"""The truth: what every person tapped, and what each had on the screen; worked out without the code under test.

The journal reads operations as plain JSON. It never looks at `bases`: what a tap takes off its field
follows from what its author's tablet held and showed at that moment.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple

FIELDS: Mapping[str, str] = {
    "answer": "answer/{item}",
    "not_applicable": "answer/{item}",
    "na_consent": "consent/{item}/{person}",
    "note": "note/{item}/{person}",
    "finding": "finding/{finding}",
    "finding_amended": "finding/{finding}",
    "finding_withdrawn": "finding/{finding}",
    "finding_repeat_of": "repeat_of/{finding}",
    "finding_duplicate_of": "duplicate_of/{finding}",
    "finding_fixed": "fix/{finding}",
    "unit_stated": "statement/{finding}",
    "device_checked": "device/{register_no}",
    "interview_held": "interview/{interview}",
    "evidence_attached": "evidence/{evidence}",
    "evidence_removed": "evidence/{evidence}",
    "signed": "signature/{role}",
    "signature_refused": "signature/{role}",
    "measure_proposed": "measure/{measure}",
    "scoring_closed": "scoring/{member}",
    "lead_checked": "lead/{lead}",
    "taken_back": "{field}",
    "dispute_settled": "{field}",
    **dict.fromkeys(
        ("opened", "deliberated", "submitted", "returned", "accepted", "locked", "aborted"), "stage"
    ),
}
"""By kind, the field it is about."""

REACH: Mapping[str, int] = {
    "opened": 1, "deliberated": 2, "submitted": 3, "returned": 3, "accepted": 4, "aborted": 4, "locked": 5,
}  # fmt: skip

Fate = Literal["sound", "newer", "poison"]
"""sound: must be taken; newer: of a kind nobody knows yet, must be held; poison: must be refused."""


class Entry(NamedTuple):
    """One operation somebody wrote, and what its author saw."""

    number: int
    op: str
    raw: bytes
    fate: Fate
    inspection: str
    field: str
    kind: str
    decides: str
    """Of a settlement, the kind of what it decides for; else the kind."""
    person: str
    device: str
    place: str
    """The tablet it was written on: two places may be one device, where a tablet was cloned."""
    says: str
    screen: frozenset[str]
    """What the screen showed on the field, whether it should have or not."""
    saw: frozenset[str]
    """What of the field the author had on the screen, or had tapped on this very tablet."""
    takes: frozenset[str]
    """What the tap takes off the field: all of that, but of a dispute only the author's own."""


def field_of(plain: Mapping[str, Any]) -> str:
    """The field an operation is about; "" for a kind nobody knows."""
    template = FIELDS.get(plain["kind"], "")
    return template.format(**{**plain["body"], "person": plain["person"]}) if template else ""


def says(kind: str, body: Mapping[str, Any]) -> str:
    """What an operation says of its field, so that two who say the same agree."""
    match kind:
        case "dispute_settled":
            return says(body["decision"]["kind"], body["decision"]["body"])
        case "answer":
            answer = dict(body["answer"])
            if "hit" in answer:
                answer["hit"] = sorted((one["clause"], one.get("deduct", "")) for one in answer["hit"])
            return json.dumps(answer, sort_keys=True)
        case "not_applicable":
            return f"not applicable: {body['reason']}"
        case "finding" | "finding_amended":
            return json.dumps({name: body[name] for name in body if name != "reason"}, sort_keys=True)
        case "finding_withdrawn":
            return f"taken back: {body.get('occurrences', 1)} times on {body['item']}"
        case "evidence_removed":
            return "taken back"
        case "returned" | "aborted":
            return kind + json.dumps(body, sort_keys=True)
        case _ if kind in REACH:
            return kind
        case _:
            return json.dumps(body, sort_keys=True)


class Journal:
    """Every operation written in a world, in the order it was written."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.poison: dict[bytes, Entry] = {}
        self.committed: set[str] = set()
        """Those whose commit was seen: the verb returned, or the file had it after a crash."""

    def write(
        self, raw: bytes, fate: Fate, place: str, known: Collection[str], screen: Iterable[str]
    ) -> Entry:
        """Writes an operation down: `known` is what its tablet can read, `screen` what the author looked at."""
        plain = json.loads(raw)
        shape = field_of(plain) if fate == "sound" else ""
        entry = Entry(
            number=len(self.entries) + len(self.poison) + 1,
            op=plain["id"],
            raw=raw,
            fate=fate,
            inspection=plain["inspection"],
            field=shape,
            kind=plain["kind"],
            decides=plain["body"]["decision"]["kind"]
            if plain["kind"] == "dispute_settled"
            else plain["kind"],
            person=plain["person"],
            device=plain["device"],
            place=place,
            says=says(plain["kind"], plain["body"]) if fate == "sound" else "",
            screen=frozenset(screen),
            saw=frozenset(),
            takes=frozenset(),
        )
        if fate == "poison":
            self.poison[raw] = entry
            return entry
        if fate == "sound":
            entry = self._seen(entry, known)
        self.entries[entry.op] = entry
        return entry

    def own(self, entry: Entry, op: str) -> bool:
        """Whether an operation is by the same person on the same tablet: who tapped it has seen it."""
        other = self.entries[op]
        return other.person == entry.person and other.device == entry.device

    def _seen(self, entry: Entry, known: Collection[str]) -> Entry:
        stands = self.standing(known).get((entry.inspection, entry.field), frozenset())
        saw = frozenset(one for one in stands if one in entry.screen or self.own(entry, one))
        takes = saw
        # What the coordinator does at the console is a decision, also where the stage itself is in dispute.
        decides = entry.kind == "dispute_settled" or entry.place == "console"
        if not decides and self.differ(entry.field, saw):
            takes = frozenset(one for one in saw if self.entries[one].person == entry.person)
        return entry._replace(saw=saw, takes=takes)

    def standing(self, known: Iterable[str]) -> dict[tuple[str, str], frozenset[str]]:
        """By inspection and field, which of the known operations stand."""
        here: dict[tuple[str, str], set[str]] = defaultdict(set)
        taken: set[str] = set()
        for op in known:
            entry = self.entries.get(op)
            if entry is not None and entry.fate == "sound":
                here[entry.inspection, entry.field].add(op)
                taken |= entry.takes
        left = {place: frozenset(ops - taken) for place, ops in here.items()}
        return {place: ops for place, ops in left.items() if ops}

    def differ(self, field: str, ops: Iterable[str]) -> bool:
        """Whether these operations on one field say different things; of stages, only the furthest count."""
        entries = [self.entries[op] for op in ops]
        if field == "stage" and entries:
            furthest = max(REACH[one.decides] for one in entries)
            entries = [one for one in entries if REACH[one.decides] == furthest]
        return len({one.says for one in entries}) > 1

    def disputes(self, known: Iterable[str]) -> set[tuple[str, str]]:
        """The fields in dispute, where these operations are known."""
        return {place for place, ops in self.standing(known).items() if self.differ(place[1], ops)}
