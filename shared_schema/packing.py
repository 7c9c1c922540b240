"""Packing: the operations of one message in few bytes, and back to exactly the bytes they were.

What the receiver can work out is left out: the place in a chain that follows the operation before, the
hash of that operation, an id that follows from the rest, ids of bases that are in the same message. What
remains lies in columns, which a general compressor then makes small. An operation that is not written
as `operations.encode` writes it (by a newer version, say) is carried as it is.

A base from before the message is a hash, and nothing makes that smaller. To a receiver that holds it and
says so, only its first bytes are sent, behind the compressed columns, and a hash over all the operations:
whatever other operation is found there gives other bytes, and then the sender packs whole.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import repeat
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from shared_schema.ids import digest
from shared_schema.operations import (
    AT_MS_MAX,
    BASES_MAX,
    BRACKETS_MAX,
    ID_LENGTH,
    OP_BYTES_MAX,
    SEQ_MAX,
    Context,
    Envelope,
    Operation,
    are_ids,
    body_reader,
    encode,
    id_of,
    plain_bodies,
)
from shared_schema.problems import Problem

OPERATIONS_MAX = 1000
"""In one message. Of a list that says to be longer nothing is read: sixteen million empty lists are a gigabyte."""
UNPACKED_RATIO_MAX = 200
"""How many bytes one packed byte may become: operations of one tablet are much alike, and a bomb is a thousandfold."""
LEVEL = 6
BLOCKS_OPS_MIN = 20
"""With fewer operations, the codes of more blocks take more than they save."""
LEVEL_IN_BLOCKS = 9
"""Takes no longer than 6 where short matches are left alone."""
BEGINNING_BYTES = 6
"""Of a base's id: among a hundred million operations, one base in three million is mistaken for another."""
CHECK_BYTES = 16
SHORTENED_MIN = 2
"""With one base, the hash over all takes more than is saved."""
SHORTENED_MAX = 4096
"""Each is looked up."""

_Listed = Meta(max_length=OPERATIONS_MAX)

Find = Callable[[tuple[str, ...]], Sequence[str]]
"""Given how ids begin (in hex), as many ids of operations that are held; any, or "", where none begins so."""


class _Columns(Struct, array_like=True):
    """Operations, taken apart. Lists are as long as there are operations that are not odd, unless said otherwise."""

    count: int
    contexts: Annotated[list[Context], _Listed]
    """As they first occur."""
    context: Annotated[list[int], _Listed]
    seq: Annotated[list[int], _Listed]
    """0 where it is one more than the one before of the same chain."""
    at_ms: Annotated[list[int], _Listed]
    """How much later than the one before."""
    bases: Annotated[list[Annotated[list[int | str], Meta(max_length=BASES_MAX)]], _Listed]
    """How many operations of this message before it, or an id; 0 for the next of those that are shortened."""
    bodies: bytes
    """One a line."""
    ids: Annotated[dict[int, str], _Listed]
    """By place, those that do not follow from the rest."""
    prevs: Annotated[dict[int, str], _Listed]
    """By place, those that are not the one before of the same chain."""
    odd: Annotated[dict[int, bytes], _Listed]
    """By place among all, operations as they are."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Columns)
_envelope = msgspec.json.Decoder(Envelope)
_hashed = re.compile(f"[0-9a-f]{{{ID_LENGTH}}}").fullmatch


def pack(operations: Sequence[bytes], *, shortens: bool = False) -> bytes:
    """These operations, compressed, but never so far that `unpack` would take them for a bomb.

    `shortens`: the receiver finds bases by how they begin, and says bases_unknown where it does not.
    """
    columns = _taken_apart(operations)
    beginnings = _shortened(columns) if shortens else b""
    packed = _compressed(columns)
    return packed + _check(operations) + beginnings if beginnings else packed


def whole(packed: bytes, find: Find) -> bytes:
    """The same operations for one who does not find bases. Raises as `unpack` does."""
    columns, check = _read_columns(packed, UNPACKED_RATIO_MAX * len(packed), find)
    return _compressed(columns) if check else packed


def _shortened(columns: _Columns) -> bytes:
    """Takes the bases that can be shortened out of the columns; how they begin, in order."""
    outside = [one for some in columns.bases for one in some if isinstance(one, str) and _hashed(one)]
    if not SHORTENED_MIN <= len(outside) <= SHORTENED_MAX:
        return b""
    columns.bases = [
        [0 if isinstance(one, str) and _hashed(one) else one for one in some] for some in columns.bases
    ]
    return b"".join(bytes.fromhex(one[: 2 * BEGINNING_BYTES]) for one in outside)


def _check(operations: Sequence[bytes]) -> bytes:
    return sha256(b"\n".join(operations)).digest()[:CHECK_BYTES]


def _compressed(columns: _Columns) -> bytes:
    plain = _encoder.encode(columns)
    if columns.count < BLOCKS_OPS_MIN:
        packed = zlib.compress(plain, LEVEL)
    else:
        before = len(_encoder.encode(_start(columns)))
        packed = _in_blocks(plain, before, before + len(_encoder.encode(columns.bases)))
    return packed if len(plain) < UNPACKED_RATIO_MAX * len(packed) else zlib.compress(plain, 0)


def _start(columns: _Columns) -> tuple[Any, ...]:
    """The columns before the bases; as bytes they are as long alone as among all."""
    return (columns.count, columns.contexts, columns.context, columns.seq, columns.at_ms)


def _in_blocks(plain: bytes, first: int, last: int) -> bytes:
    """Compressed, with what lies between these places in a block of its own.

    Bases are mostly hashes: with codes of their own they take little more than their sixteen bytes, and the texts
    have theirs to themselves. Whoever inflates it need not know. Matches of a few letters, of which hashes are full,
    cost more than they save.
    """
    deflater = zlib.compressobj(LEVEL_IN_BLOCKS, strategy=zlib.Z_FILTERED)
    view = memoryview(plain)
    parts = [deflater.compress(view[:first]), deflater.flush(zlib.Z_BLOCK)]
    parts += [deflater.compress(view[first:last]), deflater.flush(zlib.Z_BLOCK)]
    return b"".join((*parts, deflater.compress(view[last:]), deflater.flush()))


def _taken_apart(operations: Sequence[bytes]) -> _Columns:
    columns = _Columns(len(operations), [], [], [], [], [], b"", {}, {}, {})
    contexts: dict[Context, int] = {}
    tips: dict[tuple[str, str], tuple[int, str]] = {}
    places: dict[str, int] = {}
    bodies: list[bytes] = []
    at_ms = 0
    for number, raw in enumerate(operations):
        one = _plain(raw)
        if one is None:
            columns.odd[number] = raw
            continue
        place = len(columns.context)
        context = Context(one.inspection, one.person, one.device, one.epoch, one.kind)
        seq, prev = tips.get(context[2:4], (0, ""))
        columns.context.append(contexts.setdefault(context, len(contexts)))
        columns.seq.append(0 if one.seq == seq + 1 else one.seq)
        columns.at_ms.append(one.at_ms - at_ms)
        columns.bases.append([place - places[base] if base in places else base for base in one.bases])
        bodies.append(bytes(one.body))
        if one.id != id_of(raw):
            columns.ids[place] = one.id
        if one.prev != prev:
            columns.prevs[place] = one.prev
        tips[context[2:4]] = (one.seq, digest(raw))
        places[one.id] = place
        at_ms = one.at_ms
    columns.contexts = list(contexts)
    columns.bodies = b"\n".join(bodies)
    return columns


def _plain(raw: bytes) -> Envelope | None:
    """The envelope of an operation that is nothing but what `encode` writes of it."""
    try:
        one = _envelope.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return one if encode(one) == raw and b"\n" not in raw else None


def unpack(
    packed: bytes, bytes_max: int, decoded: dict[bytes, Operation] | None = None, find: Find | None = None
) -> list[bytes]:
    """The operations of `pack`, to the byte. Raises request_malformed, request_too_large, bases_unknown.

    `decoded` is given, by their bytes, those that could be read on the way, as `operations.read` reads them.
    Without `find` no base that was shortened is known.
    """
    try:
        columns, check = _read_columns(packed, bytes_max, find)
        done = _put_together(columns, bytes_max, decoded)
    except (zlib.error, RecursionError, IndexError, KeyError, ValueError) as err:
        raise Problem("request_malformed", where=f"packed operations: {str(err)[:100]}") from err
    if check and check != _check(done):
        raise Problem("bases_unknown")
    return done


def _read_columns(packed: bytes, bytes_max: int, find: Find | None) -> tuple[_Columns, bytes]:
    """The columns with their bases whole, and the hash over all where any was shortened."""
    limit = min(bytes_max, UNPACKED_RATIO_MAX * len(packed))
    inflater = zlib.decompressobj()
    plain = inflater.decompress(packed, limit)
    if inflater.unconsumed_tail:
        raise Problem("request_too_large", limit_bytes=limit)
    if not inflater.eof:
        raise ValueError("cut off")
    columns, behind = _decoder.decode(plain), inflater.unused_data
    if not behind:
        return columns, b""
    check, beginnings = behind[:CHECK_BYTES], behind[CHECK_BYTES:].hex()
    digits = 2 * BEGINNING_BYTES
    count = sum(some.count(0) for some in columns.bases)
    if not SHORTENED_MIN <= count <= SHORTENED_MAX or len(beginnings) != count * digits:
        raise ValueError("not as many bases as were shortened")
    if find is None:
        raise Problem("bases_unknown")
    begun = tuple(beginnings[at : at + digits] for at in range(0, len(beginnings), digits))
    found = find(begun)
    if not all(map(str.startswith, found, begun)):
        raise Problem("bases_unknown")
    rest = iter(found)
    columns.bases = [
        [next(rest) if one == 0 else one for one in some] if 0 in some else some for some in columns.bases
    ]
    return columns, check


def _put_together(columns: _Columns, bytes_max: int, decoded: dict[bytes, Operation] | None) -> list[bytes]:
    count = len(columns.context)
    bodies = columns.bodies.split(b"\n", count) if count else []
    whole = {len(columns.seq), len(columns.at_ms), len(columns.bases), len(bodies), count} == {count}
    if not whole or columns.count != count + len(columns.odd):
        raise ValueError("columns of different lengths")
    reads = decoded is not None and plain_bodies(columns.bodies) and are_ids(_names(columns))
    values = _read_bodies(columns, bodies) if reads else repeat(None, count)
    tips: dict[tuple[str, ...], list[Any]] = {}
    shared = [_shared(one, tips) for one in columns.contexts]
    given_ids, given_prevs = columns.ids, columns.prevs
    ids: list[str] = []
    done: list[bytes] = []
    size, at_ms = 0, 0
    rows = zip(columns.context, columns.seq, columns.at_ms, columns.bases, bodies, values, strict=True)
    for place, (at, given_seq, later_ms, given_bases, body, value) in enumerate(rows):
        context, opening, kind, tip = shared[at]
        seq, prev = tip
        seq = given_seq or seq + 1
        if place in given_prevs:
            prev = given_prevs[place]
        at_ms += later_ms
        bases = _bases(ids, place, given_bases) if given_bases else ()
        plain = b"".join((opening, _place(seq, prev, at_ms, bases), kind, body, b"}"))
        id_ = given_ids.get(place) or digest(plain)[:ID_LENGTH]
        raw = b'{"id":"%b",%b' % (id_.encode(), plain[1:])
        hash_ = digest(raw)
        size += len(raw)
        if size > bytes_max:
            raise Problem("request_too_large", limit_bytes=bytes_max)
        tip[:] = seq, hash_
        ids.append(id_)
        done.append(raw)
        if value is None or decoded is None or id_ in bases or len(raw) > OP_BYTES_MAX:
            continue
        if 0 < seq <= SEQ_MAX and -AT_MS_MAX <= at_ms <= AT_MS_MAX:
            inspection, person, device, epoch, name = context
            decoded[raw] = tuple.__new__(  # as the class does it by itself, which takes twice as long
                Operation,
                (
                    id_,
                    inspection,
                    person,
                    device,
                    epoch,
                    seq,
                    prev,
                    at_ms,
                    bases,
                    name,
                    value,
                    raw,
                    hash_,
                ),
            )
    return _with_odd(done, columns)


def _names(columns: _Columns) -> list[str]:
    """What is written for ids and hashes in these columns."""
    bases = (one for some in columns.bases for one in some if isinstance(one, str))
    return [*columns.ids.values(), *filter(None, columns.prevs.values()), *bases]


def _read_bodies(columns: _Columns, bodies: Sequence[bytes]) -> Iterator[Any]:
    """The bodies, one after the other, None where it is not certain that `operations.read` makes the same of these
    bytes.
    """
    readers = [body_reader(one) for one in columns.contexts]
    return map(_read, map(readers.__getitem__, columns.context), bodies)


def _read(reader: Callable[[bytes], Any] | None, body: bytes) -> Any:
    if reader is None or body.count(b"[") + body.count(b"{") > BRACKETS_MAX:
        return None
    try:
        return reader(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _place(seq: int, prev: str, at_ms: int, bases: tuple[str, ...]) -> bytes:
    """What of an operation is its own, as `operations.encode` writes it: from its number to its bases."""
    own = f'{seq},"prev":"{prev}"' if prev else str(seq)
    if at_ms:
        own += f',"at_ms":{at_ms}'
    if bases:
        listed = '","'.join(bases)
        own += f',"bases":["{listed}"]'
    return own.encode()


def _shared(
    context: Context, tips: dict[tuple[str, ...], list[Any]]
) -> tuple[Context, bytes, bytes, list[Any]]:
    """Of all operations of a context, what stands before the number and before the body, without an id, and how far
    their chain has come: its last number and hash.
    """
    inspection, person, device, epoch, kind = context
    place = f'{{"inspection":"{inspection}","person":"{person}","device":"{device}","epoch":"{epoch}","seq":'
    return (
        context,
        place.encode(),
        f',"kind":"{kind}","body":'.encode(),
        tips.setdefault(context[2:4], [0, ""]),
    )


def _bases(ids: Sequence[str], place: int, bases: Sequence[int | str]) -> tuple[str, ...]:
    if len(bases) == 1 and isinstance(bases[0], str):
        return (bases[0],)
    named = []
    for one in bases:
        if isinstance(one, str):
            named.append(one)
        elif 0 < one <= place:
            named.append(ids[place - one])
        else:
            raise ValueError("a base that is not among the operations before")
    return tuple(named)


def _with_odd(done: list[bytes], columns: _Columns) -> list[bytes]:
    if not columns.odd:
        return done
    if not all(0 <= at < columns.count for at in columns.odd):
        raise ValueError("an operation outside its places")
    rest = iter(done)
    return [columns.odd[at] if at in columns.odd else next(rest) for at in range(columns.count)]
