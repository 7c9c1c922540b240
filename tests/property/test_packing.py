"""Packed messages say, to the byte, what the plain ones say; and damage to one is found."""

import zlib
from collections.abc import Iterable, Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from shared_schema import packing, wire
from shared_schema.operations import (
    BASES_MAX,
    Note,
    Operation,
    encode,
    id_of,
    make_operation,
    read,
)
from shared_schema.problems import Problem
from tests.bench.changes import Writer
from tests.bench.plan import make_plan
from tests.make import Scribe, every_body, make_envelope, make_op, make_request

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
ROOM = 1 << 22
BEGINS = 2 * packing.BEGINNING_BYTES


@st.composite
def batches(draw: st.DrawFn) -> list[bytes]:
    """Operations of several tablets, in chains and out of them, plain and odd."""
    scribes = [
        Scribe(device="D-1"),
        Scribe(device="D-2", person="P-2"),
        Scribe(epoch="E-2", inspection="I-2"),
    ]
    raws: list[bytes] = []
    bodies = list(every_body().values())
    for _ in range(draw(st.integers(0, 12))):
        scribe = draw(st.sampled_from(scribes))
        known = [one.id for each in scribes for one in each.written]
        bases = draw(st.lists(st.sampled_from([*known, "elsewhere"]), max_size=3, unique=True))
        body = draw(st.sampled_from(bodies) | st.builds(Note, st.just("A01"), TEXTS))
        named: dict[str, object] = {"id": f"{draw(st.sampled_from(['', 'op-', 'x.']))}{len(raws)}"}
        if draw(st.integers(0, 5)) == 0:
            named["seq"] = draw(st.integers(1, 2**53 - 1))
        if draw(st.integers(0, 3)) == 0:
            named["at_ms"] = draw(st.integers(-(2**53), 2**53).filter(lambda one: abs(one) < 2**53))
        one = scribe.write(body, tuple(bases), **named)
        raws.append(one.raw)
        if draw(st.integers(0, 6)) == 0:
            raws.append(
                draw(st.sampled_from([b"{}", b"", b"[1]", one.raw[:-1] + b',"later":1}', b'{"id":"a",\n}']))
            )
    return raws


@given(batches())
def test_unpacking_gives_back_the_bytes(raws: list[bytes]) -> None:
    assert packing.unpack(packing.pack(raws), ROOM) == raws


@given(batches())
def test_what_is_read_on_the_way_is_what_the_bytes_say(raws: list[bytes]) -> None:
    decoded: dict[bytes, Operation] = {}
    packing.unpack(packing.pack(raws), ROOM, decoded)
    assert all(one == read(raw) for raw, one in decoded.items())
    plain = {raw for raw in raws if packing._plain(raw) is not None}
    assert {raw for raw in plain if read(raw).kind not in ("dispute_settled", "taken_back")} <= decoded.keys()


class Held:
    """What a receiver holds, by how ids begin."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = {one[:BEGINS]: one for one in ids}

    def __call__(self, begun: Sequence[str]) -> list[str]:
        return [self._ids.get(one, "") for one in begun]


def written(text: str, *, device: str, seq: int, prev: str, bases: Iterable[str]) -> bytes:
    """A note as a tablet writes it: its id follows from the rest."""
    named = tuple(dict.fromkeys(bases))
    return make_operation(
        make_envelope(Note("A01", text), id="-", device=device, seq=seq, prev=prev, bases=named)
    )


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Operations that were written before, and those of a message that name them: chains with forks, by a few tablets.

    Now and then one goes on from an operation that has been followed already, as a restored tablet does.
    """
    texts = draw(st.lists(TEXTS, min_size=2, max_size=14))
    raws: list[bytes] = []
    for text in texts:
        known = [read(raw) for raw in raws]
        device = draw(st.sampled_from(["D-1", "D-2"]))
        before = draw(st.sampled_from([None, *(one for one in known if one.device == device)][-3:]))
        bases = draw(
            st.lists(st.sampled_from([*(one.id for one in known), "0" * 32, "elsewhere"]), max_size=4)
        )
        place = (1, "") if before is None else (before.seq + 1, before.hash)
        raws.append(written(text, device=device, seq=place[0], prev=place[1], bases=bases))
    cut = draw(st.integers(0, len(raws)))
    return raws[:cut], raws[cut:]


@given(chains())
def test_shortened_bases_come_back_to_the_byte(made: tuple[list[bytes], list[bytes]]) -> None:
    """To one who holds what they name; and for the others the same message is made whole."""
    before, message = made
    find = Held(["0" * 32, *(read(raw).id for raw in before)])
    decoded: dict[bytes, Operation] = {}
    packed = packing.pack(message, shortens=True)
    assert packing.unpack(packed, ROOM, decoded, find) == message
    assert all(one == read(raw) for raw, one in decoded.items())
    assert packing.whole(packed, find) == packing.pack(message)


@given(chains(), st.data())
def test_what_lacks_a_base_or_has_another_that_begins_alike_gives_nothing(
    made: tuple[list[bytes], list[bytes]], data: st.DataObject
) -> None:
    """Never other bytes than were written."""
    before, message = made
    ids = [read(raw).id for raw in before]
    named = {base for raw in message for base in read(raw).bases} & set(ids)
    spoilt = data.draw(st.sets(st.sampled_from(ids))) if ids else set()
    twins = data.draw(st.booleans())
    held = [*(f"{one[:BEGINS]:0<32}" for one in spoilt if twins), *(one for one in ids if one not in spoilt)]
    packed = packing.pack(message, shortens=True)
    if packed == packing.pack(message):
        assert packing.unpack(packed, ROOM) == message
    elif spoilt & named or "0" * 32 in b"".join(message).decode():
        with pytest.raises(Problem, match="bases_unknown"):
            packing.unpack(packed, ROOM, {}, Held(held))
    else:
        assert packing.unpack(packed, ROOM, {}, Held(held)) == message
    if packed != packing.pack(message):
        with pytest.raises(Problem, match="bases_unknown"):
            packing.unpack(packed, ROOM)


DEEP = b'{"item":"A01","text":"","later":' + b"[" * 40 + b"]" * 40 + b"}"


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": {0: 'x","kind":"y'}},
        {"ids": {0: "x" * 65}},
        {"ids": {0: "名"}},
        {"prevs": {0: 'a","seq":7,"prev":"b'}},
        {"prevs": {0: "x" * 65}},
        {"bases": [["not an id"]]},
        {"bases": [["B"]], "ids": {0: "B"}},
        {"seq": [-1]},
        {"seq": [2**53]},
        {"at_ms": [-(2**53)]},
        {"bodies": b'{"item":"A01","text":"x"},"later":{}'},
        {"bodies": b'{"item":"A01","text":"\\u0000"}'},
        {"bodies": b'{"item":"A01","text":"x","later":"\xff"}'},
        {"bodies": b'{"item":"A01"}'},
        {"bodies": b'{"item":"A01","text":"' + Random(1).randbytes(35_000).hex().encode() + b'"}'},
        {"bodies": DEEP},
        {"contexts": [("I 1", "P-1", "D-1", "E-1", "note")]},
        {"contexts": [("I-1", "P-1", "D-1", 'E","seq":9,"x":"', "note")]},
        {"contexts": [("I-1", "P-1", "D-1", "E-1", "newer")]},
        {"contexts": [("I-1", "P-1", "D-1", "E-1", "taken_back")], "bodies": b'{"field":"stage"}'},
    ],
)
def test_what_reading_would_refuse_or_hold_is_not_read_on_the_way(changes: dict[str, object]) -> None:
    """Columns that somebody put together otherwise than we do: what becomes of them is for `read` to say."""
    decoded: dict[bytes, Operation] = {}
    (raw,) = packing.unpack(_columns(**changes), ROOM, decoded)
    assert raw not in decoded


def test_a_request_and_a_reply_say_the_same_packed() -> None:
    scribe = Scribe()
    ops = [scribe.write(Note("A01", str(n))) for n in range(5)]
    request = make_request(ops, cursors={"I-1": 7}, sent_at_ms=3)
    assert wire.read_request(wire.encode_packed(request)) == request
    empty = make_request()
    assert wire.read_request(wire.encode_packed(empty)) == empty
    news = (wire.News("I-1", 5, tuple(Raw(one.raw) for one in ops), "x"), wire.News("I-2", 0))
    reply = wire.ExchangeReply(server="S", news=news, receipt=wire.Receipt(server="S", device="D-1"))
    assert wire.read_reply(wire.encode_packed(reply)) == reply


def test_what_a_tablet_writes_takes_few_bytes() -> None:
    """Places, hashes and ids that follow from the rest are not sent: 400 bytes an operation become fewer than 25."""
    ops: list[bytes] = []
    before, known = "", ""
    for number in range(1, 301):
        body = Note(f"A{number % 60:02}", f"第 {number * 7919 % 1000} 号台账")
        fields = {"seq": number, "prev": before, "at_ms": number * 7013, "bases": (known,) if known else ()}
        raw = make_operation(make_envelope(body, **fields))
        before, known = read(raw).hash, read(raw).id
        assert known == id_of(raw)
        ops.append(raw)
    packed = packing.pack(ops)
    assert packing.unpack(packed, ROOM) == ops
    assert len(packed) / len(ops) < 25 < sum(map(len, ops)) / len(ops) / 10


def test_an_id_follows_from_all_the_rest() -> None:
    one, other = (make_operation(make_envelope(Note("A01", text), id="-")) for text in "ab")
    assert read(one).id == id_of(one) != read(other).id
    assert make_operation(make_envelope(Note("A01", "a"), id="another")) == one


def test_every_cut_and_every_flipped_bit_is_found() -> None:
    """A message arrives as it was sent or not at all; the few bits that fill up the last byte say nothing."""
    request = make_request([Scribe().write(Note("A01", "一")), make_op(Note("A02", "二"), device="D-2")])
    body = wire.encode_packed(request)
    damaged = [body[:at] for at in range(len(body))]
    damaged += [body[:at] + bytes([body[at] ^ 4]) + body[at + 1 :] for at in range(len(body))]
    read = [_read(one) for one in damaged]
    assert all(one in (None, request) for one in read)
    assert read.count(None) >= 2 * len(body) - 4


def test_with_shortened_bases_too_every_cut_and_every_flipped_bit_is_found() -> None:
    ids = [f"{Random(n).getrandbits(128):032x}" for n in range(4)]
    scribe = Scribe()
    request = make_request(
        [scribe.write(Note("A01", text), ids[at : at + 2]) for at, text in enumerate("一二三")]
    )
    body = wire.encode_packed(request, shortens=True)
    assert len(body) < len(wire.encode_packed(request))
    # Of the many that a receiver may hold, those that a flipped bit would name are among them.
    near = [f"{int(one[:BEGINS], 16) ^ 1 << bit:0{BEGINS}x}{'0' * 20}" for one in ids for bit in range(48)]
    find = Held([*near, *ids])
    damaged = [body[:at] for at in range(len(body))]
    damaged += [
        body[:at] + bytes([body[at] ^ 1 << bit]) + body[at + 1 :]
        for at in range(len(body))
        for bit in range(8)
    ]
    read = [_read(one, find) for one in damaged]
    assert all(one in (None, request) for one in read)
    assert read.count(None) >= 9 * len(body) - 16
    assert _read(body, find) == request


def test_a_change_takes_at_most_25_bytes_at_100_a_message() -> None:
    """As tablets write in the benchmark: each names the tablet's last change of that field."""
    tablet = make_plan(2, 120, Random(7))
    writer = Writer(tablet.tablets[0], tablet.checklist, Random(7))
    writer.write(400)
    raws = writer.write(100)
    bases = [base for raw in raws for base in read(raw).bases]
    assert len(bases) == len(raws)
    packed = packing.pack(raws, shortens=True)
    assert packing.unpack(packed, ROOM, {}, Held(bases)) == raws
    assert len(packed) / len(raws) <= 25


def _read(body: bytes, find: packing.Find | None = None) -> wire.ExchangeRequest | None:
    try:
        return wire.read_request(body, find=find)
    except Problem:
        return None


def _columns(**changes: object) -> bytes:
    columns = packing._taken_apart([make_op(Note("A01", "一")).raw])
    for name, value in changes.items():
        setattr(columns, name, value)
    return zlib.compress(msgspec.msgpack.encode(columns))


def _with_one_more(array: bytes) -> bytes:
    """An array in MessagePack with something of a newer version at its end: lists in lists, too deep for any reader."""
    return bytes([array[0] + 1]) + array[1:] + b"\x91" * 100_000 + b"\xc0"


def test_a_frame_that_is_too_deep_is_refused() -> None:
    frame = wire.encode_packed(make_request())[len(wire.PACKED) :]
    for reader in (wire.read_request, wire.read_reply):
        with pytest.raises(Problem, match="request_malformed"):
            reader(wire.PACKED + _with_one_more(frame))


@pytest.mark.parametrize(
    "packed",
    [
        _columns(count=2),
        _columns(context=[5]),
        _columns(bases=[list(range(1, BASES_MAX + 2))]),
        _columns(bases=[[7]]),
        _columns(bases=[[0]]),
        _columns(bases=[[0, 0]]),
        _columns(bases=[[0, 0]]) + b"x" * packing.CHECK_BYTES,
        _columns(bases=[[0, 0]]) + b"x" * (packing.CHECK_BYTES + 2 * packing.BEGINNING_BYTES - 1),
        _columns(bases=[[0, 0]]) + b"x" * (packing.CHECK_BYTES + 3 * packing.BEGINNING_BYTES),
        _columns(bases=[["B"]]) + b"x",
        _columns(bases=[[0] * 5000]) + b"x" * (packing.CHECK_BYTES + 5000 * packing.BEGINNING_BYTES),
        _columns(bodies=b"{}\n{}"),
        _columns(odd={5: b"{}"}),
        _columns(count=2, odd={5: b"{}"}),
        _columns(count=2, odd={-1: b"{}"}),
        b"not deflated",
        zlib.compress(b"\xc1"),
        zlib.compress(_with_one_more(zlib.decompress(_columns())), 0),
    ],
)
def test_columns_that_do_not_fit_are_refused(packed: bytes) -> None:
    with pytest.raises(Problem, match="request_malformed"):
        packing.unpack(packed, ROOM)


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    """By how much it may grow, and by how large it may become."""
    bomb = zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(Problem, match="request_too_large"):
        packing.unpack(bomb, ROOM)
    many = packing.pack([encode(make_envelope(Note("A01", "x" * 3000), seq=n)) for n in range(1, 400)])
    with pytest.raises(Problem, match="request_too_large"):
        packing.unpack(many, 100_000)


@pytest.mark.parametrize(("count", "size"), [(1, 60_000), (1000, 3000), (1000, 60), (3, 60_000)])
def test_operations_that_are_all_alike_are_read_again(count: int, size: int) -> None:
    """However small a compressor could make them: what is packed here must not be taken for a bomb there."""
    scribe = Scribe()
    raws = [scribe.write(Note("A01", "x" * 60)).raw.replace(b"x" * 60, b"x" * size) for _ in range(count)]
    assert packing.unpack(packing.pack(raws), wire.UNPACKED_BYTES_MAX) == raws


@pytest.mark.parametrize("count", [1, 19, 20, 100, 1000])
def test_bases_in_a_block_of_their_own_take_less_and_any_inflater_reads_them(count: int) -> None:
    """As tablets write: each names one from before this message, by a hash that nothing makes smaller."""
    scribe, random = Scribe(), Random(count)
    raws = [
        scribe.write(
            Note("A01", f"第 {random.randrange(9)} 条"), bases=[f"{random.getrandbits(128):032x}"]
        ).raw
        for _ in range(count)
    ]
    packed, columns = packing.pack(raws), msgspec.msgpack.encode(packing._taken_apart(raws))
    assert zlib.decompress(packed) == columns
    assert packing.unpack(packed, ROOM) == raws
    whole = zlib.compress(columns, packing.LEVEL)
    assert len(packed) <= len(whole) if count < packing.BLOCKS_OPS_MIN else len(packed) < 0.97 * len(whole)
