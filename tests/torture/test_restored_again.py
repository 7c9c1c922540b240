"""A server lost and made again from its backup, again and again: it is what was backed up, and tablets fill it again.

Each round people tap and take photos, a backup is made, and more is acknowledged after it; then the machine is lost.
What stood at the backup is there to the byte, all that any receipt called backed up is in it, and after the tablets
have met the new server nothing of what was ever acknowledged is missing.
"""

import random
import secrets
from pathlib import Path

from mobile.photos import take
from server.intake import backups
from server.intake.rebuild import rebuild
from server.intake.restore import restore
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import digest
from tests.contract.files import picture
from tests.contract.keeping import tables
from tests.torture.conftest import Count
from tests.torture.share import at_least
from tests.unit.mobile.world import ANNA, COUNT, LEADER, SCENE, VISIT, YES_NO, Server, Tablet, quiet

RESTORES = at_least(3, 100)
LOST_MIN = 2
"""So many acknowledged operations a round must lose with the machine, on average, or it proves little."""
SAME = (
    "operation",
    "refusal",
    "admission",
    "state",
    "score_sheet",
    "score_section",
    "score_item",
    "dispute",
    "evidence",
)
"""What is the same after restoring as at the backup; chains, photos and the trail say also that it was restored."""


class Office:
    """A server with its backups, and how it is lost."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self.files = BackupFiles(folder / "backups")
        self.at_backup: dict[str, list[str]] = {}
        self.log_at_backup: list[bytes] = []
        self._now_ms = 0

    def back_up(self) -> None:
        """What `hucha backup` does."""
        self._now_ms += 1
        store = self.server.files.store
        backups.back_up(
            self.server.db, store, self.files, clock=lambda: self.server.now_ms + self._now_ms, keep=2
        )
        self.at_backup, self.log_at_backup = tables(self.server.db), self.server.log()

    def watermark(self) -> set[tuple[str, str, int]]:
        """By tablet and epoch, how far receipts say that a backup holds the chain."""
        sql = "SELECT device, epoch, backed_up FROM chain"
        return set(map(tuple, self.server.db.read(lambda conn: conn.exec_driver_sql(sql).fetchall())))

    def numbers(self) -> set[tuple[str, str, int]]:
        """The place in its chain of every operation in the log."""
        sql = "SELECT device, epoch, seq FROM operation UNION SELECT device, epoch, seq FROM refusal"
        return set(map(tuple, self.server.db.read(lambda conn: conn.exec_driver_sql(sql).fetchall())))

    def lose_the_machine(self) -> None:
        """Nothing is left of it; another is made from the newest backup."""
        folder = self.server.path.parent
        self.server.close()
        for path in (*folder.glob("server.db*"), *folder.glob("server-photos/??/*")):
            path.unlink()
        restore(
            self.files,
            lambda: Database.open(f"sqlite:///{self.server.path}"),
            PhotoFiles(folder / "server-photos"),
            now_ms=self.server.now_ms + self._now_ms,
            entropy=secrets.token_bytes,
        )
        self.server._open()


def work(tablet: Tablet, rnd: random.Random, number: int) -> None:
    """Some taps, and now and then a photo."""
    for _ in range(rnd.randint(1, 4)):
        tablet.answer(*rnd.choice([(YES_NO, rnd.random() < 0.5), (COUNT, rnd.randrange(4))]))
        tablet.desk.note(ANNA, VISIT, YES_NO, f"第 {number} 轮 {rnd.random()}")
    if rnd.random() < 0.6:
        taken = take(picture(rnd.getrandbits(24)), tablet.folder / "photos", tablet.vault)
        tablet.desk.attach_photo(LEADER, VISIT, SCENE, taken, screened_by=ANNA)


def test_a_server_restored_again_and_again_is_what_was_backed_up_and_is_filled_again(
    disk: Path, count: Count
) -> None:
    rnd = random.Random(20261126)
    office = Office(disk)
    tablets = [
        Tablet(office.server.path.parent, office.server, name, seed="again") for name in ("one", "two")
    ]
    for tablet in tablets:
        tablet.meet()
    tablets[0].open_visit()
    quiet(*tablets)
    lost = 0
    for number in range(RESTORES):
        for tablet in tablets:
            work(tablet, rnd, number)
        quiet(*tablets)
        office.back_up()
        quiet(*tablets)
        told = office.watermark()
        assert {device for device, _, most in told if most} == {"one", "two"}
        for tablet in rnd.sample(tablets, rnd.randint(1, 2)):
            work(tablet, rnd, number)
            tablet.meet()
        acknowledged = set(office.server.log())
        photos = office.server.photos

        office.lose_the_machine()

        now = tables(office.server.db)
        assert {name: now.get(name) for name in SAME} == {name: office.at_backup.get(name) for name in SAME}
        assert office.server.log() == office.log_at_backup
        assert rebuild(office.server.db, check=True).differences == ()
        held = office.numbers()
        assert all((device, epoch, seq) in held for device, epoch, most in told for seq in range(1, most + 1))
        assert office.watermark() >= {one for one in told if one[2]}
        lost += len(acknowledged - set(office.log_at_backup))

        quiet(*tablets)
        assert set(office.server.log()) >= acknowledged
        assert set(office.server.photos) >= set(photos)
        for sha256 in photos:
            assert digest(office.server.files.store.get(sha256)) == sha256
        assert len({tablet.fold() for tablet in tablets}) == 1
        assert rebuild(office.server.db, check=True).differences == ()
    count(f"{RESTORES} restores, {lost} acknowledged operations lost with the machine, all brought back")
    assert lost >= RESTORES * LOST_MIN, "hardly anything was acknowledged after the backups"
