"""A real S3-compatible store on this machine, started and killed by tests."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

START_SECONDS_MAX = 90.0
"""After a kill it takes its time to look through what it has."""


class ObjectServer:
    """One SeaweedFS with everything it needs, on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "data").mkdir()
        account = {"accessKey": "key", "secretKey": "secret"}
        actions = ["Admin", "Read", "Write", "List"]
        users = {"identities": [{"name": "hucha", "credentials": [account], "actions": actions}]}
        (folder / "users.json").write_text(json.dumps(users))
        names, ports = ("master", "volume", "filer", "s3"), _free_ports(8)
        self._ports = dict(zip(names, ports[:4], strict=True))
        self._grpc = dict(zip(names, ports[4:], strict=True))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """The setting `photo_store` for it."""
        endpoint = f"http://127.0.0.1:{self._ports['s3']}"
        return f"s3://photos?endpoint={endpoint}&region=us-east-1&access_key_id=key&secret_access_key=secret"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        ports = [f"-{name}.port={port}" for name, port in self._ports.items()]
        ports += [f"-{name}.port.grpc={port}" for name, port in self._grpc.items()]
        command = [
            str(Path(sys.executable).parent / "weed"), "server", f"-dir={self._folder / 'data'}", "-filer", "-s3",
            f"-s3.config={self._folder / 'users.json'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=5",
            "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0", *ports,
        ]  # fmt: skip
        with (self._folder / "weed.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        from server.storage.photo_store import open_photo_store
        from shared_schema.problems import Problem

        until = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                store = open_photo_store(self.address, self._folder)
                # Started again it reads before it writes, and whether it ever writes again is its own affair.
                if not store.has(_PROBE):
                    store.put(_PROBE, b"probe")
                store.get(_PROBE)
            except Problem:
                assert time.monotonic() < until, f"it does not answer, see {self._folder / 'weed.log'}"
                time.sleep(0.2)
            else:
                return

    def kill(self) -> None:
        """Ends it in the middle of what it does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it for good."""
        if self._process is not None:
            self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, how)
        self._process.wait()
        self._process = None


_PROBE = "ba9c736f19e7f60b7f6764adb0b7908c0a2b394e09b6c09863528c7f2bc86095"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
