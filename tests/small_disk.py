"""A real disk that a test can fill: a file system of its own, in memory."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

ROOTS = "HUCHA_TEST_NAMESPACE"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[bool]:
    """Makes the folder one of so many bytes; False, and it stays as it is, where this process may not mount."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    may = shutil.which("mount") is not None
    mounted = may and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def elsewhere(test: str) -> NoReturn:
    """Runs a test by its node id as the root of a namespace of its own, where most systems let any user mount.

    Fails where the test does. It is skipped here in any case, and says whether it was run there.
    """
    try_it = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    offered = (
        shutil.which(NAMESPACE[0])
        and subprocess.run(try_it, capture_output=True, check=False).returncode == 0
    )
    if ROOTS in os.environ or not offered:
        pytest.skip("NOT RUN: this user may not mount a disk here, not even in a namespace of its own")
    with tempfile.TemporaryDirectory() as folder:
        # A folder of its own: pytest's common one belongs to the real root.
        asked = ["-q", "-n0", "-p", "no:cacheprovider", f"--basetemp={folder}/pytest", test]
        run = subprocess.run(
            [*NAMESPACE, sys.executable, "-m", "pytest", *asked],
            env={**os.environ, ROOTS: "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert "1 passed" in run.stdout
    pytest.skip("passed as the root of a namespace of its own")
