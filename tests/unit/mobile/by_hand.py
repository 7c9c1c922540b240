"""The way by hand between real tablets and a real server: packages as files, carried by nobody but the test."""

import itertools
from pathlib import Path

from mobile import package
from mobile.package import Told, Tools, Written
from server.intake import packages
from server.intake.packages import Taken, Way
from server.storage.package_files import PackageFiles
from server.storage.packages import PackageRow
from server.storage.photo_files import PhotoFiles
from shared_schema.chance import Chance
from tests.unit.mobile.world import Server, Tablet

COUNT = itertools.count()


def tools(tablet: Tablet) -> Tools:
    """What a tablet writes and reads packages with."""
    chance = Chance(f"{tablet.device}/{next(COUNT)}")
    return Tools(
        tablet.store, tablet.vault, tablet.folder / "photos", chance.bytes, lambda: tablet.clock_ms, "test"
    )


def way(server: Server) -> Way:
    """What a server takes packages in with."""
    folder = server.path.parent
    chance = Chance(f"server/{next(COUNT)}")
    return Way(server.db, PhotoFiles(folder / "photos"), PackageFiles(folder / "packages"), chance.bytes)


def write(tablet: Tablet, folder: Path, split_bytes: int = 0) -> Written:
    """A package of a tablet, as files of a folder, which is made as a stick is put in."""
    folder.mkdir(parents=True, exist_ok=True)
    return package.write(tools(tablet), folder, split_bytes)


def take(server: Server, *paths: Path) -> Taken:
    """The one whole package that these files come to, taken in."""
    its = way(server)
    (source,) = its.files.incoming(paths).whole
    return packages.take(its, source, by="coord", now_ms=server.now_ms)


def give(server: Server, device: str) -> tuple[PackageRow, Path]:
    """A package for a tablet that has not asked."""
    return packages.give(way(server), device, by="coord", now_ms=server.now_ms)


def read(tablet: Tablet, *paths: Path) -> Told:
    """A package from the server, applied."""
    return package.read(tools(tablet), paths)


def carry(tablet: Tablet, server: Server, folder: Path) -> Told:
    """There and back again."""
    taken = take(server, *write(tablet, folder).files)
    assert taken.path is not None
    return read(tablet, taken.path)
