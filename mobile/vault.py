"""What a tablet's master key opens: the store, the files beside it, and the keys it signs and unseals with.

One random master key, four keys derived from it: the store's (SQLCipher), the files' (AES-256-GCM, a key of its
own for each file), and through those files the device's Ed25519 and X25519 keys. How the master key itself is kept
is the keyring's affair.
"""

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from mobile import engine
from mobile.files import disk_problems, make_folder, write_whole
from mobile.keyring import Keyring
from mobile.secret import DeviceSecret
from shared_schema.problems import Problem

KEY_BYTES = 32
BUSY_SECONDS = 1  # a second program on this file is an error for a person to see, not something to wait for
SEALED = b"HVF1"  # the first bytes of a file kept here; no picture begins so
FILE_SALT_BYTES = 32
FILE_EXTRA_BYTES = len(SEALED) + FILE_SALT_BYTES + 16
"""By how much a kept file is longer than what it holds."""
KEYRING = "keyring.json"
DEVICE_KEY, SEALING_KEY = "device.key", "sealing.key"

Entropy = Callable[[int], bytes]


class Vault:
    """An unlocked tablet folder. After `lock` everything raises tablet_locked."""

    def __init__(self, folder: Path, master: bytes, store_salt: bytes, entropy: Entropy = os.urandom) -> None:
        self.folder = folder
        self._entropy = entropy
        self._store_key = _derived(master, b"hucha store 1")
        self._file_key = _derived(master, b"hucha files 1")
        self._store_salt = store_salt
        self._master = master
        self._key: Ed25519PrivateKey | None = None

    @classmethod
    def headless(cls, folder: Path, entropy: Entropy = os.urandom) -> "Vault":
        """A vault without a person at the screen, for demonstrations and tests.

        Everything at rest is encrypted as on a real tablet, but no PIN protects the master key, and the secret lies
        in the same folder.
        """
        keyring = Keyring(folder / KEYRING, DeviceSecret(folder / "secret", entropy), entropy)
        master = keyring.unprotected() if keyring.exists() else keyring.set_up()
        if master is None:
            raise Problem("tablet_locked")
        return cls(folder, master, keyring.read().store_salt, entropy)

    @property
    def master(self) -> bytes:
        """The master key, for wrapping it once more. Raises tablet_locked."""
        return self._open(self._master)

    @property
    def locked(self) -> bool:
        """Whether the keys are forgotten."""
        return not self._master

    def lock(self) -> None:
        """Forgets every key, as far as Python lets go of memory."""
        self._master = self._store_key = self._file_key = b""
        self._key = None

    def _open(self, key: bytes) -> bytes:
        if not key:
            raise Problem("tablet_locked")
        return key

    # -- the store ------------------------------------------------------------------------------------

    def connect(self, path: Path) -> engine.Connection:
        """A connection on which every commit is on the disk when it returns, and which no other program shares."""
        key = self._open(self._store_key)
        make_folder(path.parent)
        # One thread at a time uses the store, but it is opened before that thread starts.
        connection = engine.connect(str(path), timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            # What is wrong is told by an exception; SQLCipher would write it to the error stream as well.
            connection.execute("PRAGMA cipher_log_level = NONE")
            # With the salt given, a first sector lost to a power cut does not take the whole file with it.
            connection.execute(f"PRAGMA key = \"x'{key.hex()}{self._store_salt.hex()}'\"")
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=WAL")
            # NORMAL, the usual advice with WAL, loses committed taps at a power cut.
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            # What SQLite would put aside while sorting stays in memory.
            connection.execute("PRAGMA temp_store=MEMORY")
        except BaseException:
            connection.close()
            raise
        return connection

    # -- the device's keys ----------------------------------------------------------------------------

    def make_key(self, seed: bytes) -> str:
        """Makes the key this tablet signs with from 32 random bytes, unless there is one; the public key in hex.

        The key is on the disk before anyone hears of it, so that an enrolment whose reply is lost can be repeated.
        """
        self._keep_key(DEVICE_KEY, seed)
        return self._signing_key().public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> str:
        """The Ed25519 signature of a message by the device's key, in hex."""
        self._open(self._master)
        return self._signing_key().sign(message).hex()

    def make_sealing_key(self, seed: bytes) -> str:
        """Makes the key that packages for this tablet are sealed to, unless there is one; the public key in hex."""
        self._keep_key(SEALING_KEY, seed)
        return self._sealing_key().public_key().public_bytes_raw().hex()

    def agree(self, public_key: bytes) -> bytes:
        """The X25519 secret this tablet shares with whoever has the other half of a public key, 32 bytes."""
        return self._sealing_key().exchange(X25519PublicKey.from_public_bytes(public_key))

    def _keep_key(self, name: str, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise ValueError(f"a key is made from {KEY_BYTES} bytes, not {len(seed)}")
        if not (self.folder / name).exists():
            self.keep(self.folder / name, seed)

    def _signing_key(self) -> Ed25519PrivateKey:
        if self._key is None:
            self._key = Ed25519PrivateKey.from_private_bytes(self.fetch(self.folder / DEVICE_KEY))
        return self._key

    def _sealing_key(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.fetch(self.folder / SEALING_KEY))

    # -- files ----------------------------------------------------------------------------------------

    def keep(self, path: Path, content: bytes, *, destroy_old: bool = False) -> None:
        """Encrypts a file and writes it so that it is either there whole, after a power cut too, or not at all."""
        salt = self._entropy(FILE_SALT_BYTES)
        write_whole(
            path,
            SEALED + salt + self._cipher(salt).encrypt(_NONCE, content, path.name.encode()),
            destroy_old=destroy_old,
        )

    def fetch(self, path: Path) -> bytes:
        """The content of a file kept before. Raises FileNotFoundError, file_damaged, disk_failing."""
        with disk_problems():
            sealed = path.read_bytes()
        body = len(SEALED) + FILE_SALT_BYTES
        try:
            if not sealed.startswith(SEALED):
                raise InvalidTag
            return self._cipher(sealed[len(SEALED) : body]).decrypt(_NONCE, sealed[body:], path.name.encode())
        except (InvalidTag, ValueError) as err:
            raise Problem("file_damaged", path=str(path)) from err

    def _cipher(self, salt: bytes) -> AESGCM:
        """The cipher of one file. Its key is never used for a second one, so the nonce need not change."""
        return AESGCM(_derived(self._open(self._file_key), b"hucha file 1" + salt))


_NONCE = bytes(12)


def is_sealed(path: Path) -> bool:
    """Whether a file is encrypted."""
    with path.open("rb") as file:
        return file.read(len(SEALED)) == SEALED


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), KEY_BYTES, purpose).derive(key)
