"""What lies in a tablet's file, as somebody sees it who looks in from outside."""

from collections.abc import Callable
from typing import NamedTuple

from mobile.store import Store
from shared_schema.operations import Operation


class Held(NamedTuple):
    """One operation in a tablet's file."""

    op: str
    inspection: str
    own: bool
    status: str
    raw: bytes


class WatchedStore(Store):
    """The real store, which tells the world of each operation before it is committed."""

    watch: Callable[[Operation], object] = staticmethod(lambda operation: None)

    def record(self, operation: Operation, photo: tuple[str, str] | None = None) -> None:
        """As the store does it."""
        self.watch(operation)
        super().record(operation, photo)


class TabletFile:
    """What a tablet's file says of operations and photos."""

    store: Store

    def held(self) -> list[Held]:
        """Every operation in the file, but those that were cleared away."""
        sql = "SELECT id, inspection, own, status, raw FROM operation WHERE raw <> x'' ORDER BY position"
        rows = self.store._db.execute(sql).fetchall()
        return [Held(op, inspection, bool(own), status, raw) for op, inspection, own, status, raw in rows]

    def photos_owed(self) -> list[str]:
        """The photos of own operations that the server has taken."""
        sql = (
            "SELECT p.sha256 FROM photo p JOIN photo_use u ON u.sha256 = p.sha256"
            " JOIN operation o ON o.id = u.operation AND o.own WHERE o.status IN ('accepted', 'held')"
        )
        return [sha256 for (sha256,) in self.store._db.execute(sql).fetchall()]

    def photos_received(self, *, signed: bool) -> list[str]:
        """The photos that this tablet says the server has, or only those that the server has signed for."""
        sql = "SELECT sha256 FROM photo WHERE status = 'received' AND receipt >= ?"
        return [sha256 for (sha256,) in self.store._db.execute(sql, (signed,)).fetchall()]

    def photos_cleared(self) -> set[str]:
        """The photos that were cleared from here."""
        rows = self.store._db.execute("SELECT sha256 FROM photo WHERE status = 'purged'").fetchall()
        return {sha256 for (sha256,) in rows}

    def lost(self) -> set[str]:
        """What was cleared from here, and of which the tablet says that the server has lost it."""
        rows = self.store._db.execute("SELECT id FROM operation WHERE status = 'lost'").fetchall()
        return {op for (op,) in rows}

    def photos_of_own(self) -> list[str]:
        """The photos of own operations that are on this tablet's disk."""
        sql = (
            "SELECT DISTINCT p.sha256 FROM photo p JOIN photo_use u ON u.sha256 = p.sha256"
            " JOIN operation o ON o.id = u.operation AND o.own WHERE p.status != 'missing'"
        )
        return [sha256 for (sha256,) in self.store._db.execute(sql).fetchall()]
