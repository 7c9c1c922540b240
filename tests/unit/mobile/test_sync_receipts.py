"""What a receipt tells a tablet of its own chain, and how long it waits for the next contact."""

import pytest

from mobile import sync
from mobile.exchange import settlement_of
from mobile.meetings import Chain
from mobile.pauses import PAUSE_LONGEST_MS, PAUSE_MS, pause_ms
from mobile.settling import Journal
from shared_schema import wire
from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.world import VISIT, Tablet

CHAIN = Chain(hash_there="h", receipt=5, forked=False)
HASH = "h"


@pytest.mark.parametrize(
    ("chain", "receipt", "forks", "again"),
    [
        (CHAIN, wire.Held("E", 7, HASH), False, []),  # the server has more than before
        (CHAIN, wire.Held("E", 5, HASH), False, []),  # nothing new
        (CHAIN, wire.Held("E", 3, HASH), False, [("E", 3)]),  # it lost 4 and 5
        (CHAIN._replace(hash_there=""), wire.Held("E", 0), False, [("E", 0)]),  # it lost everything
        (CHAIN._replace(hash_there=""), wire.Held("E", 10, HASH), True, [("E", 0)]),  # it knows what we never wrote
        (CHAIN, wire.Held("E", 7, "other"), True, [("E", 0)]),  # another wrote number 7
        (CHAIN._replace(forked=True), wire.Held("E", 7, "other"), False, []),  # known to have forked
        (CHAIN._replace(forked=True), wire.Held("E", 4, "other"), False, [("E", 0)]),  # … and lost by the server too
        (None, wire.Held("E", 7, "other"), False, []),  # not a chain of this file
    ],
)  # fmt: skip
def test_a_receipt_is_compared_with_the_own_chain(
    chain: Chain | None, receipt: wire.Held, forks: bool, again: list[tuple[str, int]]
) -> None:
    """Number and hash decide; a receipt by number alone lost operations in prototypes."""
    reply = wire.ExchangeReply(server="S", receipt=wire.Receipt(server="S", device="D", heads=(receipt,)))
    settled = settlement_of((), reply, lambda *_: chain, now_ms=1, epoch="E", new_epoch="N")
    assert list(settled.forked) == (["E"] if forks else [])
    assert settled.new_epoch == ("N" if forks else "")
    assert list(settled.offer_again) == again


def test_the_pause_grows_and_is_never_the_same_for_all() -> None:
    """5 s, 10 s, 20 s … up to 15 min, each between half and whole; a problem people must solve waits longest."""
    assert pause_ms(Journal(), b"\0\0\0\0") == PAUSE_MS
    lows = [pause_ms(Journal(attempts=number), b"\0\0\0\0") for number in range(1, 12)]
    assert lows[:3] == [2500, 5000, 10_000]
    assert lows[-1] == PAUSE_LONGEST_MS // 2
    assert pause_ms(Journal(attempts=1), (2500).to_bytes(4, "big")) == 5000
    asked = Journal(attempts=1, facts={"wait_seconds": "60"})
    assert pause_ms(asked, b"\0\0\0\0") == 60_000
    assert 60_000 < pause_ms(asked, (59_000).to_bytes(4, "big")) <= 120_000
    for seconds in (600, 900):
        asked = Journal(attempts=1, facts={"wait_seconds": str(seconds)})
        assert pause_ms(asked, b"\0\0\0\0") == 1000 * seconds, "no sooner than it asks"
        assert pause_ms(asked, b"\xff\xff\xff\xff") <= PAUSE_LONGEST_MS
    endless = Journal(attempts=1, facts={"wait_seconds": "99999999"})
    assert pause_ms(endless, b"\0\0\0\0") <= PAUSE_LONGEST_MS
    assert pause_ms(Journal(attempts=1, retry=False), b"\0\0\0\0") == PAUSE_LONGEST_MS // 2
    for odd in ("²", "9" * 5000, "-1", "soon"):
        asked = Journal(attempts=1, facts={"wait_seconds": odd})
        assert 2500 <= pause_ms(asked, b"\0\0\0\0") <= PAUSE_LONGEST_MS


def test_every_photo_gets_its_receipt_before_any_backup_is_made(
    one: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More are here than one request asks about: those that have none go first, and none of them waits for ever."""
    monkeypatch.setattr(sync, "PHOTOS_ASKED_MAX", 2)
    one.open_visit()
    shades = [20 * number for number in range(1, 8)]
    for shade in shades:
        photographed(one, shade)
    for _ in shades:
        one.meet()
    assert [held.receipt for held in one.store.photos_held(VISIT).values()] == [1] * len(shades)
