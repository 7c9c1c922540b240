"""What must survive a power cut is on the disk before anyone relies on it."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Puts on the disk what was written to a file, or the names that were put into a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
