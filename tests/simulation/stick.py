"""Packages carried by hand between tablets and server: damaged, forgotten for days, taken in twice, in any order."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mobile import package
from mobile.package import Tools
from shared_schema.problems import Problem
from tests.simulation.hub import NO_ROOM

if TYPE_CHECKING:
    from tests.simulation.tablets import Tablet
    from tests.simulation.world import World

DAMAGE = frozenset(
    {"package_damaged", "package_foreign", "package_suite", "package_too_new", "receipt_invalid"}
)
"""What may be said of a package that was changed on its way, and nothing else."""


class Carried(NamedTuple):
    """A package on its way, from a tablet or to it."""

    path: Path
    tablet: "Tablet"
    to_server: bool
    ops: frozenset[str]
    """Of a package from a tablet, the operations in it."""


class Stick:
    """Whatever packages somebody carries about in a world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.under_way: list[Carried] = []
        self._count = 0

    def exchange(self, tablet: "Tablet") -> None:
        """A tablet writes a package, and somebody carries it."""
        self._count += 1
        folder = self.world.folder / "stick" / str(self._count)
        folder.mkdir(parents=True)
        with tablet.app():
            written = package.write(_tools(tablet), folder)
        ops = frozenset(one.op for one in tablet.held() if one.status in ("unsent", "relay"))
        self._carry(Carried(written.files[0], tablet, True, ops))

    def give(self, tablet: "Tablet") -> None:
        """The coordinator makes a package for a tablet, without having been asked."""
        try:
            _, path = self.world.hub.give_package(tablet.device, self.world.now_ms, tablet.random.randbytes)
        except Problem as problem:
            # The server was restored from before it learnt this tablet's key, or has turned the tablet away.
            if problem.code not in ("package_keys_missing", "device_revoked"):
                raise
            return
        self._carry(Carried(path, tablet, False, frozenset()))

    def late_package(self) -> None:
        """One that was forgotten in a pocket arrives; which of them is chance."""
        if self.under_way:
            self._deliver(self.under_way.pop(int(self.world.random.random() * len(self.under_way))))

    def _carry(self, carried: Carried) -> None:
        if self.world.weather.strikes("package_late", 0.25):
            self.under_way.append(carried)
        else:
            self._deliver(carried)

    def _deliver(self, carried: Carried) -> None:
        weather = self.world.weather
        where, how = self.world.random.random(), self.world.random.random()
        if weather.strikes("package_damaged", 0.2):
            self._hand_in_damaged(carried, where, how)
        self._hand_in(carried)
        if weather.strikes("package_twice", 0.2):
            self._hand_in(carried)

    def _hand_in_damaged(self, carried: Carried, where: float, how: float) -> None:
        content = carried.path.read_bytes()
        at = int(where * len(content))
        damaged = content[:at]
        if how > 0.4:
            damaged += bytes([content[at] ^ (1 << int(how * 8))]) + content[at + 1 :]
        path = carried.path.with_suffix(".damaged")
        path.write_bytes(damaged)
        said = ""
        try:
            self._hand_in(carried._replace(path=path))
        except Problem as problem:
            said = problem.code
        assert said in DAMAGE | NO_ROOM, f"of a damaged package is said: {said or 'nothing'}"

    def _hand_in(self, carried: Carried) -> None:
        tablet, world = carried.tablet, self.world
        if not carried.to_server:
            with tablet.app():
                package.read(_tools(tablet), [carried.path])
            return
        receipt = world.hub.take_package(carried.path, world.now_ms, tablet.random.randbytes)
        for inspections in world.inspections.values():
            world.touched.update(inspections)
        assert receipt is not None
        self._carry(Carried(receipt, tablet, False, frozenset()))


def _tools(tablet: "Tablet") -> Tools:
    return Tools(
        tablet.store,
        tablet.vault,
        tablet.folder / "photos",
        tablet.random.randbytes,
        tablet.tell_time,
        "older" if tablet.lacks else "sim",
    )
