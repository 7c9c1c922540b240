"""Deliberate bugs, put into the real code: each breaks a law, and the simulation must notice.

All of them have been shipped by somebody, or were met in prototypes. A mutant patches the code under
test and nothing the checks work the truth out with.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pytest

from mobile import exchange as tablet_exchange
from mobile import settling, store, tap
from mobile.sync import Sync
from server.intake import judge, news, projection, taking
from server.storage import chains, op_log, states, watermark
from server.storage.database import Connection
from shared_schema import merge
from shared_schema.ids import DeviceId, InspectionId
from shared_schema.operations import Operation, Unknown, agreement, field_of, read
from shared_schema.problems import Problem
from shared_schema.scoring import score
from shared_schema.wire import BackedLog, News, OpStatus

Patch = Callable[[pytest.MonkeyPatch], None]


class Mutant(NamedTuple):
    """A bug, the law it breaks, what else it breaks thereby, and the faults it needs to show."""

    name: str
    law: str
    also: frozenset[str]
    faults: str
    worlds: int
    """In so many worlds it must show; one that shows in none would be missed in earnest too."""
    patch: Patch
    first: int = 1
    """The seed of the first of them: a bug that needs a rare order of events starts near one that has it."""


MUTANTS: list[Mutant] = []


def mutant(
    law: str, *also: str, faults: str = "none", worlds: int = 12, first: int = 1
) -> Callable[[Patch], Patch]:
    """Registers a mutant under the name of its function."""

    def register(patch: Patch) -> Patch:
        MUTANTS.append(Mutant(patch.__name__, law, frozenset(also), faults, worlds, patch, first))
        return patch

    return register


def _everywhere(patch: pytest.MonkeyPatch, fold: merge.Fold) -> None:
    """Puts another merge into tablets and server."""
    patch.setattr(merge, "apply", fold)
    patch.setattr(merge, "advance", lambda seen, ops: merge.look_again(seen, fold(seen.state, ops)))
    patch.setattr(store, "apply", fold)


_apply, _take, _after_cursors, _worked_out = (
    merge.apply,
    taking.take,
    news.after_cursors,
    projection._worked_out,
)
_append, _check = op_log._append, judge.Judge._check


# --- order does not matter ---------------------------------------------------------------------------


@mutant("reordered")
def forgets_what_was_replaced(patch: pytest.MonkeyPatch) -> None:
    """An operation that comes after its replacement stands again."""

    def fold(state: merge.State, operations: Iterable[Operation]) -> merge.State:
        return _apply(state, operations)._replace(replaced={})

    _everywhere(patch, fold)


@mutant("reordered")
def leaves_early(patch: pytest.MonkeyPatch) -> None:
    """The bases of an operation that is itself replaced already are not looked at."""

    def fold(state: merge.State, operations: Iterable[Operation]) -> merge.State:
        for one in operations:
            field = field_of(one.body, one.person)
            if field is None or one.id not in state.replaced.get(field, ()):
                state = _apply(state, [one])
        return state

    _everywhere(patch, fold)


# --- twice is once -----------------------------------------------------------------------------------


@mutant("repeated")
def appends_twice(patch: pytest.MonkeyPatch) -> None:
    """An operation that stands is put there again."""

    def fold(state: merge.State, operations: Iterable[Operation]) -> merge.State:
        for one in operations:
            field = field_of(one.body, one.person)
            again = field is not None and any(other.id == one.id for other in state.fields.get(field, ()))
            if field is not None and again:
                fields = {**state.fields, field: (*state.fields[field], one)}
                state = state._replace(fields=fields)
            else:
                state = _apply(state, [one])
        return state

    _everywhere(patch, fold)


@mutant("repeated")
def takes_again_what_comes_again(patch: pytest.MonkeyPatch) -> None:
    """The server answers an operation it has with "accepted", as if it were news."""

    def never_twice(said: Any, *facts: Any) -> OpStatus:
        return OpStatus("accepted" if said == "duplicate" else said, *facts)

    patch.setattr(taking, "OpStatus", never_twice)


# --- a tap is never hidden ---------------------------------------------------------------------------


@mutant("hidden", faults="stale_screen")
def replaces_what_the_screen_did_not_show(patch: pytest.MonkeyPatch) -> None:
    """The bases are also what the store holds now, not only what the person had before their eyes."""
    bases = tap.Tap._bases

    def more(self: tap.Tap, inspection: str, body: Any, person: Any, seen: Any) -> Any:
        both = (*bases(self, inspection, body, person, seen), *bases(self, inspection, body, person, None))
        return tuple(dict.fromkeys(both))

    patch.setattr(tap.Tap, "_bases", more)


@mutant("hidden", "overruled", "clock", "score_mismatch", "reordered", faults="clock_wrong")
def last_stamp_wins(patch: pytest.MonkeyPatch) -> None:
    """Of what stands on a field, only the operation with the latest clock is kept."""

    def fold(state: merge.State, operations: Iterable[Operation]) -> merge.State:
        state = _apply(state, operations)
        latest = {field: (max(ops, key=lambda o: (o.at_ms, o.id)),) for field, ops in state.fields.items()}
        return state._replace(fields=latest)

    _everywhere(patch, fold)


@mutant("hidden", "overruled", "score_mismatch", "reordered", "repeated", "diverged")
def equal_is_no_operation(patch: pytest.MonkeyPatch) -> None:
    """A tap that says what stands already is dropped."""

    def fold(state: merge.State, operations: Iterable[Operation]) -> merge.State:
        for one in operations:
            field = field_of(one.body, one.person)
            standing = () if field is None else state.fields.get(field, ())
            if not any(agreement(other.body) == agreement(one.body) for other in standing):
                state = _apply(state, [one])
        return state

    _everywhere(patch, fold)


# --- a difference stands -----------------------------------------------------------------------------


@mutant("overruled")
def any_tap_ends_a_dispute(patch: pytest.MonkeyPatch) -> None:
    """An ordinary tap on a disputed field replaces everybody's values."""
    patch.setattr(tap, "disputed", lambda field, standing: len(standing) > 1 and field == "settling")
    patch.setattr("mobile.verbs_closing.disputed", lambda field, standing: len(standing) > 1)


@mutant("overruled", "score_mismatch")
def replaces_only_the_first_base(patch: pytest.MonkeyPatch) -> None:
    """Of several bases only one is taken off, so that a settlement settles nothing."""

    def fold(state: merge.State, operations: Iterable[Operation]) -> merge.State:
        return _apply(state, [one._replace(bases=one.bases[:1]) for one in operations])

    _everywhere(patch, fold)


# --- nothing is lost ---------------------------------------------------------------------------------


@mutant("lost", faults="lost_request")
def empties_the_outbox_before_the_reply(patch: pytest.MonkeyPatch) -> None:
    """What was sent counts as taken before the server has said so."""
    ask = Sync._ask

    def hasty(self: Sync, ops_max: int, **how: bool) -> Any:
        asked = ask(self, ops_max, **how)
        with self._store._write():
            self._store._db.execute(
                "UPDATE operation SET status = 'accepted', confirmed = 1 WHERE status = 'unsent'"
            )
        return asked

    patch.setattr(Sync, "_ask", hasty)


@mutant("lost", "diverged", faults="tablet_restored,tablet_cloned")
def knows_operations_by_their_number(patch: pytest.MonkeyPatch) -> None:
    """The server takes an operation for known when it has one of that tablet with that number."""

    def take(conn: Connection, raws: Sequence[bytes], **facts: Any) -> taking.Taken:
        statuses: list[OpStatus] = []
        for raw in raws:
            plain = json.loads(raw)
            there = op_log.run(
                conn, "SELECT id FROM operation WHERE device = ? AND seq = ?", (plain["device"], plain["seq"])
            )
            statuses += (
                [OpStatus("duplicate", plain["id"])] if there else _take(conn, [raw], **facts).statuses
            )
        return taking.Taken(statuses, {})

    patch.setattr(taking, "take", take)


@mutant("lost", "diverged", faults="server_restored,tablet_restored,tablet_cloned", worlds=60, first=141)
def believes_that_the_server_keeps_everything(patch: pytest.MonkeyPatch) -> None:
    """A tablet does not doubt what a restored server once took, and brings nothing back but its own chain's end.

    It shows where only a colleague still holds an operation: in 4 of the 49 worlds from this seed on.
    """
    patch.setattr(settling, "_doubt", lambda db, inspection: None)


@mutant("lost", "diverged", "stalled", faults="purged,backup_restored", worlds=20)
def clears_by_receipt_alone(patch: pytest.MonkeyPatch) -> None:
    """A tablet may forget what the server has, whether a backup has it or not."""

    def logs(conn: Connection, asked: Iterable[str], cursors: Any, last_read: Any) -> tuple[BackedLog, ...]:
        return tuple(
            BackedLog(one, cursors[one], last_read[one])
            for one in asked
            if last_read.get(one) and op_log.head_at(conn, InspectionId(one), cursors[one]) == last_read[one]
        )

    tips = chains.backed

    def backed(conn: Connection, device: DeviceId, epochs: Iterable[str]) -> dict[str, chains.Backed]:
        return {
            epoch: tip._replace(backed_up=tip.seq, backed_hash=tip.hash)
            for epoch, tip in tips(conn, device, epochs).items()
        }

    patch.setattr(watermark, "logs", logs)
    patch.setattr(chains, "backed", backed)


# --- nothing is invented -----------------------------------------------------------------------------


@mutant("invented")
def stores_what_it_understood(patch: pytest.MonkeyPatch) -> None:
    """The server stores what names a photo as it would have written it, not as it came.

    Were it so with answers, settlements would go astray too, because what they name is then another operation.
    """

    def append(conn: Connection, inspection: Any, batch: Sequence[Operation], now_ms: int) -> Any:
        again = [
            one._replace(raw=json.dumps(json.loads(one.raw), sort_keys=True).encode())
            if one.kind == "evidence_attached"
            else one
            for one in batch
        ]
        return _append(conn, inspection, again, now_ms)

    patch.setattr(op_log, "_append", append)


# --- scores equal the fold of the log ----------------------------------------------------------------


@mutant("score_mismatch")
def scores_before_it_merges(patch: pytest.MonkeyPatch) -> None:
    """The sheet is worked out from the state before the operations that came."""

    def worked_out(conn: Connection, row: Any, *rest: Any, **facts: Any) -> Any:
        stored = states.load(conn, row.id)
        before = merge.EMPTY if stored is None else stored.state
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(projection, "score", lambda checklist, *_: score(checklist, merge.view(before)))
            return _worked_out(conn, row, *rest, **facts)

    patch.setattr(projection, "_worked_out", worked_out)


# --- everyone agrees in the end ----------------------------------------------------------------------


@mutant("diverged")
def one_cursor_and_a_filter(patch: pytest.MonkeyPatch) -> None:
    """A page that is full moves the cursor past what did not fit."""

    def after_cursors(conn: Connection, inspections: Any, request: Any, *taken: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(news, "REPLY_OPS_MAX", 3)
            told = _after_cursors(conn, inspections, request, *taken)
        rows = {row.id: row for row in inspections}
        jumped = []
        for one in told.news:
            row = rows[one.inspection]
            head = op_log.head_at(conn, row.id, row.last_number)
            jumped.append(News(one.inspection, row.last_number, one.ops, head))
        return told._replace(news=tuple(jumped), more=False)

    patch.setattr(news, "after_cursors", after_cursors)


@mutant("diverged", "lost", faults="server_restored")
def believes_a_cursor_by_its_number(patch: pytest.MonkeyPatch) -> None:
    """A server that came up with an older log goes on telling from the number a tablet names."""

    def valid_cursors(conn: Connection, inspections: Any, request: Any, *_: Any) -> Any:
        return {row.id: min(request.cursors.get(row.id, 0), row.last_number) for row in inspections}

    patch.setattr(news, "_valid_cursors", valid_cursors)


@mutant("diverged", faults="tablet_cloned,tablet_restored")
def numbers_on_after_a_fork(patch: pytest.MonkeyPatch) -> None:
    """A tablet does not look at the hash its receipt names, and never finds out that it was cloned or restored."""
    patch.setattr(tablet_exchange, "forks", lambda chain, receipt: False)


# --- an unknown operation stops nobody ---------------------------------------------------------------


@mutant("stalled", faults="newer_app,poison")
def decodes_the_whole_batch_strictly(patch: pytest.MonkeyPatch) -> None:
    """One operation that the server cannot read refuses the request it came with."""

    def strict(raw: bytes) -> Operation:
        try:
            operation = read(raw)
        except Problem as problem:
            raise Problem("request_malformed", where="ops") from problem
        if isinstance(operation.body, Unknown):
            raise Problem("request_malformed", where="kind")
        return operation

    patch.setattr(taking, "_read", strict)


@mutant("stalled", faults="newer_app")
def refuses_what_it_does_not_know(patch: pytest.MonkeyPatch) -> None:
    """An operation of a newer kind is refused, and lost to the version that would know it."""

    def check(self: Any, operation: Operation, proven: bool) -> None:
        if isinstance(operation.body, Unknown):
            raise Problem("op_malformed", where="kind")
        _check(self, operation, proven)

    patch.setattr(judge.Judge, "_check", check)


# --- no clock matters --------------------------------------------------------------------------------


@mutant("clock")
def shows_the_latest_first(patch: pytest.MonkeyPatch) -> None:
    """Among values that stand together the one with the latest clock comes first, and is read as the value."""
    standing = merge._standing

    def latest_first(operations: Iterable[Operation]) -> Any:
        return standing(sorted(operations, key=lambda one: -one.at_ms))

    patch.setattr(merge, "_standing", latest_first)


@mutant("clock", "stalled", faults="clock_wrong,clock_jumped")
def refuses_wrong_clocks(patch: pytest.MonkeyPatch) -> None:
    """An operation from a tablet whose clock is a day off is refused."""

    def check(self: Any, operation: Operation, proven: bool) -> None:
        if abs(operation.at_ms - 1_793_600_000_000) > 3 * 86_400_000:
            raise Problem("op_malformed", where="at_ms")
        _check(self, operation, proven)

    patch.setattr(judge.Judge, "_check", check)
