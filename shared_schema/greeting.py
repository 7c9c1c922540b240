"""How two tablets that meet without a server greet each other, and what each of them signs, to the byte.

Each makes an X25519 key for this one meeting and signs it. The one that is asked signs over the greeting it
answers, so neither can be used again by somebody who only wrote it down.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared_schema.ids import digest
from shared_schema.operations import Hash, Id
from shared_schema.wire import Signature, decode

LINE_HEADER = "hucha-line"
"""Which line a sealed message belongs to, and its number there: `name.number`. A greeting has none."""
SEAL_BYTES = 64 + 16
"""What sealing adds to a message: the signature it carries, and the seal's tag."""
SEALED_MEDIA_TYPE = "application/octet-stream"


class Hello(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tablet that asks says who it is."""

    device: Id
    to: Annotated[str, Meta(max_length=64)] = ""
    """The tablet it means to meet; empty: whichever of the squad is there."""
    key: Hash
    """X25519, raw, hex, for this meeting alone."""
    signature: Signature
    """Over `hello_text`."""


class Welcome(Struct, frozen=True, kw_only=True):
    """The tablet that is asked says who it is."""

    device: Id
    key: Hash
    signature: Signature
    """Over `welcome_text`."""


def hello_text(device: str, to: str, key: str) -> bytes:
    """What the asking tablet signs."""
    return f"hucha hello 1\n{device}\n{to}\n{key}".encode()


def welcome_text(device: str, hello: bytes, key: str) -> bytes:
    """What the other one signs; `hello` is the greeting that it answers, as it came."""
    return f"hucha welcome 1\n{device}\n{digest(hello)}\n{key}".encode()


def line_name(hello: bytes, welcome: bytes) -> str:
    """Names all that was said in greeting, in hex; the keys of the line come from it too."""
    return digest(hello + b"\n" + welcome)


def read_hello(body: bytes) -> Hello:
    """A greeting from its bytes. Raises request_malformed."""
    return decode(body, msgspec.json.Decoder(Hello))


def read_welcome(body: bytes) -> Welcome:
    """The answer to a greeting from its bytes. Raises request_malformed."""
    return decode(body, msgspec.json.Decoder(Welcome))
