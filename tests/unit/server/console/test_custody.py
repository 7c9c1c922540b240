"""Where each photo is, from the tablet to the backup; and how many are still on which tablet, to the photo."""

from functools import partial

from msgspec.structs import replace

from server.console import board
from server.console.custody import custody_of
from server.intake import exchange, taking
from server.storage import console_inspection as store
from server.storage import photos
from server.storage.console_inspection import Picture
from server.storage.database import Connection
from shared_schema.ids import DeviceId, digest
from shared_schema.operations import EvidenceAttached, EvidenceRemoved
from shared_schema.wire import ExchangeRequest, encode, read_reply
from tests.contract.files import metadata, pass_for, picture
from tests.contract.talk import ask
from tests.make import Scribe
from tests.parcels import KEY
from tests.unit.server.console.desk import Console


class Team:
    """The first squad at its open visit, with two tablets that take photos."""

    def __init__(self, place: Console) -> None:
        self.place = place
        team = place.season.plan.teams[0]
        self.inspection = place.season.opened[0]
        leader, other = team.members[0], next(one for one in team.members if one.role == "inspector")
        self.scribes = [
            Scribe(device=one.tablet, person=one.person.id, epoch=f"E-photo-{at}", inspection=self.inspection)
            for at, one in enumerate((leader, other))
        ]
        self.item = next(one.id for one in place.season.plan.checklist.items if one.photo != "forbidden")

    def attach(self, tablet: int, name: str, content: bytes) -> None:
        body = EvidenceAttached(
            evidence=name,
            item=self.item,
            finding="",
            sha256=digest(content),
            size_bytes=len(content),
            media_type="image/jpeg",
            caption=name,
        )
        self._send(tablet, body)

    def remove(self, tablet: int, name: str) -> None:
        scribe = self.scribes[tablet]
        bases = tuple(one.id for one in scribe.written if getattr(one.body, "evidence", "") == name)
        self._send(tablet, EvidenceRemoved(name, "重复"), bases)

    def _send(self, tablet: int, body: object, bases: tuple[str, ...] = ()) -> None:
        scribe = self.scribes[tablet]
        operation = scribe.write(body, bases=bases)  # type: ignore[arg-type]

        def run(conn: Connection) -> None:
            taken = taking.take(
                conn,
                [operation.raw],
                device=DeviceId(scribe.device),
                role_of=lambda _device: lambda _row, _person: "leader",
                now_ms=self.place.now_ms,
            )
            assert [one.status for one in taken.statuses] == ["accepted"]

        self.place.db.write(run)

    def arrive(self, tablet: int, content: bytes) -> None:
        device = DeviceId(self.scribes[tablet].device)
        self.place.db.write(
            partial(
                photos.add,
                sha256=digest(content),
                size_bytes=len(content),
                media_type="image/jpeg",
                device=device,
                now_ms=self.place.now_ms,
            )
        )

    def left(self, tablet: int) -> tuple[int, int]:
        """Of the board: photos still on this tablet, of how many."""
        rows = self.place.db.read(
            lambda conn: board.tablets(conn, self.place.season.campaign, self.place.now_ms)
        )
        (one,) = [one for one in rows if one.line.id == self.scribes[tablet].device]
        return one.photos_left, one.line.photos_expected

    def picture(self, name: str) -> Picture:
        found = self.place.db.read(lambda conn: store.pictures(conn, self.inspection))
        return next(one for one in found if one.evidence == name)


def test_the_count_on_the_board_is_exact(place: Console) -> None:
    """Bytes are counted, not mentions: each once for each tablet that took them, as long as one mention stands."""
    team = Team(place)
    before = [team.left(tablet) for tablet in (0, 1)]

    def more(tablet: int) -> tuple[int, int]:
        now = team.left(tablet)
        return now[0] - before[tablet][0], now[1] - before[tablet][1]

    one, two, shared = picture(1), picture(2), picture(3)
    team.attach(0, "P1", one)
    team.attach(0, "P2", two)
    team.attach(0, "P2-again", two)
    assert more(0) == (2, 2), "the same bytes on two findings are one photo"
    team.attach(0, "P3", shared)
    team.attach(1, "P3-other", shared)
    assert (more(0), more(1)) == ((3, 3), (1, 1)), "taken by both: each still has it"
    team.arrive(1, shared)
    assert (more(0), more(1)) == ((2, 3), (0, 1)), "whoever brings it, it is here"
    team.arrive(0, one)
    assert more(0) == (1, 3)
    team.remove(0, "P2")
    assert more(0) == (1, 3), "its other mention stands"
    team.remove(0, "P2-again")
    assert more(0) == (0, 2), "nobody waits for a photo that was taken back"


def test_a_photo_is_followed_from_tablet_to_backup(place: Console) -> None:
    """Through the real upload and the real exchange; each step is on the page."""
    team, desk, content = Team(place), place.desk("coordinator"), picture(5)
    place.parcels  # noqa: B018 - gives the leader's tablet its key
    device, name = team.scribes[0].device, digest(content)
    team.attach(0, "P-way", content)
    headers = pass_for(place.db, place.now_ms, device, KEY)

    def page() -> str:
        text = desk.get(f"/inspections/{team.inspection}").text
        return text[text.index("P-way") : text.index(name[:12])]

    assert "仍在平板上" in page()
    client = place.client
    told = {"upload-length": str(len(content)), "upload-metadata": metadata(sha256=name)}
    location = client.post("/files", headers={**headers, **told}).headers["location"]
    assert "仍在平板上" in page(), "begun, and not a byte has come"
    part = {**headers, "content-type": "application/offset+octet-stream", "upload-offset": "0"}
    half = len(content) // 2
    assert client.patch(location, content=content[:half], headers=part).status_code == 204
    assert "上传中 50%" in page()
    part["upload-offset"] = str(half)
    assert client.patch(location, content=content[half:], headers=part).status_code == 204
    assert "已收到" in page()
    assert desk.get(f"/inspections/{team.inspection}/photos/P-way/small").status == 200
    request = ExchangeRequest(device=device, photos=(name,))

    def talk(conn: Connection) -> bytes:
        return exchange.exchange(conn, encode(request), device=DeviceId(device), now_ms=place.now_ms)

    reply = read_reply(place.db.write(talk))
    assert reply.receipt is not None
    assert reply.receipt.photos == (name,)
    assert "已给回执" in page()
    place.db.write(lambda conn: ask_update(conn, name))
    assert "已备份" in page()


def ask_update(conn: Connection, name: str) -> None:
    """As a backup notes what it holds."""
    conn.exec_driver_sql(f"UPDATE photo SET backed_up = 1 WHERE sha256 = '{name}'")


def test_all_bytes_and_no_verdict_is_not_received(place: Console) -> None:
    """A server killed before its check has the bytes and not the photo."""
    team, content = Team(place), picture(6)
    team.attach(0, "P-whole", content)
    found = custody_of(team.picture("P-whole"), lambda _name, size: size)
    assert (found.state, found.percent) == ("on_its_way", 99)


def test_what_a_receipt_named_before_is_not_written_again(place: Console) -> None:
    """The first time is what is kept."""
    team, content = Team(place), picture(7)
    team.attach(0, "P-first", content)
    team.arrive(0, content)
    name, device = digest(content), team.scribes[0].device
    request = encode(ExchangeRequest(device=device, photos=(name,)))
    for at_ms in (1_000, 2_000):
        place.db.write(
            partial(exchange.exchange, request_bytes=request, device=DeviceId(device), now_ms=at_ms)
        )
    assert ask(place.db, f"SELECT receipted_at_ms FROM photo WHERE sha256 = '{name}'") == [(1_000,)]


def test_what_a_tablet_was_told_is_written_only_when_it_is_something_else(place: Console) -> None:
    """An exchange that tells nothing new leaves its row alone; one with a new cursor does not."""
    device = Team(place).scribes[0].device
    request = ExchangeRequest(device=device)

    def changes(asked: ExchangeRequest) -> int:
        def run(conn: Connection) -> int:
            from server.storage import packages

            before = _changed(conn)
            packages.keep_told(conn, device, exchange._told(asked, reply))
            return _changed(conn) - before

        return place.db.write(run)

    reply = read_reply(
        place.db.write(
            lambda conn: exchange.exchange(conn, encode(request), device=DeviceId(device), now_ms=1)
        )
    )
    assert changes(request) == 0
    moved = replace(request, cursors={"I-1": 7})
    assert changes(moved) == 1
    assert changes(moved) == 0


def _changed(conn: Connection) -> int:
    return int(conn.exec_driver_sql("SELECT total_changes()").scalar_one())
