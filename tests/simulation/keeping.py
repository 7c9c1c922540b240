"""Backups of the server as they are really made and restored, and tablets cleared of what they hold."""

from random import Random
from typing import TYPE_CHECKING

from mobile import purge
from server.intake import backups
from server.intake.restore import restore
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.migrations import server_id
from server.storage.photo_files import PhotoFiles
from tests.simulation import trouble
from tests.simulation.tablets import Tablet

if TYPE_CHECKING:
    from tests.simulation.world import World

KEPT = 3
LATER_MS = 400 * 86_400_000
"""So long after today every visit's day is past, also of those that are under way: the more is in danger."""


class Keeper:
    """Who looks after the server's backups in a world. In one where tablets are cleared, they are all there is."""

    def __init__(self, world: "World", seed: int) -> None:
        self._world = world
        self._random = Random(seed)
        self.files = BackupFiles(world.folder / "backups")
        self.purges = world.weather.may_strike("purged")
        self.purged: set[str] = set()
        """Every operation that was ever cleared from a tablet: none of them may be lost by what is restored."""
        self.logged: set[str] = set()
        """Every operation that was in the log when a machine was lost: later in a step nobody could see it there."""
        self.photos: set[str] = set()
        """Every photo that was here then."""
        self.photos_lost: set[str] = set()
        """Every photo that tablets had cleared, and an older backup has not."""
        self.photos_purged: set[str] = set()
        """As `purged`, of photos."""
        self.count = 0
        self._ever: set[str] = set()
        """Every operation that was ever cleared, whatever was restored since."""
        self._servers = {self._named()}
        """What the server was called since it last came up with an older backup than the newest: by the word of the one
        before that, tablets go on clearing what this one has not."""

    def back_up(self) -> None:
        """What `hucha backup` does."""
        hub = self._world.hub
        self.count += 1
        backups.back_up(
            hub.db, hub.files.store, self.files, clock=lambda: self._world.now_ms + self.count, keep=KEPT
        )

    def _named(self) -> str:
        return self._world.hub.db.read(server_id)

    def restore(self) -> None:
        """What `hucha restore` does, on another machine: of the newest backup, or of another one that is kept."""
        hub, weather = self._world.hub, self._world.weather
        older = self.files.names()[:-1]
        # Never every time: what an older one hides would otherwise be excused by the next.
        wanted = weather.later.random() < 0.5 and older and weather.strikes("older_backup", 1.0)
        name = weather.later.choice(older) if wanted else ""
        hub.close()
        for path in (*hub.folder.glob("server.db*"), *hub.folder.glob("photos/??/*")):
            path.unlink()
        restore(
            self.files,
            lambda: Database.open(f"sqlite:///{hub.folder / 'server.db'}"),
            PhotoFiles(hub.folder / "photos"),
            name=name,
            now_ms=self._world.now_ms,
            entropy=self._random.randbytes,
        )
        hub.reopen()
        here = hub.ids()
        if name:
            self._servers = set()
            self.purged = self._ever & here
            self.photos_purged = self._cleared_photos() & hub.photos()
        self._servers.add(self._named())
        # What an older one had lost, a newer one may have.
        self._world.destroyed -= here
        trouble.count_destroyed(self._world)
        self.look_after_photos()
        if name:
            self.back_up()  # as operators are told: until then the newest one holds something else

    def cleared(self, tablet: Tablet, gone: set[str], photos: set[str]) -> None:
        """This was cleared from a tablet: none of it may be lost, as long as the newest backups are restored."""
        self._ever |= gone
        identity = tablet.store.identity()
        if identity is not None and identity.server in self._servers:
            self.purged |= gone
            self.photos_purged |= photos
        else:
            trouble.count_destroyed(self._world)
            self.look_after_photos()

    def look_after_photos(self) -> None:
        """What tablets have cleared by the word of a newer backup than the server goes on from, it has not."""
        if self._world.weather.counts["older_backup"]:
            self.photos_lost |= self._cleared_photos() - self._world.hub.photos() - self.photos_purged

    def _cleared_photos(self) -> set[str]:
        return {sha256 for one in self._world.tablets for sha256 in one.photos_cleared()}

    def lose_the_machine(self) -> None:
        """If the weather brings it now and there is a backup, the server goes on from that."""
        if self.count and self._world.weather.strikes("backup_restored", 0.9):
            self.logged |= self._world.hub.ids()
            self.photos |= self._world.hub.photos()
            self.restore()


def clear_tablets(world: "World") -> None:
    """Somebody clears a tablet, or a squad all of its own, of what the backup holds; or wants a visit back."""
    tablet = world.draw_tablet()
    back, squad, morning, backed, lost = (world.random.random() for _ in range(5))
    if not world.keeper.purges:
        return
    if back < 0.15:
        for inspection in sorted(tablet.store.purged()):
            tablet.store.fetch_again(inspection)
        return
    if not world.weather.strikes("purged", 1.0):
        return
    # Whether a word from before an older backup is believed shows only until the next backup, if the machine is lost.
    again = world.weather.counts["older_backup"] > 0
    tablets = [one for one in world.tablets if one is tablet or (squad < 0.6 and one.squad == tablet.squad)]
    if morning < 0.85:
        # In the evening everything is handed over, at night it is backed up, in the morning the tablets hear of it.
        _exchange(tablets)
        if backed < (0.2 if again else 0.6):
            world.keeper.back_up()
        _exchange(tablets)
    gone = [_clear(world, one) for one in tablets]
    if not any(gone):
        world.weather.counts["purged"] -= 1
    elif lost < (0.8 if again else 0.4):
        world.keeper.lose_the_machine()


def _exchange(tablets: list[Tablet]) -> None:
    for tablet in tablets:
        if tablet.flight is None:
            tablet.exchange()


def _clear(world: "World", tablet: Tablet) -> set[str]:
    before, photos = {one.op for one in tablet.held()}, tablet.photos_cleared()
    with tablet.app():
        wanted = purge.plan(tablet.store, world.now_ms + LATER_MS)
        purge.clear(tablet.store, wanted, tablet.folder / "photos")
    gone = before - {one.op for one in tablet.held()}
    world.keeper.cleared(tablet, gone, tablet.photos_cleared() - photos)
    return gone


def bring_all_back(world: "World") -> None:
    """In the end everybody wants everything back that was cleared: it must be what it was."""
    for tablet in world.tablets:
        for inspection in sorted(tablet.store.purged()):
            tablet.store.fetch_again(inspection)
