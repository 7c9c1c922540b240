"""Photos on their way: a receipt for each, however many there are, and no line too bad for a start."""

import pytest

from mobile import sync
from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.world import Tablet


def test_every_photo_gets_its_receipt_though_none_is_in_a_backup(
    one: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be more than can be asked about at one time, and no backup may ever come."""
    one.open_visit()
    for shade in (10, 20, 30):
        photographed(one, shade)
    one.meet()
    monkeypatch.setattr(sync, "PHOTOS_ASKED_MAX", 2)
    for _ in range(2):
        one.meet()
    assert one.store.figures().photos == {("received", 1): 3}
