"""Requests and replies of every released version are kept as bytes: each is read today, tomorrow's as far as it goes.

The files in tests/golden/wire are written once (run this module for one that is missing), and never again.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from shared_schema import merge, wire
from shared_schema.ids import digest
from shared_schema.operations import Note, Unknown, read
from shared_schema.packing import pack, unpack
from shared_schema.problems import Problem
from tests.make import Scribe, make_answer, make_assignment, make_finding, make_request

FOLDER = Path(__file__).parents[1] / "golden" / "wire"
RELEASED = ("v1", "v2")
"""Protocols: 1 of version 0.1, 2 of 0.2."""
GONE = {"receipts"}
"""Of protocol 1 and not said any more: a tablet of 0.1 gets no receipts, as the changelog says."""
HASH = "ab" * 32
NEWER = (
    ("unknown kind", b'"kind":"note"', b'"kind":"voice_note"'),
    ("unknown field of an envelope", b'"kind":"note"', b'"mood":{"a":[1,null]},"kind":"note"'),
    ("unknown field of a body", b'"item":"A01"', b'"item":"A01","colour":"red"'),
)


def operations() -> list[bytes]:
    """A tap, a finding and a note of one tablet."""
    scribe = Scribe(device="tablet-07", person="P-012", epoch="ep0", inspection="I-2026-014")
    for body in (make_answer("A01", 2), make_finding("F-1", "A01"), Note("A01", "见台账")):
        scribe.write(body)
    return [one.raw for one in scribe.written]


def request() -> wire.ExchangeRequest:
    """A request with all that a tablet says to a server."""
    raws = operations()
    head = wire.Head("ep0", 3, digest(raws[-1]), "cd" * 64)
    proof = wire.SignedHead("tablet-08", "ep1", 9, HASH, "ef" * 64)
    return make_request(
        ops=tuple(map(Raw, raws)), device="tablet-07", app="0.2.0", sent_at_ms=1_780_000_000_000, heads=(head,),
        proofs=(proof,), cursors={"I-2026-014": 7}, last_read={"I-2026-014": "x"}, photos=(HASH,),
        checklists=(HASH,), assignments=HASH, peers=HASH,
    )  # fmt: skip


def reply() -> wire.ExchangeReply:
    """A reply with all that a server says to a tablet."""
    raws = tuple(map(Raw, operations()))
    statuses = (wire.OpStatus("accepted", "a"), wire.OpStatus("refused", "b", "item_unknown", {"item": "Z"}))
    receipt = wire.Receipt(
        server="S", device="tablet-07", at_ms=5, heads=(wire.Held("ep0", 3, HASH, 2),), photos=(HASH,),
        photos_backed_up=(HASH,), signature="ab" * 64,
    )  # fmt: skip
    return wire.ExchangeReply(
        server="S", received_at_ms=6, statuses=statuses, receipt=receipt, relayed=(receipt,),
        assignments=(make_assignment(),), checklists=(wire.ChecklistDocument(HASH, Raw(b'{"a":1}')),),
        news=(wire.News("I-2026-014", 10, raws, "head"),), proofs=(wire.SignedHead("t", "e", 1, HASH, "ab" * 64),),
        rewound=("I-1",), gone=("I-2",), photos_wanted=(HASH,), peers=(wire.Peer("t", HASH, "二号", True),),
        more=True,
    )  # fmt: skip


def plain(message: msgspec.Struct) -> Any:
    """A message as plain values, its operations as texts."""
    return json.loads(wire.encode(message))


def said(before: Any, now: Any) -> Any:
    """Of what is read now, what was written then: fields that came since have their defaults."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {name: said(before[name], now[name]) for name in before if name in now}
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [said(*pair) for pair in zip(before, now, strict=True)]
    return now


@pytest.mark.parametrize("version", RELEASED)
@pytest.mark.parametrize("form", ["json", "packed"])
def test_a_request_of_every_released_version_is_read_as_it_was(version: str, form: str) -> None:
    file = FOLDER / version / f"request.{form}"
    if version == "v1" and form == "packed":
        assert not file.exists(), "protocol 1 does not pack"
        return
    found = wire.read_request(file.read_bytes())
    meant = json.loads((FOLDER / version / "request.json").read_bytes())
    assert said(meant, plain(found)) == meant
    assert [bytes(raw) for raw in found.ops] == operations(), "operations are the bytes they were"
    assert not merge.apply(merge.EMPTY, [read(bytes(raw)) for raw in found.ops]).held


@pytest.mark.parametrize("version", RELEASED)
@pytest.mark.parametrize("form", ["json", "packed"])
def test_a_reply_of_every_released_version_is_read_as_it_was(version: str, form: str) -> None:
    file = FOLDER / version / f"reply.{form}"
    if version == "v1" and form == "packed":
        assert not file.exists(), "protocol 1 does not pack"
        return
    found = wire.read_reply(file.read_bytes())
    meant = json.loads((FOLDER / version / "reply.json").read_bytes())
    assert said(meant, plain(found)) == {name: what for name, what in meant.items() if name not in GONE}
    assert [bytes(raw) for raw in found.news[0].ops] == operations()


@pytest.mark.parametrize("name", ["request", "reply"])
def test_what_a_tablet_and_a_server_of_the_last_version_look_for_is_still_said(name: str) -> None:
    """Every field of protocol 1 is still there, and of the same type: they read past what is new."""
    today = plain(request() if name == "request" else reply())
    before = json.loads((FOLDER / "v1" / f"{name}.json").read_bytes())

    def still(old: Any, new: Any, where: str) -> None:
        assert type(old) is type(new), where
        if isinstance(old, dict):
            for key in old.keys() - GONE:
                assert key in new, f"{where}.{key} is gone"
                still(old[key], new[key], f"{where}.{key}")
        elif isinstance(old, list) and old:
            still(old[0], new[0], f"{where}[0]")

    still(before, today, name)


@pytest.mark.parametrize(("what", "old", "new"), NEWER, ids=[one[0] for one in NEWER])
@pytest.mark.parametrize("form", ["json", "packed"])
def test_operations_of_tomorrow_are_kept_to_the_byte_and_held(
    what: str, old: bytes, new: bytes, form: str
) -> None:
    """Through a request, a reply and the packing; and what a newer version understands of them is then folded."""
    raws = [raw.replace(old, new) for raw in operations()]
    assert raws != operations()
    write = wire.encode if form == "json" else wire.encode_packed
    sent = wire.read_request(write(make_request(ops=tuple(map(Raw, raws)), device="tablet-07")))
    told = wire.read_reply(write(wire.ExchangeReply(server="S", news=(wire.News("I", 3, sent.ops),))))
    assert [bytes(raw) for raw in told.news[0].ops] == raws
    assert unpack(pack(raws), 1 << 20) == raws
    read_here = [read(raw) for raw in raws]
    held = [one for one in read_here if isinstance(one.body, Unknown)]
    assert len(held) == (1 if what == "unknown kind" else 0)
    assert len(merge.apply(merge.EMPTY, read_here).held) == len(held)
    # After the upgrade the same bytes are of a kind that is known, and count.
    assert not merge.apply(merge.EMPTY, [read(one.raw.replace(b"voice_note", b"note")) for one in held]).held


@pytest.mark.parametrize("place", ["", "heads", "proofs"])
def test_unknown_fields_of_a_newer_request_are_read_past(place: str) -> None:
    """Of the message, and of what is in it."""
    newer = plain(request())
    target = newer[place][0] if place else newer
    target["tomorrow"] = {"deep": [1, {"x": None}]}
    found = wire.read_request(json.dumps(newer, ensure_ascii=False, separators=(",", ":")).encode())
    assert plain(found) == plain(request())


@pytest.mark.parametrize("place", ["", "statuses", "receipt", "assignments", "news", "peers"])
def test_unknown_fields_of_a_newer_reply_are_read_past(place: str) -> None:
    """Of the message, and of what is in it."""
    newer = plain(reply())
    target = newer[place] if place else newer
    (target[0] if isinstance(target, list) else target)["tomorrow"] = {"deep": [1]}
    found = wire.read_reply(json.dumps(newer, ensure_ascii=False, separators=(",", ":")).encode())
    assert plain(found) == plain(reply())


@pytest.mark.parametrize("message", [request(), reply()], ids=["request", "reply"])
def test_the_protocol_is_always_named(message: msgspec.Struct) -> None:
    """Left out because it is the default, a newer one would be read as whatever the reader's default is."""
    assert plain(message)["protocol"] == wire.PROTOCOL


def test_a_newer_protocol_says_so_and_an_unknown_value_is_refused_whole() -> None:
    """A tablet keeps all it has then, and says that the server (or it) is to be updated."""
    with pytest.raises(Problem, match="protocol_too_new"):
        wire.read_request(json.dumps({**plain(request()), "protocol": wire.PROTOCOL + 1}).encode())
    newer = plain(reply())
    newer["statuses"][0]["status"] = "postponed"
    with pytest.raises(Problem, match="request_malformed"):
        wire.read_reply(json.dumps(newer).encode())


def make_missing() -> None:
    """Writes what there is no file of for today's protocol."""
    folder = FOLDER / f"v{wire.PROTOCOL}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, message in (("request", request()), ("reply", reply())):
        for form, content in (("json", wire.encode(message)), ("packed", wire.encode_packed(message))):
            if not (folder / f"{name}.{form}").exists():
                (folder / f"{name}.{form}").write_bytes(content)


if __name__ == "__main__":
    make_missing()
