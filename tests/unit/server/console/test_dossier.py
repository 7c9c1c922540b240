"""What was recorded on an item that the checklist no longer has: on the inspection's page, apart from the score."""

from pathlib import Path

from msgspec.structs import replace

from server.console.dossier import dossier
from server.intake.rebuild import rebuild
from server.storage import registers
from server.storage.database import Connection
from server.storage.op_log import run
from shared_schema.checklist import from_bytes, to_bytes
from shared_schema.operations import Locked
from tests.unit.server.console.desk import console


def test_what_stands_on_a_removed_item_is_shown_apart(tmp_path: Path) -> None:
    """With what it was about, in the words of the version that had it; the page and its score stay whole."""
    with console(tmp_path) as place:
        inspection = place.season.locked[0]
        desk = place.desk("coordinator")
        assert 'id="removed"' not in desk.get(f"/inspections/{inspection}").text

        def move(conn: Connection) -> str:
            row = registers.inspection(conn, inspection)
            assert row is not None
            known = from_bytes(registers.checklist_content(conn, row.checklist))
            gone = known.sections[0].items[0]
            sections = (replace(known.sections[0], items=known.sections[0].items[1:]), *known.sections[1:])
            name = registers.put_checklist(conn, to_bytes(replace(known, version="next", sections=sections)))
            run(conn, "UPDATE inspection SET checklist = ? WHERE id = ?", (name, inspection))
            return gone.text.read("zh")

        said = place.db.write(move)
        rebuild(place.db, check=False)
        page = desk.get(f"/inspections/{inspection}").text
        apart = page[page.index('id="removed"') :]
        assert "已从清单删除的检查项" in apart
        assert said in apart


def test_under_a_lock_of_an_older_version_nothing_is_said_to_be_uncovered(tmp_path: Path) -> None:
    """It does not say what it covers, and all of the visit would be shown as wrongly counted."""
    with console(tmp_path) as place:
        found = place.db.read(lambda conn: dossier(conn, place.season.locked[0]))
        cell = found.view.stage_cell
        assert cell is not None
        older = cell._replace(standing=(cell.standing[0]._replace(value=Locked("归档")),))
        assert found._replace(view=found.view._replace(stage_cell=older)).uncovered == []
