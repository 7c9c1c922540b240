"""A tablet behind its door that is killed at any moment of a visit: everything comes back, and nothing can be read."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e import traces
from tests.e2e.hand_program import Said
from tests.e2e.hand_tablet import LEADER, PINS, TEXTS, VISIT, Place, Tablet, readable, secrets_of, served
from tests.e2e.marks import SCREENS
from tests.torture.share import at_least

pytestmark = SCREENS
KILLS = at_least(6, 80)
Call = tuple[str, *tuple[object, ...]]
DRAFT, SCROLL = f"{VISIT}/{LEADER}/A03/finding/fact", "scroll.items"
HALVES = ("综合科台账缺", "综合科台账缺 2 页，柜门")
STRETCHES: tuple[tuple[Call, ...], ...] = (
    (("section", "F"), ("item", "F02"), ("photo",)),
    (("section", "A"), ("item", "A03"), ("half", HALVES[0]), ("half", HALVES[1])),
    (("section", "E"), ("scroll", 0.4), ("scroll", 0.7)),
    (("practise",),),
    (("section", "A"), ("answer", "A06", 0.25), ("answer", "A03", 0.15), ("answer", "A06", 0.75)),
    (("section", "A"), ("item", "A03"), ("note", "见台账第 7 页")),
    (("section", "@interviews"), ("talk",)),
    (("section", "@closing"), ("sign_paper", 1, "笔录第 3 页")),
)  # fmt: skip
"""Stretches of a visit; each begins by going where it takes place, so that it can be gone through after any kill."""
UNKNOWN_SECONDS = 0.3
"""Of a call that was not made yet, how long it may last."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server of its own."""
    with served(tmp_path) as place:
        yield place


def test_a_tablet_killed_at_any_moment_comes_back_where_it_was(
    place: Place, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Section, item, list, half-typed text, photos and every operation, behind the door; no trace in plain anywhere."""
    from tests.e2e.photo_stage import scene

    camera = tmp_path / "door.jpg"
    camera.write_bytes(scene("door"))
    chance = random.Random(int(os.environ.get("SEED", "5")))
    tablet = Tablet(place.folder / "killed", camera)
    inside = 0
    try:
        for call in _up_to_work(place):
            tablet.do(*call)
        texts = {text: text for text in (*HALVES, "见台账第 7 页", "笔录第 3 页")}
        sought = {
            **traces.of_texts(TEXTS),
            **traces.of_texts(texts),
            **secrets_of(tablet.folder, LEADER, camera),
        }
        for kill in range(KILLS):
            *done, last = STRETCHES[kill % len(STRETCHES)]
            for call in done:
                tablet.do(*call)
            before, under_way = _killed_in(tablet, last, chance)
            inside += bool(under_way)
            assert readable(tablet.folder, sought) == {}, f"kill {kill}"
            tablet = Tablet(tablet.folder, camera)
            assert tablet.said.screen == "locked"
            _is_back(before, tablet.do("unlock", LEADER, PINS[LEADER]), under_way)
        assert inside >= KILLS // 3, "too few kills fell on anything under way"
        record_property("counted", f"{KILLS} kills at work, {inside} of them within a touch")
        _shows_everything(tablet)
        tablet.do("sync")
        sql = "SELECT count(*) FROM operation"
        received = place.db.read(lambda conn: conn.exec_driver_sql(sql).scalar_one())
        assert received == tablet.said.seq > 1
    finally:
        tablet.kill()


def _up_to_work(place: Place) -> tuple[Call, ...]:
    """The visit is open, with something of everything that can be lost."""
    return (
        ("enrol", place.url, "code-1"), ("sign_up", LEADER, PINS[LEADER]), ("enter", VISIT),
        ("open_visit", "成员2", "成员3"),
        ("section", "F"), ("item", "F02"), ("photo",),
        ("section", "A"), ("item", "A03"), ("half", "综合科"), ("rest",),
    )  # fmt: skip


def _killed_in(tablet: Tablet, call: Call, chance: random.Random) -> tuple[Said, Call | None]:
    """What was said before it, or of it; and the call, if it was still under way."""
    before = tablet.said
    tablet.begin(*call)
    time.sleep(chance.uniform(0, tablet.lasted.get(call[0], UNKNOWN_SECONDS)))
    said = tablet.kill()
    assert tablet.program.returncode == -signal.SIGKILL, "it ended by itself: nothing was tested"
    # A practice has a place and operations of its own, which are gone with it.
    return (before, None if said else call) if said is None or call[0] == "practise" else (said, None)


def _is_back(before: Said, after: Said, under_way: Call | None) -> None:
    """All that was there, and of what was under way all or nothing."""
    name, *given = under_way or ("",)
    assert after.screen == "visit"
    assert after.place in (before.place, {**before.place, **_moved(name, given)})
    assert after.place["person"] == LEADER
    assert before.seq <= after.seq <= before.seq + 1, "what was committed is gone, or more came"
    assert before.photos <= after.photos <= before.photos + (name == "photo")
    assert after.kept.get(DRAFT) in (before.kept.get(DRAFT), before.typed.get(DRAFT), *given)
    if name not in ("section", "scroll"):
        assert after.kept.get(SCROLL) in (before.kept.get(SCROLL), before.typed.get(SCROLL))
    if after.place == before.place and (stood := _height(after.kept, after.place)):
        assert after.scrolled is not None
        assert abs(after.scrolled - stood) < 0.01


def _moved(name: str, given: list[object]) -> Mapping[str, object]:
    if name == "section":
        return {"section": given[0], "item": "", "pane": "items"}
    return {"item": given[0], "pane": "item"} if name == "item" else {}


def _height(kept: Mapping[str, str], place: Mapping[str, str]) -> float:
    """Where the list of the section stood; 0 where another list is remembered."""
    listed, _, y = kept.get(SCROLL, "").rpartition(" ")
    return float(y) if listed == f"{place['inspection']}/{place['section']}" else 0


def _shows_everything(tablet: Tablet) -> None:
    """The screens themselves: the text is in its field, and the pictures can be seen."""
    tablet.do("section", "A")
    tablet.do("item", "A03")
    assert tablet.do("half_typed").given == tablet.said.kept[DRAFT] != ""
    tablet.do("section", "@photos")
    assert tablet.do("pictures").given == tablet.said.photos > 0
