"""Chance that anyone can repeat: a stream of numbers from a seed, in any language, for ever.

Block k of the stream is SHA-256 of the seed's UTF-8 bytes, a zero byte and k as 8 bytes big-endian
(k = 0, 1, 2 …); each block gives four numbers of 64 bits. `below(n)` takes the next number and skips
those at or above the largest multiple of n, so that every outcome is equally likely. The draw of
squads, the samples of computers and the demo season all draw from here.

Example: Chance("2026").below(100) takes the first 8 bytes of SHA-256(b"2026" + bytes(9)).
"""

from collections.abc import MutableSequence, Sequence
from hashlib import sha256
from typing import TypeVar

from shared_schema.ids import digest

T = TypeVar("T")
_SPAN = 2**64


class Chance:
    """The stream of one seed, read from its start."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._block = 0
        self._numbers: list[int] = []

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1."""
        if bound < 1:
            raise ValueError(f"nothing lies below {bound}")
        limit = _SPAN - _SPAN % bound
        while True:
            if not self._numbers:
                block = sha256(self._seed + b"\0" + self._block.to_bytes(8, "big")).digest()
                self._block += 1
                self._numbers = [int.from_bytes(block[at : at + 8], "big") for at in (24, 16, 8, 0)]
            number = self._numbers.pop()
            if number < limit:
                return number % bound

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]

    def percent(self, chance: int) -> bool:
        """True in `chance` of a hundred cases."""
        return self.below(100) < chance

    def shuffle(self, options: MutableSequence[T]) -> None:
        """Put the options into a random order (Fisher and Yates, from the end)."""
        for last in range(len(options) - 1, 0, -1):
            other = self.below(last + 1)
            options[last], options[other] = options[other], options[last]

    def sample(self, options: Sequence[T], size: int) -> list[T]:
        """`size` different options, in the order drawn; all of them where there are fewer."""
        rest = list(options)
        self.shuffle(rest)
        return rest[:size]

    def bytes(self, size: int) -> bytes:
        """`size` bytes, eight to a number."""
        numbers = ((size + 7) // 8) * [0]
        return b"".join(self.below(_SPAN).to_bytes(8, "big") for _ in numbers)[:size]


def draw_sample(register_numbers: Sequence[str], size: int, seed: str) -> tuple[str, tuple[str, ...]]:
    """A verifiable sample: (SHA-256 of the sorted register numbers, one a line; the numbers drawn, sorted)."""
    population = sorted(set(register_numbers))
    named = digest("\n".join(population).encode())
    return named, tuple(sorted(Chance(f"{named}/{seed}").sample(population, size)))
