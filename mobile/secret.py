"""The secret of the device: without it a copied data folder is worth nothing, whatever the PIN.

Kept in a folder away from the data, which is as far as plain Linux goes. An Android Keystore or a TPM can stand
in with the same three methods: both keep a key that never leaves them, and answer with an HMAC.
"""

import hmac
from collections.abc import Callable
from pathlib import Path

from mobile.files import destroy, write_whole
from shared_schema.problems import Problem

SECRET_BYTES = 32


class DeviceSecret:
    """Keys by name, each in a file that only its owner can read."""

    def __init__(self, folder: Path, entropy: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._entropy = entropy

    def make(self, name: str) -> None:
        """Makes the key of that name; on the disk when it returns."""
        write_whole(self.path(name), self._entropy(SECRET_BYTES))

    def mix(self, name: str, message: bytes) -> bytes:
        """HMAC-SHA256 of a message under the key of that name. Raises keys_lost."""
        try:
            key = self.path(name).read_bytes()
        except FileNotFoundError as err:
            raise Problem("keys_lost", path=str(self.path(name))) from err
        return hmac.digest(key, message, "sha256")

    def destroy(self, name: str) -> None:
        """Destroys the key of that name; one that is not there is fine."""
        destroy(self.path(name))

    def path(self, name: str) -> Path:
        """The file of the key of that name."""
        return self._folder / f"{name}.secret"
