"""What is known of the exchange -> rows of the sync center; pure, tested without Kivy."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mobile.meetings import Figures, Meeting, Own, Run
from mobile.progress import Counts
from mobile.store import SyncState
from mobile.store_file import Identity
from mobile.words import say, when
from shared_schema.problems import Language, sentence
from shared_schema.spans import covered
from shared_schema.wire import PROTOCOL, Peer

CLOCK_OFF_MS = 2 * 60_000
"""A clock that is off by less troubles nobody."""
SPACE_LOW_BYTES = 500 * 1024 * 1024
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
SHORT = 6
"""So many characters of an id are enough to read aloud."""


class Storage(NamedTuple):
    """The tablet's disk, in bytes."""

    free: int
    used: int
    """By this program's data."""


class Known(NamedTuple):
    """All that the store and the disk tell of the exchange, read in one go."""

    state: SyncState
    figures: Figures
    waiting: Sequence[Own]
    meetings: Sequence[Meeting]
    peers: Sequence[Peer]
    carrying: Mapping[str, int]
    identity: Identity | None
    server: str
    storage: Storage | None = None
    photo_percent: int | None = None
    """How much of the photo that is on its way has arrived."""


class Figure(NamedTuple):
    """A number with its word; `part` marks a part of the one above."""

    label: str
    number: int
    tone: str = "ink"
    part: bool = False


class Notice(NamedTuple):
    """Something a person should know."""

    icon: str
    tone: str
    text: str
    noticed: bool = False
    """Whether it stays until somebody says that it has been read."""


class CountRow(NamedTuple):
    """How far a long work is, in one respect."""

    text: str
    share: float | None
    """0 to 1; None where nobody knows how much there will be."""


class PeerRow(NamedTuple):
    """Another tablet of the squad."""

    device: str
    name: str
    detail: str
    tone: str
    address: str


class Center(NamedTuple):
    """The sync center."""

    server: str
    last: str
    attempts: str
    notices: tuple[Notice, ...]
    records: tuple[Figure, ...]
    receipt: str
    photos: tuple[Figure, ...]
    photo_progress: str
    peers: tuple[PeerRow, ...]
    space: str
    space_low: bool
    identity: str
    revoked: bool = False


def center(known: Known, language: Language = "zh") -> Center:
    """All rows of the sync center."""
    state, identity = known.state, known.identity
    last = state.last_success_ms
    low = known.storage is not None and known.storage.free < SPACE_LOW_BYTES
    return Center(
        server=say("center.server", language, address=known.server)
        if known.server
        else say("center.no_server", language),
        last=say("center.never", language) if last is None else say("center.last", language, when=when(last)),
        attempts=say("center.attempts", language, count=state.attempts) if state.attempts > 1 else "",
        notices=_notices(known, language),
        records=_records(known, language),
        receipt=_receipt(known.figures, language),
        photos=_photos(known.figures, language),
        photo_progress=""
        if known.photo_percent is None
        else say("center.photos_percent", language, percent=known.photo_percent),
        peers=_peers(known, language),
        space=_space(known.storage, low, language),
        space_low=low,
        identity=""
        if identity is None
        else say("center.identity", language, device=identity.device, squad=identity.squad),
        revoked=state.revoked,
    )


def counts(at: Counts, language: Language = "zh") -> tuple[CountRow, ...]:
    """What a work has told of itself; where there is nothing to count there is no row."""
    rows = []
    for word, (done, whole) in at.items():
        if done or whole:
            shown = size if word.startswith("bytes_") else str
            text = say(f"progress.{word}", language, done=shown(done), whole=shown(whole))
            rows.append(CountRow(text, min(1.0, done / whole) if whole else None))
    return tuple(rows)


def on_its_way(at: Counts, language: Language = "zh") -> str:
    """What an exchange is at, in a few words: photos in their turn, records before; "" before any."""
    for word in ("photos_sent", "records_sent", "records_received"):
        done, whole = at.get(word, (0, 0))
        if done < whole or (done and not whole):
            return say(f"bar.{word}", language, done=done, whole=whole)
    return ""


def span(ms: int, language: Language) -> str:
    """A stretch of time in the largest unit that fits."""
    for key, unit in (("span.days", DAY_MS), ("span.hours", HOUR_MS), ("span.minutes", MINUTE_MS)):
        if ms >= unit:
            count = ms // unit
            return say("span.day" if (key, count) == ("span.days", 1) else key, language, count=count)
    return say("span.minutes", language, count=0)


def wait(seconds: float) -> str:
    """A countdown: 0:45, 12:03."""
    left = max(0, round(seconds))
    return f"{left // 60}:{left % 60:02}"


def percent(part: int, whole: int) -> int:
    """How much of something has arrived; 99 until all of it has."""
    return min(99, 100 * part // whole) if whole > 0 else 0


def size(count: int) -> str:
    """Bytes as people read them."""
    for unit, one in (("GB", 10**9), ("MB", 10**6)):
        if count >= one:
            tenths = count * 10 // one
            return f"{tenths // 10}.{tenths % 10} {unit}"
    return f"{count // 1000} kB"


def diagnostics(known: Known, *, app: str, platform: str, language: Language) -> str:
    """What helps whoever is asked for help: figures, ids and codes, no answers, names or units."""
    state, identity = known.state, known.identity
    lines = [
        ("app", app),
        ("platform", platform),
        ("protocol", PROTOCOL),
        ("language", language),
        ("device", "" if identity is None else identity.device),
        ("squad", "" if identity is None else identity.squad),
        ("server", "" if identity is None else identity.server),
        ("receipts_checked", bool(identity and identity.signing_key)),
        ("address", known.server),
        ("last_success", "" if state.last_success_ms is None else when(state.last_success_ms)),
        ("clock_ahead_ms", state.clock_ahead_ms),
        ("offline", state.offline),
        ("problem", state.problem),
        ("attempts", state.attempts),
        ("notice", state.notice),
        ("revoked", state.revoked),
        *((f"own.{status}", count) for status, count in sorted(known.figures.own.items())),
        ("others", known.figures.others),
        *((f"run.{one.epoch[:SHORT]}", _run_line(one)) for one in known.figures.runs),
        *((f"photos.{status}.{level}", n) for (status, level), n in sorted(known.figures.photos.items())),
        *((f"carrying.{device}", count) for device, count in sorted(known.carrying.items())),
        *((f"peer.{one.device}", "revoked" if one.revoked else "known") for one in known.peers),
        *((f"met.{one.device}", f"{when(one.at_ms)} {one.address}".strip()) for one in known.meetings),
    ]
    if known.storage is not None:
        lines += [("free_bytes", known.storage.free), ("used_bytes", known.storage.used)]
    return "\n".join(f"{key}: {value}" for key, value in lines) + "\n"


def _run_line(run: Run) -> str:
    _, last, receipt, backed_up, forked = run
    return f"last {last} receipt {receipt} backed_up {backed_up}{' forked' if forked else ''}"


def _notices(known: Known, language: Language) -> tuple[Notice, ...]:
    state = known.state
    found: list[Notice] = []
    if state.revoked:
        found.append(Notice("lock", "bad", say("center.revoked", language)))
    if state.notice == "forked":
        found.append(Notice("problem", "warn", say("sync.forked", language), noticed=True))
    if state.problem:
        text = sentence(state.problem, state.facts, language)
        found.append(Notice("refused", "bad", say("sync.failed", language, message=text)))
    if abs(state.clock_ahead_ms) >= CLOCK_OFF_MS:
        key = "center.clock_ahead" if state.clock_ahead_ms > 0 else "center.clock_behind"
        off = span(abs(state.clock_ahead_ms), language)
        found.append(Notice("pending", "warn", say(key, language, span=off)))
    names = {one.device: one.name or one.device for one in known.peers}
    unanswered = {one.op for one in known.waiting}
    for met in known.meetings:
        for told in met.refused or ():
            if told.op in unanswered:
                message = sentence(told.problem, told.facts, language)
                peer = names.get(met.device, met.device)
                found.append(
                    Notice("refused", "warn", say("center.told", language, peer=peer, message=message))
                )
    return tuple(found)


def _records(known: Known, language: Language) -> tuple[Figure, ...]:
    own, figures = known.figures.own, known.figures
    unsent, refused = own.get("unsent", 0), own.get("refused", 0) + own.get("id_reused", 0)
    elsewhere = sum(any(covered(one.link, met.holds) for met in known.meetings) for one in known.waiting)
    arrived = sum(one.arrived for one in known.waiting)
    received = own.get("accepted", 0) + own.get("held", 0)
    rows = [Figure(say("center.unsent", language), unsent, "warn" if unsent else "ok")]
    if elsewhere:
        rows.append(Figure(say("center.on_colleagues", language), elsewhere, part=True))
    if arrived:
        rows.append(Figure(say("center.arrived", language), arrived, "ok", part=True))
    rows.append(Figure(say("center.received", language), received))
    if received:
        rows.append(Figure(say("center.receipted", language), figures.receipted, "ok", part=True))
        rows.append(Figure(say("center.backed_up", language), figures.backed_up, "ok", part=True))
    if refused:
        rows.append(Figure(say("center.refused", language), refused, "bad"))
    if own.get("set_aside"):
        rows.append(Figure(say("center.set_aside", language), own["set_aside"], "ink_2"))
    if figures.lost:
        rows.append(Figure(say("center.lost", language), figures.lost, "bad"))
    carried = sum(known.carrying.values())
    if carried:
        rows.append(Figure(say("center.carrying", language), carried, "accent"))
    return tuple(rows)


def _receipt(figures: Figures, language: Language) -> str:
    signed = [one for one in figures.runs if one.receipt and not one.forked]
    if not signed:
        return say("center.no_receipt", language)
    run = signed[-1]
    key = "center.receipt_backed" if run.backed_up else "center.receipt"
    return say(key, language, number=run.receipt, run=run.epoch[:SHORT], backed=run.backed_up)


def _photos(figures: Figures, language: Language) -> tuple[Figure, ...]:
    waiting = sum(count for (status, _), count in figures.photos.items() if status == "waiting")
    missing = sum(count for (status, _), count in figures.photos.items() if status == "missing")
    received = {level: figures.photos.get(("received", level), 0) for level in (0, 1, 2)}
    if not any(figures.photos.values()):
        return ()
    rows = [
        Figure(say("center.photos_here", language), waiting, "warn" if waiting else "ok"),
        Figure(say("center.photos_received", language), sum(received.values())),
        Figure(say("center.photos_receipt", language), received[1] + received[2], "ok", part=True),
        Figure(say("center.photos_backed_up", language), received[2], "ok", part=True),
    ]
    if missing:
        rows.append(Figure(say("center.photos_missing", language), missing, "bad"))
    return tuple(rows)


def _peers(known: Known, language: Language) -> tuple[PeerRow, ...]:
    me = "" if known.identity is None else known.identity.device
    met = {one.device: one for one in known.meetings}
    rows = []
    for peer in known.peers:
        if peer.device == me:
            continue
        meeting = met.get(peer.device)
        parts = [
            say("center.peer_never", language)
            if meeting is None
            else say("center.peer_met", language, when=when(meeting.at_ms))
        ]
        holds = 0 if meeting is None else sum(covered(one.link, meeting.holds) for one in known.waiting)
        if holds:
            parts.append(say("center.peer_holds", language, count=holds))
        if known.carrying.get(peer.device):
            parts.append(say("center.peer_carried", language, count=known.carrying[peer.device]))
        if peer.revoked:
            parts = [say("center.peer_revoked", language)]
        rows.append(
            PeerRow(
                device=peer.device,
                name=peer.name or peer.device,
                detail="，".join(parts) if language == "zh" else ", ".join(parts),
                tone="bad" if peer.revoked else "ok" if holds else "ink_2",
                address="" if meeting is None or peer.revoked else meeting.address,
            )
        )
    return tuple(rows)


def _space(storage: Storage | None, low: bool, language: Language) -> str:
    if storage is None:
        return ""
    key = "center.space_low" if low else "center.space"
    return say(key, language, free=size(storage.free), used=size(storage.used))
