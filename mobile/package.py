"""The same exchange as a file to carry by hand: requests and photos into one, the server's replies out of one.

A reply that comes while nothing else has been settled is as good as one over the network. One that comes
late, twice or out of order is used as far as it cannot have been overtaken: it makes nothing received
that is not, takes no cursor past what was not read, and brings back no assignment that is gone.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from mobile import photos
from mobile.exchange import HEADS_MAX, OPS_BYTES_MAX, of_another_server, request_of, settlement_of
from mobile.package_files import Source, source_of, written
from mobile.progress import Report, Stopped, unwatched
from mobile.sealing import opening_of, sealing_for
from mobile.settling import Journal, Reading, Settlement
from mobile.signatures import signed_by, signed_receipt
from mobile.store import Outgoing, Store
from mobile.store_file import Identity
from mobile.vault import KEY_BYTES, Vault
from shared_schema import package, wire
from shared_schema.ids import ID_BYTES, digest, make_id
from shared_schema.package import Answer, Content, Manifest, Span
from shared_schema.problems import Problem
from shared_schema.proofs import head_text, next_head
from shared_schema.wire import PHOTOS_ASKED_MAX, REQUEST_OPS_MAX, ExchangeReply, Held, encode, peers_digest

OPS_MAX = 60_000
"""In one package; what is more goes with the next. An inspection is about 300."""


class Tools(NamedTuple):
    """What packages of one tablet are written and read with."""

    store: Store
    vault: Vault
    photos_folder: Path
    entropy: Callable[[int], bytes]
    clock: Callable[[], int]
    app: str = ""


class Written(NamedTuple):
    """A package for the server."""

    files: tuple[Path, ...]
    code: str
    """Eight letters that the server's receipt shows too, for two people to compare."""
    operations: int
    photos: int
    photos_left: int
    """For which there was no room, or which the disk did not give; they go with the next package."""


class Told(NamedTuple):
    """What a package from the server changed."""

    kind: str
    code: str
    """Eight letters that the printed receipt and the console show for it."""
    answers: str
    """The digest of the package it is the receipt for."""
    late: bool
    """Something else has been settled since it was asked for; what may have been overtaken was left out."""
    accepted: int
    refused: int
    news: int
    revoked: bool


# --- writing ---------------------------------------------------------------------------------------


def write(tools: Tools, folder: Path, split_bytes: int = 0, report: Report = unwatched) -> Written:
    """Writes all that the server has not answered for into a package, in volumes of so many bytes at most.

    Tells how many photos were looked at, then how many are written, or bytes where there is no photo. Raises
    package_keys_missing, package_too_large, form_invalid (volumes too small), disk_full, Stopped; then no file is left.
    """
    identity = _identity(tools.store)
    if not identity.sealing_key:
        raise Problem("package_keys_missing")
    outbox = tools.store.outbox(OPS_MAX, package.MESSAGES_BYTES_MAX // 2)
    pictures, left = _pictures(tools, report)
    requests = [package.message("request", one) for one in _requests(tools, identity, outbox, pictures)]
    contents = [*requests, *pictures]
    hashes = [one.hash for one in outbox]
    manifest = Manifest(
        kind="request",
        server=identity.server,
        device=identity.device,
        squad=identity.squad,
        campaigns=tuple(sorted({one.campaign for one, _ in tools.store.assignments().values()})),
        made_at_ms=tools.clock(),
        app=tools.app,
        reply_to=tools.vault.make_sealing_key(tools.entropy(KEY_BYTES)),
        mark=tools.store.setting("sync.mark"),
        spans=tuple(Span(*one) for one in tools.store.spans(hashes)),
        checklists=tools.store.checklist_hashes(),
        operations=len(outbox),
        photos=len(pictures),
        parts=tuple(one.part for one in contents),
    )
    sealing = sealing_for(identity.sealing_key, tools.entropy(KEY_BYTES))
    signed = msgspec.json.encode(manifest)
    size = package.whole_bytes(sealing.header, identity.device, signed, contents)
    text = package.signed_text(sealing.digest, identity.device, digest(signed))
    signature = bytes.fromhex(tools.vault.sign(text))
    pieces = package.package_bytes(
        sealing.header, identity.device, signed, contents, signature=signature, seal=sealing.seal
    )
    code = package.short_code(signature)
    told = _told(pieces, size, pictures, report)
    files = written(folder, f"hucha-{code}", sealing.digest, size, told, split_bytes)
    return Written(files, code, len(outbox), len(pictures), left)


def _requests(
    tools: Tools, identity: Identity, outbox: Sequence[Outgoing], pictures: Sequence[Content]
) -> Iterator[bytes]:
    """The requests that would go over the network, at least one; each asks a receipt for some of the photos."""
    heads = [
        replace(one, signature=tools.vault.sign(head_text(identity.device, one.epoch, one.seq, one.hash)))
        if one.seq
        else one
        for one in tools.store.heads(HEADS_MAX)
    ]
    asked = [one.part.sha256 for one in pictures]
    asked += tools.store.photos_without_receipt(PHOTOS_ASKED_MAX)
    batches = list(_batches(outbox))
    while batches or asked:
        request = request_of(
            tools.store,
            identity,
            batches.pop(0) if batches else (),
            heads,
            app=tools.app,
            now_ms=tools.clock(),
            photos=tuple(asked[:PHOTOS_ASKED_MAX]),
        )
        del asked[:PHOTOS_ASKED_MAX]
        yield encode(request)


def _batches(outbox: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """As many operations as a request may have, and an empty batch where there are none."""
    batch: list[Outgoing] = []
    size = 0
    for one in outbox:
        if len(batch) >= REQUEST_OPS_MAX or (batch and size + len(one.raw) > OPS_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.raw) + 1
    yield batch


def _told(pieces: Iterable[bytes], size: int, pictures: Sequence[Content], report: Report) -> Iterator[bytes]:
    """The same pieces; a photo counts with the piece that its end is in."""
    left, ends = sum(one.part.stored_bytes for one in pictures), []
    for one in pictures:
        left -= one.part.stored_bytes
        ends.append(size - left)
    done = 0
    for piece in pieces:
        done += len(piece)
        if pictures:
            report("photos_written", bisect_right(ends, done), len(ends))
        else:
            report("bytes_written", done, size)
        yield piece


def _pictures(tools: Tools, report: Report) -> tuple[list[Content], int]:
    """The photos to carry, as many as fit and can be read, and how many are left. One lost here is marked so."""
    contents: list[Content] = []
    room = package.PACKAGE_BYTES_MAX - 2 * package.MESSAGES_BYTES_MAX
    places = package.PARTS_MAX - 1000
    left = 0
    due = tools.store.photos_to_carry()
    for number, sha256 in enumerate(due):
        report("photos_checked", number, len(due))
        try:
            picture = photos.fetch(sha256, tools.photos_folder, tools.vault)
        except Problem as problem:
            if problem.code != "disk_failing":
                raise
            left += 1  # a bad place under one photo keeps nothing else here
            continue
        if picture is None:
            tools.store.photo_became(sha256, "missing")
        elif len(picture) > room or len(contents) >= places:
            left += 1
        else:
            room -= len(picture)
            contents.append(package.photo(sha256, len(picture), _fetching(tools, sha256)))
    return contents, left


def _fetching(tools: Tools, sha256: str) -> Callable[[], bytes]:
    return lambda: photos.fetch(sha256, tools.photos_folder, tools.vault) or b""


# --- reading ---------------------------------------------------------------------------------------


class _Opened(NamedTuple):
    manifest: Manifest
    code: str
    answers: tuple[tuple[Answer, ExchangeReply], ...]


def read(tools: Tools, paths: Sequence[Path], report: Report = unwatched) -> Told:
    """Applies a package from the server, given as one file or as all its volumes. Twice is once.

    Tells how many bytes were checked, then how many records, its own and others', were taken in. Stopped while it is
    checked nothing of it was applied; once it is being applied it is applied to its end.
    Raises package_damaged, package_incomplete, package_foreign, package_suite, package_too_new, package_too_large,
    receipt_invalid, request_malformed, not_found; then nothing of it was applied.
    """
    opened = _opened(tools, source_of(paths), report)
    store = tools.store
    late = opened.manifest.kind != "receipt" or opened.manifest.mark != store.setting("sync.mark")
    overtaken = opened.manifest.server in store.servers_before()
    accepted = refused = news = 0
    revoked = False
    sizes = [len(answer.ops) + sum(len(one.ops) for one in reply.news) for answer, reply in opened.answers]
    report("records_taken", 0, sum(sizes))
    for number, (answer, reply) in enumerate(opened.answers, start=1):
        settlement = _settlement(tools, answer, reply, late=late)
        if overtaken:
            # Whatever this server held, another one counts now; only what it tells of others is kept, in doubt.
            settlement = Settlement(
                store.journal(),
                news=[_in_doubt(one) for one in settlement.news],
                proofs=reply.proofs,
                late=True,
            )
        changed = not overtaken and reply.server != _identity(store).server
        if changed:
            settlement = of_another_server(settlement, store)
        news += store.settle(
            settlement._replace(mark=make_id(tools.entropy(ID_BYTES))), server=reply.server if changed else ""
        )
        became = [one.status for one in settlement.verdicts]
        accepted += became.count("accepted") + became.count("held")
        refused += became.count("refused") + became.count("id_reused")
        revoked = revoked or settlement.revoked
        with suppress(Stopped):  # the rest would come late: what was settled has another mark by now
            report("records_taken", sum(sizes[:number]), sum(sizes))
    manifest = opened.manifest
    return Told(
        manifest.kind, opened.code, manifest.answers, late or overtaken, accepted, refused, news, revoked
    )


def _opened(tools: Tools, source: Source, report: Report) -> _Opened:
    """Everything of a package, checked, and nothing of it applied."""
    identity = _identity(tools.store)
    own = tools.vault.make_sealing_key(tools.entropy(KEY_BYTES))
    with ExitStack() as stack:
        take = _counted(source.opened(stack), source.size_bytes, report)
        start = package.read_start(take)
        if start.header.receiver != own:
            raise Problem("package_foreign", what="other_receiver")
        try:
            stream = package.Unsealed(take, opening_of(start, tools.vault.agree))
        except ValueError as err:
            raise package.damaged("header") from err
        signed = package.read_signed(stream)
        text = package.signed_text(start.digest, signed.sender, digest(signed.manifest))
        if not signed_by(identity.signing_key, signed.signature.hex(), text):
            raise Problem("receipt_invalid")
        manifest = package.read_manifest(signed.manifest)
        if manifest.kind == "request":
            raise Problem("package_foreign", what="request_package")
        if manifest.device != identity.device:
            raise Problem("package_foreign", what="other_tablet")
        answers = tuple(
            _answer(identity, manifest, content) for _, content in package.read_parts(stream, manifest)
        )
    return _Opened(manifest, package.short_code(signed.signature), answers)


def _counted(take: package.Read, size: int, report: Report) -> package.Read:
    done = 0

    def counted(wanted: int) -> bytes:
        nonlocal done
        content = take(wanted)
        done += len(content)
        report("bytes_checked", done, size)
        return content

    return counted


def _answer(identity: Identity, manifest: Manifest, content: bytes) -> tuple[Answer, ExchangeReply]:
    answer = package.read_answer(content)
    reply = wire.read_reply(bytes(answer.reply))
    if reply.server != manifest.server or len(reply.statuses) != len(answer.ops):
        raise Problem("package_foreign", what="other_server")
    receipt = reply.receipt
    if receipt is not None:
        meant = (receipt.server, receipt.device) == (reply.server, identity.device)
        if not (meant and signed_receipt(receipt, identity.signing_key)):
            raise Problem("receipt_invalid")
    return answer, reply


def _settlement(tools: Tools, answer: Answer, reply: ExchangeReply, *, late: bool) -> Settlement:
    """What this reply changes; of a late one, only what cannot have been overtaken."""
    store = tools.store
    now_ms = tools.clock()
    before = store.journal()
    here = store.ids_of(answer.ops)
    asked = tuple((here.get(one, ""), one) for one in answer.ops)
    if late:
        reply = _no_longer_lower(store, reply)
    settlement = settlement_of(
        asked,
        reply,
        store.chain,
        now_ms=now_ms,
        epoch=store.head().epoch,
        new_epoch=make_id(tools.entropy(ID_BYTES)),
    )
    if not late:
        journal = Journal(last_success_ms=now_ms, clock_ahead_ms=before.clock_ahead_ms)
        return settlement._replace(journal=journal)
    newer = store.assignments_digest() in answer.assignments
    return settlement._replace(
        journal=before,
        late=True,
        verdicts=[one for one in settlement.verdicts if one.status in ("accepted", "held")],
        news=[_followed(answer, one) for one in settlement.news],
        rewound=(),
        read_to_the_end=False,
        assignments=settlement.assignments if newer else None,
        gone=settlement.gone if newer else (),
        peers=settlement.peers if peers_digest(store.peers()) in answer.peers else None,
    )


def _no_longer_lower(store: Store, reply: ExchangeReply) -> ExchangeReply:
    """Without what the server held less of at the time than it has said since: only a fork shows at any time."""
    if reply.receipt is None:
        return reply
    heads: list[Held] = []
    for one in reply.receipt.heads:
        chain = store.chain(one.epoch, one.seq)
        if chain is not None and (one.seq >= chain.receipt or (one.seq and one.hash != chain.hash_there)):
            heads.append(one)
    return replace(reply, receipt=replace(reply.receipt, heads=tuple(heads)))


def _followed(answer: Answer, reading: Reading) -> Reading:
    """News with every position it begins at and passes."""
    number = reading.cursor - len(reading.ops)
    head = answer.last_read.get(reading.inspection, "") if number else ""
    positions = {(number, head)} if head or not number else set()
    for raw in reading.ops:
        number, head = number + 1, next_head(head, digest(raw))
        positions.add((number, head))
    # Named the same at its end as the server names it: then nothing was left out in between.
    sound = (reading.cursor, reading.last_read) in positions
    return reading._replace(positions=frozenset(positions if sound else ()))


def _in_doubt(reading: Reading) -> Reading:
    return reading._replace(positions=frozenset())


def _identity(store: Store) -> Identity:
    identity = store.identity()
    if identity is None:
        raise Problem("device_unknown", device="")
    return identity
