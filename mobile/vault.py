"""Keys, and everything at rest: the one door to the tablet's disk, where SQLCipher and the PIN come in.

Today the file lies plain and the device's key in a file only its owner can read. Whoever opens the
store, signs, or keeps a file goes through here, so that encryption later changes this module alone.
"""

import os
import sqlite3
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

BUSY_SECONDS = 1  # a second program on this file is an error for a person to see, not something to wait for
KEY_BYTES = 32


class Vault:
    """The keys of one tablet, in a folder that only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key: Ed25519PrivateKey | None = None

    def connect(self, path: Path) -> sqlite3.Connection:
        """A connection on which every commit is on the disk when it returns, and which no other program shares."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # One thread at a time uses the store, but it is opened before that thread starts.
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=WAL")
            # NORMAL, the usual advice with WAL, loses committed taps at a power cut.
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    # -- the device's key ---------------------------------------------------------------------------

    def make_key(self, seed: bytes) -> str:
        """Makes the device's key from 32 random bytes, unless there is one; the public key in hex.

        The key is on the disk before anyone hears of it, so that an enrolment whose reply is lost can be repeated.
        """
        if len(seed) != KEY_BYTES:
            raise ValueError(f"a key is made from {KEY_BYTES} bytes, not {len(seed)}")
        if not self._key_path.exists():
            key = Ed25519PrivateKey.from_private_bytes(seed)
            secret = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            self.keep(self._key_path, secret)
        return self._private_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, message: bytes) -> str:
        """The Ed25519 signature of a message by the device's key, in hex."""
        return self._private_key().sign(message).hex()

    def make_sealing_key(self, seed: bytes) -> str:
        """Makes the key to which packages for this tablet are sealed, unless there is one; the public half in hex."""
        if len(seed) != KEY_BYTES:
            raise ValueError(f"a key is made from {KEY_BYTES} bytes, not {len(seed)}")
        if not self._sealing_key_path.exists():
            self.keep(self._sealing_key_path, seed)
        return self.unseal_key().public_key().public_bytes_raw().hex()

    def unseal_key(self) -> X25519PrivateKey:
        """The key that opens packages for this tablet. Raises FileNotFoundError before it is made."""
        return X25519PrivateKey.from_private_bytes(self.fetch(self._sealing_key_path))

    @property
    def _sealing_key_path(self) -> Path:
        return self.folder / "sealing.key"

    @property
    def _key_path(self) -> Path:
        return self.folder / "device.key"

    def _private_key(self) -> Ed25519PrivateKey:
        if self._key is None:
            self._key = Ed25519PrivateKey.from_private_bytes(self._key_path.read_bytes())
        return self._key

    # -- files ----------------------------------------------------------------------------------------

    def keep(self, path: Path, content: bytes) -> None:
        """Writes a file so that it is either there whole, after a power cut too, or not at all."""
        if not path.parent.exists():
            path.parent.mkdir(parents=True, mode=0o700)
            _flush_folder(path.parent.parent)
        unfinished = path.with_name(path.name + ".part")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _flush_folder(path.parent)

    def fetch(self, path: Path) -> bytes:
        """The content of a file kept before. Raises FileNotFoundError."""
        return path.read_bytes()


def _flush_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
