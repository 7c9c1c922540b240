"""The power goes while packages come in volumes, and while one is kept for a tablet: what was kept is there, whole."""

from pathlib import Path
from random import Random

from server.storage.package_files import PackageFiles
from shared_schema import volumes
from shared_schema.ids import digest
from tests.torture.conftest import Count
from tests.torture.powercut import KINDS, cuts, lay_out, record
from tests.torture.share import part_of
from tests.torture.syscalls import Say

WHOLE = bytes(range(251)) * 12
NAMED = digest(WHOLE)
GIVEN = digest(b"for a tablet")
VOLUME_BYTES = 1200


def test_volumes_and_packages_that_were_kept_outlast_a_power_cut(disk: Path, count: Count) -> None:
    """A stick may be cleared once its volumes are in, though the server's folder of packages was made for them."""

    def keep(said: Say) -> None:
        files = PackageFiles(played / "packages")
        for path in sorted(stick.iterdir())[:-1]:
            files.incoming([path])
            said(path.name.encode())
        files.give(GIVEN, [WHOLE])
        said(GIVEN.encode())

    played, cut, stick = disk / "played", disk / "cut", disk / "stick"
    for folder in (played, stick):
        folder.mkdir()
    contents = _volumes(stick)
    recording = record(keep, played)
    assert len(recording.acks) == len(contents) >= 3
    images = max(len(KINDS) * (len(recording.events) + 1), part_of(20_000))
    for one in cuts(recording, images, Random(1)):
        lay_out(one.files, cut)
        files = PackageFiles(cut / "packages")
        found = {f"{volume.number}.hcx" for volume, _ in files._kept(NAMED).values()}
        for name in found:
            assert (files._inbox(NAMED) / name).read_bytes() == contents[name], "half a volume is kept"
        if files.given(GIVEN).exists():
            assert files.given(GIVEN).read_bytes() == WHOLE, "half a package is given"
            found.add(GIVEN)
        assert {said.decode() for said in one.acked} <= found, f"{one.kind} before event {one.at}"
    count(f"{images} disks, 0 lost")


def _volumes(stick: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    for volume, some in volumes.split([WHOLE], volumes.plan(NAMED, len(WHOLE), VOLUME_BYTES)):
        name = f"{volume.number}.hcx"
        contents[name] = contents.get(name, b"") + some
    for name, content in contents.items():
        (stick / name).write_bytes(content)
    return contents
