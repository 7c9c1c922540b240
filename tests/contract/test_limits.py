"""Every limit of the wire, one by one: over it the answer is a stable code that names it, and costs no memory."""

import re
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, NamedTuple

import msgspec
import pytest
from litestar.testing import TestClient

from server.app import create_app
from server.intake import photos, tus, uploads
from server.settings import Settings
from server.storage.database import Database
from server.storage.partials import Partials
from shared_schema import package, packing, volumes, wire
from shared_schema.ids import DeviceId
from shared_schema.operations import AT_MS_MAX, BASES_MAX, DEPTH_MAX, OP_BYTES_MAX, Note
from shared_schema.problems import REGISTRY, Problem
from tests.contract.plan import CHECKLIST, KEY, plan
from tests.contract.talk import NOW_MS
from tests.make import Scribe, make_op, make_request
from tests.tidy.tree import ROOT
from tests.unit.server.intake.bombs import png_that_says

ITEM = CHECKLIST.items[0].id
MEMORY_BYTES_MAX = 64 * 1024 * 1024
"""What an answer may cost beside what was sent; a bomb costs hundreds of megabytes."""
HASH = "0a" * 32
EMPTY = wire.encode(make_request([]))


class Said(NamedTuple):
    """What was answered: a code, and its facts as one text."""

    code: str
    facts: str


class Place:
    """A server in this process."""

    def __init__(self, db: Database, client: TestClient[Any], partials: Partials) -> None:
        self.db = db
        self._client = client
        self._partials = partials

    def sync(self, body: bytes) -> Said:
        """An exchange; of an operation that was refused, what was said of it."""
        headers = {wire.DEVICE_HEADER: "D-1", wire.SIGNATURE_HEADER: KEY.sign(body).hex()}
        answer = self._client.post("/sync", content=body, headers=headers)
        if answer.status_code == 200:
            (status,) = wire.read_reply(answer.content).statuses
            return Said(status.problem, str(status.facts))
        return _said(answer.content)

    def enrol(self, body: bytes) -> Said:
        return _said(self._client.post("/enrol", content=body).content)

    def files(self, headers: dict[str, str], at_ms: int = NOW_MS) -> Said:
        """A creation of an upload."""
        server = self.db.read(lambda conn: conn.exec_driver_sql(_SERVER).scalar_one())
        signature = KEY.sign(wire.token_bytes(server, "D-1", at_ms)).hex()
        given = {"tus-resumable": "1.0.0", "hucha-token": f"D-1.{at_ms}.{signature}", **headers}
        return _said(self._client.post("/files", headers=given).content)

    def crowded(self) -> Said:
        """A creation beside as many uploads as there may be."""
        for n in range(uploads.OPEN_MAX):
            path = self._partials.path(DeviceId("D-1"), f"{n:026d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return self.files({"upload-length": "9"})


_SERVER = "SELECT value FROM meta WHERE key = 'server_id'"


def _said(content: bytes) -> Said:
    problem = msgspec.json.decode(content, type=wire.ProblemReply)
    return Said(problem.code, str(problem.facts))


def raised(run: Callable[[], object]) -> Said:
    """What is said below the wire."""
    with pytest.raises(Problem) as caught:
        run()
    return Said(caught.value.code, str({name: str(fact) for name, fact in caught.value.facts.items()}))


def many(name: str, value: bytes, count: int) -> bytes:
    """A request with so many of something; where it has it already, that is put in its place."""
    listed = b"[" + b",".join([value] * count) + b"]"
    plain = re.sub(rb',"%b":\[[^\]]*\]' % name.encode(), b"", EMPTY)
    return plain[:-1] + b',"%b":%b}' % (name.encode(), listed)


def one(raw: bytes) -> bytes:
    """A request with one operation."""
    return EMPTY[:-1] + b',"ops":[' + raw + b"]}"


def packed(plain: bytes = b"", ops: list[bytes] | None = None, part: bytes = b"") -> bytes:
    """A packed request."""
    parts = [part or packing.pack(ops or [])] if part or ops else []
    return wire.PACKED + msgspec.msgpack.encode([zlib.compress(plain or EMPTY), parts])


def note(**changes: object) -> bytes:
    return make_op(Note(ITEM, "x"), **changes).raw  # type: ignore[arg-type]


def nested(depth: int) -> bytes:
    raw = note()
    return raw[:-1] + b',"more":' + b"[" * depth + b"]" * depth + b"}"


def manifest(**changes: object) -> bytes:
    facts = {"format": 1, "kind": "request", "server": "S", "device": "D-1", "squad": "S-1"}
    return msgspec.json.encode({**facts, **changes})


def part(kind: str, size_bytes: int, stored_bytes: int | None = None) -> dict[str, object]:
    stored = size_bytes if stored_bytes is None else stored_bytes
    told = {"kind": kind, "sha256": HASH, "size_bytes": size_bytes, "stored_bytes": stored}
    return told | ({"deflated": True} if stored != size_bytes else {})


def long_list(size_bytes: int) -> object:
    """Reads of a package up to its list of contents, which claims that size."""
    begun = bytes([3]) + b"D-1" + bytes(64) + size_bytes.to_bytes(4, "big")
    at = 0

    class Stream:
        def take(self, count: int) -> bytes:
            nonlocal at
            at += count
            return begun[at - count : at]

    return package.read_signed(Stream())  # type: ignore[arg-type]


def volume(count: int = 2, total: int = 100) -> bytes:
    return volumes.header_bytes(volumes.Volume(1, count, HASH, total, 0, 50))


def operations(count: int) -> list[bytes]:
    scribe = Scribe()
    return [scribe.write(Note(ITEM, "x")).raw for _ in range(count)]


def columns(given: dict[int, bytes]) -> bytes:
    """A packed request whose operations have nothing but that in their columns, and pass for no bomb."""
    plain = [b"\x00", *[b"\x90"] * 5, b"\xc4\x00", *[b"\x80"] * 3]
    for place, content in given.items():
        plain[place] = content
    whole, deflater = b"\x9a" + b"".join(plain), zlib.compressobj()
    parts = []
    for at in range(0, len(whole), 1000):
        parts += [deflater.compress(whole[at : at + 1000]), deflater.flush(zlib.Z_FULL_FLUSH)]
    return packed(part=b"".join([*parts, deflater.flush()]))


def listed(value: bytes, count: int) -> bytes:
    """That many of a value, as MessagePack."""
    return b"\xdd" + count.to_bytes(4) + value * count


OPS, PROOFS = wire.REQUEST_OPS_MAX + 1, wire.PROOFS_MAX + 1
HEAD = b'{"device":"D-2","epoch":"E","seq":1,"hash":"%b","signature":"%b"}' % (b"0a" * 32, b"0b" * 64)

LIMITS: dict[str, tuple[int, Callable[[Place], Said]]] = {
    "request body": (wire.REQUEST_BYTES_MAX, lambda at: at.sync(EMPTY + b" " * wire.REQUEST_BYTES_MAX)),
    "unpacked request": (
        wire.UNPACKED_BYTES_MAX,
        lambda at: at.sync(packed(EMPTY + b" " * wire.UNPACKED_BYTES_MAX)),
    ),
    "ratio of packed operations": (
        packing.UNPACKED_RATIO_MAX,
        lambda at: at.sync(packed(part=zlib.compress(bytes(8_000_000)))),
    ),
    "operations in a request": (wire.REQUEST_OPS_MAX, lambda at: at.sync(many("ops", b"{}", OPS))),
    "operations in a packed request": (
        wire.REQUEST_OPS_MAX,
        lambda at: at.sync(packed(ops=operations(OPS))),
    ),
    "signed heads passed on": (wire.PROOFS_MAX, lambda at: at.sync(many("proofs", HEAD, PROOFS))),
    "chains in a request": (64, lambda at: at.sync(many("heads", b'{"epoch":"E","seq":0}', 65))),
    "photos asked about": (
        wire.PHOTOS_ASKED_MAX,
        lambda at: at.sync(many("photos", b'"%b"' % HASH.encode(), wire.PHOTOS_ASKED_MAX + 1)),
    ),
    "logs asked about": (
        wire.LOGS_ASKED_MAX,
        lambda at: at.sync(many("logs", b'"I-1"', wire.LOGS_ASKED_MAX + 1)),
    ),
    "cursors": (
        2000,
        lambda at: at.sync(
            EMPTY[:-1] + b',"cursors":{' + b",".join(b'"I-%d":1' % n for n in range(2001)) + b"}}"
        ),
    ),
    "operation (op)": (OP_BYTES_MAX, lambda at: at.sync(one(note()[:-1] + b" " * OP_BYTES_MAX + b"}"))),
    "nesting of an operation (op)": (DEPTH_MAX, lambda at: at.sync(one(nested(DEPTH_MAX)))),
    "bases of an operation (op)": (
        BASES_MAX,
        lambda at: at.sync(one(note()[:-1] + b',"bases":[' + b",".join([b'"B"'] * (BASES_MAX + 1)) + b"]}")),
    ),
    "clock of an operation (op)": (
        AT_MS_MAX,
        lambda at: at.sync(one(re.sub(rb'"at_ms":\d+', b'"at_ms":%d' % (AT_MS_MAX + 1), note(at_ms=7)))),
    ),
    "enrolment": (16 * 1024, lambda at: at.enrol(b" " * (16 * 1024 + 1))),
    "photo": (
        wire.PHOTO_BYTES_MAX,
        lambda at: at.files({"upload-length": str(wire.PHOTO_BYTES_MAX + 1)}),
    ),
    "pixels of a photo": (
        wire.PHOTO_PIXELS_MAX,
        lambda _: raised(lambda: photos.media_type_of(BytesIO(png_that_says(40_001, 1000)))),
    ),
    "metadata of an upload": (
        tus.METADATA_BYTES_MAX,
        lambda at: at.files({"upload-length": "9", "upload-metadata": "a " + "A" * tus.METADATA_BYTES_MAX}),
    ),
    "uploads of one tablet, begun and not finished": (uploads.OPEN_MAX, lambda at: at.crowded()),
    "age of a pass for photos": (
        wire.TOKEN_AGE_MS_MAX // 3_600_000,
        lambda at: at.files({"upload-length": "9"}, NOW_MS - wire.TOKEN_AGE_MS_MAX - 1),
    ),
    "package": (
        package.PACKAGE_BYTES_MAX,
        lambda _: raised(lambda: volumes.read_header(volume(total=package.PACKAGE_BYTES_MAX + 1))),
    ),
    "volumes of a package": (
        volumes.VOLUMES_MAX,
        lambda _: raised(lambda: volumes.read_header(volume(count=volumes.VOLUMES_MAX + 1))),
    ),
    "list of contents of a package": (
        package.MANIFEST_BYTES_MAX,
        lambda _: raised(lambda: long_list(package.MANIFEST_BYTES_MAX + 1)),
    ),
    "parts of a package": (
        package.PARTS_MAX,
        lambda _: raised(
            lambda: package.read_manifest(manifest(parts=[part("photo", 1)] * (package.PARTS_MAX + 1)))
        ),
    ),
    "request in a package": (
        wire.REQUEST_BYTES_MAX,
        lambda _: raised(
            lambda: package.read_manifest(manifest(parts=[part("request", wire.REQUEST_BYTES_MAX + 1)]))
        ),
    ),
    "photo in a package": (
        wire.PHOTO_BYTES_MAX,
        lambda _: raised(
            lambda: package.read_manifest(manifest(parts=[part("photo", wire.PHOTO_BYTES_MAX + 1)]))
        ),
    ),
    "messages of a package together": (
        package.MESSAGES_BYTES_MAX,
        lambda _: raised(
            lambda: package.read_manifest(manifest(parts=[part("request", wire.REQUEST_BYTES_MAX)] * 17))
        ),
    ),
    "compression in a package": (
        package.RATIO_MAX,
        lambda _: raised(lambda: package.read_manifest(manifest(parts=[part("request", 2100, 100)]))),
    ),
}
"""By its name in the wire's table, the limit, and something that is over it."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server with the small campaign."""
    settings = Settings(data=tmp_path_factory.mktemp("limits"), log_level="error")
    with Database.open(settings.database_url) as db:
        db.write(plan)
        with TestClient(create_app(settings, db, clock=lambda: NOW_MS)) as client:
            yield Place(db, client, Partials(settings.upload_dir))


def told() -> dict[str, tuple[int, str]]:
    """The table in the wire's description: by limit, value and code."""
    text = (ROOT / "docs/wire.md").read_text(encoding="utf-8")
    table = text[text.index("\n## Limits\n") : text.index("\n## Problems\n")]
    rows = re.findall(r"^\| ([^|]+) \| (\d+)[^|]* \| `(\w+)` \|$", table, re.MULTILINE)
    return {name: (int(value), code) for name, value, code in rows}


@pytest.mark.parametrize("name", LIMITS)
def test_over_a_limit_the_answer_is_a_code_that_names_it(place: Place, name: str) -> None:
    """As the wire's table has it; nothing is kept, and no memory is spent on what was sent."""
    limit, send = LIMITS[name]
    wanted, code = told()[name]
    assert wanted == limit
    assert code in REGISTRY
    send(place)  # imports and caches are not what is measured
    tracemalloc.start()
    try:
        said = send(place)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said.code == code, said
    assert str(limit) in said.facts or name == "ratio of packed operations", said
    assert peak < MEMORY_BYTES_MAX, f"{peak / 2**20:.0f} MiB"


def test_every_limit_of_the_table_is_tried() -> None:
    assert set(told()) == set(LIMITS)


BOMBS: dict[str, Callable[[], bytes]] = {
    "millions of figures": lambda: many("ops", b"0", 3_500_000),
    "millions of empty objects": lambda: many("ops", b"{}", 2_000_000),
    "millions of cursors": lambda: EMPTY[:-1] + b',"cursors":{' + b",".join([b'"I":1'] * 900_000) + b"}}",
    "very deep": lambda: EMPTY[:-1] + b',"x":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
    "millions of one letter": lambda: packed(many("logs", b'"a"', 3_900_000)),
    "millions of heads": lambda: packed(many("heads", b'{"epoch":"a","seq":1}', 700_000)),
    "millions of packed contexts": lambda: columns({1: listed(b"\x95" + b"\xa0" * 5, 2_000_000)}),
    "millions of packed numbers": lambda: columns({2: listed(b"\x00", 15_000_000)}),
    "millions of packed lists": lambda: columns({5: listed(b"\x90", 15_000_000)}),
    "millions of packed bases": lambda: columns({5: listed(listed(b"\x00", 15_000_000), 1)}),
    "millions of packed bodies": lambda: columns(
        {2: b"\x91\x00", 6: b"\xc6" + (15_000_000).to_bytes(4) + b"\n" * 15_000_000}
    ),
    "millions of tiny parts": lambda: wire.PACKED + msgspec.msgpack.encode(
        [zlib.compress(EMPTY), [b"ab"] * 2_000_000]
    ),
    "many parts": lambda: wire.PACKED + msgspec.msgpack.encode(
        [zlib.compress(EMPTY), [packing.pack(operations(1))] * 1000]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_small_on_the_line_stays_small_in_memory(place: Place, name: str) -> None:
    """Within the size of a request, and yet made to cost a hundred times as much."""
    body = BOMBS[name]()
    assert len(body) <= wire.REQUEST_BYTES_MAX
    tracemalloc.start()
    try:
        problem = raised(lambda: wire.read_request(body))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert problem.code == "request_malformed"
    assert peak < MEMORY_BYTES_MAX, f"{peak / 2**20:.0f} MiB"


def test_a_thousand_signatures_with_all_their_points_are_no_bomb() -> None:
    """Very many commas, and every one of them in an operation: these are read."""
    raw = note()
    points = b"[" + b",".join([b"[1,2,3]"] * 900) + b"]"
    full = [raw[:-1] + b',"n":%d,"points":%b}' % (n, points) for n in range(900)]
    body = EMPTY[:-1] + b',"ops":[' + b",".join(full) + b"]}"
    assert body.count(b",") > wire.COMMAS_MAX
    assert len(wire.read_request(body).ops) == 900
