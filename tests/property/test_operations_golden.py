"""Every kind of operation ever released is kept as bytes and decodes as it did, for ever.

The files in tests/golden/operations/v1 were written once, by the first version. They are never written
again: a change that makes this test fail would make inspections on tablets in the field unreadable.
`make_missing` (run this module) adds files for kinds that have none yet, and touches no other.
"""

from pathlib import Path

import msgspec
import pytest

from shared_schema import merge
from shared_schema.operations import KINDS, Unknown, field_of, read
from tests.make import ANSWERS, Scribe, every_body, make_answer

FOLDER = Path(__file__).parents[1] / "golden" / "operations" / "v1"
FILES = sorted(FOLDER.glob("*.json"))
MEANINGS = FOLDER / "meanings.jsonl"


class Meaning(msgspec.Struct, frozen=True):
    """What the first version read in a file: its hash, its field, and its body as plain values."""

    file: str
    hash: str
    field: str
    body: object


def meanings() -> dict[str, Meaning]:
    """What was written down when the files were written."""
    lines = MEANINGS.read_bytes().splitlines() if MEANINGS.exists() else []
    known = (msgspec.json.decode(line, type=Meaning) for line in lines)
    return {one.file: one for one in known}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_was_once_written_is_read_as_it_was(file: Path) -> None:
    """The same hash, the same field, the same body, and the same bytes when written again."""
    raw = file.read_bytes()
    operation = read(raw)
    assert not isinstance(operation.body, Unknown)
    meaning = meanings()[file.name]
    assert operation.hash == meaning.hash, "the file itself was changed"
    assert field_of(operation.body, operation.person) == meaning.field
    # A field added since has its default here, and defaults are not written; a field gone or changed would show.
    assert _plain(operation.body) == meaning.body


def test_every_kind_and_every_type_of_answer_has_a_file() -> None:
    """A kind that is released gets its file in the same change."""
    operations = [read(file.read_bytes()) for file in FILES]
    assert {one.kind for one in operations} == set(KINDS)
    assert {file.stem.partition(".")[2] for file in FILES if file.stem.startswith("answer.")} == set(ANSWERS)


def test_the_files_together_are_one_inspection() -> None:
    """Folded together in any order they give the same state, of which nothing is held."""
    operations = [read(file.read_bytes()) for file in FILES]
    state = merge.apply(merge.EMPTY, operations)
    assert merge.dump(state) == merge.dump(merge.apply(merge.EMPTY, operations[::-1]))
    assert not state.held
    assert merge.view(state).stage == "locked"


def _plain(body: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(body))


def make_missing() -> None:
    """Writes the files of kinds that have none yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    scribe = Scribe(device="tablet-07", person="P-012", epoch="ep0", inspection="I-2026-014")
    bodies = {
        **every_body(),
        **{f"answer.{name}": make_answer("A02", value) for name, value in ANSWERS.items()},
    }
    with MEANINGS.open("ab") as lines:
        # New kinds come last, so that they get numbers which no file has.
        for name, body in sorted(bodies.items(), key=lambda one: not (FOLDER / f"{one[0]}.json").exists()):
            operation = scribe.write(body, bases=("op-7",) if name == "answer" else ())
            file = FOLDER / f"{name}.json"
            if file.exists():
                continue
            file.write_bytes(operation.raw)
            field = field_of(operation.body, operation.person)
            assert field is not None
            plain = _plain(operation.body)
            lines.write(msgspec.json.encode(Meaning(file.name, operation.hash, field, plain)) + b"\n")


if __name__ == "__main__":
    make_missing()
