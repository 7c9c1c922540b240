"""Where a colleague's tablet is met: its address, typed or scanned, and this tablet's own."""

import fcntl
import re
import socket
import struct
from typing import NamedTuple

from shared_schema.problems import Problem

PORT = 8481
_PORT = re.compile("[0-9]{1,5}")
SIOCGIFADDR = 0x8915
"""Linux and Android: the IPv4 address of a network interface."""


class Address(NamedTuple):
    """Where a tablet is met, and which one it is said to be."""

    url: str
    device: str = ""

    @property
    def code(self) -> str:
        """As the square code on the serving tablet's screen says it."""
        return f"{self.url}#{self.device}" if self.device else self.url


def read_address(text: str) -> Address:
    """An address as typed or scanned: `10.0.0.2`, `10.0.0.2:8481`, `http://10.0.0.2:8481#T-2`. Raises form_invalid."""
    url, _, device = text.strip().partition("#")
    host = url.removeprefix("http://").rstrip("/")
    name, colon, port = host.partition(":")
    sound = name.isascii() and name and all(one.isalnum() or one in "-._" for one in name)
    if not sound or (colon and not (_PORT.fullmatch(port) and 0 < int(port) < 1 << 16)):
        raise Problem("form_invalid", field="地址 / address", cure="如 / such as 192.168.43.1:8481")
    return Address(f"http://{name}:{port or PORT}", device)


def own_addresses() -> tuple[str, ...]:
    """The IPv4 addresses of this tablet's network interfaces, the loopback one left out unless it is the only one."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            wanted = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(asking.fileno(), SIOCGIFADDR, wanted)
            except OSError:
                continue  # an interface without an address
            found.append(socket.inet_ntoa(answer[20:24]))
    outside = [one for one in found if not one.startswith("127.")]
    return tuple(outside or found)
