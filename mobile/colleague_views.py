"""How far the other members of a squad are with a visit, as far as this tablet has heard; pure."""

from typing import NamedTuple

from mobile.reader import Reader
from mobile.visit import Visit
from mobile.words import when
from shared_schema.ids import PersonId
from shared_schema.problems import Language


class ColleagueRow(NamedTuple):
    """Another member at work."""

    person: PersonId
    text: str
    """Name, how many items, and the section of the latest."""
    answered: int
    section: str
    """Its id; empty where nothing has been heard."""
    at: str
    """By that member's tablet."""


class Colleagues(NamedTuple):
    """The other members, or why nothing is shown of them."""

    rows: tuple[ColleagueRow, ...]
    blind: str = ""


def colleagues(visit: Visit, person: PersonId, language: Language, *, blind: bool = False) -> Colleagues:
    """How far each other member is, as the answers say that stand in this file.

    `blind`: the campaign wants each item scored without a look at the other's, so nothing is told. This is the one
    place where colleagues' progress is made, and the only one to ask.
    """
    reader = Reader(visit, person, language)
    if blind:
        return Colleagues((), reader.say("center.blind"))
    titles: dict[str, tuple[str, str]] = {}
    for section, title, entries in reader.sections():
        titles.update({entry.id: (section, title) for entry in entries})
    # A person's latest by the clock of the tablet in that person's hand: it is said to people, and decides nothing.
    latest: dict[str, tuple[int, str]] = {}
    counts: dict[str, int] = {}
    for item, there in visit.inspection.items.items():
        for standing in () if there.answer is None else there.answer.standing:
            counts[standing.person] = counts.get(standing.person, 0) + 1
            latest[standing.person] = max(latest.get(standing.person, (0, "")), (standing.at_ms, item))
    rows = []
    for member in visit.assignment.members:
        if member.person == person:
            continue
        at_ms, last = latest.get(member.person, (0, ""))
        section, title = titles.get(last, ("", ""))
        facts = {
            "name": reader.name(member.person),
            "answered": counts.get(member.person, 0),
            "section": title,
        }
        rows.append(
            ColleagueRow(
                PersonId(member.person),
                reader.say("center.colleague_at" if last else "center.colleague_idle", **facts),
                counts.get(member.person, 0),
                section,
                when(at_ms) if last else "",
            )
        )
    return Colleagues(tuple(rows))
