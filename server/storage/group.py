"""What requests share: work put off until after their replies; what is remembered of the last.

Many requests touch the same inspection; what brings its rows up to date runs once for all of them. What is
remembered is a shortcut to what the database holds as this connection has last written it: whatever is
rolled back, all of it is forgotten, and so it is with the connection.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import Connection

Work = Callable[[Connection, str, Mapping[Any, Any]], None]
"""Called with the connection, the key it was put off for, and all facts that requests gave for it."""

_KEY = "hucha-group"


class Group:
    """Belongs to the writer's connection, and is used by its thread alone."""

    def __init__(self) -> None:
        self.memory: dict[Any, Any] = {}
        self._kept: dict[tuple[Work, str], tuple[Mapping[Any, Any], ...]] = {}
        """With the facts of each request."""
        self.facts = 0
        """How many facts are kept for what was put off."""
        self._mine: dict[tuple[Work, str], dict[Any, Any]] = {}

    def put_off(self, work: Work, key: str, facts: Mapping[Any, Any]) -> None:
        """Runs `work(conn, key, facts)` once, however many requests ask for it.

        It may be before a later commit, and after a lost connection it is without the facts. It must not raise for
        what one request has brought; where it raises, the whole transaction is lost.
        """
        self._mine.setdefault((work, key), {}).update(facts)

    def keep(self) -> None:
        """The request that ran last stays in the transaction."""
        for key, facts in self._mine.items():
            self._kept[key] = (*self._kept.get(key, ()), facts)
            self.facts += len(facts)
        self._mine.clear()

    def drop(self) -> None:
        """The request that ran last failed and has changed nothing: what is remembered is as true as before."""
        self._mine.clear()

    def forget(self) -> None:
        """The request that ran last was taken back, and with it perhaps what was remembered."""
        self.drop()
        self.memory.clear()

    def kept(self) -> Mapping[tuple[Work, str], tuple[Mapping[Any, Any], ...]]:
        """What is put off until now, with its facts."""
        return dict(self._kept)

    def restore(self, kept: Mapping[tuple[Work, str], tuple[Mapping[Any, Any], ...]]) -> None:
        """All that came after was taken back."""
        self.forget()
        self._kept = dict(kept)
        self.facts = sum(_count(given) for given in kept.values())

    def owed(self) -> list[tuple[Work, str]]:
        """What was put off and is not done yet."""
        return list(self._kept)

    def owe(self, owed: Iterable[tuple[Work, str]]) -> None:
        """Takes over what another connection has left undone."""
        for one in owed:
            self._kept.setdefault(one, ())

    def settle(self, conn: Connection, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Does what was put off, in the order of the keys, so that locks are taken in the same order always."""
        while self._kept and goes_on():
            work, key = min(self._kept, key=lambda one: one[1])
            given = self._kept.pop((work, key))
            self.facts -= _count(given)
            work(conn, key, dict(chain.from_iterable(facts.items() for facts in given)))


def _count(given: Iterable[Mapping[Any, Any]]) -> int:
    return sum(map(len, given))


def begin(conn: Connection) -> Group:
    """The group of the writer's connection."""
    group: Group = conn.info.setdefault(_KEY, Group())
    return group


def memory(conn: Connection, name: str) -> dict[Any, Any]:
    """What is remembered under a name on the writer's connection; elsewhere nothing is kept."""
    group = of(conn)
    return {} if group is None else group.memory.setdefault(name, {})


def of(conn: Connection) -> Group | None:
    """The group a connection works for; None for one that commits by itself."""
    return conn.info.get(_KEY)
