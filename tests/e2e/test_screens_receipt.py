"""There and back by stick, tapped through: a package goes out, a real server takes it, its receipt comes home."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from mobile.actions import Desk
from mobile.vault import Vault
from server.access.keys import public_keys
from server.intake import package_desk
from server.intake.package_desk import Handed
from server.intake.packages import Way
from server.storage import devices, migrations, registers
from server.storage.database import Connection, Database
from server.storage.devices import DeviceRow
from server.storage.package_files import PackageFiles
from server.storage.photo_files import PhotoFiles
from shared_schema.checklist import to_bytes
from shared_schema.ids import DeviceId, SquadId
from shared_schema.operations import YesNo
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS
from tests.e2e.test_screens_sync_center import Center, center, colleague, purged

__all__ = ["center", "colleague", "purged"]  # the fixtures of the sync center

pytestmark = SCREENS
SQUAD = SquadId("squad-3")


def _plan(conn: Connection, public_key: str) -> None:
    """The same visits in a real server's registers, and the tablet that is to be known there."""
    named = registers.put_checklist(conn, to_bytes(stage.checklist()))
    told = {"id": "c-2026", "year": 2026, "kind": "peer", "title_zh": "互查", "title_en": "Peer inspection"}
    registers.put_campaign(
        conn, {**told, "checklist": named, "state": "open", "draw_seed": "", "draw": {}, "screening": True}
    )
    people = [
        {"id": one.person, "name_zh": one.name_zh, "name_en": one.name_en, "unit": "U", "experienced": True,
         "certified_no": "", "certified_until": ""}
        for one in stage.MEMBERS
    ]  # fmt: skip
    registers.put_people(conn, people)
    registers.put_squads(
        conn,
        [{"id": SQUAD, "campaign": "c-2026", "name_zh": "第三分队", "name_en": "Squad 3"}],
        [{"squad": SQUAD, "person": one.person, "role": one.role} for one in stage.MEMBERS],
    )
    visit, zh, en, kind, address, date = stage.UNITS[0]
    unit = {"id": f"U-{visit}", "name_zh": zh, "name_en": en, "kind": kind, "address": address}
    registers.put_units(
        conn, [{**unit, "parent_area": "", "parent_system": "", "contact": "", "profile": {}}]
    )
    registers.put_inspections(
        conn,
        [{"id": visit, "campaign": "c-2026", "unit": f"U-{visit}", "squad": SQUAD, "planned_date": date,
          "checklist": named, "responsible_person": stage.LEADER}],
    )  # fmt: skip
    devices.add(
        conn,
        DeviceRow(
            id=DeviceId("tab-1"),
            squad=SQUAD,
            name="平板 1",
            platform="linux",
            app="1",
            public_key=public_key,
            enrolled_at_ms=0,
        ),
    )


class Office:
    """A server that is reached by stick alone."""

    def __init__(self, folder: Path, public_key: str) -> None:
        self.db = Database.open(f"sqlite:///{folder / 'hucha.db'}")
        self.db.write(lambda conn: _plan(conn, public_key))
        self.way = Way(
            self.db, PhotoFiles(folder / "photos"), PackageFiles(folder / "packages"), secrets.token_bytes
        )

    def take(self, file: Path) -> package_desk.Outcome:
        """What the console does with a file that is dropped on its page."""
        handed = [Handed(file, file.name)]
        (outcome,) = package_desk.take_all(
            self.way, handed, campaign="c-2026", by="xu", now_ms=stage.MORNING_MS + 1000
        )
        return outcome

    def log(self) -> list[bytes]:
        """All operations it has."""
        sql = "SELECT raw FROM operation ORDER BY number"
        return [bytes(raw) for (raw,) in self.db.read(lambda conn: conn.exec_driver_sql(sql).fetchall())]


@pytest.fixture
def office(center: Center, tablet: stage.Stage, tmp_path: Path) -> Any:
    """A server that the tablet is enrolled with."""
    folder = tmp_path / "office"
    folder.mkdir()
    made = Office(folder, Vault.headless(tablet.folder).make_key(bytes(32)))
    store = center.driver.session._tools.store
    identity = store.identity()
    assert identity is not None
    keys = made.db.read(public_keys)
    known = identity._replace(
        server=made.db.read(migrations.server_id), signing_key=keys.signing, sealing_key=keys.sealing
    )
    center.driver.session._worker.ask(lambda: store.enrol_again(known)).result(10)
    yield made
    made.db.close()


def press_and_read(center: Center, text: str, key: str, what: str) -> None:
    """Opens one of the sheets of packages; `what` shows that it is there."""
    driver = center.driver
    driver.scroll_to(driver.pressable(text))
    driver.press(key)
    driver.until(lambda: any(what in shown for shown in driver.texts()))
    driver.settle()


def write_out(center: Center) -> Path:
    """Onto the stick; the one file there."""
    driver = center.driver
    press_and_read(center, "导出交换包", "center.give_package", "KINGSTON")
    driver.press("center.write")
    driver.until(lambda: list(center.stick.glob("*.hcx")))
    driver.until(lambda: not driver.session.sync_desk.packages.busy)
    driver.settle()
    driver.press("close")
    driver.settle()
    (file,) = center.stick.glob("*.hcx")
    return file


def read_in(center: Center, file: Path) -> set[str]:
    """From the stick; what the sheet says then."""
    driver = center.driver
    press_and_read(center, "导入交换包", "center.take_package", file.stem)
    label = next(text for text in driver.texts() if text.startswith(file.stem))
    driver.tap(driver.pressable(label))
    driver.until(lambda: any(text.startswith("已读入") for text in driver.texts()))
    driver.settle()
    return driver.texts()


def test_a_package_goes_out_and_its_receipt_comes_home(center: Center, office: Office) -> None:
    """What waits is written; the server takes it; read from the stick again, nothing waits, and it is all there."""
    driver = center.driver
    store = driver.session._tools.store

    def taps() -> bytes:
        desk = Desk(store, secrets.token_bytes, lambda: stage.MORNING_MS)
        stage.open_visit(desk)
        return desk.answer(stage.LEADER, stage.VISIT, "A06", YesNo(True)).raw

    answer = driver.session._worker.ask(taps).result(10)
    file = write_out(center)
    assert sum(store.unsent().values()) == 2, "written is not received"
    assert "尚无服务器回执" in driver.texts()

    outcome = office.take(file)
    assert outcome.problem is None, outcome.problem
    assert outcome.row is not None
    assert outcome.receipt is not None
    assert outcome.path is not None
    assert (outcome.row.code, outcome.row.operations) == (file.stem.removeprefix("hucha-"), 2)
    assert office.log()[-1] == answer
    code = outcome.receipt.code
    receipt = center.stick / f"hucha-{code}.hcx"
    receipt.write_bytes(outcome.path.read_bytes())
    file.unlink()

    said = read_in(center, receipt)
    assert code in said
    assert f"已读入 {code}：2 条已收，0 条被拒收，0 条新记录。" in said
    assert store.unsent() == {}
    driver.press("close")
    driver.settle()
    driver.until(lambda: "尚无服务器回执" not in driver.texts())
