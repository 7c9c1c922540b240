"""Photos that were taken and are not attached yet: another member must look at them first.

A draft is a line in the tablet's own encrypted file that names a picture kept beside it. The picture is on the disk
before the line, and leaves the disk only after the line: at any moment a picture without a line is one nobody was
told of, and may be destroyed.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mobile.photos import Taken
from mobile.store import PhotoHeld, Store
from shared_schema.ids import FieldKey
from shared_schema.problems import Problem

DRAFTS, DESTROYED, AWAITED = "photo.drafts", "photo.destroyed", "photo.awaited"
DESTROYED_MAX = 200
"""Of so many destroyed pictures it is remembered when and by whom."""


class Draft(Struct, frozen=True, kw_only=True):
    """A picture that waits for another member's eyes."""

    evidence: str
    """The id the photo will have once it is attached, by which a draft that was attached is known."""
    inspection: str
    item: str
    finding: str = ""
    person: str
    """Who took it."""
    at_ms: int
    sha256: str
    size_bytes: int
    width: int
    height: int
    caption: str = ""
    stamp: str = ""
    """What is written below it, one fact a line."""
    covered: bool = False
    """Whether something was covered, and the picture as taken destroyed."""

    @property
    def taken(self) -> Taken:
        """The picture as it is named in an operation."""
        return Taken(self.sha256, self.size_bytes, "image/jpeg", self.width, self.height)


class Awaited(Struct, frozen=True, kw_only=True):
    """A picture that a camera program is taking, or has taken while the tablet was locked."""

    draft: Draft
    """What it will be; nothing of the picture itself is known yet."""
    path: str
    """Where the program leaves it, readable."""


class Destroyed(Struct, frozen=True, kw_only=True):
    """That a picture was destroyed before anybody attached it; nothing of what it showed."""

    inspection: str
    item: str
    person: str
    """Who had taken it."""
    by: str
    """Who wanted it destroyed."""
    at_ms: int


class Here(NamedTuple):
    """What this tablet has of the photos of one inspection."""

    drafts: tuple[Draft, ...] = ()
    destroyed: tuple[Destroyed, ...] = ()
    held: Mapping[str, PhotoHeld] = {}
    """By SHA-256, how far the photos taken here are."""


_drafts = msgspec.json.Decoder(tuple[Draft, ...])
_destroyed = msgspec.json.Decoder(tuple[Destroyed, ...])
_awaited = msgspec.json.Decoder(tuple[Awaited, ...])


class Drafts:
    """The drafts of one store. Used where the store is: on the worker's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def here(self, inspection: str) -> Here:
        """What this tablet has of the photos of one inspection."""
        destroyed = tuple(one for one in self._log() if one.inspection == inspection)
        return Here(self.of(inspection), destroyed, self._store.photos_held(inspection))

    def of(self, inspection: str) -> tuple[Draft, ...]:
        """The drafts of one inspection, in the order in which they were taken."""
        attached = self._store.state(inspection).fields
        return tuple(
            one
            for one in self._all()
            if one.inspection == inspection and FieldKey(f"evidence/{one.evidence}") not in attached
        )

    def get(self, evidence: str) -> Draft:
        """One draft. Raises not_found: it was attached or destroyed meanwhile."""
        found = next((one for one in self._all() if one.evidence == evidence), None)
        if found is None or found not in self.of(found.inspection):
            raise Problem("not_found", what=evidence)
        return found

    def keep(self, draft: Draft) -> str:
        """Keeps a draft, new or in the place of an earlier one; the picture nobody names any more, or ""."""
        before = next((one for one in self._all() if one.evidence == draft.evidence), None)
        rest = [one for one in self._all() if one.evidence != draft.evidence]
        self._write([*rest, draft])
        return self._idle(before.sha256) if before is not None else ""

    def caption(self, evidence: str, caption: str) -> Draft:
        """Gives a draft another caption."""
        draft = replace(self.get(evidence), caption=caption)
        self.keep(draft)
        return draft

    def destroy(self, evidence: str, by: str, at_ms: int) -> str:
        """Forgets a draft, and remembers that there was one; the picture nobody names any more, or ""."""
        draft = self.get(evidence)
        log = Destroyed(inspection=draft.inspection, item=draft.item, person=draft.person, by=by, at_ms=at_ms)
        kept = [*self._log(), log][-DESTROYED_MAX:]
        self._store.set_setting(DESTROYED, msgspec.json.encode(kept).decode())
        self._write([one for one in self._all() if one.evidence != evidence])
        return self._idle(draft.sha256)

    def settle(self) -> None:
        """Forgets the drafts that were attached."""
        standing = [one for one in self._all() if one in self.of(one.inspection)]
        if len(standing) != len(self._all()):
            self._write(standing)

    def idle(self, pictures: tuple[str, ...]) -> tuple[str, ...]:
        """Of these pictures, those that neither a draft nor an operation of this tablet names."""
        return tuple(one for one in pictures if self._idle(one))

    # -- a camera program's pictures --------------------------------------------------------------------

    def expect(self, awaited: Awaited) -> None:
        """A camera is asked for a picture; its file may lie there when the program ends or the tablet is locked."""
        self._await([*self.awaited(), awaited])

    def awaited(self) -> tuple[Awaited, ...]:
        """The pictures asked for of which nothing more is known."""
        stored = self._store.setting(AWAITED)
        return _awaited.decode(stored) if stored else ()

    def expect_no_more(self, path: str) -> None:
        """What lay there is safe, or there was nothing."""
        self._await([one for one in self.awaited() if one.path != path])

    def _await(self, awaited: list[Awaited]) -> None:
        self._store.set_setting(AWAITED, msgspec.json.encode(awaited).decode())

    # -- small ------------------------------------------------------------------------------------------

    def _idle(self, sha256: str) -> str:
        named = any(one.sha256 == sha256 for one in self._all()) or self._store.knows_photo(sha256)
        return "" if named else sha256

    def _all(self) -> tuple[Draft, ...]:
        stored = self._store.setting(DRAFTS)
        return _drafts.decode(stored) if stored else ()

    def _log(self) -> tuple[Destroyed, ...]:
        stored = self._store.setting(DESTROYED)
        return _destroyed.decode(stored) if stored else ()

    def _write(self, drafts: list[Draft]) -> None:
        self._store.set_setting(DRAFTS, msgspec.json.encode(drafts).decode())
