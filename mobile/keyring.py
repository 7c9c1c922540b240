"""Who may unlock: the master key, wrapped once for each person by their PIN and the secret of the device.

Until the first PIN is set it is wrapped by the secret alone, so that everything is encrypted from the first byte;
the first PIN destroys that wrap. A try is counted on the disk before it is made: ending the program in the middle
of one gives nobody another.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
from argon2 import low_level
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from mobile.files import destroy, write_whole
from mobile.secret import DeviceSecret
from shared_schema.problems import Problem

MASTER_BYTES = 32
SALT_BYTES = 16
NONCE_BYTES = 12
NAME_BYTES = 8
PIN_DIGITS = (6, 12)
TRIES_MAX = 10
WAITS_SECONDS = (0, 0, 0, 30, 60, 300, 900, 1800, 3600, 3600)  # by the number of wrong tries before
"""Ten guesses take three hours, and three slips of the finger nothing."""


class Strength(msgspec.Struct, frozen=True):
    """What one try costs whoever has both data and secret: the second recommendation of RFC 9106."""

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4


class Names(msgspec.Struct, frozen=True):
    """Whose PIN it is, to be chosen from before the store can be read."""

    person: str
    zh: str
    en: str = ""


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One person's wrap of the master key. `names` are sealed by the secret of the device."""

    names: bytes
    salt: bytes
    strength: Strength
    wrapped: bytes
    tries: int = 0
    tried_ms: int = 0


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """The file. `unprotected` is the wrap by the secret alone, empty once there is a PIN."""

    secret: str
    store_salt: bytes
    """SQLCipher's salt: in the store's first sector alone, one torn write there would lose the whole store."""
    unprotected: bytes = b""
    slots: tuple[Slot, ...] = ()
    taking_over: bool = False
    """A plain store of version 0.1 was found, and has not been destroyed yet."""
    version: int = 1


class Holder(NamedTuple):
    """A person who has a PIN here."""

    names: Names
    left: int
    """Tries left."""
    wait_seconds: int
    """Until the next."""


class Keyring:
    """The wrapped keys of one tablet. `entropy(n)` gives n random bytes."""

    def __init__(
        self,
        path: Path,
        secret: DeviceSecret,
        entropy: Callable[[int], bytes],
        strength: Strength | None = None,
    ) -> None:
        self.path = path
        self._secret = secret
        self._entropy = entropy
        self._strength = strength or Strength()
        self._owed: set[bytes] = set()
        """The salts of slots that were opened, and whose count the disk let nobody take back."""

    # -- the file -------------------------------------------------------------------------------------

    @property
    def files(self) -> tuple[Path, Path]:
        """What a program that was ended has begun to write, and the keyring."""
        return self.path.with_name(self.path.name + ".part"), self.path

    def exists(self) -> bool:
        """Whether this tablet has been set up."""
        return self.path.exists()

    def read(self) -> Ring:
        """The file's content. Raises keys_lost."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Ring)
        except (FileNotFoundError, msgspec.DecodeError) as err:
            raise Problem("keys_lost", path=str(self.path)) from err

    def _write(self, ring: Ring) -> None:
        write_whole(self.path, msgspec.json.encode(ring), destroy_old=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps a second program from making tries of its own between our counting and trying."""
        descriptor = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    # -- before there is a PIN ------------------------------------------------------------------------

    def set_up(self, *, taking_over: bool = False) -> bytes:
        """Makes the master key of a new tablet, wrapped by the secret of the device alone."""
        master = self._entropy(MASTER_BYTES)
        name = self._entropy(NAME_BYTES).hex()
        self._secret.make(name)
        salt = self._entropy(SALT_BYTES)
        wrapped = self._seal(self._secret.mix(name, b"hucha unprotected 1"), master, b"")
        self._write(Ring(secret=name, store_salt=salt, unprotected=wrapped, taking_over=taking_over))
        return master

    def unprotected(self) -> bytes | None:
        """The master key while nobody has set a PIN; None afterwards. Raises keys_lost."""
        ring = self.read()
        if not ring.unprotected:
            return None
        key = self._secret.mix(ring.secret, b"hucha unprotected 1")
        try:
            return _unseal(key, ring.unprotected, b"")
        except InvalidTag as err:
            raise Problem("keys_lost", path=str(self.path)) from err

    def taken_over(self) -> None:
        """The plain store is gone."""
        self._write(replace(self.read(), taking_over=False))

    # -- people ---------------------------------------------------------------------------------------

    def holders(self, now_ms: int) -> tuple[Holder, ...]:
        """Who has a PIN here. Raises keys_lost."""
        with self._alone():
            try:
                ring = self._by_the_clock(now_ms)
            except Problem as problem:
                if problem.code not in {"disk_full", "disk_failing"}:
                    raise
                # Whoever unlocks is told of the disk, or makes room on it.
                ring = self._fair(self.read(), now_ms)
        return tuple(
            Holder(self._names(ring, slot), TRIES_MAX - slot.tries, _wait(slot, now_ms))
            for slot in ring.slots
        )

    def add(self, names: Names, pin: str, master: bytes) -> None:
        """Gives a person a PIN, in place of any they had. Raises pin_weak."""
        check_pin(pin)
        ring = self.read()
        others = [slot for slot in ring.slots if self._names(ring, slot).person != names.person]
        slot = self._slot(ring, names, pin, master)
        self._write(replace(ring, slots=(*others, slot), unprotected=b""))

    def unlock(self, person: str, pin: str, now_ms: int) -> bytes:
        """The master key. Raises pin_unknown, pin_wait, pin_wrong, and pin_spent when the last try was wrong."""
        with self._alone():
            ring = self._by_the_clock(now_ms)
            slot, names = self._find(ring, person)
            if slot.tries >= TRIES_MAX:
                raise Problem("pin_spent")
            wait = _wait(slot, now_ms)
            if wait:
                raise Problem("pin_wait", wait_seconds=wait)
            tried = replace(slot, tries=slot.tries + 1, tried_ms=now_ms)
            ring = self._put(ring, slot, tried)
            master = self._try(ring, tried, names, pin)
            if master is None:
                left = TRIES_MAX - tried.tries
                raise Problem("pin_wrong", left=left) if left else Problem("pin_spent")
            # A disk that keeps the count makes no wrong try of a right one.
            self._owed.add(tried.salt)
            self._put(ring, tried, replace(tried, tries=0, tried_ms=0))
            self._owed.clear()
            return master

    def change(self, person: str, old: str, new: str, now_ms: int) -> None:
        """Another PIN for who knows the old one. Raises what `unlock` does, pin_weak."""
        check_pin(new)
        master = self.unlock(person, old, now_ms)
        _, names = self._find(self.read(), person)
        self.add(names, new, master)

    def remove(self, person: str) -> None:
        """Takes a person's PIN away; they set another at their next use. The last one stays. Raises pin_unknown."""
        ring = self.read()
        slot, _ = self._find(ring, person)
        left = tuple(one for one in ring.slots if one is not slot)
        if left:
            self._write(replace(ring, slots=left))

    def destroy(self) -> None:
        """Destroys every wrap, so that nothing of this tablet can be read again."""
        unfinished, path = self.files
        try:
            destroy(unfinished)
        finally:
            destroy(path)

    def _by_the_clock(self, now_ms: int) -> Ring:
        """The file's content, made fair first."""
        read = self.read()
        ring = self._fair(read, now_ms)
        if ring != read:
            self._write(ring)
        self._owed.clear()
        return ring

    def _fair(self, ring: Ring, now_ms: int) -> Ring:
        """A clock that was ahead at the last try, or has been set back, begins the wait anew; what is owed is given."""
        slots = (replace(slot, tried_ms=min(slot.tried_ms, now_ms)) for slot in ring.slots)
        fair = (replace(slot, tries=0, tried_ms=0) if slot.salt in self._owed else slot for slot in slots)
        return replace(ring, slots=tuple(fair))

    # -- wrapping -------------------------------------------------------------------------------------

    def _slot(self, ring: Ring, names: Names, pin: str, master: bytes) -> Slot:
        salt = self._entropy(SALT_BYTES)
        key = self._key(ring.secret, pin, salt, self._strength)
        label = self._secret.mix(ring.secret, b"hucha names 1")
        return Slot(
            names=self._seal(label, msgspec.json.encode(names), b"names"),
            salt=salt,
            strength=self._strength,
            wrapped=self._seal(key, master, names.person.encode()),
        )

    def _put(self, ring: Ring, old: Slot, new: Slot) -> Ring:
        ring = replace(ring, slots=tuple(new if slot is old else slot for slot in ring.slots))
        self._write(ring)
        return ring

    def _find(self, ring: Ring, person: str) -> tuple[Slot, Names]:
        for slot in ring.slots:
            names = self._names(ring, slot)
            if names.person == person:
                return slot, names
        raise Problem("pin_unknown", person=person)

    def _names(self, ring: Ring, slot: Slot) -> Names:
        key = self._secret.mix(ring.secret, b"hucha names 1")
        try:
            return msgspec.json.decode(_unseal(key, slot.names, b"names"), type=Names)
        except InvalidTag as err:
            raise Problem("keys_lost", path=str(self.path)) from err

    def _try(self, ring: Ring, slot: Slot, names: Names, pin: str) -> bytes | None:
        key = self._key(ring.secret, pin, slot.salt, slot.strength)
        try:
            return _unseal(key, slot.wrapped, names.person.encode())
        except InvalidTag:
            return None

    def _key(self, secret: str, pin: str, salt: bytes, strength: Strength) -> bytes:
        stretched = low_level.hash_secret_raw(
            pin.encode(),
            salt,
            time_cost=strength.passes,
            memory_cost=strength.memory_kib,
            parallelism=strength.lanes,
            hash_len=MASTER_BYTES,
            type=low_level.Type.ID,
        )
        return self._secret.mix(secret, b"hucha pin 1" + stretched)

    def _seal(self, key: bytes, content: bytes, about: bytes) -> bytes:
        nonce = self._entropy(NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, content, about)


def check_pin(pin: str) -> None:
    """Raises pin_weak: too short, not digits, one digit only, or digits in a row."""
    least, most = PIN_DIGITS
    steps = {int(b) - int(a) for a, b in pairwise(pin)} if _digits(pin) else {0}
    if not least <= len(pin) <= most or steps in ({0}, {1}, {-1}):
        raise Problem("pin_weak", least=least, most=most)


def _digits(pin: str) -> bool:
    return pin.isascii() and pin.isdigit()


def _wait(slot: Slot, now_ms: int) -> int:
    """Seconds to wait. A clock set forward ends the wait, and the count stays."""
    left_ms = WAITS_SECONDS[min(slot.tries, TRIES_MAX - 1)] * 1000 - (now_ms - slot.tried_ms)
    return max(0, -(-left_ms // 1000))


def _unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
