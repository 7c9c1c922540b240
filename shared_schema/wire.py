"""The exchange between a tablet and the server: one request, one reply, and the limits of both.

There is no session and no handshake. Losing either message is harmless, because sending again is:
operations are known by their ids, and news is asked for by how far the tablet has read.
"""

import zlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct, field
from msgspec.structs import replace

from shared_schema.ids import digest
from shared_schema.operations import Hash, Id, Line, Operation
from shared_schema.packing import LEVEL, OPERATIONS_MAX, Find, pack, unpack, whole
from shared_schema.problems import Problem

M = TypeVar("M")

PROTOCOL = 2
"""2: receipts are signed, and heads; a tablet of protocol 1 is still served, without receipts."""
REQUEST_BYTES_MAX = 8 * 1024 * 1024
UNPACKED_BYTES_MAX = 16 * 1024 * 1024
"""What a packed message may unfold to."""
REQUEST_OPS_MAX = OPERATIONS_MAX
COMMAS_MAX = 200_000  # what is below that may be read without further thought: a value takes 64 bytes at most
REPLY_OPS_MAX = 1000
PARTS_MAX = 2000
"""Of a packed message: in a reply one for each inspection that has news."""
PROOFS_MAX = 1000
SPANS_MAX = 2000
RECEIPTS_MAX = 200
PHOTOS_ASKED_MAX = 500
LOGS_ASKED_MAX = 100
PHOTO_BYTES_MAX = 20 * 1024 * 1024
PHOTO_PIXELS_MAX = 40_000_000
"""A picture of more is refused before it is decoded: it would take 160 MB of memory."""

TUS_VERSION = "1.0.0"
UPLOAD_MEDIA_TYPE = "application/offset+octet-stream"
PASS_HEADER = "hucha-token"  # noqa: S105 - the name of a header
TOKEN_AGE_MS_MAX = 12 * 60 * 60 * 1000
"""How far the time in a token may be from the server's: a day in the field between two exchanges, and no more."""

DEVICE_HEADER = "hucha-device"
SIGNATURE_HEADER = "hucha-signature"
"""Ed25519 by the tablet's key over the request's bytes, in hex."""

Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Signature = Annotated[str, Meta(max_length=128, pattern=r"^[0-9a-f]*(?!\n)$")]
"""Ed25519, 64 bytes in hex; empty where nothing is signed."""
SealingKey = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?(?!\n)$")]
"""X25519, raw, hex; empty where there is none."""


class Head(Struct, frozen=True, omit_defaults=True):
    """How far one unbroken run of a tablet's operations reaches: its last number and that operation's hash."""

    epoch: Id
    seq: Number
    hash: Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*$")] = ""
    signature: Signature = ""
    """The tablet's, over `proofs.head_text`: it answers for every operation up to this one."""


class SignedHead(Struct, frozen=True, omit_defaults=True):
    """The head of a chain with its tablet's signature, as others pass it on."""

    device: Id
    epoch: Id
    seq: Number
    hash: Hash
    signature: Signature


class Held(Struct, frozen=True, omit_defaults=True):
    """How far the server holds one chain without a gap: the number, the hash there; how far a backup holds it."""

    epoch: Id
    seq: Number
    hash: Annotated[str, Meta(max_length=64)] = ""
    backed_up: Number = 0
    backed_hash: Annotated[str, Meta(max_length=64)] = ""
    """Of the operation with that number: of a forked chain the backup may hold the other branch."""


class BackedLog(Struct, frozen=True, omit_defaults=True):
    """A backup holds an inspection's log up to this number, where its hash is this one."""

    inspection: Id
    number: Number
    head: Hash


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server holds of one tablet, signed by the server.

    An operation the server has refused (and keeps in quarantine) leaves no gap. A chain it does not know is
    answered with number 0. Where a chain forked (a cloned or restored tablet), it answers for the branch it
    holds furthest, so that the tablet finds another hash, or a higher number, than its own.
    """

    server: Id
    device: Id
    at_ms: int = 0
    heads: tuple[Held, ...] = ()
    photos: tuple[Hash, ...] = ()
    """Of the photos asked about, those whose bytes the server holds."""
    photos_backed_up: tuple[Hash, ...] = ()
    logs: tuple[BackedLog, ...] = ()
    """Of the inspections asked about, those of which a backup holds all that the tablet has read."""
    revoked: bool = False
    """The tablet was turned away."""
    signature: Signature = ""
    """The server's, over `proofs.receipt_text`."""


class Span(Struct, frozen=True, omit_defaults=True):
    """An unbroken piece of one tablet's chain that somebody holds: first and last number, and the last one's hash."""

    device: Id
    epoch: Id
    first: Number
    last: Number
    hash: Hash


class ExchangeRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a tablet says at each contact."""

    protocol: int = field(default_factory=lambda: PROTOCOL)
    """Always written: what is left out is read as the reader's own."""
    device: Id
    app: Line = ""
    sent_at_ms: int = 0
    heads: Annotated[tuple[Head, ...], Meta(max_length=64)] = ()
    """The tablet's own chains, so that a server restored from a backup learns what it has lost."""
    ops: Annotated[tuple[Raw, ...], Meta(max_length=REQUEST_OPS_MAX)] = ()
    """Operations of this tablet, and of others that it passes on; those need a head in `proofs` to answer for them."""
    proofs: Annotated[tuple[SignedHead, ...], Meta(max_length=PROOFS_MAX)] = ()
    cursors: Annotated[dict[Id, Number], Meta(max_length=2000)] = {}
    """By inspection: the last log number read. An inspection not named is read from the start."""
    last_read: Annotated[dict[Id, Id], Meta(max_length=2000)] = {}
    """By inspection: what the server's news named as `last_read` at that cursor. Where the server's log up to the
    cursor is no longer that one, it was restored from a backup since: it answers that inspection's news from the
    start, with the cursor that goes with it. Without this a tablet would skip what was numbered anew."""
    photos: Annotated[tuple[Hash, ...], Meta(max_length=PHOTOS_ASKED_MAX)] = ()
    """Photos of this tablet that it asks a receipt for."""
    logs: Annotated[tuple[Id, ...], Meta(max_length=LOGS_ASKED_MAX)] = ()
    """Inspections of which it asks whether a backup holds all that it has read, up to its cursor."""
    checklists: Annotated[tuple[Hash, ...], Meta(max_length=200)] = ()
    assignments: Annotated[str, Meta(max_length=64)] = ""
    """`assignments_digest` of those the tablet holds; they are sent again, all, only when it differs."""
    peers: Annotated[str, Meta(max_length=64)] = ""
    """`peers_digest` of the tablets of its squad that it knows; they are sent again, all, only when it differs."""
    holds: Annotated[tuple[Span, ...], Meta(max_length=SPANS_MAX)] = ()
    """To another tablet: all that this one holds and counts, or has cleared. It answers with what it has besides."""
    receipts: Annotated[tuple[Receipt, ...], Meta(max_length=RECEIPTS_MAX)] = ()
    """To another tablet: the server's receipts for tablets of the squad, as this one was given them."""
    signed: bool = False
    """The reply is to come with the server's signature over it and this request."""


Status = Literal["accepted", "duplicate", "held", "refused", "id_reused"]


class OpStatus(Struct, frozen=True, omit_defaults=True):
    """What became of one operation; a refusal carries the problem's code and facts."""

    status: Status
    id: str = ""
    problem: str = ""
    facts: dict[str, str] = {}


class Member(Struct, frozen=True):
    """One person of the squad on one inspection."""

    person: Id
    name_zh: Line
    name_en: Line
    role: Literal["inspector", "leader", "trainee", "officer"]


DeviceKind = Literal["desktop", "laptop", "allinone", "server"]
"""What the registers call kinds of computers."""


class InventoryDevice(Struct, frozen=True):
    """One computer of the unit's inventory."""

    register_no: Line
    classified: bool
    department: Line
    kind: Line


class EarlierFinding(Struct, frozen=True):
    """A finding of an earlier inspection of this unit."""

    finding: Id
    year: int
    item: Id
    fact: Annotated[str, Meta(max_length=4000)]
    open: bool


class Lead(Struct, frozen=True, omit_defaults=True):
    """Something to verify on site, as the coordinator was told: never the content of the paper, only its number."""

    lead: Id
    text: Annotated[str, Meta(max_length=400)]
    item: Annotated[str, Meta(max_length=64)] = ""
    """The checklist item it is about; "" for none."""
    paper_ref: Line = ""


class Assignment(Struct, frozen=True, kw_only=True):
    """One inspection as assigned to a squad: all a tablet needs to work offline, and no other unit's data."""

    inspection: Id
    campaign: Id
    campaign_zh: Line
    campaign_en: Line
    unit: Id
    unit_zh: Line
    unit_en: Line
    unit_kind: Line
    address: Line
    contact: Line
    profile: dict[str, bool]
    squad: Id
    squad_zh: Line
    squad_en: Line
    members: tuple[Member, ...]
    planned_date: Line
    checklist: Hash
    inventory: tuple[InventoryDevice, ...] = ()
    earlier: tuple[EarlierFinding, ...] = ()
    watermark: bool = False
    """Whether the campaign wants unit, item, time, inspector and squad written under each photo."""
    leads: tuple[Lead, ...] = ()
    blind: bool = False
    """Scored blind: no member sees a colleague's answers before everybody has closed their own scoring."""


class Peer(Struct, frozen=True, omit_defaults=True):
    """Another tablet of the squad: whose signatures to expect where tablets meet without a server."""

    device: Id
    public_key: Hash
    name: Line = ""
    revoked: bool = False


class ChecklistDocument(Struct, frozen=True):
    """A checklist version, in the canonical bytes its hash is taken over."""

    hash: Hash
    content: Raw


class News(Struct, frozen=True, omit_defaults=True):
    """Operations of one inspection in log order, after the tablet's cursor; `cursor` is the new one.

    Those that came with this very request are left out.
    """

    inspection: Id
    cursor: Number
    ops: tuple[Raw, ...] = ()
    last_read: Annotated[str, Meta(max_length=64)] = ""
    """Names all of the inspection's log up to `cursor`: what the tablet says as `last_read` next time."""


class ExchangeReply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the server answers."""

    protocol: int = field(default_factory=lambda: PROTOCOL)
    server: Id
    received_at_ms: int = 0
    statuses: tuple[OpStatus, ...] = ()
    """One for each operation of the request, in its order."""
    receipt: Receipt | None = None
    """For each head of the request: how far the server holds that chain."""
    relayed: tuple[Receipt, ...] = ()
    """The same for each tablet whose operations this one has passed on; from a tablet, those it was given."""
    holds: tuple[Span, ...] = ()
    """From a tablet: all that it holds and counts, what came with this request included."""
    assignments: tuple[Assignment, ...] | None = None
    checklists: tuple[ChecklistDocument, ...] = ()
    news: tuple[News, ...] = ()
    proofs: tuple[SignedHead, ...] = ()
    """Heads that answer for the news, so that a tablet can bring it back to a server that has lost it."""
    rewound: tuple[Id, ...] = ()
    """Inspections whose log is no longer the one the tablet has read: the server was restored from a backup since.
    Their news begins at the start. Whatever the tablet holds of them and does not read again, its own or its
    colleagues', it hands in again, so that nothing is lost of which any tablet still has a copy."""
    gone: tuple[Id, ...] = ()
    """Inspections the tablet asked about that are not (or no longer) its squad's."""
    photos_wanted: tuple[Hash, ...] = ()
    """Photos of this tablet's operations whose bytes the server has not got yet."""
    peers: tuple[Peer, ...] | None = None
    """The tablets of this squad; left out where the tablet has them (see `ExchangeRequest.peers`)."""
    revoked: bool = False
    """This tablet was turned away: what it still holds is taken into quarantine, and nothing is told to it."""
    finds_bases: bool = False
    """Whoever says so takes packed operations whose bases are shortened."""
    more: bool = False


class RelayReply(Struct, frozen=True, kw_only=True):
    """What a tablet answers another tablet: an `ExchangeReply`, signed over `proofs.relay_text`."""

    device: Id
    signature: Signature
    reply: Raw


class EnrolRequest(Struct, frozen=True, kw_only=True):
    """A tablet introduces itself with a one-time code and its new public key (Ed25519, raw, hex)."""

    code: Annotated[str, Meta(min_length=4, max_length=64)]
    public_key: Hash
    name: Line = ""
    platform: Line = ""
    app: Line = ""
    sealing_key: SealingKey = ""
    """What is meant for this tablet alone is sealed to it."""
    device: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_.:\-]*(?!\n)$")] = ""
    """The id this tablet had, where it was enrolled before: a server that was restored from before that, and knows
    no such tablet, gives it back, because the tablet's operations name it."""


class EnrolReply(Struct, frozen=True, kw_only=True):
    """The tablet's identity."""

    device: Id
    server: Id
    squad: Id
    signing_key: str = ""
    """The server's Ed25519 key (raw, hex), by which its receipts are known."""
    sealing_key: str = ""
    """Its X25519 key (raw, hex), to which packages are sealed."""


class ProblemReply(Struct, frozen=True, omit_defaults=True):
    """How any refused HTTP request is answered: a stable code, a sentence in both languages, and the facts."""

    code: str
    zh: str
    en: str
    retry: bool = False
    facts: dict[str, str] = {}


def token_bytes(server: str, device: str, at_ms: int) -> bytes:
    """What a tablet signs to hand in photos for a while: the server's id, its own, and the server's time."""
    return f"hucha files 1 {server} {device} {at_ms}".encode("ascii", "replace")


def file_token(device: str, at_ms: int, signature: str) -> str:
    """The value of the token's header; `signature` is over `token_bytes`, in hex."""
    return f"{device}.{at_ms}.{signature}"


def assignments_digest(assignments: Iterable[Assignment]) -> str:
    """Names a set of assignments: over their bytes in order of inspection."""
    return digest(b"\n".join(encode(one) for one in sorted(assignments, key=lambda one: one.inspection)))


def peers_digest(peers: Iterable[Peer]) -> str:
    """Names a set of tablets: over their bytes in order."""
    return digest(b"\n".join(encode(one) for one in sorted(peers, key=lambda one: one.device)))


_request_decoder = msgspec.json.Decoder(ExchangeRequest)
_reply_decoder = msgspec.json.Decoder(ExchangeReply)
_encoder = msgspec.json.Encoder()


class _Protocol(Struct):
    protocol: int = PROTOCOL


_protocol_decoder = msgspec.json.Decoder(_Protocol)


def encode(message: Struct) -> bytes:
    """A message as bytes."""
    return _encoder.encode(message)


class _Frame(Struct, array_like=True):
    """A message with its operations packed. The parts: of a request its own, of a reply those of each news."""

    message: bytes
    """As JSON, without the operations."""
    parts: Annotated[list[bytes], Meta(max_length=PARTS_MAX)]


PACKED = b"hucha\x02"
"""What a packed message begins with; one in JSON begins with a brace."""
SIGNED = b"hucha\x03"
"""What a signed reply begins with: then come the signature and the reply itself, packed or not."""
SIGNATURE_BYTES = 64
_NONE: Mapping[str, bytes] = MappingProxyType({})
_frame_encoder = msgspec.msgpack.Encoder()
_frame_decoder = msgspec.msgpack.Decoder(_Frame)


def encode_packed(
    message: ExchangeRequest | ExchangeReply, ready: Mapping[str, bytes] = _NONE, *, shortens: bool = False
) -> bytes:
    """A request or a reply in few bytes; `read_request` and `read_reply` take either form.

    `ready` has, by inspection, the operations of news that are packed already, and not in the message. `shortens` is
    for a request to one who has said `finds_bases`.
    """
    if isinstance(message, ExchangeRequest):
        parts = [pack([bytes(raw) for raw in message.ops], shortens=shortens)] if message.ops else []
        plain: Struct = replace(message, ops=())
    else:
        parts = [
            ready.get(one.inspection) or (pack([bytes(raw) for raw in one.ops]) if one.ops else b"")
            for one in message.news
        ]
        plain = replace(message, news=tuple(replace(one, ops=()) for one in message.news))
    return PACKED + _frame_encoder.encode(_Frame(zlib.compress(encode(plain), LEVEL), parts))


def packed_operations(body: bytes, find: Find) -> bytes:
    """The operations of a packed request that has been read, as they came, but with their bases whole, so that
    anybody reads them; nothing where it has none.
    """
    parts = _frame_decoder.decode(body[len(PACKED) :]).parts
    return whole(parts[0], find) if len(parts) == 1 else b""


def _frame(body: bytes) -> _Frame:
    """The parts of a packed message, its own JSON inflated. Raises request_malformed, request_too_large."""
    try:
        frame = _frame_decoder.decode(body[len(PACKED) :])
        inflater = zlib.decompressobj()
        message = inflater.decompress(frame.message, UNPACKED_BYTES_MAX)
    except (msgspec.DecodeError, RecursionError, zlib.error) as err:
        raise Problem("request_malformed", where=str(err)[:200]) from err
    if inflater.unconsumed_tail:
        raise Problem("request_too_large", limit_bytes=UNPACKED_BYTES_MAX)
    if not inflater.eof:
        raise Problem("request_malformed", where="cut off")
    return _Frame(message, frame.parts)


class _Named(Struct):
    """Of an operation, what every envelope has had from the first version on."""

    id: str
    inspection: str
    person: str
    device: str
    kind: str


class _Dense(Struct):
    """The operations of a request, as they lie there."""

    ops: Raw = Raw(b"")


_dense_decoder = msgspec.json.Decoder(_Dense)
_named_decoder = msgspec.json.Decoder(tuple[_Named, ...])


def _check_density(message: bytes) -> None:
    """Of a request with very many commas, says at once what would otherwise be said after a value was made for each.

    Eight megabytes of `0,0,0` would become a quarter of a gigabyte before anybody counted them. So many can only be
    within operations: each of them must have an envelope, and the first that has none ends the reading.

    Raises request_malformed, and what the decoder raises.
    """
    commas = message.count(b",")
    if commas <= COMMAS_MAX:
        return
    ops = bytes(_dense_decoder.decode(message).ops)
    if commas - ops.count(b",") > COMMAS_MAX:
        raise Problem("request_malformed", where=f"over {COMMAS_MAX} commas beside the operations")
    _named_decoder.decode(ops)


def read_request(
    body: bytes, decoded: dict[bytes, Operation] | None = None, find: Find | None = None
) -> ExchangeRequest:
    """A request from its bytes, packed or not.

    `decoded` is given, by their bytes, the operations that could be read on the way; `find` finds bases that were
    shortened. Raises request_too_large, request_malformed, protocol_too_new, bases_unknown.
    """
    if len(body) > REQUEST_BYTES_MAX:
        raise Problem("request_too_large", limit_bytes=REQUEST_BYTES_MAX)
    frame = _frame(body) if body.startswith(PACKED) else _Frame(body, [])
    if len(frame.parts) > 1:
        raise Problem("request_malformed", where="parts: more than 1")
    try:
        _check_density(frame.message)
        theirs = _protocol_decoder.decode(frame.message).protocol
        if theirs > PROTOCOL:
            raise Problem("protocol_too_new", theirs=theirs, ours=PROTOCOL)
        request = _request_decoder.decode(frame.message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Problem("request_malformed", where=str(err)[:200]) from err
    if request.ops and frame.parts:
        # Colleagues are handed the part as it came, and would miss what stood beside it.
        raise Problem("request_malformed", where="ops: beside those that are packed")
    ops = [Raw(raw) for part in frame.parts for raw in unpack(part, UNPACKED_BYTES_MAX, decoded, find)]
    if len(ops) > REQUEST_OPS_MAX:
        raise Problem("request_malformed", where=f"ops: more than {REQUEST_OPS_MAX}")
    return replace(request, ops=tuple(ops)) if ops else request


def signed_reply(signature: str, reply: bytes) -> bytes:
    """A reply, packed or not, with the server's signature (hex) over `proofs.reply_text`."""
    return SIGNED + bytes.fromhex(signature) + reply


def signature_of(body: bytes) -> tuple[str, bytes]:
    """The signature of a reply in hex, empty where it has none, and the reply as it was signed."""
    if not body.startswith(SIGNED):
        return "", body
    end = len(SIGNED) + SIGNATURE_BYTES
    return body[len(SIGNED) : end].hex(), body[end:]


def read_reply(body: bytes) -> ExchangeReply:
    """A reply from its bytes, packed or not; whose signature it has, the caller checks.

    Raises request_malformed, request_too_large.
    """
    _, body = signature_of(body)
    if not body.startswith(PACKED):
        return decode(body, _reply_decoder)
    frame = _frame(body)
    reply = decode(frame.message, _reply_decoder)
    if len(frame.parts) != len(reply.news):
        raise Problem("request_malformed", where="news")
    return replace(
        reply,
        news=tuple(
            replace(one, ops=tuple(Raw(raw) for raw in unpack(part, UNPACKED_BYTES_MAX))) if part else one
            for one, part in zip(reply.news, frame.parts, strict=True)
        ),
    )


def read_relay(body: bytes) -> RelayReply:
    """A tablet's answer from its bytes. Raises request_malformed."""
    return decode(body, msgspec.json.Decoder(RelayReply))


def read_enrol(body: bytes) -> EnrolRequest:
    """An enrolment from its bytes. Raises request_malformed."""
    return decode(body, msgspec.json.Decoder(EnrolRequest))


def decode(body: bytes, decoder: msgspec.json.Decoder[M]) -> M:
    """A message from its bytes. Raises request_malformed."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Problem("request_malformed", where=str(err)[:200]) from err
