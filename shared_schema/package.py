"""The exchange as one file to carry by hand: manifest, parts, digests, and the container, to the byte.

A package holds the very requests (or replies) that would have gone over the network, and photos. It is
signed by its sender and sealed to its receiver; cipher and signature are arguments. Nothing inside is
parsed before the seal has opened and the signature has been checked, and no length that a stranger may
have written makes anyone reserve memory beyond the limits here.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from shared_schema.ids import digest
from shared_schema.operations import Hash, Id, Line, are_ids
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX, REQUEST_BYTES_MAX, Number, SealingKey, decode

MAGIC = b"HUCHAHCX"
VERSION = 1
FORMAT = 1
"""Of the manifest; raised when an older reader would misunderstand a package."""
SUITE = "std-1"
"""X25519, HKDF-SHA-256, ChaCha20-Poly1305, Ed25519."""
SUITE_RESERVED = "sm-1"
"""SM2, SM3, SM4: named, and not there yet."""

CHUNK_BYTES = 64 * 1024
TAG_BYTES, SIGNATURE_BYTES = 16, 64
HEADER_BYTES_MAX = 1024
MANIFEST_BYTES_MAX = 4 * 1024 * 1024
PACKAGE_BYTES_MAX = 4 * 1024**3
"""A squad's whole season with photos fits; so does it on a single-layer disc."""
PARTS_MAX = 10_000
PART_BYTES_MAX = 20 * 1024 * 1024
"""Of one part, both as stored and as it is: what a reader holds in memory at a time."""
MESSAGES_BYTES_MAX = 128 * 1024 * 1024
"""Of all requests or replies together, which are held until the whole package has been checked."""
RATIO_MAX = 20
"""By how much a part may be deflated; a part that would be by more is stored as it is."""

_START = struct.Struct(">8sHH")
_LENGTH = struct.Struct(">I")

PackageKind = Literal["request", "receipt", "assignments"]
PartKind = Literal["request", "answer", "photo"]
Read = Callable[[int], bytes]
"""Gives the next bytes of a file, at most so many, and none at its end."""
Cipher = Callable[[int, bool, bytes], bytes]
"""Seals or opens one chunk by its number and whether it is the last. Opening raises ValueError."""


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in the clear: how the rest is sealed, and to whom. It says nothing of whose it is."""

    suite: Annotated[str, Meta(max_length=32)]
    receiver: Hash
    """The X25519 key (raw, hex) that opens it."""
    ephemeral: Hash
    """The X25519 key made for this package alone."""


class Span(Struct, frozen=True):
    """The numbers of one epoch that a package carries."""

    epoch: Id
    first: Number
    last: Number


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One piece of a package; its bytes follow the manifest in the manifest's order."""

    kind: PartKind
    size_bytes: Number
    stored_bytes: Number
    sha256: Hash
    """Of the bytes as they are stored; of a photo that is its name."""
    deflated: bool = False


class Manifest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a package holds, for whom and from whom; its signature answers for all of it."""

    format: int = FORMAT
    kind: PackageKind
    suite: Annotated[str, Meta(max_length=32)] = SUITE
    server: Id
    device: Id
    """The tablet it comes from or goes to."""
    squad: Id
    campaigns: tuple[Id, ...] = ()
    made_at_ms: int = 0
    app: Line = ""
    reply_to: SealingKey = ""
    """What the receipt is to be sealed to."""
    answers: Annotated[str, Meta(max_length=64)] = ""
    """The digest of the package that a receipt is for."""
    mark: Annotated[str, Meta(max_length=64)] = ""
    """What the tablet stood at when it wrote its request; the receipt carries it back."""
    spans: Annotated[tuple[Span, ...], Meta(max_length=2000)] = ()
    checklists: Annotated[tuple[Hash, ...], Meta(max_length=200)] = ()
    operations: Number = 0
    photos: Number = 0
    parts: Annotated[tuple[Part, ...], Meta(max_length=PARTS_MAX)] = ()


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One exchange reply in a package, with what it leads on from.

    A file may be read late, twice or out of order. What is told here says where a tablet must stand for each part of
    the reply to be as good as one over the network.
    """

    reply: Raw
    ops: tuple[Hash, ...] = ()
    """The hashes of the operations that the reply's statuses are for, in their order."""
    last_read: dict[Id, Hash] = {}
    """By inspection, what names the log before the first operation of the news, unless they begin at its start."""
    assignments: tuple[str, ...] = ()
    """The digests of assignments that the tablet may hold for those of the reply to be newer."""
    peers: tuple[str, ...] = ()


class Start(NamedTuple):
    """The clear beginning of a package."""

    header: Header
    digest: str
    """Over the clear beginning; names the package, because the key in it is never used again."""


class Content(NamedTuple):
    """A part to be written, and its bytes as they are stored."""

    part: Part
    stored: Callable[[], bytes]


# --- writing ---------------------------------------------------------------------------------------


def message(kind: PartKind, content: bytes) -> Content:
    """A request or a reply as a part, deflated unless that makes it suspiciously small or no smaller."""
    small = zlib.compress(content, 6)
    deflated = len(small) < len(content) <= RATIO_MAX * len(small)
    stored = small if deflated else content
    part = Part(
        kind=kind,
        size_bytes=len(content),
        stored_bytes=len(stored),
        sha256=digest(stored),
        deflated=deflated,
    )
    return Content(part, lambda: stored)


def photo(sha256: str, size_bytes: int, fetch: Callable[[], bytes]) -> Content:
    """A photo as a part; its bytes are fetched when it is its turn, so that one at a time is in memory."""
    return Content(Part(kind="photo", size_bytes=size_bytes, stored_bytes=size_bytes, sha256=sha256), fetch)


def start_bytes(header: Header) -> bytes:
    """The clear beginning."""
    content = msgspec.json.encode(header)
    return _START.pack(MAGIC, VERSION, len(content)) + content


def signed_text(start_digest: str, sender: str, manifest_digest: str) -> bytes:
    """What the sender signs: this manifest, in a package with this beginning, so for this receiver alone."""
    return f"hucha package 1\n{start_digest}\n{sender}\n{manifest_digest}".encode()


def whole_bytes(header: Header, sender: str, manifest: bytes, contents: Iterable[Content]) -> int:
    """How many bytes the package will have. Raises package_too_large."""
    plain = 1 + len(sender.encode()) + SIGNATURE_BYTES + _LENGTH.size + len(manifest)
    plain += sum(one.part.stored_bytes for one in contents)
    chunks = max(1, -(-plain // CHUNK_BYTES))
    size = len(start_bytes(header)) + plain + chunks * TAG_BYTES
    if size > PACKAGE_BYTES_MAX or len(manifest) > MANIFEST_BYTES_MAX:
        raise Problem("package_too_large", what="package", limit=PACKAGE_BYTES_MAX)
    return size


def package_bytes(
    header: Header,
    sender: str,
    manifest: bytes,
    contents: Sequence[Content],
    *,
    signature: bytes,
    seal: Cipher,
) -> Iterator[bytes]:
    """The bytes of a package, piece by piece; `signature` is over `signed_text`."""
    yield start_bytes(header)
    name = sender.encode()
    head = bytes([len(name)]) + name + signature + _LENGTH.pack(len(manifest)) + manifest
    waiting, number = bytearray(), 0
    for piece in chain((head,), map(_stored, contents)):
        waiting += piece
        while len(waiting) > CHUNK_BYTES:
            yield seal(number, False, bytes(waiting[:CHUNK_BYTES]))
            del waiting[:CHUNK_BYTES]
            number += 1
    yield seal(number, True, bytes(waiting))


def _stored(content: Content) -> bytes:
    stored = content.stored()
    if len(stored) != content.part.stored_bytes:
        raise damaged(content.part.sha256[:12])
    return stored


# --- reading ---------------------------------------------------------------------------------------


def damaged(where: str) -> Problem:
    """The problem of a package that is not what its sender wrote."""
    return Problem("package_damaged", where=where)


def read_start(read: Read) -> Start:
    """The clear beginning. Raises package_damaged, package_too_new, package_suite."""
    raw = _exactly(read, _START.size, "start")
    magic, version, length = _START.unpack(raw)
    if magic != MAGIC:
        raise damaged("start")
    if version > VERSION:
        raise Problem("package_too_new", theirs=version, ours=VERSION)
    if version < 1 or length > HEADER_BYTES_MAX:
        raise damaged("header")
    content = _exactly(read, length, "header")
    try:
        header = _header_decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise damaged("header") from err
    if header.suite != SUITE:
        raise Problem("package_suite", suite=header.suite, ours=SUITE)
    return Start(header, digest(raw + content))


class Unsealed:
    """The sealed part of a package, opened chunk by chunk as it is read."""

    def __init__(self, read: Read, opens: Cipher) -> None:
        self._read = read
        self._opens = opens
        self._number = 0
        self._total = 0
        self._ahead = _up_to(read, CHUNK_BYTES + TAG_BYTES)
        self._waiting = bytearray()
        self._done = False

    def take(self, count: int) -> bytes:
        """The next so many bytes. Raises package_damaged, package_too_large."""
        while len(self._waiting) < count:
            if self._done:
                raise damaged("length")
            self._open_one()
        taken = bytes(self._waiting[:count])
        del self._waiting[:count]
        return taken

    def ends(self) -> None:
        """Nothing is left. Raises package_damaged."""
        while not self._done and not self._waiting:
            self._open_one()
        if self._waiting:
            raise damaged("length")

    def _open_one(self) -> None:
        chunk, self._ahead = self._ahead, _up_to(self._read, CHUNK_BYTES + TAG_BYTES)
        self._total += len(chunk)
        if self._total > PACKAGE_BYTES_MAX:
            raise Problem("package_too_large", what="package", limit=PACKAGE_BYTES_MAX)
        self._done = not self._ahead
        try:
            self._waiting += self._opens(self._number, self._done, chunk)
        except ValueError as err:
            raise damaged(f"chunk {self._number + 1}") from err
        self._number += 1


class Signed(NamedTuple):
    """A manifest and who signed it; `signature` is 64 bytes, not checked yet."""

    sender: str
    signature: bytes
    manifest: bytes


def read_signed(stream: Unsealed) -> Signed:
    """The manifest as bytes with its signature, for the caller to check before it parses. Raises package_damaged."""
    (length,) = stream.take(1)
    sender = stream.take(length).decode("ascii", "replace")
    if not are_ids((sender,)):
        raise damaged("sender")  # a database that is asked for a name with NUL in it fails
    signature = stream.take(SIGNATURE_BYTES)
    (size,) = _LENGTH.unpack(stream.take(_LENGTH.size))
    if size > MANIFEST_BYTES_MAX:
        raise Problem("package_too_large", what="manifest", limit=MANIFEST_BYTES_MAX)
    return Signed(sender, signature, stream.take(size))


def read_manifest(content: bytes) -> Manifest:
    """A manifest whose signature has been checked. Raises package_too_new, package_damaged, package_too_large."""
    try:
        beginning = _format_decoder.decode(content)
        if beginning.format > FORMAT:
            raise Problem("package_too_new", theirs=beginning.format, ours=FORMAT)
        if len(beginning.parts) > PARTS_MAX:
            raise Problem("package_too_large", what="parts", limit=PARTS_MAX)
        manifest = _manifest_decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise damaged("manifest") from err
    held = 0
    for one in manifest.parts:
        most = {"request": REQUEST_BYTES_MAX, "photo": PHOTO_BYTES_MAX}.get(one.kind, PART_BYTES_MAX)
        if max(one.size_bytes, one.stored_bytes) > most:
            raise Problem("package_too_large", what=one.kind, limit=most)
        if one.size_bytes > RATIO_MAX * max(1, one.stored_bytes):
            raise Problem("package_too_large", what="deflated", limit=RATIO_MAX)
        if not one.deflated and one.size_bytes != one.stored_bytes:
            raise damaged("manifest")
        held += 0 if one.kind == "photo" else one.size_bytes
    if held > MESSAGES_BYTES_MAX:
        raise Problem("package_too_large", what="messages", limit=MESSAGES_BYTES_MAX)
    return manifest


def read_parts(stream: Unsealed, manifest: Manifest) -> Iterator[tuple[Part, bytes]]:
    """Every part with its bytes as they are, one at a time, each checked; then the end. Raises package_damaged."""
    for number, part in enumerate(manifest.parts, start=1):
        stored = stream.take(part.stored_bytes)
        if digest(stored) != part.sha256:
            raise damaged(f"part {number}")
        content = _inflated(stored, part.size_bytes, number) if part.deflated else stored
        if len(content) != part.size_bytes:
            raise damaged(f"part {number}")
        yield part, content
    stream.ends()


def read_answer(content: bytes) -> Answer:
    """One reply of a package. Raises request_malformed."""
    return decode(content, _answer_decoder)


def _inflated(stored: bytes, size_bytes: int, number: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(stored, size_bytes + 1)
    except zlib.error as err:
        raise damaged(f"part {number}") from err
    if not inflater.eof or inflater.unused_data:
        raise damaged(f"part {number}")
    return content


def _exactly(read: Read, count: int, where: str) -> bytes:
    content = _up_to(read, count)
    if len(content) < count:
        raise damaged(where)
    return content


def _up_to(read: Read, count: int) -> bytes:
    content = read(count)
    while len(content) < count and (more := read(count - len(content))):
        content += more
    return content


class _Counted(Struct, gc=False): ...


class _Format(Struct):
    format: int = FORMAT
    parts: tuple[_Counted, ...] = ()


_header_decoder = msgspec.json.Decoder(Header)
_format_decoder = msgspec.json.Decoder(_Format)
_manifest_decoder = msgspec.json.Decoder(Manifest)
_answer_decoder = msgspec.json.Decoder(Answer)

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read as something else


def short_code(signature: bytes) -> str:
    """Eight letters of a signature, in two groups, for two people to compare: 40 bits."""
    number = int(digest(signature)[:10], 16)
    letters = "".join(CODE_LETTERS[number >> shift & 31] for shift in range(35, -1, -5))
    return f"{letters[:4]}-{letters[4:]}"
