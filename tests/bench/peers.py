"""Others' servers beside ours: the changes of W1 and the photos of W3, in the same run on the same machine.

They are no like for like: Hocuspocus and y-websocket (Yjs) keep what was written in memory, and of two who write the
same field one; pouchdb-server and @tus/server write to disk and do not wait for it. None signs, judges or scores.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.bench import w3
from tests.bench.server import ROOT, serving
from tests.bench.w1 import Size

SCRIPTS = Path(__file__).parent / "peers_js"
INSTALLED = ROOT / ".venv/peers"
OF_CHANGES = ("hocuspocus", "y-websocket", "pouchdb-server")
OF_PHOTOS = "tus-server"
SECONDS_MAX = 900
"""A peer that takes longer ended no run we have seen."""


def install() -> None:
    """Puts the pinned peers into the environment, once. Raises CalledProcessError, FileNotFoundError (no Node)."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    pins = INSTALLED / "package-lock.json"
    fresh = pins.exists() and pins.read_bytes() == (SCRIPTS / pins.name).read_bytes()
    for script in SCRIPTS.iterdir():
        if script.is_file():
            shutil.copy(script, INSTALLED)
    if not fresh or not (INSTALLED / "node_modules").exists():
        command = ["npm", "ci", "--prefix", str(INSTALLED), "--ignore-scripts", "--no-audit", "--no-fund"]
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
    return f"node {os.fspath(INSTALLED)}/servers.mjs {peer} {{data}}"
