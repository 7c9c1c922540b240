"""One exchange with the server, then photos; offline is a state, and sending again is harmless.

An exchange is written as steps: a generator that works on the store and yields each call to the
network. Whoever drives it makes the call, on another thread if need be, and sends the reply back in;
so a tap never waits for the network, and the store is never used by two threads.
"""

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from mobile import photos
from mobile.exchange import (
    HEADS_MAX,
    OPS_BYTES_MAX,
    Asked,
    checked,
    of_another_server,
    request_of,
    settlement_of,
)
from mobile.progress import Report, Stopped, unwatched
from mobile.settling import Journal
from mobile.signatures import signed_receipt
from mobile.store import Store
from mobile.store_file import Identity
from mobile.transport import Offline, Rejected, Transport
from mobile.uploads import Uploads, about_one_photo, never_taken
from mobile.vault import KEY_BYTES, Vault
from shared_schema.ids import ID_BYTES, make_id
from shared_schema.problems import REGISTRY, Problem
from shared_schema.proofs import head_text
from shared_schema.wire import (
    DEVICE_HEADER,
    LOGS_ASKED_MAX,
    PASS_HEADER,
    PHOTOS_ASKED_MAX,
    REQUEST_OPS_MAX,
    SIGNATURE_HEADER,
    EnrolReply,
    EnrolRequest,
    ExchangeReply,
    Head,
    ProblemReply,
    decode,
    encode,
    encode_packed,
    file_token,
    token_bytes,
)

R = TypeVar("R")
Steps = Generator[Callable[[], Any], Any, R]
"""Work on the store that yields each call to the network and is sent its result, or its Offline or Rejected."""

OPS_LEAST = 30  # some 10 kB: less is mostly heads and cursors
ROUNDS_MAX = 500  # half a million operations: more is not a backlog but two sides that do not agree
FORGOTTEN = "device_unknown"
"""What a server answers that was restored from before this tablet's enrolment; a new code makes it known again."""
_NOT_SHORTENED = frozenset({"bases_unknown", "request_malformed"})
"""What is answered to shortened bases by a server that does not find them, and by one that cannot read them."""
PHOTO_ATTEMPTS_MAX = 4  # more failures of photos alone make the pauses no longer: for the sake of operations
REFUSED_KEPT_MS = 24 * 3_600_000  # of a photo by a revoked tablet: the fault may be the server's

_enrol_decoder = msgspec.json.Decoder(EnrolReply)


class SyncReport(NamedTuple):
    """What one run of exchanges did."""

    outcome: Literal["done", "offline", "failed", "stopped"]
    sent: int = 0
    accepted: int = 0
    held: int = 0
    refused: int = 0
    news: int = 0
    photos: int = 0
    given_up: int = 0
    """Photos that the server never takes, for which the keys of a tablet that was turned away no longer wait."""
    rounds: int = 0
    problem: str = ""
    revoked: bool = False
    """The server has turned this tablet away, and, if `outcome` is done, nothing here waits for it any more."""


class Sync:
    """The exchanges of one tablet. `entropy(n)` gives n random bytes, `clock()` the tablet's milliseconds."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        transport: Transport,
        photos_folder: Path,
        *,
        entropy: Callable[[int], bytes],
        clock: Callable[[], int],
        app: str = "",
    ) -> None:
        self._store = store
        self._vault = vault
        self._transport = transport
        self._photos_folder = photos_folder
        self._entropy = entropy
        self._clock = clock
        self._app = app
        self._signed_heads: dict[str, Head] = {}
        self._packs = True
        """Until a server turns out not to read packed messages."""
        self._shortens = False
        """Whether the server said last that it finds bases by how they begin."""
        self._uploads = Uploads(store, transport, clock)

    def once(self) -> SyncReport:
        """Exchanges until nothing is left to say, waiting for the network. Raises disk_full, store_damaged."""
        return drive(self.steps())

    def enrol(self, code: str, *, name: str = "", platform: str = "") -> Identity:
        """Makes this tablet known to the server. Raises Offline, enrolment_code_invalid, form_invalid."""
        return drive(self.enrol_steps(code, name=name, platform=platform))

    def enrol_steps(self, code: str, *, name: str = "", platform: str = "") -> Steps[Identity]:
        """`enrol` as steps. A tablet that is enrolled keeps its identity, and asks only a server that forgot it."""
        known = self._store.identity()
        if known is not None and self._store.journal().problem != FORGOTTEN:
            return known
        request = EnrolRequest(
            code=code,
            public_key=self._vault.make_key(self._entropy(KEY_BYTES)),
            sealing_key=self._vault.make_sealing_key(self._entropy(KEY_BYTES)),
            name=name,
            platform=platform,
            app=self._app,
            device="" if known is None else known.device,
        )
        try:
            body = yield partial(self._transport.enrol, encode(request))
        except Rejected as err:
            raise _as_problem(err.problem) from err
        reply = decode(body, _enrol_decoder)
        if known is None:
            identity = Identity(reply.device, reply.server, reply.squad, reply.signing_key, reply.sealing_key)
            self._store.enrol(identity, self._new_id())
        elif reply.device != known.device:
            # All that was recorded here names the former id: under another one none of it would be taken.
            raise Problem(FORGOTTEN, device=known.device)
        else:
            # The server stays the one that was met last: the next exchange sees whether it is another by now.
            identity = known._replace(
                squad=reply.squad, signing_key=reply.signing_key, sealing_key=reply.sealing_key
            )
            self._store.enrol_again(identity)
        return identity

    def steps(self, progress: Report = unwatched) -> Steps[SyncReport]:
        """`once` as steps. Tells how many records of this tablet and photos are sent, and how many came.

        Stopped between two messages: what was settled by then stays so, and the next run goes on from there.
        """
        report, stuck = SyncReport("done"), 0
        before, carried = self._store.journal().photo_attempts, self._uploads.carried
        try:
            report = yield from self._exchanges(report, progress)
            # An exchange that works is no reason to try photos sooner.
            stuck = min(before, PHOTO_ATTEMPTS_MAX) + 1
            report = yield from self._photos(report, progress)
            if report.revoked and report.photos and report.outcome == "done":
                # Its keys go by the server's signed word alone.
                report = yield from self._exchanges(report, progress)
        except (Offline, Rejected) as err:
            problem = err.problem if isinstance(err, Rejected) else None
            moved = self._uploads.carried > carried
            return self._failed(report, problem, photo_attempts=0 if moved else stuck)
        except Stopped:
            return report._replace(outcome="stopped")
        # Somebody may have tapped while the photos went, or taken one, and a run has an end: before keys go, all goes.
        unsigned = self._store.figures().photos.get(("received", 0))
        unsent = len(self._store.photos_to_send()) > report.given_up
        waits = self._store.outbox(1, OPS_BYTES_MAX) or unsent or unsigned
        return report._replace(revoked=report.revoked and not waits)

    # -- operations and news ----------------------------------------------------------------------------

    def _exchanges(self, report: SyncReport, progress: Report) -> Steps[SyncReport]:
        ops_max = _at_a_time(self._store.journal().attempts)
        self._tell(report, progress)
        relays = whole = False
        packs = self._packs
        for _ in range(ROUNDS_MAX):
            shortens = packs and self._shortens and not whole
            asked = self._ask(ops_max, relays=relays, packs=packs, shortens=shortens)
            try:
                body = yield partial(self._transport.sync, asked.body, self._headers(asked.body))
            except Rejected as err:
                if err.problem.code == "request_too_large" and len(asked.ops) > 1:
                    ops_max = len(asked.ops) // 2
                elif err.problem.code in _NOT_SHORTENED and shortens:
                    whole = True  # it lost what these bases name, never had it, or is an older program by now
                elif err.problem.code == "request_malformed" and packs:
                    packs = False  # a server of version 0.1, or something in between that reads along
                else:
                    raise
                continue
            reply = checked(asked, body, self._identity())
            self._packs, self._shortens = packs, reply.finds_bases
            report = self._settle(asked, reply, report)
            self._tell(report, progress)
            # What other tablets handed over, the server mostly has from elsewhere: the news says so, and it costs
            # a slow line nothing. Only what is still waiting then is carried there.
            relays = relays or not reply.more
            if not reply.more and not self._store.outbox(1, OPS_BYTES_MAX):
                break
        return report

    def _tell(self, report: SyncReport, progress: Report) -> None:
        """Of records handed over and of those still here, colleagues' too; how many will come nobody says."""
        left = sum(self._store.unsent().values()) + sum(self._store.carrying().values())
        progress("records_sent", report.sent, report.sent + left)
        progress("records_received", report.news, 0)

    def _ask(self, ops_max: int, *, relays: bool, packs: bool, shortens: bool) -> Asked:
        outbox = self._store.outbox(ops_max, OPS_BYTES_MAX, relays=relays)
        heads = [self._signed(head) for head in self._store.heads(HEADS_MAX)]
        request = request_of(
            self._store,
            self._identity(),
            outbox,
            heads,
            app=self._app,
            now_ms=self._clock(),
            photos=self._store.photos_without_receipt(PHOTOS_ASKED_MAX),
            logs=self._store.logs_to_ask(LOGS_ASKED_MAX),
            signed=bool(self._identity().signing_key),
        )
        body = encode_packed(request, shortens=shortens) if packs else encode(request)
        return Asked(tuple((one.id, one.hash) for one in outbox), body, request.photos)

    def _signed(self, head: Head) -> Head:
        """The head of an own chain with this tablet's signature, which answers for all of it."""
        if not head.seq:
            return head
        known = self._signed_heads.get(head.epoch)
        if known is None or (known.seq, known.hash) != (head.seq, head.hash):
            text = head_text(self._identity().device, head.epoch, head.seq, head.hash)
            known = replace(head, signature=self._vault.sign(text))
            self._signed_heads[head.epoch] = known
        return known

    def _settle(self, asked: Asked, reply: ExchangeReply, report: SyncReport) -> SyncReport:
        now_ms = self._clock()
        changed = reply.server != self._identity().server
        settlement = settlement_of(
            asked.ops,
            reply,
            self._store.chain,
            now_ms=now_ms,
            epoch=self._store.head().epoch,
            new_epoch=self._new_id(),
        )
        key = self._identity().signing_key
        settlement = settlement._replace(
            relayed=[one for one in settlement.relayed if signed_receipt(one, key)] if key else ()
        )
        if changed:
            settlement = of_another_server(settlement, self._store)
        if reply.receipt is not None:
            # A restored server has lost them, or it was not the server that said it had them.
            lost = set(asked.photos) - set(reply.receipt.photos)
            settlement = settlement._replace(photos_wanted=[*settlement.photos_wanted, *sorted(lost)])
        settlement = settlement._replace(mark=self._new_id(), heard_ms=reply.received_at_ms)
        news = self._store.settle(settlement, server=reply.server if changed else "")
        became = [one.status for one in reply.statuses]
        return report._replace(
            sent=report.sent + len(became),
            accepted=report.accepted + became.count("accepted") + became.count("duplicate"),
            held=report.held + became.count("held"),
            refused=report.refused + became.count("refused") + became.count("id_reused"),
            news=report.news + news,
            rounds=report.rounds + 1,
            revoked=reply.revoked,
        )

    # -- photos -----------------------------------------------------------------------------------------

    def _photos(self, report: SyncReport, progress: Report) -> Steps[SyncReport]:
        due = self._store.photos_to_send()
        wrong: ProblemReply | None = None
        for sha256 in due:
            if self._store.outbox(1, OPS_BYTES_MAX):
                # Recorded meanwhile: on a slow line all the photos of a visit take hours.
                report = yield from self._exchanges(report, progress)
                if wrong is not None:  # an exchange that works says nothing of a photo
                    report = self._failed(report, wrong, more_attempts=0)
            progress("photos_sent", report.photos, len(due))
            try:
                content = photos.fetch(sha256, self._photos_folder, self._vault)
                if content is None:
                    self._store.photo_became(sha256, "missing")
                    continue
                sent = partial(progress, "photos_sent", report.photos, len(due))
                yield from self._uploads.send(sha256, content, self._token(), sent)
            except (Rejected, Problem) as err:
                wrong = about_one_photo(err)  # it keeps none of the others, and delays no operation
                final = never_taken(err, sha256, self._identity().signing_key) and not wrong.retry
            else:
                self._store.photo_became(sha256, "received")
                report = report._replace(photos=report.photos + 1)
                progress("photos_sent", report.photos, len(due))
                continue
            if final and report.revoked and self._store.revoked_for_ms() > REFUSED_KEPT_MS:
                report = report._replace(given_up=report.given_up + 1)
            else:
                report = self._failed(report, wrong, more_attempts=0)
        return report

    # -- small ------------------------------------------------------------------------------------------

    def _failed(
        self,
        report: SyncReport,
        problem: ProblemReply | None,
        *,
        more_attempts: int = 1,
        photo_attempts: int = 0,
    ) -> SyncReport:
        """Notes that it failed; without a problem there was no server."""
        before = self._store.journal()
        code = problem.code if problem else ""
        code = "server_full" if code == "disk_full" else code  # it is the server's disk, not this one
        self._store.note(
            Journal(
                last_success_ms=before.last_success_ms,
                offline=problem is None,
                problem=code,
                facts=problem.facts if problem else {},
                retry=problem is None or problem.retry,
                attempts=before.attempts + more_attempts,
                photo_attempts=photo_attempts or before.photo_attempts,
            )
        )
        return report._replace(outcome="offline" if problem is None else "failed", problem=code)

    def _identity(self) -> Identity:
        identity = self._store.identity()
        assert identity is not None, "an exchange before enrolment"
        return identity

    def _headers(self, signed: bytes) -> dict[str, str]:
        return {DEVICE_HEADER: self._identity().device, SIGNATURE_HEADER: self._vault.sign(signed)}

    def _token(self) -> dict[str, str]:
        """The pass for photos, by the server's time: this tablet's clock may be anywhere."""
        identity, heard_ms = self._identity(), self._store.heard_ms()
        signature = self._vault.sign(token_bytes(identity.server, identity.device, heard_ms))
        return {PASS_HEADER: file_token(identity.device, heard_ms, signature)}

    def _new_id(self) -> str:
        return make_id(self._entropy(ID_BYTES))


def _as_problem(reply: ProblemReply) -> Problem:
    """A server's refusal as a Problem; a code of a newer server by its name."""
    if reply.code in REGISTRY:
        return Problem(reply.code, **reply.facts)
    return Problem("request_malformed", where=reply.code)


def _at_a_time(attempts: int) -> int:
    """How many operations one request carries: fewer after each failure, so that some get through a line that breaks.

    What a reply has answered for is not sent again, so each small request that arrives is progress.
    """
    return min(REQUEST_OPS_MAX, max(OPS_LEAST, REQUEST_OPS_MAX >> min(attempts, 20)))


def drive(steps: Steps[R]) -> R:
    """Runs steps to their end on this thread, waiting for each call."""
    try:
        call = next(steps)
        while True:
            try:
                result = call()
            except (Offline, Rejected) as err:
                call = steps.throw(err)
            else:
                call = steps.send(result)
    except StopIteration as done:
        value: R = done.value
        return value
