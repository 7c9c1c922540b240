"""Passwords: argon2id hashes, which passwords are taken, and a check that costs the same for unknown users."""

import re
import threading
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared_schema.problems import Problem

LENGTH_MIN = 12
LENGTH_MAX = 256  # hashing a novel is work an attacker would like to give us
DISTINCT_MIN = 5
PARALLEL_MAX = 4  # each check takes 64 MiB for a moment
SALT_BYTES = 16

_hasher = PasswordHasher()  # argon2id, the second recommended choice of RFC 9106
_gate = threading.BoundedSemaphore(PARALLEL_MAX)
_common = frozenset((Path(__file__).parent / "common_words.txt").read_text(encoding="utf-8").split())

# What an unknown user's password is checked against, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash("nobody has this password", salt=bytes(SALT_BYTES))


def check_new(password: str) -> None:
    """Raises form_invalid with the cure when the password is too short or known to every guesser."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise Problem("form_invalid", field="password", cure=f"{LENGTH_MIN}–{LENGTH_MAX}")
    letters = re.sub(r"[\W\d_]+", "", password.lower())
    repeated = any(letters == word * (len(letters) // len(word)) for word in _common if letters)
    if len(set(password)) < DISTINCT_MIN or not letters or repeated:
        raise Problem("form_invalid", field="password", cure="太常见，换一句不容易猜到的话 / too common")


def make_hash(password: str, *, salt: bytes) -> str:
    """The argon2id hash of a password."""
    with _gate:
        return _hasher.hash(password, salt=salt)


def matches(password: str, password_hash: str | None) -> bool:
    """Whether it is the password; with None (no such user) it works as long and says no."""
    candidate = password[:LENGTH_MAX]
    with _gate:
        try:
            _hasher.verify(password_hash or _NOBODY, candidate)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker settings than today's and should be made again."""
    return _hasher.check_needs_rehash(password_hash)
