"""Keys, and the encryption of everything at rest: the seam where SQLCipher and the PIN come in."""

import sqlite3
from pathlib import Path


class Vault:
    """Opens the tablet's files and holds its key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def connect(self, path: Path) -> sqlite3.Connection:
        """A connection on which every commit is on the disk when it returns."""
        raise NotImplementedError
