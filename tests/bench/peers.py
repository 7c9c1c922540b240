"""Others' servers beside ours: the changes of W1 and the photos of W3, in the same run on the same machine.

They are no like for like, and docs/benchmarks.md says what each does: of them only Kinto waits for the disk, and only
automerge-repo keeps both of two answers to one field. None signs, judges or scores.
"""

import asyncio
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import w3
from tests.bench.server import ROOT, serving
from tests.bench.w1 import Size

SCRIPTS = Path(__file__).parent / "peers_js"
PINS = Path(__file__).parent / "peers_py/requirements.txt"
INSTALLED = ROOT / ".venv/peers"
KINTO = "kinto"
OF_CHANGES = ("hocuspocus", "y-websocket", "automerge-repo", "pouchdb-server", KINTO)
OF_PHOTOS = "tus-server"
SECONDS_MAX = 1800
"""Longer than any run that we have seen end."""
FAILURES = (OSError, RuntimeError, subprocess.SubprocessError)
"""What comes of a peer that cannot be installed or started, breaks off, or takes too long."""


def install() -> dict[str, str]:
    """Puts the pinned peers into the environment, once; of each that could not be, why."""
    try:
        _install_node()
    except FAILURES as failure:  # each has its client in Node, whatever it is written in
        return dict.fromkeys((*OF_CHANGES, OF_PHOTOS), told(failure))
    try:
        _install_kinto()
    except FAILURES as failure:
        return {KINTO: told(failure)}
    return {}


def told(failure: BaseException) -> str:
    """What the result says of it."""
    return f"{type(failure).__name__}: {failure}"


def _install_node() -> None:
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for script in SCRIPTS.iterdir():
        if script.is_file():
            shutil.copy(script, INSTALLED)

    def fetch() -> None:
        _quietly("npm", "ci", "--prefix", str(INSTALLED), "--ignore-scripts", "--no-audit", "--no-fund")

    _once(SCRIPTS / "package-lock.json", INSTALLED / "node_modules/.installed", fetch)


def _install_kinto() -> None:
    folder = INSTALLED / KINTO

    def fetch() -> None:
        _quietly(sys.executable, "-m", "venv", "--clear", str(folder))
        pip = (str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _quietly(*pip, "--no-input", "--no-deps", "--require-hashes", "-r", str(PINS))

    _once(PINS, folder / ".installed", fetch)


def _once(pins: Path, stamp: Path, fetch: Callable[[], None]) -> None:
    if not stamp.exists() or stamp.read_bytes() != pins.read_bytes():
        fetch()
        shutil.copy(pins, stamp)


def _quietly(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def changes(folder: Path, peer: str, size: Size) -> dict[str, Any]:
    """W1's number of changes through one peer, from the first until all are where they belong."""
    numbers = [str(one) for one in (size.tablets, size.changes, size.items, size.batch)]
    with serving(folder, _server(peer)) as server:
        cpu = server.cpu_seconds()
        command = ["node", str(INSTALLED / "changes.mjs"), peer, str(server.port), *numbers]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=SECONDS_MAX)
        count = size.tablets * size.changes
        return {
            "peer": peer,
            "batch": size.batch,
            "changes": count,
            "changes_per_second": round(count / json.loads(done.stdout)["seconds"]),
            "server_cpu_us_per_change": round((server.cpu_seconds() - cpu) / count * 1e6, 1),
            "server_peak_mib": round(server.peak_bytes() / 2**20),
        }


def photos(folder: Path, count: int, photo_bytes: int, at_once: int, seed: int) -> dict[str, Any]:
    """W3's photos, by the same client, to @tus/server."""
    filler = random.Random(seed).randbytes(photo_bytes)
    work = [w3.make_photo(number, filler) for number in range(count)]
    with serving(folder, _server(OF_PHOTOS)) as server:
        return {
            "peer": OF_PHOTOS,
            "photos": count,
            **asyncio.run(w3.send_whole(work, at_once, server, w3.TUS)),
        }


def _server(peer: str) -> str:
    if peer == KINTO:
        return f"{shlex.quote(sys.executable)} -m tests.bench.kinto {{data}}"
    return f"node {os.fspath(INSTALLED)}/servers.mjs {peer} {{data}}"
