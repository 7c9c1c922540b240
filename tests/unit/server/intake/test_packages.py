"""Packages at the server: whatever is wrong with one, it is refused with the reason and nothing of it is taken."""

import io
import tracemalloc
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Raw
from msgspec.structs import replace
from PIL import Image

from mobile.sealing import sealing_for
from server.access.keys import public_keys
from server.intake import packages
from server.intake.packages import Taken, Way
from server.storage.database import Database
from server.storage.package_files import PackageFiles, Piece, Source
from server.storage.photo_files import PhotoFiles
from shared_schema import package, wire
from shared_schema.chance import Chance
from shared_schema.ids import digest
from shared_schema.operations import Note
from shared_schema.package import Content, Header, Manifest
from shared_schema.problems import Problem
from tests.contract.plan import CHECKLIST, KEY, plan
from tests.contract.talk import NOW_MS, ask
from tests.make import Scribe, make_request

ITEM = CHECKLIST.sections[0].items[0].id


def _picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (8, 8), "green").save(out, "JPEG")
    return out.getvalue()


PICTURE = _picture()
PHOTO = PICTURE + b"a photo" * 20
COUNTED = ("operation", "refusal", "photo", "package", "chain", "audit_event", "told")


class Post:
    """A server, and whoever makes packages for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = Database.open(f"sqlite:///{folder / 'hucha.db'}")
        self.db.write(plan)
        self.server_key = self.db.read(lambda conn: public_keys(conn).sealing)
        self.way = Way(
            self.db, PhotoFiles(folder / "photos"), PackageFiles(folder / "packages"), Chance("post").bytes
        )
        self.seeds = Chance("seeds")

    def make(
        self,
        contents: Iterable[Content],
        *,
        sender: str = "D-1",
        key: Ed25519PrivateKey = KEY,
        receiver: str = "",
        spoil: Callable[[bytearray], None] = lambda plain: None,
        **changes: object,
    ) -> bytes:
        """A package as its sender would make it; `spoil` changes what is sealed, after it was signed."""
        contents = list(contents)
        manifest = replace(
            Manifest(
                kind="request",
                server="S",
                device=sender,
                squad="S-1",
                parts=tuple(one.part for one in contents),
            ),
            **changes,
        )
        signed = msgspec.json.encode(manifest)
        sealing = sealing_for(receiver or self.server_key, self.seeds.bytes(32))
        signature = key.sign(package.signed_text(sealing.digest, sender, digest(signed)))
        plain: list[bytes] = []

        def keep(_number: int, _last: bool, content: bytes) -> bytes:
            plain.append(content)
            return b""

        pieces = package.package_bytes(
            sealing.header,
            sender,
            signed,
            contents,
            signature=signature,
            seal=keep,
        )
        start = b"".join(pieces)
        whole = bytearray(b"".join(plain))
        spoil(whole)
        step = package.CHUNK_BYTES
        chunks = [bytes(whole[at : at + step]) for at in range(0, len(whole), step)]
        return start + b"".join(
            sealing.seal(number, number == len(chunks) - 1, one) for number, one in enumerate(chunks)
        )

    def requests(self, count: int = 2, photos: Iterable[bytes] = (PHOTO,)) -> list[Content]:
        """Requests with an operation each, and photos."""
        scribe = Scribe(device="D-1")
        ops = [scribe.write(Note(ITEM, f"{number}")) for number in range(count)]
        told = [package.message("request", wire.encode(make_request([one], device="D-1"))) for one in ops]
        return told + [package.photo(digest(one), len(one), lambda one=one: one) for one in photos]  # type: ignore[misc]

    def take(self, content: bytes) -> Taken:
        path = self.folder / "in.hcx"
        path.write_bytes(content)
        source = Source((Piece(path, 0, len(content)),))
        return packages.take(self.way, source, by="coord", now_ms=NOW_MS)

    def everything(self) -> tuple[object, ...]:
        """All that a package could have changed."""
        rows = [ask(self.db, f"SELECT count(*) FROM {table}") for table in COUNTED]
        files = sorted(
            path.name for path in self.folder.rglob("*") if path.is_file() and "hucha.db" not in path.name
        )
        return (*rows, [name for name in files if name != "in.hcx"])

    def refused(self, content: bytes) -> Problem:
        """The problem with this package; nothing of it was taken."""
        ((_, problem),) = self.all_refused([content]).items()
        return problem

    def all_refused(self, variants: Iterable[bytes]) -> dict[int, Problem]:
        """By number, the problem with each of these packages; nothing of any was taken."""
        before = self.everything()
        problems: dict[int, Problem] = {}
        for number, content in enumerate(variants):
            with pytest.raises(Problem) as caught:
                self.take(content)
            problems[number] = caught.value
        assert self.everything() == before
        return problems


@pytest.fixture
def post(tmp_path: Path) -> Iterable[Post]:
    made = Post(tmp_path)
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterable[Post]:
    made = Post(tmp_path_factory.mktemp("post"))
    yield made
    made.db.close()


def test_a_sound_package_is_taken_whole(post: Post) -> None:
    """The control of all that is refused below."""
    taken = post.take(post.make(post.requests()))
    assert (taken.row.operations, taken.row.photos, taken.receipt) == (2, 1, None)
    assert ask(post.db, "SELECT count(*) FROM operation") == [(2,)]
    assert ask(post.db, "SELECT sha256 FROM photo") == [(digest(PHOTO),)]


def test_every_flipped_byte_is_refused(lasting: Post) -> None:
    """One bit of each byte of a reference package; a flip of its first bytes is not even opened."""
    whole = lasting.make(lasting.requests())
    found = lasting.all_refused(flipped(whole, at) for at in range(len(whole)))
    assert len(found) == len(whole) > 1000
    assert {one.code for one in found.values()} <= {
        "package_damaged",
        "package_foreign",
        "package_suite",
        "package_too_new",
    }


def flipped(content: bytes, at: int) -> bytes:
    """With one bit of one byte changed."""
    return content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]


def test_every_shorter_length_and_everything_behind_the_end_is_refused(lasting: Post) -> None:
    """Cut at every byte, or with something appended."""
    whole = lasting.make(lasting.requests())
    found = lasting.all_refused(whole[:length] for length in range(len(whole)))
    assert len(found) == len(whole)
    found |= lasting.all_refused(whole + more for more in (b"\0", whole, b"x" * 70_000))
    assert {one.code for one in found.values()} == {"package_damaged"}


def test_every_byte_changed_by_somebody_who_can_seal_is_refused(lasting: Post) -> None:
    """The seal is no proof of who wrote it: anyone has the public key. Signature and digests cover every byte."""
    lengths: list[int] = []
    lasting.make(lasting.requests(), spoil=lambda plain: lengths.append(len(plain)))

    def spoiling(at: int) -> Callable[[bytearray], None]:
        def spoil(plain: bytearray) -> None:
            plain[at] ^= 1 << at % 8

        return spoil

    found = lasting.all_refused(
        lasting.make(lasting.requests(), spoil=spoiling(at)) for at in range(lengths[0])
    )
    codes = {one.code for one in found.values()}
    assert len(found) == lengths[0] > 1000
    assert codes <= {"package_damaged", "signature_invalid", "device_unknown", "package_too_large"}
    assert "signature_invalid" in codes


def test_chunks_in_another_order_are_refused(post: Post) -> None:
    """A package of several chunks, two of them exchanged, one left out, one twice."""
    whole = post.make(post.requests(photos=[PICTURE + bytes(400_000)]))
    start = len(whole) % (package.CHUNK_BYTES + package.TAG_BYTES)
    step = package.CHUNK_BYTES + package.TAG_BYTES
    head_length = len(package.start_bytes(Header(suite="std-1", receiver="0" * 64, ephemeral="0" * 64)))
    assert start != head_length
    head, rest = whole[:head_length], whole[head_length:]
    chunks = [rest[at : at + step] for at in range(0, len(rest), step)]
    assert len(chunks) > 4
    for order in ([1, 0, *range(2, len(chunks))], [*range(len(chunks) - 1)], [0, 0, *range(1, len(chunks))]):
        assert post.refused(head + b"".join(chunks[at] for at in order)).code == "package_damaged"


def test_what_is_not_for_this_server_or_not_from_its_tablets_is_refused(post: Post) -> None:
    """Sealed to another server; an unknown tablet; another's signature; a reply; another tablet's requests."""
    stranger = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
    contents = post.requests()
    elsewhere = sealing_for("09" * 32, bytes(range(32))).header.ephemeral
    assert post.refused(post.make(contents, receiver=elsewhere)).code == "package_foreign"
    assert post.refused(post.make(contents, sender="D-99")).code == "device_unknown"
    assert post.refused(post.make(contents, key=stranger)).code == "signature_invalid"
    assert post.refused(post.make(contents, kind="receipt")).code == "package_foreign"
    assert post.refused(post.make(contents, device="D-2")).code == "package_foreign"
    assert post.refused(post.make(contents, sender="D-2")).code == "request_malformed"
    answer = package.message("answer", msgspec.json.encode(package.Answer(reply=Raw(b"{}"))))
    assert post.refused(post.make([*contents, answer])).code == "package_foreign"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"sender": "D\0"}, "package_damaged"),
        ({"sender": ""}, "package_damaged"),
        ({"sender": "D-1\n"}, "package_damaged"),
        ({"reply_to": "ab" * 31}, "package_damaged"),
        ({"reply_to": "a" * 63}, "package_damaged"),
        ({"reply_to": "00" * 32}, "package_keys_missing"),
    ],
)
def test_a_name_that_is_none_and_a_key_that_is_none_are_refused(
    post: Post, told: dict[str, Any], code: str
) -> None:
    """Not every database can be asked for any text, and to not every 32 bytes can a receipt be sealed."""
    assert post.refused(post.make(post.requests(photos=()), **told)).code == code


def test_what_is_too_new_is_refused_and_says_so(post: Post) -> None:
    """The container, the manifest, the suite, and a request inside."""
    contents = post.requests()
    whole = post.make(contents)
    assert post.refused(whole[:9] + b"\x02" + whole[10:]).code == "package_too_new"
    assert post.refused(post.make(contents, format=2)).code == "package_too_new"
    newer = package.message("request", wire.encode(make_request([], device="D-1", protocol=99)))
    assert post.refused(post.make([*contents, newer])).code == "protocol_too_new"
    sm = whole.replace(b'"std-1"', b'"sm-1" ', 1)
    assert post.refused(sm).code == "package_suite"


def test_one_bad_part_refuses_the_whole_package(post: Post) -> None:
    """Sound requests before it, and sound photos, are not taken either."""
    contents = post.requests()
    garbage = package.message("request", b'{"device": "D-1", "ops": 7}')
    assert post.refused(post.make([*contents, garbage])).code == "request_malformed"
    letter = package.photo(digest(b"%PDF-1.7"), 8, lambda: b"%PDF-1.7")
    assert post.refused(post.make([*contents, letter])).code == "photo_type"
    wrong = package.photo(digest(b"another"), len(PHOTO), lambda: PHOTO)
    assert post.refused(post.make([*contents, wrong])).code == "package_damaged"


def test_limits_are_enforced_before_memory_is_spent(post: Post) -> None:
    """Sizes that a manifest merely claims, and a part that would be deflated by more than 20 to 1."""
    bomb = package.message("request", b"{" + b" " * 4_000_000 + b"}")
    assert not bomb.part.deflated, "we do not write such a part ourselves"
    import zlib

    small = zlib.compress(b" " * 8_000_000, 9)
    part = replace(bomb.part, size_bytes=8_000_000, stored_bytes=len(small), deflated=True)
    tracemalloc.start()
    try:
        assert post.refused(post.make([Content(part, lambda: small)])).code == "package_too_large"
        # Claiming to be smaller than it is does not help it.
        part = replace(part, size_bytes=len(small) * 19)
        assert post.refused(post.make([Content(part, lambda: small)])).code == "package_damaged"
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    whole = [replace(bomb.part, size_bytes=wire.REQUEST_BYTES_MAX, stored_bytes=wire.REQUEST_BYTES_MAX)] * 17
    assert post.refused(post.make([], parts=tuple(whole))).code == "package_too_large"


def test_a_package_of_many_photos_needs_the_memory_of_one(post: Post) -> None:
    """60 photos of 1 MB: less than 8 MB at a time, on the way in."""
    pictures = [PICTURE + bytes([number]) * 1_000_000 for number in range(60)]
    whole = post.make(post.requests(photos=pictures))
    path = post.folder / "in.hcx"
    path.write_bytes(whole)
    size = len(whole)
    del whole, pictures
    tracemalloc.start()
    try:
        taken = packages.take(post.way, Source((Piece(path, 0, size),)), by="coord", now_ms=NOW_MS)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert taken.row.photos == 60


def take_all(post: Post, paths: list[Path]) -> None:
    """Checks whatever whole packages these files come to; there must be one."""
    found = post.way.files.incoming(paths)
    for source in found.whole:
        packages.check(post.db, source)
    for volume, missing in found.waiting:
        raise Problem("package_incomplete", have=0, count=volume.of, missing=missing)


def test_a_volume_that_is_damaged_is_named(post: Post) -> None:
    """Every flipped byte of a volume is seen in that volume, so that one disc is burnt again and not five."""
    from shared_schema import volumes

    whole = post.make(post.requests(photos=[PICTURE + bytes(150_000)]))
    start = package.read_start(io.BytesIO(whole).read)
    plan_of = volumes.plan(start.digest, len(whole), 66_000)
    files: dict[int, bytearray] = {}
    for volume, some in volumes.split([whole[:1000], whole[1000:]], plan_of):
        files.setdefault(volume.number, bytearray()).extend(some)
    assert len(files) == 3
    assert all(len(one) <= 66_000 for one in files.values())
    paths = []
    for number, content in files.items():
        paths.append(post.folder / f"{number}.hcx")
        paths[-1].write_bytes(content)
    last = files[3]
    for at in [*range(volumes.HEADER_BYTES), *range(volumes.HEADER_BYTES, len(last), 97), len(last) - 1]:
        changed = bytearray(last)
        changed[at] ^= 1 << at % 8
        paths[2].write_bytes(changed)
        with pytest.raises(Problem, match=r"package_(damaged|too_new|too_large|incomplete)"):
            take_all(post, paths)
    paths[2].write_bytes(last)
    (source,) = post.way.files.incoming([paths[2], paths[0], paths[1]]).whole
    assert packages.take(post.way, source, by="coord", now_ms=NOW_MS).row.photos == 1
