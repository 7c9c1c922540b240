"""Everything the screens show at one place, gathered in one go on the worker thread; no Kivy.

The screens get one `Shown` after every commit and draw what differs from the one before.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from mobile import closing_views, colleague_views, computer_views, photo_views, rows, views
from mobile.actions import Desk
from mobile.drafts import Here
from mobile.page_rows import ClosingPage, ComputersPage, InterviewRow
from mobile.photo_views import ItemPhotos, PhotosPage
from mobile.reader import Reader
from mobile.store import SyncState
from mobile.visit import Visit
from mobile.words import day, say
from shared_schema.ids import InspectionId, ItemId, PersonId
from shared_schema.problems import Language, Problem
from shared_schema.wire import Assignment, Member

GONE = ("inspection_unknown", "checklist_unknown", "checklist_too_new", "visit_purged")
"""Why a visit cannot be shown: it was taken away, cleared from here, or is of a newer version."""
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
    findings: tuple[rows.FindingRow, ...] | None
    """All of them, where the page shown lists them; None while another one is."""
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
    person: PersonId
    language: Language
    colleagues: colleague_views.Colleagues = colleague_views.Colleagues(())
    """How far the others are; worked out only for the sync center."""

    @property
    def disputes(self) -> tuple[rows.DisputeRow, ...]:
        """Everything in dispute, worked out when a sheet asks."""
        return views.dispute_rows(self.whole, self.person, self.language)

    @property
    def leads(self) -> tuple[rows.LeadRow, ...]:
        """What the coordinator asked to verify, worked out when a sheet asks."""
        return views.lead_rows(self.whole, self.person, self.language)


class Shown(NamedTuple):
    """The rows of the place a person is at, and of no other: a tap waits for them."""

    enrolled: bool
    place: Place
    language: Language
    people: tuple[PersonRow, ...]
    work: tuple[rows.WorkRow, ...]
    """Where the work list is shown; and in the sync center, which is to hear of whatever comes."""
    sync: rows.SyncRow
    refused: tuple[rows.RefusedRow, ...]
    """Only in the sync center."""
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
    people = person_rows(desk.assigned(), language)
    pane = place.pane
    if place.person not in {one.person for one in people}:
        place = Place()
    here = _here(desk, place)
    place = Place(person=place.person) if here is None else _standing(here, place)
    if pane == SYNC:
        place = place._replace(pane=SYNC)
    # Reading all visits is what a tap in one of 300 must not wait for.
    listing = here is None or pane == SYNC
    listed = desk.visits(PersonId(place.person)) if listing else ()
    return Shown(
        enrolled=state.enrolled,
        place=place,
        language=language,
        people=people,
        work=views.work_rows(listed, language, desk.unreadable(), today=day(desk.clock()))
        if listing and place.person
        else (),
        sync=views.sync_row(state, language),
        refused=tuple(row for visit in listed for row in views.refused_rows(visit, language))
        if pane == SYNC
        else (),
        visit=None if here is None else _visit(here, place, language, desk),
    )


def _here(desk: Desk, place: Place) -> Visit | None:
    """The visit of a place; None where there is none to show, or none any more."""
    if not place.inspection:
        return None
    try:
        return desk.visit(InspectionId(place.inspection), PersonId(place.person))
    except Problem as problem:
        if problem.code not in GONE:
            raise
        return None


def person_rows(assigned: Sequence[Assignment], language: Language) -> tuple[PersonRow, ...]:
    """The members of the squad's inspections, leaders first, each once."""
    visits: Counter[str] = Counter()
    roles: dict[str, str] = {}
    latest: dict[str, Member] = {}
    for one in assigned:
        for member in one.members:
            visits[member.person] += 1
            roles.setdefault(member.person, member.role)
            latest[member.person] = member
    found = (
        PersonRow(
            person=PersonId(person),
            name=member.name_en if language == "en" and member.name_en else member.name_zh,
            role_text=say(f"role.{roles[person]}", language),
            visits=visits[person],
            role=roles[person],
            name_zh=member.name_zh,
            name_en=member.name_en,
        )
        for person, member in latest.items()
    )
    return tuple(sorted(found, key=lambda row: (row.role != "leader", row.person)))


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


def _visit(visit: Visit, place: Place, language: Language, desk: Desk) -> VisitShown:
    person, page = PersonId(place.person), place.section
    if place.only in views.FILTERS:
        items = views.filtered_rows(visit, place.only, person, language)
    else:
        items = views.item_rows(visit, page, person, language)
    photographed = page == "@photos" or bool(place.item)
    here = desk.drafts.here(place.inspection) if photographed else Here(desk.drafts.of(place.inspection))
    return VisitShown(
        head=views.head(visit, person, language),
        sections=views.section_rows(visit, language),
        items=items,
        detail=views.item_detail(visit, ItemId(place.item), person, language) if place.item else None,
        score=views.score_row(visit, language),
        findings=views.finding_rows(visit, language) if page in ("@findings", "@closing") else None,
        next_open=views.next_open(visit, place.item),
        pages=_pages(visit, person, here),
        computers=computer_views.computers_page(visit, person, language) if page == "@computers" else None,
        interviews=computer_views.interview_rows(visit, person, language) if page == "@interviews" else (),
        closing=closing_views.closing_page(visit, person, language) if page == "@closing" else None,
        photos=photo_views.photos_page(visit, here, person, language) if page == "@photos" else None,
        item_photos=_item_photos(visit, here, place, language) if place.item else None,
        whole=visit,
        person=person,
        language=language,
        colleagues=colleague_views.colleagues(visit, person, language, blind=visit.scoring.on)
        if place.pane == SYNC
        else colleague_views.Colleagues(()),
    )


def _pages(visit: Visit, person: PersonId, here: Here) -> tuple[PageRow, ...]:
    """How much each page holds or has left to do, without its rows."""
    findings = sum(one.text is not None for one in visit.inspection.findings.values())
    drafts = len(here.drafts)
    return (
        PageRow("@findings", findings, left=False),
        PageRow(
            "@computers", computer_views.computers_left(visit), left=computer_views.sampling_begun(visit)
        ),
        PageRow("@interviews", computer_views.interviews_left(visit, person), left=True),
        PageRow("@photos", drafts or photo_views.photos_attached(visit), left=bool(drafts)),
        PageRow("@closing", closing_views.steps_left(visit, person), left=True),
    )


def _item_photos(visit: Visit, here: Here, place: Place, language: Language) -> ItemPhotos | None:
    """None where there is nothing to show but that no camera may be used, which the item's facts say."""
    found = photo_views.item_photos(visit, here, place.item, PersonId(place.person), language)
    return found if found.lines or found.policy.code != "forbidden" else None
