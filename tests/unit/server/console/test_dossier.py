"""What was recorded on an item that the checklist no longer has: on the inspection's page, apart from the score."""

from pathlib import Path

from msgspec.structs import replace

from server.intake.rebuild import rebuild
from server.storage import registers
from server.storage.database import Connection
from server.storage.op_log import run
from shared_schema.checklist import from_bytes, to_bytes
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
