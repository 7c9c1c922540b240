"""The least that a server can do with a change: takes a request, commits one row on a thread, answers; nothing else.

`python -m tests.bench.bare FOLDER` serves it over the HTTP that our own server speaks.
"""

import asyncio
import socket
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn

from server.access.patience import PatientProtocol

ANSWER = b"x" * 300


def bare_log(path: Path) -> sqlite3.Connection:
    """An empty log of bytes on SQLite, synchronous=FULL; its transactions are begun and ended by hand."""
    conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=FULL")
    conn.execute("CREATE TABLE log (raw BLOB)")
    return conn


def commit(conn: sqlite3.Connection, content: bytes) -> None:
    """One row and its commit."""
    conn.execute("BEGIN IMMEDIATE")
    conn.execute("INSERT INTO log VALUES (?)", (content,))
    conn.execute("COMMIT")


def main() -> None:
    """Serves until it is told to end, with its address on the first line."""
    conn = bare_log(Path(sys.argv[1]) / "bare.db")
    writer = ThreadPoolExecutor(1)

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        await asyncio.get_running_loop().run_in_executor(writer, commit, conn, message["body"])
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", str(len(ANSWER)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": ANSWER})

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, http=PatientProtocol, log_config=None, access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
