"""Uploads of photos as tus clients see them, and what of them is on the disk and in the database."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from server.access import devices
from server.storage.database import Database
from server.storage.partials import KEPT_MS
from shared_schema.ids import digest
from shared_schema.wire import PHOTO_BYTES_MAX, TOKEN_AGE_MS_MAX, UPLOAD_MEDIA_TYPE, ProblemReply
from tests.contract.files import PUBLIC, Files, Reply, metadata, pass_for, picture
from tests.contract.plan import plan
from tests.contract.talk import ask
from tests.unit.server.intake.bombs import black_png

NOW_MS = 1_780_000_000_000
PHOTO = picture(1)
NAME = digest(PHOTO)


class Client:
    """A client of one tablet."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.now_ms = NOW_MS
        self.free = 50.0
        self.files = Files(db, folder, lambda: self.now_ms, free=lambda _: self.free)
        self.headers = pass_for(db, NOW_MS)

    def ask(self, method: str, name: str, body: bytes = b"", **headers: str) -> Reply:
        given = {**self.headers, **{key.replace("_", "-"): value for key, value in headers.items()}}
        reply = self.files.ask(
            method, name, body, {key: value for key, value in given.items() if value != "-"}
        )
        assert reply is not None
        if method != "OPTIONS":
            assert reply.headers["tus-resumable"] == "1.0.0"
        return reply

    def begin(self, content: bytes = PHOTO, **headers: str) -> str:
        given: dict[str, Any] = {
            "upload_length": str(len(content)),
            "upload_metadata": metadata(sha256=digest(content)),
        }
        reply = self.ask("POST", "", **{**given, **headers})
        assert reply.status == 201, reply.body
        assert reply.headers["location"].startswith("/files/")
        return reply.headers["location"].removeprefix("/files/")

    def patch(self, name: str, offset: int, body: bytes, **headers: str) -> Reply:
        return self.ask(
            "PATCH",
            name,
            body,
            **{"upload_offset": str(offset), "content_type": UPLOAD_MEDIA_TYPE, **headers},
        )

    def cut(self, name: str, offset: int, body: bytes, at: int) -> None:
        told = {**self.headers, "upload-offset": str(offset), "content-type": UPLOAD_MEDIA_TYPE}
        assert self.files.ask("PATCH", name, body, told, cut=at) is None

    def offset(self, name: str) -> int:
        reply = self.ask("HEAD", name)
        assert reply.status == 200, reply
        assert reply.headers["cache-control"] == "no-store"
        return int(reply.headers["upload-offset"])

    def photos(self) -> list[str]:
        return [name for (name,) in ask(self.db, "SELECT sha256 FROM photo ORDER BY sha256")]

    def bytes_kept(self) -> dict[str, int]:
        """Every file of bytes, by name."""
        found = [one for one in self.files.folder.rglob("*") if one.is_file() and one.suffix != ".note"]
        return {one.name: one.stat().st_size for one in found}


def code(reply: Reply) -> tuple[int, str]:
    return reply.status, msgspec.json.decode(reply.body, type=ProblemReply).code


def clients(tmp_path: Path) -> Iterator[Client]:
    """A desk over an empty folder, with the small campaign; and then its end."""
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as db:
        db.write(lambda conn: plan(conn, public_key=PUBLIC))
        made = Client(db, tmp_path / "photos")
        yield made
        made.files.close()


client = pytest.fixture(clients, name="client")


def test_the_server_says_what_it_can(client: Client) -> None:
    """Also to somebody who has no pass yet."""
    told = client.ask("OPTIONS", "", hucha_token="-", tus_resumable="-").headers
    assert told["tus-version"] == told["tus-resumable"] == "1.0.0"
    assert told["tus-extension"] == "creation,creation-with-upload,termination,expiration"
    assert told["tus-max-size"] == str(PHOTO_BYTES_MAX)


def test_an_upload_in_parts(client: Client) -> None:
    """Begun, looked at, gone on with; at its end the photo is here and its bytes lie nowhere else."""
    name = client.begin()
    told = client.ask("HEAD", name).headers
    assert (told["upload-offset"], told["upload-length"]) == ("0", str(len(PHOTO)))
    assert told["upload-metadata"] == metadata(sha256=NAME)
    assert told["upload-expires"].endswith(" GMT")
    reply = client.patch(name, 0, PHOTO[:7000])
    assert (reply.status, reply.headers["upload-offset"]) == (204, "7000")
    assert "upload-expires" in reply.headers
    assert client.offset(name) == 7000
    assert client.photos() == []
    reply = client.patch(name, 7000, PHOTO[7000:])
    assert (reply.status, reply.headers["upload-offset"]) == (204, str(len(PHOTO)))
    assert client.photos() == [NAME]
    assert client.files.store.get(NAME) == PHOTO
    assert client.bytes_kept() == {NAME: len(PHOTO)}
    assert client.offset(name) == len(PHOTO)
    assert "upload-expires" not in client.ask("HEAD", name).headers
    assert ask(client.db, "SELECT size_bytes, media_type, device FROM photo") == [
        (len(PHOTO), "image/jpeg", "D-1")
    ]


def test_an_upload_in_the_request_that_begins_it(client: Client) -> None:
    """The whole of it, or its first bytes."""
    told: dict[str, Any] = {"upload_length": str(len(PHOTO)), "content_type": UPLOAD_MEDIA_TYPE}
    reply = client.ask("POST", "", PHOTO, **told)
    assert (reply.status, reply.headers["upload-offset"]) == (201, str(len(PHOTO)))
    other = picture(2)
    reply = client.ask("POST", "", other[:100], **told, upload_metadata=metadata(sha256=digest(other)))
    assert (reply.status, reply.headers["upload-offset"]) == (201, "100")
    assert client.patch(reply.headers["location"].removeprefix("/files/"), 100, other[100:]).status == 204
    assert client.photos() == sorted([NAME, digest(other)])


def test_a_client_that_knows_no_hash_is_told_nothing_less(client: Client) -> None:
    """A random name, and the hash is found at the end."""
    first, second = client.begin(upload_metadata=""), client.begin(upload_metadata="")
    assert first != second
    assert client.patch(first, 0, PHOTO).status == 204
    assert client.photos() == [NAME]
    assert (client.offset(first), client.offset(second)) == (len(PHOTO), 0)
    assert client.patch(second, 0, PHOTO).status == 204
    assert client.photos() == [NAME], "the same bytes twice are one photo"


def test_beginning_again_finds_what_there_is(client: Client) -> None:
    """The same hash and size: nothing new is made, before the end and after it."""
    name = client.begin()
    client.patch(name, 0, PHOTO[:5000])
    assert client.begin() == name
    assert client.offset(name) == 5000
    told: dict[str, Any] = {"upload_length": str(len(PHOTO)), "upload_metadata": metadata(sha256=NAME)}
    again = client.ask("POST", "", PHOTO[:3000], **told, content_type=UPLOAD_MEDIA_TYPE)
    assert (again.status, again.headers["upload-offset"]) == (201, "5000")
    client.patch(name, 5000, PHOTO[5000:])
    again = client.ask("POST", "", PHOTO[:3000], **told, content_type=UPLOAD_MEDIA_TYPE)
    assert (again.status, again.headers["upload-offset"]) == (201, str(len(PHOTO)))
    assert client.bytes_kept() == {NAME: len(PHOTO)}


@pytest.mark.parametrize("at", [0, 1, 4095, 16 * 1024, 19_999])
def test_bytes_that_arrived_before_a_cut_stay(client: Client, at: int) -> None:
    name = client.begin()
    client.cut(name, 0, PHOTO, at)
    assert client.offset(name) == at
    assert client.patch(name, at, PHOTO[at:]).status == 204
    assert client.files.store.get(NAME) == PHOTO


def test_the_wrong_offset_is_told_with_the_right_one(client: Client) -> None:
    name = client.begin()
    client.patch(name, 0, PHOTO[:10])
    for offset in (0, 9, 11, len(PHOTO)):
        reply = client.patch(name, offset, PHOTO[:5])
        assert code(reply) == (409, "upload_offset")
        assert b'"offset":"10"' in reply.body
    assert client.offset(name) == 10


def test_more_bytes_than_announced_are_refused(client: Client) -> None:
    name = client.begin()
    assert code(client.patch(name, 0, PHOTO + b"!")) == (413, "request_too_large")
    assert client.offset(name) == 0
    chunked = {"content_length": "-", "transfer_encoding": "chunked"}
    assert code(client.patch(name, 0, PHOTO + b"!", **chunked)) == (413, "request_too_large")
    assert client.photos() == []
    assert client.patch(name, client.offset(name), PHOTO[client.offset(name) :], **chunked).status == 204
    assert code(client.patch(name, len(PHOTO), b"!")) == (413, "request_too_large")
    assert client.photos() == [NAME]


@pytest.mark.parametrize("damage", ["last byte", "in the middle"])
def test_a_damaged_photo_is_refused_and_begins_anew(client: Client, damage: str) -> None:
    at = len(PHOTO) - 1 if damage == "last byte" else 9000
    wrong = PHOTO[:at] + bytes([PHOTO[at] ^ 1]) + PHOTO[at + 1 :]
    name = client.begin()
    client.patch(name, 0, wrong[:12_000])
    assert code(client.patch(name, 12_000, wrong[12_000:])) == (422, "photo_wrong_hash")
    assert client.bytes_kept() == {}
    assert client.ask("HEAD", name).status == 404
    assert client.begin() == name
    assert client.offset(name) == 0
    assert client.patch(name, 0, PHOTO).status == 204


def _image(kind: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: _image("GIF"), (415, "photo_type")),
        (lambda: _image("TIFF"), (415, "photo_type")),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", (415, "photo_type")),
        (lambda: b"\xff\xd8\xff" + b"no picture" * 9, (415, "photo_type")),
        (lambda: black_png(10_000, 4_001), (413, "photo_too_many_pixels")),
        (lambda: black_png(60_000, 60_000), (413, "photo_too_many_pixels")),
    ],
    ids=["gif", "tiff", "svg", "garbage", "pixels", "bomb"],
)
def test_what_is_no_photo_is_refused_by_its_bytes(
    client: Client, make: Callable[[], bytes], refusal: tuple[int, str]
) -> None:
    content = make()
    name = client.begin(content)
    assert code(client.patch(name, 0, content)) == refusal
    assert client.bytes_kept() == {}
    assert client.photos() == []


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_what_is_a_photo_is_taken_by_its_bytes(client: Client, kind: str) -> None:
    content = _image(kind)
    assert client.patch(client.begin(content), 0, content).status == 204
    assert ask(client.db, "SELECT media_type FROM photo") == [(f"image/{kind.lower()}",)]


def test_a_photo_with_a_second_picture_in_it_is_taken(client: Client) -> None:
    """Many telephones write a JPEG that holds a smaller or brighter one behind the first."""
    out = BytesIO()
    small = Image.new("RGB", (8, 8), "red")
    Image.new("RGB", (16, 16)).save(out, "MPO", save_all=True, append_images=[small])
    content = out.getvalue()
    assert client.patch(client.begin(content), 0, content).status == 204
    assert ask(client.db, "SELECT media_type FROM photo") == [("image/jpeg",)]


def test_an_upload_can_be_given_up(client: Client) -> None:
    """Its bytes go. A photo that was received stays, because it is evidence."""
    name = client.begin()
    client.patch(name, 0, PHOTO[:100])
    assert client.ask("DELETE", name).status == 204
    assert client.bytes_kept() == {}
    assert client.ask("HEAD", name).status == client.ask("DELETE", name).status == 404
    assert code(client.patch(name, 100, b"x")) == (404, "not_found")
    name = client.begin()
    client.patch(name, 0, PHOTO)
    assert client.ask("DELETE", name).status == 204
    assert client.ask("HEAD", name).status == 404
    assert client.photos() == [NAME]
    assert client.files.store.get(NAME) == PHOTO


def test_what_nobody_goes_on_with_expires(client: Client) -> None:
    name = client.begin()
    client.patch(name, 0, PHOTO[:100])
    client.now_ms += KEPT_MS - 1
    client.headers = pass_for(client.db, client.now_ms)
    assert client.offset(name) == 100
    client.patch(name, 100, PHOTO[100:200])
    client.now_ms += KEPT_MS - 1
    client.headers = pass_for(client.db, client.now_ms)
    assert client.offset(name) == 200, "each part begins the week anew"
    client.now_ms += 2
    assert client.ask("HEAD", name).status == 404
    assert client.bytes_kept() == {}
    left = client.begin(picture(2))
    client.patch(left, 0, b"123")
    client.now_ms += KEPT_MS + 1
    client.headers = pass_for(client.db, client.now_ms)
    client.begin(picture(3))
    assert client.bytes_kept() == {f"{digest(picture(3))}-{len(picture(3))}": 0}, "the sweep took the other"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"tus_resumable": "-"}, (412, "tus_version_unsupported")),
        ({"tus_resumable": "0.9.0"}, (412, "tus_version_unsupported")),
        ({"hucha_token": "-"}, (401, "signature_invalid")),
        ({"hucha_token": "D-1"}, (401, "signature_invalid")),
        ({"hucha_token": f"D-1.{NOW_MS}.00"}, (401, "signature_invalid")),
        ({"hucha_token": f"D-99.{NOW_MS}.{'0' * 128}"}, (401, "device_unknown")),
        ({"hucha_token": "x" * 9999}, (401, "signature_invalid")),
    ],
)
def test_nothing_happens_for_a_stranger_or_in_another_tongue(
    client: Client, change: dict[str, Any], refusal: tuple[int, str]
) -> None:
    name = client.begin()
    told: dict[str, Any] = {"upload_length": "5"}
    for reply in (client.ask("POST", "", **told, **change), client.patch(name, 0, PHOTO, **change)):
        assert code(reply) == refusal
        assert ("tus-version" in reply.headers) == (refusal[0] == 412)
    assert (
        client.ask("HEAD", name, **change).status == client.ask("DELETE", name, **change).status == refusal[0]
    )
    assert client.offset(name) == 0


@pytest.mark.parametrize("by_ms", [-TOKEN_AGE_MS_MAX, TOKEN_AGE_MS_MAX])
def test_a_pass_is_good_for_half_a_day_around_its_time(client: Client, by_ms: int) -> None:
    client.begin()
    client.now_ms += by_ms
    name = client.begin()
    client.now_ms += 1 if by_ms > 0 else -1
    assert code(client.patch(name, 0, PHOTO)) == (401, "token_expired")
    client.headers = pass_for(client.db, client.now_ms)
    assert client.patch(name, 0, PHOTO).status == 204


def test_a_tablet_turned_away_may_still_bring_the_evidence_it_has(client: Client) -> None:
    client.db.write(lambda conn: devices.revoke(conn, "D-1", NOW_MS))
    assert client.patch(client.begin(), 0, PHOTO).status == 204


def test_no_tablet_reaches_the_uploads_of_another(client: Client) -> None:
    """Not even by the same name: each has its own."""
    name = client.begin()
    client.patch(name, 0, PHOTO[:100])
    other = pass_for(client.db, NOW_MS, "D-2")
    for method in ("HEAD", "DELETE"):
        assert client.ask(method, name, hucha_token=other["hucha-token"]).status == 404
    assert client.patch(name, 100, PHOTO[100:], hucha_token=other["hucha-token"]).status == 404
    assert client.begin(hucha_token=other["hucha-token"]) == name
    assert client.ask("HEAD", name, hucha_token=other["hucha-token"]).headers["upload-offset"] == "0"
    assert client.offset(name) == 100


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "x" * 64, NAME, f"{NAME}-5/..", f"{NAME}-5.note", f"{NAME}-123456789", "CON", "\0"],
)
def test_nothing_else_is_an_upload(client: Client, name: str) -> None:
    client.begin()
    assert client.ask("HEAD", name).status == 404
    assert client.patch(name, 0, PHOTO).status == 404
    assert client.ask("DELETE", name).status == 404


def test_other_verbs_are_not_known(client: Client) -> None:
    name = client.begin()
    for method in ("PUT", "TRACE"):
        assert client.ask(method, name).status == 405
    for method, where in (("POST", name), ("PATCH", ""), ("GET", "")):
        assert client.ask(method, where).status == 405
    assert client.ask("POST", name, x_http_method_override="HEAD").headers["upload-offset"] == "0"


def test_a_nearly_full_disk_takes_no_photos(client: Client) -> None:
    """Begun or not; with room again it goes on where it was."""
    name = client.begin()
    client.patch(name, 0, PHOTO[:100])
    client.free = 4.9
    for reply in (client.ask("POST", "", upload_length="9"), client.patch(name, 100, PHOTO[100:])):
        assert code(reply) == (507, "disk_full")
        assert int(reply.headers["retry-after"]) > 0
    assert client.offset(name) == 100
    client.free = 9.9
    assert client.patch(name, 100, PHOTO[100:]).status == 204


def test_the_same_photo_of_two_tablets_is_kept_once(client: Client) -> None:
    """Whoever begins later finds it here, whole; whoever was under way brings it to its end."""
    other = pass_for(client.db, NOW_MS, "D-2")
    client.begin(hucha_token=other["hucha-token"])
    assert client.patch(client.begin(), 0, PHOTO).status == 204
    assert client.patch(f"{NAME}-{len(PHOTO)}", 0, PHOTO, hucha_token=other["hucha-token"]).status == 204
    third = client.begin(hucha_token=pass_for(client.db, NOW_MS, "D-22")["hucha-token"])
    assert third == f"{NAME}-{len(PHOTO)}"
    assert client.bytes_kept() == {NAME: len(PHOTO)}
    assert client.photos() == [NAME]
