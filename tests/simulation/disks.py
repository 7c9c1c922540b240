"""Disks that fill up and files that another process holds, on the server and on tablets, until somebody sees to it."""

from typing import TYPE_CHECKING

from shared_schema.problems import Problem
from tests.simulation.hub import NO_ROOM, Hub
from tests.simulation.tablets import Tablet

if TYPE_CHECKING:
    from tests.simulation.world import World

EASED = 0.5
"""How likely it is, each time somebody looks, that it is put right."""


class Disks:
    """What is the matter with the disks of a world; counts what was really refused for it."""

    def __init__(self, world: "World") -> None:
        self.world = world
        world.hub.found_no_room = self._found

    def _found(self, code: str) -> None:
        self.world.weather.met("server_full" if code == "disk_full" else "server_locked")

    def trouble(self) -> None:
        """Somewhere a disk is full, or a file is held."""
        world, hub = self.world, self.world.hub
        tablet = world.draw_tablet()
        if world.weather.draws("server_full", 0.5) and not hub.in_trouble():
            hub.fill()
        if world.weather.draws("server_locked", 0.4) and not hub.in_trouble():
            hub.hold()
        if world.weather.draws("tablet_full", 0.6):
            tablet.fill()

    def look_after(self) -> None:
        """Somebody sees to each of them, perhaps."""
        places: list[Hub | Tablet] = [self.world.hub, *self.world.tablets]
        for one in places:
            if self.world.random.random() < EASED:
                one.ease()

    def ease(self) -> None:
        """All is well again."""
        self.world.hub.ease()
        for tablet in self.world.tablets:
            tablet.ease()

    def why(self, problem: Problem) -> bool:
        """Whether a disk of this world is to blame; what a tablet has said so of is counted."""
        if problem.code not in NO_ROOM:
            return False
        if problem.facts.get("path"):
            assert any(tablet.full for tablet in self.world.tablets), "a tablet says so on a good disk"
            self.world.weather.met("tablet_full")
        return True
