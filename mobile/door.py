"""The tablet's door: what is there before anything can be read, and the vault and store behind it while it is open."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from mobile import good_copy, photos, takeover
from mobile.files import destroy, write_whole
from mobile.good_copy import Kept
from mobile.keyring import Holder, Keyring, Names, Strength
from mobile.secret import DeviceSecret
from mobile.settings import Settings
from mobile.store import Store
from mobile.vault import KEYRING, Vault
from mobile.wipe import Reason, Wiped, forget, wipe, wiped
from shared_schema.problems import Problem

CLOCK_LEAST_MS = 1_767_225_600_000  # 2026-01-01: before this program was written
LOOK = "look.json"
RESERVE_BYTES = 2 << 20
"""Room for some hundred operations, their log, and the receipts of an exchange."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class Look(msgspec.Struct, frozen=True):
    """The language and the colours of last time; nothing else is kept where everybody can read it."""

    language: str = "zh"
    palette: str = "light"


class Seen(NamedTuple):
    """What can be said before anybody has unlocked."""

    holders: tuple[Holder, ...]
    """Who has a PIN; nobody on a tablet that is being set up."""
    wiped: Wiped | None
    clock_wrong_ms: int | None
    """What the clock says, if that cannot be right."""


class Opened(NamedTuple):
    """What lies behind the door."""

    vault: Vault
    store: Store


class Door:
    """Opens and closes one tablet's folder. Used on the worker's thread."""

    def __init__(
        self,
        settings: Settings,
        entropy: Callable[[int], bytes],
        clock: Callable[[], int],
        strength: Strength | None = None,
    ) -> None:
        self._settings = settings
        self._entropy = entropy
        self._clock = clock
        self._secret = DeviceSecret(settings.secrets, entropy)
        self._keyring = Keyring(settings.folder / KEYRING, self._secret, entropy, strength)
        self._vault: Vault | None = None
        self._store: Store | None = None

    # -- before anybody has unlocked ------------------------------------------------------------------

    def look(self) -> Look:
        """The language and the colours of last time."""
        try:
            return msgspec.json.decode(self._look_path.read_bytes(), type=Look)
        except (OSError, msgspec.DecodeError):
            return Look()

    def remember(self, look: Look) -> None:
        """Keeps language and colours for the unlock screen of next time."""
        try:
            write_whole(self._look_path, msgspec.json.encode(look))
        except (OSError, Problem):
            log.exception("the look was not kept")

    def seen(self) -> Seen:
        """What can be said before anybody has unlocked; a wipe that was cut short is finished. Raises keys_lost."""
        now_ms = self._clock()
        note = wiped(self._settings.folder)
        if note is not None:
            note = self._wipe(note.reason)
        there = note is None and self._keyring.exists()
        holders = self._keyring.holders(now_ms) if there else ()
        return Seen(holders, note, now_ms if now_ms < CLOCK_LEAST_MS else None)

    # -- opening --------------------------------------------------------------------------------------

    def open_unprotected(self) -> Opened | None:
        """What lies behind a door that nobody has set a PIN on yet; makes a new tablet. None: it needs a PIN.

        Raises keys_lost, and what opening the store does.
        """
        if self._keyring.exists():
            master = self._keyring.unprotected()
        elif self._is_new():
            plain = takeover.needed(self._settings.store_path)
            master = self._keyring.set_up(taking_over=plain)
        else:
            # A store that nothing opens any more must not be taken for a new tablet.
            raise Problem("keys_lost", path=str(self._keyring.path))
        return None if master is None else self._open(master)

    def unlock(self, person: str, pin: str) -> Opened:
        """What lies behind the door. Raises pin_wrong, pin_wait, pin_spent (and all is destroyed), store_damaged.

        Every try is counted on the disk before it is made; so that a full disk locks nobody out, room that was set
        aside is given up for it. Raises disk_full where that was given up before.
        """
        try:
            return self._open(self._proven(person, pin))
        except Problem as problem:
            if problem.code != "disk_full" or not self._reserve.exists():
                raise
            self._reserve.unlink()
            return self._open(self._proven(person, pin))

    def prove(self, person: str, pin: str) -> None:
        """Whether somebody is who they say, the door being open. Raises what `unlock` does."""
        self._proven(person, pin)

    def kept(self) -> Kept | None:
        """The last good copy of a store that is damaged."""
        return good_copy.look(self._settings.store_path, self._unlocked())

    def use_copy(self) -> Opened:
        """Puts the last good copy in the place of a damaged store."""
        # First, so that it holds though the program ends in between.
        write_whole(self._put_back, b"")
        good_copy.put_back(self._settings.store_path)
        return self._open_store()

    # -- PINs -----------------------------------------------------------------------------------------

    def give_pin(self, names: Names, pin: str) -> None:
        """A person's first PIN, the door being open. Raises pin_weak, tablet_locked."""
        self._keyring.add(names, pin, self._unlocked().master)

    def change_pin(self, person: str, old: str, new: str) -> None:
        """Another PIN. Raises pin_weak, and what `unlock` does."""
        self._counted(lambda: self._keyring.change(person, old, new, self._clock()))

    def take_pin_away(self, person: str) -> None:
        """A forgotten PIN: the person sets another at the next use. Raises tablet_locked, pin_unknown."""
        self._unlocked()
        self._keyring.remove(person)

    # -- closing --------------------------------------------------------------------------------------

    def lock(self) -> None:
        """Closes the store, keeps a good copy of it, and forgets the keys."""
        store, vault, self._store, self._vault = self._store, self._vault, None, None
        if vault is None:
            return
        try:
            if store is not None:
                store.close()
                good_copy.keep(self._settings.store_path, vault)
        except (OSError, Problem):
            log.exception("no good copy was kept")
        finally:
            vault.lock()

    def destroy(self, reason: Reason) -> Wiped:
        """Destroys keys and data for good: this tablet was revoked, or every try at a PIN was wrong."""
        if self._store is not None:
            self._store.close()
        if self._vault is not None:
            self._vault.lock()
        self._store = self._vault = None
        return self._wipe(reason)

    def set_up_anew(self) -> None:
        """After a wipe: the next opening makes a new tablet."""
        forget(self._settings.folder)

    # -- small ----------------------------------------------------------------------------------------

    @property
    def _reserve(self) -> Path:
        """Bytes that say nothing and hold a place, beside the store."""
        store = self._settings.store_path
        return store.with_name(store.name + ".reserve")

    @property
    def _put_back(self) -> Path:
        """Says that a copy of the store took its place, until the pictures taken since have been looked through."""
        store = self._settings.store_path
        return store.with_name(store.name + ".put-back")

    def _set_aside(self) -> None:
        """Holds a place on the disk for the day when it is full; where there is no room, it is tried next time."""
        room = shutil.disk_usage(self._settings.folder).free
        if room < 2 * RESERVE_BYTES or self._reserve.exists():
            return
        try:
            write_whole(self._reserve, self._entropy(RESERVE_BYTES))
        except (OSError, Problem):
            log.exception("no room was set aside")

    @property
    def _look_path(self) -> Path:
        return self._settings.folder / LOOK

    def _is_new(self) -> bool:
        store = self._settings.store_path
        return not good_copy.path_of(store).exists() and (not store.exists() or takeover.needed(store))

    def _unlocked(self) -> Vault:
        if self._vault is None:
            raise Problem("tablet_locked")
        return self._vault

    def _proven(self, person: str, pin: str) -> bytes:
        return self._counted(lambda: self._keyring.unlock(person, pin, self._clock()))

    def _counted(self, attempt: Callable[[], T]) -> T:
        """One try at a PIN; when the last one was wrong, everything is destroyed."""
        try:
            return attempt()
        except Problem as problem:
            if problem.code == "pin_spent":
                self.destroy("pin")
            raise

    def _wipe(self, reason: Reason) -> Wiped:
        places = self._settings.store_path, self._settings.photos
        return wipe(self._keyring, self._secret, *places, reason, self._clock())

    def _open(self, master: bytes) -> Opened:
        ring = self._keyring.read()
        self._vault = Vault(self._settings.folder, master, ring.store_salt, self._entropy)
        if ring.taking_over:
            takeover.take_over(self._settings.store_path, self._settings.photos, self._vault)
            self._keyring.taken_over()
        return self._open_store()

    def _open_store(self) -> Opened:
        store, vault = self._settings.store_path, self._unlocked()
        if not store.exists() and good_copy.path_of(store).exists():
            raise Problem("store_damaged", path=str(store))
        opened = Store.open(store, vault)
        if self._put_back.exists():
            # Taken since the copy was made, and perhaps named by what the server has: not pictures of nobody.
            try:
                opened.keep_strays(photos.held(self._settings.photos))
            except BaseException:
                opened.close()  # a full disk: it is opened once more when there is room
                raise
            destroy(self._put_back)
        self._store = opened
        self._set_aside()
        return Opened(vault, opened)
