"""The end of an upload, cut short wherever: what was whole is finished later, and nobody hears of it as here before."""

import errno
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from server.access import devices
from server.access.keys import public_keys
from server.intake import uploads
from server.intake.tus import Creation, Part
from server.storage import writer
from server.storage.partials import KEPT_MS
from shared_schema.ids import DeviceId, digest
from shared_schema.problems import Problem
from shared_schema.proofs import refusal_text
from shared_schema.wire import UPLOAD_MEDIA_TYPE, ProblemReply
from tests.contract.files import metadata, pass_for, picture
from tests.contract.talk import ask, do
from tests.unit.server.intake.bombs import png_that_says
from tests.unit.server.intake.test_upload_desk import NAME, NOW_MS, PHOTO, Client, clients, code

DEVICE = DeviceId("D-1")

client = pytest.fixture(clients, name="client")


def test_whole_but_unfinished_is_finished_when_asked_for(client: Client) -> None:
    """The server was killed after the last byte: nobody has been told, and the client asks how far it is."""
    name = client.begin()
    client.cut(name, 0, PHOTO, len(PHOTO))
    assert client.photos() == []
    assert client.offset(name) == len(PHOTO)
    assert client.photos() == [NAME]
    other = picture(3)
    name = client.begin(other)
    client.cut(name, 0, other, len(other))
    assert client.patch(name, len(other), b"").status == 204
    assert digest(other) in client.photos()


def test_a_clock_that_was_ahead_once_leaves_no_broken_upload_for_ever(client: Client) -> None:
    """What expires after it was set right is removed as ever."""

    def begin(number: int, now_ms: int) -> str:
        asked = Creation(20_000, "", digest(picture(number)), has_body=False, body_bytes=None)
        return client.files.uploads.begin(DEVICE, client.files.uploads.name_for(asked), asked, now_ms).name

    begin(1, NOW_MS + 100 * KEPT_MS)
    broken = begin(2, NOW_MS)
    begin(3, NOW_MS + 2 * KEPT_MS)
    assert client.files.partials.offset(DEVICE, broken) is None


@pytest.mark.parametrize("named", [True, False])
def test_kept_but_not_noted_is_noted_when_asked_for(
    client: Client, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """The database had no time just then, or the server was killed there: no byte has to come again."""
    name = client.begin(upload_metadata=metadata(sha256=NAME) if named else "")
    with monkeypatch.context() as crowd:
        crowd.setattr(writer, "QUEUE_REQUESTS_MAX", 0)
        assert code(client.patch(name, 0, PHOTO)) == (503, "busy")
        assert client.ask("HEAD", name).status == 503, "nor is it said to be here"
    assert client.photos() == []
    assert client.offset(name) == len(PHOTO)
    assert ask(client.db, "SELECT sha256, size_bytes, media_type, device FROM photo") == [
        (NAME, len(PHOTO), "image/jpeg", "D-1")
    ]
    assert client.bytes_kept() == {NAME: len(PHOTO)}


@pytest.mark.parametrize("readable", [False, True])
@pytest.mark.parametrize("noted", [False, True])
def test_what_a_disk_has_damaged_is_sent_again(client: Client, noted: bool, readable: bool) -> None:
    """After a restore on the machine it was lost on: its file is not what its name says, or unreadable."""
    name = client.begin()
    client.patch(name, 0, PHOTO)
    if not noted:
        do(client.db, "DELETE FROM photo")
    (lies,) = client.files.folder.rglob(NAME)
    lies.write_bytes(bytes([*PHOTO[:-1], PHOTO[-1] ^ 1]))
    if not readable:
        lies.unlink()
        lies.symlink_to("/proc/self/mem")  # its first byte is EIO
    assert client.offset(name) == 0
    assert client.photos() == [NAME] * noted
    assert client.patch(name, 0, PHOTO).status == 204
    assert client.photos() == [NAME]
    assert client.files.store.get(NAME) == PHOTO


@pytest.mark.parametrize("named", [True, False])
def test_a_store_that_does_not_answer_has_lost_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """Another machine's, mostly: who asks comes again later, and sends no photo anew that is there."""

    def away(*_: object) -> bytes:
        raise Problem("busy")

    name = client.begin(upload_metadata=metadata(sha256=NAME) if named else "")
    client.patch(name, 0, PHOTO)
    with monkeypatch.context() as silent:
        silent.setattr(client.files.store, "get", away)
        assert client.ask("HEAD", name).status == client.ask("GET", name).status == 503
    assert client.offset(name) == len(PHOTO)
    assert client.ask("GET", name).body == PHOTO


@pytest.mark.parametrize("wrong", [False, True])
def test_whole_but_unfinished_is_finished_when_begun_again(client: Client, wrong: bool) -> None:
    """A small photo goes with the request that begins it, and its sender, cut off, asks the very same again.

    What it hears as whole is here; bytes that are not the photo are no more taken for it than in any other request.
    """
    told: dict[str, Any] = {
        "upload_length": str(len(PHOTO)),
        "upload_metadata": metadata(sha256=NAME),
        "content_type": UPLOAD_MEDIA_TYPE,
    }
    arrived = PHOTO[:-1] + bytes([PHOTO[-1] ^ wrong])
    sent = {**client.headers, **{key.replace("_", "-"): value for key, value in told.items()}}
    assert client.files.ask("POST", "", arrived, sent, cut=len(PHOTO)) is None
    assert client.photos() == []
    if wrong:
        assert code(client.ask("POST", "", PHOTO, **told)) == (422, "photo_wrong_hash")
    again = client.ask("POST", "", PHOTO, **told)
    assert (again.status, again.headers["upload-offset"]) == (201, str(len(PHOTO)))
    assert client.photos() == [NAME]
    assert client.files.store.get(NAME) == PHOTO


def test_what_was_handed_in_is_read_back(client: Client) -> None:
    """By any client that knows the address, tus or none; not before all of it is here, nor once it was given up."""
    name = client.begin()
    assert client.ask("GET", name).status == 404
    client.patch(name, 0, PHOTO[:100])
    assert client.ask("GET", name).status == 404
    client.patch(name, 100, PHOTO[100:])
    reply = client.ask("GET", name, tus_resumable="-")
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "image/jpeg", PHOTO)
    assert client.ask("DELETE", name).status == 204
    assert client.ask("GET", name).status == 404


def test_nobody_reads_what_another_handed_in_by_naming_its_hash(client: Client) -> None:
    """A tablet of the squad knows the hashes of all the squad's photos."""
    client.patch(client.begin(), 0, PHOTO)
    other = pass_for(client.db, NOW_MS, "D-2")["hucha-token"]
    name = client.begin(hucha_token=other)
    assert client.ask("HEAD", name, hucha_token=other).headers["upload-offset"] == str(len(PHOTO))
    assert client.ask("GET", name, hucha_token=other).status == 404
    assert code(client.ask("GET", name, hucha_token="-")) == (401, "signature_invalid")


def test_a_tablet_turned_away_reads_nothing(client: Client) -> None:
    name = client.begin()
    client.patch(name, 0, PHOTO)
    client.db.write(lambda conn: devices.revoke(conn, "D-1", NOW_MS))
    assert code(client.ask("GET", name)) == (403, "device_revoked")


def test_what_is_on_its_way_does_not_expire(client: Client) -> None:
    """The last bytes come slowly, on the last day of the week, and another tablet's new upload has all swept."""
    name = client.begin()
    client.patch(name, 0, PHOTO[:100])
    late_ms = NOW_MS + KEPT_MS - 1
    writing = client.files.uploads.go_on(DEVICE, name, Part(100, len(PHOTO) - 100), late_ms)
    client.files.partials.sweep(late_ms + 2)
    writing.write([PHOTO[100:]])
    client.files.uploads.finish(DEVICE, name, writing.note, late_ms + 3, writing.hashed)
    writing.close()
    assert client.photos() == [NAME]


@pytest.mark.parametrize("begun_again", [False, True])
@pytest.mark.parametrize("before", [0, 100])
def test_what_a_jump_of_the_clock_sweeps_away_under_a_request_begins_anew(
    client: Client, before: int, begun_again: bool
) -> None:
    name = client.begin()
    client.patch(name, 0, PHOTO[:before])
    writing = client.files.uploads.go_on(DEVICE, name, Part(before, len(PHOTO) - before), NOW_MS)
    client.files.partials.sweep(NOW_MS + 2 * KEPT_MS)
    if begun_again:
        client.begin()
    writing.write([PHOTO[before:]])
    with pytest.raises(Problem, match="not_found"):
        client.files.uploads.finish(DEVICE, name, writing.note, NOW_MS, writing.hashed)
    writing.close()
    assert client.photos() == []
    name = client.begin()
    assert client.patch(name, 0, PHOTO).status == 204
    assert client.photos() == [NAME]


def test_what_is_longer_than_it_may_be_begins_anew(client: Client) -> None:
    """As a disk may leave it after a power cut; nobody could go on with it, nor be rid of it for a week."""
    name = client.begin()
    client.files.partials.path(DEVICE, name).write_bytes(PHOTO + b"x")
    client.ask("HEAD", name)
    assert client.offset(client.begin()) == 0
    assert client.patch(name, 0, PHOTO).status == 204
    assert client.photos() == [NAME]


def test_a_tablet_has_only_so_many_uploads_open(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beginning costs nothing, and a disk may run out of files before room. What is whole is not open."""
    monkeypatch.setattr(uploads, "OPEN_MAX", 2)
    for number in (1, 2):
        client.patch(client.begin(picture(number)), 0, picture(number))
    open_ones = [client.begin(picture(number)) for number in (3, 4)]
    told: dict[str, Any] = {"upload_length": "20000", "upload_metadata": metadata(sha256=digest(picture(5)))}
    refused = client.ask("POST", "", **told)
    assert code(refused) == (429, "uploads_too_many")
    assert refused.headers["retry-after"] == "60"
    assert client.begin(picture(3)) == open_ones[0], "what is open can be begun again, and gone on with"
    assert client.patch(open_ones[0], 0, picture(3)).status == 204
    assert client.ask("POST", "", **told).status == 201


def test_what_is_here_is_begun_anew_under_no_other_size(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each size is an upload of its own, so one photo would do to have any number of them."""
    monkeypatch.setattr(uploads, "OPEN_MAX", 2)
    client.patch(client.begin(), 0, PHOTO)
    told = metadata(sha256=NAME)
    begun = [client.ask("POST", "", upload_length=f"{size}", upload_metadata=told) for size in (1, 2, 3)]
    assert [one.status for one in begun] == [201, 201, 429]


@pytest.mark.parametrize("arrived", [len(PHOTO), len(PHOTO) // 2])
def test_what_arrived_into_a_bad_sector_begins_anew(
    client: Client, monkeypatch: pytest.MonkeyPatch, arrived: int
) -> None:
    """That the disk fails is said once; it was said for a week, and the photos behind this one waited."""
    name = client.begin()
    client.cut(name, 0, PHOTO, arrived)

    def bad(*_: object) -> bytes:
        raise OSError(errno.EIO, "bad sector")

    with monkeypatch.context() as broken:
        broken.setattr(uploads, "hash_on", bad)
        broken.setattr("server.intake.uploads.os.pread", bad)
        again = client.patch(name, arrived, PHOTO[arrived:])
        assert code(again) == (500, "disk_failing")
    assert client.photos() == []
    assert client.patch(client.begin(), 0, PHOTO).status == 204
    assert client.photos() == [NAME]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GIF89a, by the look of it", (415, "photo_type")),
        (png_that_says(40_001, 1000), (413, "photo_too_many_pixels")),
    ],
    ids=["type", "pixels"],
)
def test_what_is_refused_for_good_is_signed_for_the_very_photo_and_waits_for_no_scores(
    client: Client, monkeypatch: pytest.MonkeyPatch, content: bytes, said: tuple[int, str]
) -> None:
    """A tablet that was turned away destroys the photo by this, and no other."""

    def waits(_: object) -> None:
        raise AssertionError("scores are nothing to a photo")

    name = client.begin(content)
    monkeypatch.setattr(writer.Writer, "settled", waits)
    reply = client.patch(name, 0, content)
    monkeypatch.undo()
    assert code(reply) == said
    signature = bytes.fromhex(msgspec.json.decode(reply.body, type=ProblemReply).facts["signature"])
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(client.db.read(public_keys).signing))
    key.verify(signature, refusal_text(digest(content), said[1]))
    with pytest.raises(InvalidSignature):
        key.verify(signature, refusal_text(NAME, said[1]))
    wrong = client.patch(client.begin(), 0, PHOTO[:-1] + b"!")
    assert code(wrong) == (422, "photo_wrong_hash")
    assert b"signature" not in wrong.body, "the right bytes are taken"
