"""Chance is the same for everybody, fair, and verifiable."""

from collections import Counter
from hashlib import sha256

from shared_schema.chance import Chance, draw_sample


def test_the_stream_is_what_its_description_says() -> None:
    """A number can be worked out by hand from the docstring."""
    first = int.from_bytes(sha256(b"2026" + bytes(9)).digest()[:8], "big")
    assert Chance("2026").below(100) == first % 100
    second_block = sha256(b"2026\0" + (1).to_bytes(8, "big")).digest()
    assert Chance("2026").bytes(40)[32:40] == second_block[:8]


def test_every_outcome_is_about_equally_likely() -> None:
    """Seven outcomes in 7 000 draws each come up about 1 000 times."""
    chance = Chance("fair")
    counts = Counter(chance.below(7) for _ in range(7000))
    assert sorted(counts) == list(range(7))
    assert all(850 < count < 1150 for count in counts.values())


def test_a_sample_depends_on_the_register_and_the_seed_only() -> None:
    """The order in which the register is read changes nothing; another register changes the draw."""
    numbers = [f"U001-{n:03}" for n in range(40)]
    named, drawn = draw_sample(numbers, 5, "seed")
    assert (named, drawn) == draw_sample(list(reversed(numbers)), 5, "seed")
    assert len(set(drawn)) == 5
    assert set(drawn) <= set(numbers)
    assert draw_sample([*numbers, "U001-040"], 5, "seed")[0] != named
    assert draw_sample(numbers[:3], 5, "seed")[1] == tuple(numbers[:3])
