"""Guessing is slowed down for the guesser, and for nobody else."""

from collections.abc import Callable

import pytest

from server.access.throttle import ACCOUNT_MAX, ADDRESS_MAX, KEYS_MAX, PAIR_MAX, WINDOW_MS, Throttle
from shared_schema.problems import Problem


def tries(
    throttle: Throttle, guesses: int, where: Callable[[int], tuple[str, str]], step_ms: int = 50
) -> int:
    """How many of so many wrong guesses were looked at at all."""
    looked = 0
    for number in range(guesses):
        login, address = where(number)
        try:
            throttle.check(login, address, number * step_ms)
        except Problem:
            continue
        looked += 1
        throttle.failed(login, address, number * step_ms)
    return looked


def test_ten_thousand_guesses_from_everywhere_are_ten_tries_in_ten_minutes() -> None:
    """However many addresses the guesses come from."""
    assert (
        tries(Throttle(), 10_000, lambda number: ("coordinator", f"10.0.{number // 250}.{number % 250}"))
        == ACCOUNT_MAX
    )


def test_one_address_has_few_tries_at_one_account_and_some_at_all() -> None:
    """A pair is stopped before the account, and a spray over accounts by its address."""
    assert tries(Throttle(), 500, lambda _: ("coordinator", "10.0.0.1")) == PAIR_MAX
    assert tries(Throttle(), 500, lambda number: (f"user{number}", "10.0.0.1")) == ADDRESS_MAX


def test_a_stranger_who_guesses_does_not_keep_the_owner_out() -> None:
    """The owner's own address has signed in before and keeps its own allowance."""
    throttle = Throttle()
    throttle.passed("coordinator", "10.0.0.7", 0)
    tries(throttle, 200, lambda number: ("coordinator", f"192.0.2.{number}"))
    throttle.check("coordinator", "10.0.0.7", 20_000)
    with pytest.raises(Problem) as raised:
        throttle.check("coordinator", "10.0.0.8", 20_000)
    assert 0 < int(str(raised.value.facts["wait_seconds"])) <= WINDOW_MS // 1000


def test_other_accounts_are_not_touched() -> None:
    """A throttled account says nothing about its neighbour."""
    throttle = Throttle()
    tries(throttle, 100, lambda number: ("coordinator", f"192.0.2.{number}"))
    throttle.check("evaluator", "10.0.0.8", 5_000)


def test_after_the_window_one_may_try_again() -> None:
    """To the millisecond that the message names."""
    throttle = Throttle()
    for number in range(PAIR_MAX):
        throttle.failed("coordinator", "10.0.0.1", number)
    with pytest.raises(Problem):
        throttle.check("coordinator", "10.0.0.1", WINDOW_MS - 1)
    throttle.check("coordinator", "10.0.0.1", WINDOW_MS)


def test_without_a_login_only_the_address_counts() -> None:
    """Enrolment codes are guessed by address; one guesser does not stop everybody's enrolment."""
    throttle = Throttle()
    assert tries(throttle, 500, lambda _: ("", "192.0.2.1")) == ADDRESS_MAX
    throttle.check("", "10.0.0.1", 30_000)


def test_invented_logins_do_not_fill_the_memory() -> None:
    """What is oldest is forgotten."""
    throttle = Throttle()
    for number in range(KEYS_MAX * 2):
        throttle.failed(f"user{number}", f"10.{number}", number)
    assert len(throttle._failures) <= KEYS_MAX + 3
