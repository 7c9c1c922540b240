"""A photo that waits for a colleague's eyes: kept over restarts, never twice, and destroyed with a trace."""

from pathlib import Path
from typing import Any

import pytest

from mobile.drafts import Draft, Drafts
from mobile.photos import Taken
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage


def draft(evidence: str = "ev-1", sha: str = "a", **more: str) -> Draft:
    """A draft of a picture that need not exist: the store keeps its name only."""
    facts: dict[str, Any] = {"inspection": stage.VISIT, "item": "F02", "person": stage.LEADER, **more}
    return Draft(evidence=evidence, sha256=sha * 64, at_ms=5, size_bytes=9, width=3, height=2, **facts)


@pytest.fixture
def tablet(tmp_path: Path) -> stage.Stage:
    staged = stage.set_up(tmp_path / "tablet")
    store, desk = staged.open()
    stage.open_visit(desk)
    store.close()
    return staged


def test_a_draft_is_there_after_a_restart(tablet: stage.Stage) -> None:
    """With its caption, in the order taken, of its own inspection only."""
    store, desk = tablet.open()
    desk.drafts.keep(draft())
    desk.drafts.keep(draft("ev-2", "b", inspection="visit-archive"))
    desk.drafts.keep(draft("ev-3", "c"))
    desk.drafts.caption("ev-1", "机房门")
    store.close()
    store, desk = tablet.open()
    kept = desk.drafts.here(stage.VISIT).drafts
    assert [(one.evidence, one.caption) for one in kept] == [("ev-3", ""), ("ev-1", "机房门")]
    store.close()


def test_another_picture_in_its_place_leaves_the_first_to_be_destroyed(tablet: stage.Stage) -> None:
    """Unless somebody else names it: the same picture was taken in twice, or is attached elsewhere."""
    store, desk = tablet.open()
    drafts = desk.drafts
    assert drafts.keep(draft()) == ""
    assert drafts.keep(draft(sha="b")) == "a" * 64
    drafts.keep(draft("ev-2", "b"))
    assert drafts.keep(draft(sha="c")) == ""
    desk.attach_photo(stage.LEADER, stage.VISIT, "F02", Taken("c" * 64, 9, "image/jpeg", 3, 2))
    assert drafts.keep(draft(sha="d")) == ""
    assert drafts.idle(("a" * 64, "b" * 64, "c" * 64, "d" * 64)) == ("a" * 64,)
    store.close()


def test_an_attached_draft_is_no_draft_any_more(tablet: stage.Stage) -> None:
    """Even when the tablet died between the operation and forgetting the draft."""
    store, desk = tablet.open()
    kept = draft()
    desk.drafts.keep(kept)
    desk.attach_photo(stage.LEADER, stage.VISIT, "F02", kept.taken, screened_by=stage.SECOND, evidence="ev-1")
    store.close()
    store, desk = tablet.open()
    assert desk.drafts.here(stage.VISIT).drafts == ()
    with pytest.raises(Problem, match="not_found"):
        desk.drafts.get("ev-1")
    desk.drafts.settle()
    assert store.setting("photo.drafts") == "[]"
    assert desk.drafts.idle(("a" * 64,)) == ()
    store.close()


def test_a_destroyed_draft_is_remembered_without_what_it_showed(tablet: stage.Stage) -> None:
    """Who had taken it, who wanted it gone, when; twice is not possible."""
    store, desk = tablet.open()
    desk.drafts.keep(draft())
    desk.drafts.caption("ev-1", "门牌")
    assert desk.drafts.destroy("ev-1", stage.SECOND, 77) == "a" * 64
    (log,) = desk.drafts.here(stage.VISIT).destroyed
    assert (log.item, log.person, log.by, log.at_ms) == ("F02", stage.LEADER, stage.SECOND, 77)
    assert "门牌" not in store.setting("photo.destroyed")
    with pytest.raises(Problem, match="not_found"):
        desk.drafts.destroy("ev-1", stage.SECOND, 78)
    assert Drafts(store).here("visit-archive").destroyed == ()
    store.close()
