"""Two tablets of a squad meet without a server: each tells what it holds, and hands the other what that one lacks.

One serves and the other asks, over a private line, with the same request and reply as between tablet and
server. Neither remembers what it gave the other: what each holds is told anew, in spans of chains, at every
contact, so a tablet restored from a backup or cloned needs no care. An operation is kept only if its author has signed
for it, and counts at once; its author keeps it in its own outbox until the server has answered for it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

from msgspec import Raw

from mobile.handover import Entropy, Page, identity_of, page_for, peer_of, refusals, take
from mobile.meetings import Meeting, Refusal
from mobile.private_line import Asked, Line, Lines, Post, greet, rejected
from mobile.signatures import signed_by
from mobile.store import Store
from mobile.store_file import Identity
from mobile.sync import Steps, drive
from mobile.transport import Offline, Rejected
from mobile.vault import Vault
from shared_schema.greeting import LINE_HEADER
from shared_schema.problems import Problem
from shared_schema.proofs import relay_text
from shared_schema.spans import spans
from shared_schema.wire import (
    DEVICE_HEADER,
    RECEIPTS_MAX,
    SIGNATURE_HEADER,
    SPANS_MAX,
    ExchangeReply,
    ExchangeRequest,
    Peer,
    RelayReply,
    Span,
    encode,
    read_relay,
    read_reply,
    read_request,
)

ROUNDS_MAX = 500


class Answered(NamedTuple):
    """What a serving tablet says, and what it learned."""

    body: bytes
    device: str
    """Who asked."""
    news: int
    """How many operations were new here."""
    greeting: bool = False
    """It only greeted so far, and has not shown yet that it is who it says."""


class MeetingReport(NamedTuple):
    """What one run with another tablet did."""

    outcome: Literal["done", "offline", "failed"]
    device: str = ""
    news: int = 0
    given: int = 0
    """How many operations the other one took."""
    refused: int = 0
    rounds: int = 0
    problem: str = ""
    facts: Mapping[str, str] = {}


class Host:
    """The tablet that serves, from when it began to until it stops."""

    def __init__(self, store: Store, vault: Vault, entropy: Entropy) -> None:
        self._store = store
        self._vault = vault
        self._entropy = entropy
        self._lines = Lines(store, vault, entropy)

    def answer(self, body: bytes, headers: Mapping[str, str], now_ms: int) -> Answered:
        """What is answered to a greeting, or to a sealed request.

        Raises what `answer` does, and line_gone; then nothing has been changed.
        """
        label = next((value for name, value in headers.items() if name.lower() == LINE_HEADER), "")
        if not label:
            welcome, device = self._lines.welcome(body)
            return Answered(welcome, device, 0, greeting=True)
        made: list[Answered] = []

        def answered(asked: Asked) -> bytes:
            told = {DEVICE_HEADER: asked.device, SIGNATURE_HEADER: asked.signature}
            made.append(
                answer(self._store, self._vault, asked.body, told, entropy=self._entropy, now_ms=now_ms)
            )
            return made[0].body

        sealed = self._lines.answer(label, body, answered)
        return Answered(sealed, made[0].device, made[0].news) if made else Answered(sealed, "", 0)


def answer(
    store: Store, vault: Vault, body: bytes, headers: Mapping[str, str], *, entropy: Entropy, now_ms: int
) -> Answered:
    """What a tablet answers one of its squad that came to it.

    Raises request_too_large, request_malformed, protocol_too_new, peer_unknown, device_revoked, signature_invalid;
    then nothing has been changed.
    """
    me = identity_of(store)
    given = {name.lower(): value for name, value in headers.items()}
    peer = peer_of(store, given.get(DEVICE_HEADER, ""))
    if not signed_by(peer.public_key, given.get(SIGNATURE_HEADER, ""), body):
        raise Problem("signature_invalid")
    request = read_request(body)
    if request.device != peer.device:
        raise Problem("request_malformed", where="device")
    met = Meeting(peer.device, now_ms, holds=request.holds, refused=None)
    raws = [bytes(raw) for raw in request.ops]
    statuses, new = take(store, met, raws, request.proofs, request.receipts, entropy)
    page = page_for(store, vault, request.holds, ())
    reply = encode(
        ExchangeReply(
            server=me.device,
            received_at_ms=now_ms,
            statuses=tuple(statuses),
            relayed=store.carried_receipts(RECEIPTS_MAX),
            holds=spans(store.links(cleared=True))[:SPANS_MAX],
            news=tuple(page.news),
            proofs=page.proofs,
            more=page.more,
        )
    )
    signature = vault.sign(relay_text(me.device, body, reply))
    return Answered(
        encode(RelayReply(device=me.device, signature=signature, reply=Raw(reply))), peer.device, new
    )


class Meet:
    """One tablet asks another one, at an address."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        post: Post,
        *,
        entropy: Entropy,
        clock: Callable[[], int],
        address: str = "",
        expected: str = "",
        app: str = "",
    ) -> None:
        self._store = store
        self._vault = vault
        self._post = post
        self._entropy = entropy
        self._clock = clock
        self._address = address
        self._expected = expected
        """The tablet that the address is said to be; empty: any of the squad."""
        self._app = app

    def once(self) -> MeetingReport:
        """Exchanges until neither has anything new for the other, waiting for the network."""
        return drive(self.steps())

    def steps(self) -> Steps[MeetingReport]:
        """`once` as steps. Raises disk_full, store_damaged; peer_unknown or device_revoked before anything is sent."""
        report = MeetingReport("done")
        try:
            line = yield from greet(
                self._store, self._vault, self._post, entropy=self._entropy, expected=self._expected
            )
            return (yield from self._exchanges(line, report))
        except Offline:
            return report._replace(outcome="offline")
        except Rejected as err:
            return report._replace(outcome="failed", problem=err.problem.code, facts=err.problem.facts)
        except Problem as problem:
            facts = {name: str(fact) for name, fact in problem.facts.items()}
            return report._replace(outcome="failed", problem=problem.code, facts=facts)

    def _exchanges(self, line: Line, report: MeetingReport) -> Steps[MeetingReport]:
        me = identity_of(self._store)
        theirs: Sequence[Span] | None = None
        given: set[str] = set()
        refused: list[Refusal] = []
        for _ in range(ROUNDS_MAX):
            # What the other one holds it tells with its first answer; before that nothing is handed over.
            page = Page((), (), (), more=True)
            if theirs is not None:
                page = page_for(self._store, self._vault, theirs, given)
            body = self._ask(me, page)
            headers = {DEVICE_HEADER: me.device, SIGNATURE_HEADER: self._vault.sign(body)}
            answered = yield partial(line.send, body, headers)
            peer, reply = self._checked(body, answered, page)
            raws = [bytes(raw) for one in reply.news for raw in one.ops]
            given |= {one.hash for one in page.links}
            refused += refusals(page.links, reply.statuses, me.device)
            told = refused if given else None
            met = Meeting(peer.device, self._clock(), self._address, reply.holds, told)
            _, new = take(self._store, met, raws, reply.proofs, reply.relayed, self._entropy)
            theirs = reply.holds
            took = [one.status for one in reply.statuses]
            report = report._replace(
                device=peer.device,
                news=report.news + new,
                given=report.given + took.count("accepted") + took.count("held"),
                refused=report.refused + took.count("refused") + took.count("id_reused"),
                rounds=report.rounds + 1,
            )
            if not new and not page_for(self._store, self._vault, theirs, given).links:
                break
        return report

    def _ask(self, me: Identity, page: Page) -> bytes:
        return encode(
            ExchangeRequest(
                device=me.device,
                app=self._app,
                sent_at_ms=self._clock(),
                ops=page.raws,
                proofs=page.proofs,
                holds=spans(self._store.links(cleared=True))[:SPANS_MAX],
                receipts=self._store.carried_receipts(RECEIPTS_MAX),
            )
        )

    def _checked(self, asked: bytes, answered: bytes, page: Page) -> tuple[Peer, ExchangeReply]:
        """Who answered, and what, if it is a tablet of the squad and its answer to this very request."""
        try:
            answer_of = read_relay(answered)
            peer = peer_of(self._store, answer_of.device)
            if self._expected not in ("", peer.device):
                raise Problem("peer_unknown", device=peer.device)
            body = bytes(answer_of.reply)
            if not signed_by(peer.public_key, answer_of.signature, relay_text(peer.device, asked, body)):
                raise Problem("signature_invalid")
            reply = read_reply(body)
            if len(reply.statuses) != len(page.links):
                raise Problem("request_malformed", where="statuses")
        except Problem as problem:
            raise rejected(problem) from problem
        return peer, reply
