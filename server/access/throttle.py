"""How often sign-in may be tried: per account, per address and per both, without locking anybody else out.

An address that has signed in to the account before keeps its own small allowance, so a stranger who
guesses at an account cannot keep its owner out. Addresses are the socket's: no header is believed.
Counts are kept in memory; a restart forgives, which is worth less to a guesser than it costs to store.
"""

import threading

from shared_schema.problems import Problem

WINDOW_MS = 10 * 60 * 1000
ACCOUNT_MAX = 10  # failures in a window, wherever they come from
PAIR_MAX = 5  # failures of one address at one account
ADDRESS_MAX = 30  # failures of one address at all accounts: an office behind one router
KEYS_MAX = 20_000  # a flood of invented logins must not fill the memory


class Throttle:
    """Counts failures; `check` before looking at a password, then `failed` or `passed`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, str], list[int]] = {}
        self._known: dict[tuple[str, str], int] = {}

    def check(self, login: str, address: str, now_ms: int) -> None:
        """Raises sign_in_throttled with the seconds to wait. Without a login only the address counts."""
        with self._lock:
            own = (login, address) in self._known
            limits = [((login, address), PAIR_MAX)] if login else []
            if not own:
                limits += [(("", address), ADDRESS_MAX)] + ([((login, ""), ACCOUNT_MAX)] if login else [])
            waits = [self._wait_ms(key, limit, now_ms) for key, limit in limits]
        if max(waits) > 0:
            raise Problem("sign_in_throttled", wait_seconds=-(-max(waits) // 1000))

    def failed(self, login: str, address: str, now_ms: int) -> None:
        """A wrong password, or no such user."""
        with self._lock:
            if len(self._failures) > KEYS_MAX:
                self._forget(now_ms)
            own = (login, address) in self._known
            for key in (
                {(login, address)} if own or not login else {(login, address), (login, ""), ("", address)}
            ):
                self._failures.setdefault(key, []).append(now_ms)

    def passed(self, login: str, address: str, now_ms: int) -> None:
        """The right password."""
        with self._lock:
            if len(self._known) > KEYS_MAX:
                self._known.clear()
            self._known[login, address] = now_ms
            self._failures.pop((login, address), None)

    def _wait_ms(self, key: tuple[str, str], limit: int, now_ms: int) -> int:
        recent = [at for at in self._failures.get(key, ()) if at > now_ms - WINDOW_MS]
        if recent:
            self._failures[key] = recent
        else:
            self._failures.pop(key, None)
        return 0 if len(recent) < limit else recent[-limit] + WINDOW_MS - now_ms

    def _forget(self, now_ms: int) -> None:
        """Drops what is out of the window, then the oldest half if that was not enough."""
        for key in [key for key, times in self._failures.items() if times[-1] <= now_ms - WINDOW_MS]:
            del self._failures[key]
        if len(self._failures) > KEYS_MAX:
            for key in sorted(self._failures, key=lambda key: self._failures[key][-1])[: KEYS_MAX // 2]:
                del self._failures[key]
