"""Everything the screens show at one place, gathered in one go on the worker thread; no Kivy.

The screens get one `Shown` after every commit and draw what differs from the one before.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from mobile import closing_views, colleague_views, computer_views, photo_views, rows, views
from mobile.actions import Desk, Visit
from mobile.drafts import Here
from mobile.page_rows import ClosingPage, ComputersPage, InterviewRow
from mobile.photo_views import ItemPhotos, PhotosPage
from mobile.reader import Reader
from mobile.store import SyncState
from mobile.words import say
from shared_schema.ids import ItemId, PersonId
from shared_schema.operations import EvidenceAttached
from shared_schema.problems import Language, Problem

SYNC = "sync"
"""The pane that is the sync center, over whatever the person was at."""


class Place(NamedTuple):
    """Where a person is; kept in the store, so that a restart comes back to it."""

    person: str = ""
    inspection: str = ""
    section: str = ""
    item: str = ""
    pane: str = "items"
    """Which pane a narrow screen shows: sections, items or item."""
    only: str = ""
    """What the items of all sections are narrowed to, one of `views.FILTERS`; "" shows one section."""


def read_place(stored: str) -> Place:
    """The place as it was kept."""
    try:
        return Place(*msgspec.json.decode(stored, type=list[str])) if stored else Place()
    except (msgspec.DecodeError, TypeError):
        # Kept by another version: the work list is a fair place to begin.
        return Place()


PAGES = ("@findings", "@computers", "@interviews", "@photos", "@closing")
"""What a visit has beside its sections; a place names one in `section`."""


class PersonRow(NamedTuple):
    """One member of the squad."""

    person: PersonId
    name: str
    role_text: str
    visits: int
    role: str = ""
    name_zh: str = ""
    name_en: str = ""


class PageRow(NamedTuple):
    """One of the visit's own pages, with how much there is or is left to do."""

    page: str
    number: int
    left: bool
    """Whether the number is of what is still to do."""


class VisitShown(NamedTuple):
    """One inspection as its screen shows it."""

    head: rows.Head
    sections: tuple[rows.SectionRow, ...]
    items: tuple[rows.ItemRow, ...]
    detail: rows.ItemDetail | None
    score: rows.ScoreRow
    findings: tuple[rows.FindingRow, ...]
    disputes: tuple[rows.DisputeRow, ...]
    leads: tuple[rows.LeadRow, ...]
    next_open: ItemId | None
    pages: tuple[PageRow, ...]
    computers: ComputersPage | None
    interviews: tuple[InterviewRow, ...]
    closing: ClosingPage | None
    """Rows of the page shown; None or nothing while another one is."""
    photos: PhotosPage | None
    item_photos: ItemPhotos | None
    """The photos of the item shown; None where there are none and none may be taken."""
    whole: Visit
    """All of it, for what is worked out only when a sheet asks."""
    colleagues: colleague_views.Colleagues = colleague_views.Colleagues(())
    """How far the others are; worked out only for the sync center."""


class Shown(NamedTuple):
    """All rows of the place a person is at."""

    enrolled: bool
    place: Place
    language: Language
    people: tuple[PersonRow, ...]
    work: tuple[rows.WorkRow, ...]
    sync: rows.SyncRow
    refused: tuple[rows.RefusedRow, ...]
    visit: VisitShown | None

    @property
    def screen(self) -> str:
        """start, sync, people, work or visit."""
        if not self.enrolled:
            return "start"
        if self.place.pane == SYNC:
            return SYNC
        if not self.place.person:
            return "people"
        return "work" if self.visit is None else "visit"


def gather(desk: Desk, state: SyncState, place: Place, language: Language) -> Shown:
    """The rows of a place. A place that is gone (another squad's, an item of an older checklist) is left."""
    visits = desk.visits(PersonId(place.person))
    people = person_rows(visits, language)
    pane = place.pane
    if place.person not in {one.person for one in people}:
        place = Place()
    here = next(
        (one for one in visits if one.assignment.inspection == place.inspection and not one.purged), None
    )
    if here is None:
        place = Place(person=place.person)
    else:
        place = _standing(here, place)
    if pane == SYNC:
        place = place._replace(pane=SYNC)
    return Shown(
        enrolled=state.enrolled,
        place=place,
        language=language,
        people=people,
        work=views.work_rows(visits, language),
        sync=views.sync_row(state, language),
        refused=tuple(row for visit in visits for row in views.refused_rows(visit, language)),
        visit=None if here is None else _visit(here, place, language, desk.drafts.here(place.inspection)),
    )


def person_rows(visits: Sequence[Visit], language: Language) -> tuple[PersonRow, ...]:
    """The members of the squad's inspections, leaders first, each once."""
    found: dict[str, PersonRow] = {}
    rank: dict[str, int] = {}
    for visit in visits:
        for member in visit.assignment.members:
            before = found.get(member.person)
            found[member.person] = PersonRow(
                person=PersonId(member.person),
                name=member.name_en if language == "en" and member.name_en else member.name_zh,
                role_text=say(f"role.{member.role}", language) if before is None else before.role_text,
                visits=1 + (0 if before is None else before.visits),
                role=member.role if before is None else before.role,
                name_zh=member.name_zh,
                name_en=member.name_en,
            )
            rank.setdefault(member.person, 0 if member.role == "leader" else 1)
    return tuple(sorted(found.values(), key=lambda row: (rank[row.person], row.person)))


def _standing(visit: Visit, place: Place) -> Place:
    """The place with a section and an item that exist; an item decides its section."""
    if place.item:
        try:
            section = views.section_of(visit, ItemId(place.item))
        except Problem:
            place = place._replace(item="", pane="items")
        else:
            return place._replace(section=section)
    sections = [section for section, _, _ in Reader(visit, PersonId(place.person), "zh").sections()]
    if place.section in PAGES:
        return place._replace(only="")
    return place if place.section in sections else place._replace(section=sections[0] if sections else "")


def _visit(visit: Visit, place: Place, language: Language, here: Here) -> VisitShown:
    person = PersonId(place.person)
    if place.only in views.FILTERS:
        items = views.filtered_rows(visit, place.only, person, language)
    else:
        items = views.item_rows(visit, place.section, person, language)
    computers = computer_views.computers_page(visit, person, language)
    interviews = computer_views.interview_rows(visit, person, language)
    closing = closing_views.closing_page(visit, person, language)
    attached = sum(isinstance(one.standing[0].value, EvidenceAttached) for one in visit.inspection.evidence)
    return VisitShown(
        head=views.head(visit, person, language),
        sections=views.section_rows(visit, language),
        items=items,
        detail=views.item_detail(visit, ItemId(place.item), person, language) if place.item else None,
        score=views.score_row(visit, language),
        findings=views.finding_rows(visit, language),
        disputes=views.dispute_rows(visit, person, language),
        leads=views.lead_rows(visit, person, language),
        next_open=views.next_open(visit, place.item),
        pages=(
            PageRow(
                "@findings", sum(1 for one in visit.inspection.findings.values() if one.text), left=False
            ),
            PageRow("@computers", sum(one.state == "drawn" for one in computers.computers), left=True),
            PageRow("@interviews", sum(not one.done for one in interviews), left=True),
            PageRow("@photos", len(here.drafts) or attached, left=bool(here.drafts)),
            PageRow("@closing", sum(not one.done for one in closing.steps), left=True),
        ),
        computers=computers if place.section == "@computers" else None,
        interviews=interviews if place.section == "@interviews" else (),
        closing=closing if place.section == "@closing" else None,
        photos=photo_views.photos_page(visit, here, person, language) if place.section == "@photos" else None,
        item_photos=_item_photos(visit, here, place, language) if place.item else None,
        whole=visit,
        colleagues=colleague_views.colleagues(visit, person, language, blind=visit.scoring.on)
        if place.pane == SYNC
        else colleague_views.Colleagues(()),
    )


def _item_photos(visit: Visit, here: Here, place: Place, language: Language) -> ItemPhotos | None:
    """None where there is nothing to show but that no camera may be used, which the item's facts say."""
    found = photo_views.item_photos(visit, here, place.item, PersonId(place.person), language)
    return found if found.lines or found.policy.code != "forbidden" else None
