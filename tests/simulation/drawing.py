"""Everything a person could look at when a world is quiet: however odd an inspection, its screens are drawn."""

from collections.abc import Iterator

from mobile import item_views, views
from server.console.dossier import dossier
from shared_schema.ids import InspectionId, ItemId, PersonId
from shared_schema.problems import Language
from tests.simulation import season
from tests.simulation.tablets import Tablet
from tests.simulation.world import World

LANGUAGES: tuple[Language, ...] = ("zh", "en")


def every_screen(world: World) -> Iterator[str]:
    """Draws all rows of all tablets and the console's page of every inspection; tells what they leave out."""
    for number, tablet in enumerate(world.tablets):
        yield from _tablet(world, tablet, LANGUAGES[number % 2])
    for inspections in world.inspections.values():
        for inspection in inspections:
            page = world.hub.db.read(lambda conn, one=inspection: dossier(conn, one))  # type: ignore[misc]
            if len(page.log) != len(world.hub.log(inspection)):
                yield f"stalled: the console leaves out operations of {inspection}"


def _tablet(world: World, tablet: Tablet, language: Language) -> Iterator[str]:
    visits = [
        tablet.desk.visit(InspectionId(one))
        for one in world.inspections[tablet.squad]
        if one in tablet.store.assignments() and one not in tablet.store.purged()
    ]
    views.work_rows(visits, language)
    views.sync_row(tablet.store.sync_state(), language)
    for visit in visits:
        for person in map(PersonId, season.SQUADS[tablet.squad]):
            views.head(visit, person, language)
            views.dispute_rows(visit, person, language)
        person = PersonId(tablet.person)
        for section in views.section_rows(visit, language):
            for item in item_views.item_rows(visit, section.section, person, language):
                item_views.item_detail(visit, ItemId(item.item), person, language)
        views.finding_rows(visit, language)
        views.score_row(visit, language)
        shown = [str(one.op) for one in views.refused_rows(visit, language)]
        refused = [
            one.op
            for one in tablet.held()
            if one.inspection == visit.assignment.inspection and one.status in ("refused", "id_reused")
        ]
        if shown != refused:
            yield f"stalled: {tablet.name} does not show what of {visit.assignment.inspection} was refused"
