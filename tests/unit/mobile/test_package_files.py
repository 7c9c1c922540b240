"""A package on a stick: what is said to be written is there when the stick is pulled out."""

import os
import stat
from pathlib import Path

import pytest

from mobile.package_files import written


@pytest.mark.parametrize("split_bytes", [0, 1000])
def test_its_name_is_on_the_stick_when_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split_bytes: int
) -> None:
    """The folder is flushed after each file has its name."""
    flushed: list[set[str]] = []
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        flush(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            flushed.append({path.name for path in tmp_path.iterdir()})

    monkeypatch.setattr(os, "fsync", fsync)
    files = written(tmp_path, "p", "0" * 64, 3000, [bytes(3000)], split_bytes)
    assert len(flushed) == len(files) == (4 if split_bytes else 1)
    assert flushed[-1] == {path.name for path in files}
