"""Operations to bytes and back: nothing is lost, nothing is invented, and nothing but a Problem is raised."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, Struct

from shared_schema import merge
from shared_schema.ids import PersonId, digest
from shared_schema.operations import (
    DEPTH_MAX,
    KINDS,
    OP_BYTES_MAX,
    DisputeSettled,
    Envelope,
    Note,
    Operation,
    TakenBack,
    Unknown,
    agreement,
    body_bytes,
    can_be_unsaid,
    decided,
    encode,
    field_of,
    read,
    read_body,
    stands_for,
)
from shared_schema.problems import Problem
from tests.make import ANSWERS, every_body, make_answer, make_envelope, make_op, make_settlement
from tests.property.strategies import bodies, envelopes, ids, json_values

KINDS_AND_BODIES = sorted(every_body().items())


def usable(operation: Operation) -> None:
    """Whatever can be read can be merged, shown, stored and passed on."""
    state = merge.apply(merge.EMPTY, [operation])
    inspection = merge.view(state)
    assert merge.load(merge.dump(state)) == state
    assert (operation in inspection.held) == isinstance(operation.body, Unknown)
    passed_on = msgspec.json.decode(msgspec.json.encode([Raw(operation.raw)]), type=list[Raw])
    assert bytes(passed_on[0]) == operation.raw


def test_there_is_a_body_of_every_kind_to_try() -> None:
    """A kind that is added must be tried too."""
    assert set(every_body()) == set(KINDS)


@settings(max_examples=400)
@given(envelope=envelopes())
def test_decoding_what_was_encoded_gives_the_same(envelope: Envelope) -> None:
    """decode(encode(x)) = x, for envelope and body, and the bytes are kept as they came."""
    raw = encode(envelope)
    operation = read(raw)
    assert (operation.raw, operation.hash) == (raw, digest(raw))
    for name in ("id", "inspection", "person", "device", "epoch", "seq", "prev", "at_ms", "bases", "kind"):
        assert getattr(operation, name) == getattr(envelope, name)
    assert bytes(body_bytes(operation.body)) == bytes(envelope.body)
    usable(operation)


@pytest.mark.parametrize(("kind", "body"), KINDS_AND_BODIES)
def test_every_kind_has_a_field_a_value_and_an_agreement(kind: str, body: Struct) -> None:
    """A body of every kind writes one field, and agrees with itself."""
    operation = make_op(body)
    assert operation.kind == kind
    assert field_of(operation.body, operation.person)
    assert agreement(operation.body) == agreement(make_op(body, device="D-2").body)
    usable(operation)


@settings(max_examples=200)
@given(body=bodies)
def test_agreeing_is_being_equal_where_it_matters(body: Struct) -> None:
    """A value agrees with itself, also after a settlement says the same."""
    operation = make_op(body)
    if not isinstance(operation.body, DisputeSettled):
        settled = make_settlement(body)
        assert agreement(settled) == agreement(operation.body)
        assert field_of(settled, PersonId("P-9")) == field_of(operation.body, PersonId("P-1"))


@settings(max_examples=200)
@given(kind=ids.filter(lambda kind: kind not in KINDS), body=json_values)
def test_an_unknown_kind_is_kept_byte_for_byte(kind: str, body: object) -> None:
    """Whatever a newer version writes comes out as it went in, and is held."""
    raw = encode(make_envelope(kind=kind, body=Raw(msgspec.json.encode(body))))
    operation = read(raw)
    assert operation.body == Unknown(Raw(msgspec.json.encode(body)))
    assert operation.raw == raw
    usable(operation)


@settings(max_examples=200)
@given(newer=st.dictionaries(ids.map("newer_{}".format), json_values, min_size=1, max_size=3), data=st.data())
def test_newer_fields_survive(newer: dict[str, object], data: st.DataObject) -> None:
    """A field this version does not know, in envelope or body, is passed on and changes nothing else."""
    kind, body = data.draw(st.sampled_from(KINDS_AND_BODIES))
    envelope = msgspec.json.decode(encode(make_envelope(body)))
    known = read(msgspec.json.encode(envelope))
    envelope["body"].update(newer)
    operation = read(msgspec.json.encode({**envelope, **newer}))
    assert operation.body == known.body
    assert operation.kind == kind
    assert all(name.encode() in operation.raw for name in newer)
    usable(operation)


def test_an_answer_or_a_decision_of_a_newer_version_is_held() -> None:
    """An answer of a type, or a settlement for a kind, that only a newer version knows is not refused."""
    answer = make_envelope(Raw(b'{"item":"A01","answer":{"type":"matrix","rows":[[1]]}}'), kind="answer")
    decision = b'{"field":"answer/A01","decision":{"kind":"voice","body":{}},"reason":"r"}'
    for envelope in (answer, make_envelope(Raw(decision), kind="dispute_settled")):
        operation = read(encode(envelope))
        assert isinstance(operation.body, Unknown)
        usable(operation)


# --- damage ----------------------------------------------------------------------------------------


def survives(raw: bytes) -> bool:
    """Whether the bytes are a usable operation; anything but a Problem goes through as the bug it is."""
    try:
        operation = read(raw)
    except Problem as problem:
        if problem.code not in {"op_malformed", "op_too_large"}:
            raise
        return False
    usable(operation)
    return True


@pytest.mark.parametrize(("kind", "body"), KINDS_AND_BODIES)
def test_cut_or_flipped_anywhere_it_is_a_problem_or_an_operation(kind: str, body: Struct) -> None:
    """Every length and one flipped bit at every position: a Problem, or an operation that can be used."""
    raw = encode(make_envelope(body))
    cuts = [raw[:length] for length in range(len(raw))]
    assert not any(map(survives, cuts)), "half an operation was read"
    random = Random(kind)
    refused = 0
    for position in range(len(raw)):
        damaged = bytearray(raw)
        damaged[position] ^= 1 << random.randrange(8)
        refused += not survives(bytes(damaged))
    assert refused > len(raw) // 4


@settings(max_examples=300)
@given(noise=st.binary(max_size=200), data=st.data())
def test_noise_is_a_problem(noise: bytes, data: st.DataObject) -> None:
    """Bytes from anywhere, alone or in the middle of an operation."""
    survives(noise)
    raw = encode(make_envelope(data.draw(st.sampled_from(KINDS_AND_BODIES))[1]))
    at = data.draw(st.integers(0, len(raw)))
    survives(raw[:at] + noise + raw[at:])


ANSWER = '{"item":"A01","answer":%s}'


@pytest.mark.parametrize(
    "body",
    [
        *(
            ANSWER % f'{{"type":"value","value":{n}}}'
            for n in ('"NaN"', '"sNaN"', '"Infinity"', '"-inf"', "1e999999")
        ),
        *(
            ANSWER % f'{{"type":"value","value":"{n}"}}'
            for n in ("1E+999999999", "0E+99", "0." + "1" * 40, "9" * 30)
        ),
        ANSWER % '{"type":"clauses","hit":[{"clause":"a","deduct":"sNaN"}]}',
        ANSWER % '{"type":"count","count":-1}',
        ANSWER % '{"type":"count","count":1e400}',
        ANSWER % '{"type":"count","count":99999999999999999999}',
        ANSWER % '{"count":1}',
        ANSWER % '{"type":7}',
        '{"item":"A01\\n","answer":{"type":"yes_no","ok":true}}',
        '{"item":"A/01","answer":{"type":"yes_no","ok":true}}',
        "[]",
        "null",
        '"answer"',
    ],
)
def test_a_figure_or_name_nobody_can_work_with_is_refused(body: str) -> None:
    """NaN, infinities, exponents that fill a memory, names with line breaks: malformed, not a crash later."""
    with pytest.raises(Problem, match="op_malformed"):
        read(encode(make_envelope(Raw(body.encode()), kind="answer")))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "newer", "body": Raw(b"[" * 200 + b"]" * 200)},
        {"kind": "newer", "body": Raw(b'"\xff"')},
        {"kind": "newer", "body": Raw(b'{"text":"a\\u0000b"}')},
        {"kind": "note", "body": Raw(b'{"item":"A","text":"\\\\\\u0000"}')},
        {"kind": "note", "body": Raw(b'{"item":"A","text":"\\ud800"}')},
        {"id": "x\n"},
        {"prev": "\0"},
        {"bases": ("D-1.E-1.1",)},
        {"seq": 0},
        {"seq": 2**53},
    ],
)
def test_what_cannot_be_stored_or_passed_on_is_refused(changes: dict[str, object]) -> None:
    """Also in the unread body of an unknown kind, which every later reader would choke on."""
    with pytest.raises(Problem, match="op_malformed"):
        read(encode(make_envelope(**changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b" %s", b"%s\n", b"%s%s"])
def test_an_operation_is_one_object_and_nothing_around_it(raw: bytes) -> None:
    """A blank before or after it would get lost on the way and change its hash."""
    with pytest.raises(Problem, match="op_malformed"):
        read(raw.replace(b"%s", encode(make_envelope())))


def test_a_text_that_spells_a_nul_is_a_text() -> None:
    """A backslash and the letters u0000 are no NUL."""
    assert make_op(Note("A01", "\\u0000")).body == Note("A01", "\\u0000")


def test_nesting_is_counted_outside_of_texts() -> None:
    """Brackets in a text do not count, and a long drawn signature is not deep."""
    assert make_op(Note("A01", "[" * 500)).body == Note("A01", "[" * 500)
    strokes = tuple(((1, 2, 3), (4, 5, 6)) for _ in range(100))
    assert make_op(msgspec.structs.replace(every_body()["signed"], strokes=strokes)).kind == "signed"
    deep = Raw(b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1))
    assert make_op(deep, kind="newer").body == Unknown(deep)


def test_what_is_no_json_is_refused_before_anything_in_it_is_counted() -> None:
    """Quotes that nobody closes would each be searched for their end: minutes for one operation of 64 KiB."""
    with pytest.raises(Problem, match="op_malformed") as caught:
        read(b'{"x":[' + b"[" * DEPTH_MAX + b'"' + b'\\"' * 999 + b"}")
    assert "nested" not in str(caught.value)


def test_size_has_a_limit() -> None:
    """A tap of more than 64 KiB is no tap."""
    with pytest.raises(Problem, match="op_too_large"):
        read(b" " * (OP_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "settlement",
    [
        '{"field":"answer/A02","decision":{"kind":"answer","body":%s},"reason":"r"}',
        '{"field":"answer/A01","decision":{"kind":"answer","body":%s},"reason":""}',
        '{"field":"answer/A01","decision":{"kind":"answer","body":{}},"reason":"r"}',
        '{"field":"a","reason":"r","decision":{"kind":"dispute_settled","body":{"field":"a","reason":"r","decision":%s}}}',
        (
            '{"field":"answer/A01","reason":"r","decision":{"kind":"dispute_settled","body":'
            '{"field":"answer/A01","reason":"r","decision":{"kind":"answer","body":%s}}}}'
        ),
    ],
    ids=["about another field", "without a reason", "for no value", "of no settlement", "of a settlement"],
)
def test_a_settlement_that_says_nothing_sound_is_refused(settlement: str) -> None:
    """A settlement decides its own field, with a reason, on a value that can be read."""
    body = settlement.replace("%s", '{"item":"A01","answer":{"type":"yes_no","ok":true}}')
    with pytest.raises(Problem, match="op_malformed"):
        read(encode(make_envelope(Raw(body.encode()), kind="dispute_settled")))


@pytest.mark.parametrize("depth", [DEPTH_MAX, DEPTH_MAX + 1])
def test_objects_nest_as_deep_as_lists_may(depth: int) -> None:
    """The envelope itself is one, and beside what is deep nothing counts."""
    raw = encode(make_envelope(kind="newer", body=Raw(b'{"a":' * (depth - 1) + b"0" + b"}" * (depth - 1))))
    if depth <= DEPTH_MAX:
        assert isinstance(read(raw).body, Unknown)
    else:
        with pytest.raises(Problem, match="nested"):
            read(raw)


def test_an_operation_may_have_every_byte_of_its_limit() -> None:
    raw = encode(make_envelope(kind="newer", body=Raw(b'""')))
    full = raw.replace(b'""}', b'"%b"}' % (b"x" * (OP_BYTES_MAX - len(raw))))
    assert len(full) == OP_BYTES_MAX
    assert read(full).raw == full
    with pytest.raises(Problem, match="op_too_large"):
        read(full.replace(b"xx", b"xxx", 1))


@pytest.mark.parametrize(
    ("field", "can"),
    [
        ("answer/A01", True),
        ("signature/inspector/甲/乙", True),
        ("note/A01/P-1", True),
        ("consent/A01/P-1", True),
        ("note/A01/P-2", False),
        ("consent/A01/P-2", False),
        ("stage", False),
        ("answer/", False),
        ("sample/S-1", False),
        ("scoring/P-1", False),
        ("evidence/E-1", False),
    ],
)
def test_a_tap_is_taken_back_by_whoever_may_and_where_it_can_be(field: str, can: bool) -> None:
    """A note by its author alone; a stage, a draw, a photo and a closed scoring stay said."""
    assert can_be_unsaid(field, "P-1") == can
    raw = encode(make_envelope(TakenBack(field), person="P-1"))
    if can:
        assert field_of(read(raw).body, PersonId("P-1")) == field
    else:
        with pytest.raises(Problem, match="op_malformed"):
            read(raw)


def test_inspectors_sign_each_for_themselves_and_a_unit_has_one_head() -> None:
    signed = every_body()["signed"]
    fields = [
        field_of(msgspec.structs.replace(signed, role=role, name=name), PersonId("P-1"))  # type: ignore[arg-type]
        for role, name in (("inspector", "甲"), ("inspector", "乙"), ("unit_head", "甲"), ("unit_head", "乙"))
    ]
    assert fields == [
        "signature/inspector/甲",
        "signature/inspector/乙",
        "signature/unit_head",
        "signature/unit_head",
    ]


def test_every_type_of_answer_is_read_back() -> None:
    """An answer of each type comes back as it was."""
    for answer in ANSWERS.values():
        assert make_op(answer=answer).body == make_answer(answer=answer)


def test_a_settlement_stands_for_its_decision() -> None:
    """What stands after it is the decision, whoever wrote it."""
    settled = make_settlement(Note("A01", "乙"), person="P-2")
    assert stands_for(settled) == decided(settled) == Note("A01", "乙")
    assert settled.field == "note/A01/P-2"
    assert read_body("dispute_settled", body_bytes(settled)) == settled
