"""The rows of photos: who has them, what may be done, and what a colleague must look at."""

from typing import Any

import pytest

from mobile import photo_views
from mobile.drafts import Destroyed, Draft, Here
from mobile.photo_views import PhotoLine, item_photos, photo_lines, photos_page, policy, screeners, stamp
from mobile.photos import Taken
from mobile.store import PhotoHeld
from shared_schema.operations import Operation, Submitted
from shared_schema.wire import Assignment
from tests.e2e import tablet_stage as stage

SHA = "a" * 64


@pytest.fixture
def desk(tmp_path: Any) -> Any:
    store, desk = stage.set_up(tmp_path / "tablet").open()
    stage.open_visit(desk)
    yield desk
    store.close()


def attach(desk: Any, sha: str = SHA, item: str = "F02", **more: Any) -> Operation:
    facts = {"screened_by": stage.SECOND, "caption": "机房门", **more}
    made: Operation = desk.attach_photo(
        stage.LEADER, stage.VISIT, item, Taken(sha, 1000, "image/jpeg", 4, 3), **facts
    )
    return made


def draft(person: str = stage.LEADER, item: str = "F02") -> Draft:
    return Draft(
        evidence=f"ev-{item}-{person}", inspection=stage.VISIT, item=item, person=person, at_ms=stage.MORNING_MS,
        sha256="d" * 64, size_bytes=9, width=3, height=2,
    )  # fmt: skip


def only(desk: Any, here: Here, **more: Any) -> PhotoLine:
    (line,) = photo_lines(desk.visit(stage.VISIT), here, stage.LEADER, **more)
    return line


@pytest.mark.parametrize(
    ("held", "state", "words", "shown"),
    [
        (None, "elsewhere", "在组员平板上", False),
        (PhotoHeld("waiting", 0, 0), "waiting", "在本机", True),
        (PhotoHeld("waiting", 0, 426), "sending", "发送中 42%", True),
        (PhotoHeld("waiting", 0, 1000), "sending", "发送中 99%", True),
        (PhotoHeld("received", 0, 1000), "received", "服务器已收", True),
        (PhotoHeld("received", 1, 1000), "receipt", "已有签名回执", True),
        (PhotoHeld("received", 2, 1000), "backed_up", "已进服务器备份", True),
        (PhotoHeld("missing", 0, 0), "missing", "文件已丢失", False),
    ],
)
def test_a_photo_says_who_has_it(
    desk: Any, held: PhotoHeld | None, state: str, words: str, shown: bool
) -> None:
    """From this tablet to the server's backup; where there is no file here nothing is offered to look at."""
    attach(desk)
    line = only(desk, Here(held={} if held is None else {SHA: held}))
    assert (line.state, line.state_text, bool(line.sha256)) == (state, words, shown)
    assert (line.caption, line.item) == ("机房门", "F02")
    assert "林晓喆 复看" in line.by


def test_every_state_has_its_own_words_and_a_look(desk: Any) -> None:
    """In both languages; never by colour alone."""
    from mobile.words import say

    texts = {say(f"photo.state.{one}", "zh", percent=1) for one in photo_views.LOOKS}
    assert len(texts) == len(photo_views.LOOKS)
    assert all(say(f"photo.state.{one}", "en", percent=1).isascii() for one in photo_views.LOOKS)


@pytest.mark.parametrize(
    ("item", "code", "steps", "may"),
    [
        ("F02", "scene_only", ("scene", "room"), True),
        ("A03", "forbidden", (), False),
        ("V01", "forbidden", (), False),
    ],
)
def test_the_policy_of_an_item_says_why_and_what_is_asked(
    desk: Any, item: str, code: str, steps: tuple[str, ...], may: bool
) -> None:
    """Two confirmations where the surroundings may be taken; where nothing may, a sentence and no way in."""
    found = policy(desk.visit(stage.VISIT), item, stage.LEADER)
    assert (found.code, found.steps, found.may_take) == (code, steps, may)
    assert found.text


def test_a_photo_is_taken_only_while_the_visit_is_open(desk: Any) -> None:
    """Neither before it was opened nor after it was handed in."""
    assert not policy(desk.visit("visit-archive"), "F02", stage.LEADER).may_take
    attach(desk)
    desk.deliberate(stage.LEADER, stage.VISIT)
    assert only(desk, Here()).may_remove
    submitted = desk.submit(stage.LEADER, stage.VISIT)
    assert isinstance(submitted.body, Submitted)
    assert not policy(desk.visit(stage.VISIT), "F02", stage.LEADER).may_take
    assert not only(desk, Here()).may_remove


def test_drafts_come_first_and_wait_for_somebody_else(desk: Any) -> None:
    """Whoever took it cannot be the one who looks."""
    attach(desk)
    here = Here((draft(), draft(stage.SECOND, "F03")))
    lines = photo_lines(desk.visit(stage.VISIT), here, stage.LEADER)
    assert [(one.state, one.may_screen) for one in lines] == [
        ("draft", False),
        ("draft", True),
        ("elsewhere", False),
    ]
    assert [one.item for one in photo_lines(desk.visit(stage.VISIT), here, stage.LEADER, item="F03")] == [
        "F03"
    ]
    people = [person for person, _ in screeners(desk.visit(stage.VISIT), stage.LEADER)]
    assert people == [stage.SECOND, stage.THIRD]


def test_a_removed_photo_stays_in_the_list_with_its_reason(desk: Any) -> None:
    """Never silently: last, faded, with who and why; on the item it is gone."""
    made = attach(desk)
    attach(desk, "b" * 64)
    desk.remove_photo(stage.SECOND, stage.VISIT, made.body.evidence, "拍到了姓名牌")  # type: ignore[union-attr]
    visit = desk.visit(stage.VISIT)
    lines = photo_lines(visit, Here(), stage.LEADER)
    assert [(one.state, one.caption) for one in lines] == [
        ("elsewhere", "机房门"),
        ("removed", "拍到了姓名牌"),
    ]
    assert "林晓喆" in lines[1].by
    assert len(item_photos(visit, Here(), "F02", stage.LEADER).lines) == 1


def test_the_page_counts(desk: Any) -> None:
    """Attached, received, waiting, destroyed."""
    attach(desk)
    attach(desk, "b" * 64)
    gone = Destroyed(
        inspection=stage.VISIT, item="F03", person=stage.LEADER, by=stage.SECOND, at_ms=stage.MORNING_MS
    )
    page = photos_page(
        desk.visit(stage.VISIT), Here((draft(),), (gone,), {SHA: PhotoHeld("received", 1, 9)}), stage.LEADER
    )
    assert page.summary == "共 2 张，服务器已收 1 张；1 张待组员复看"
    assert page.destroyed_text == "附上之前销毁了 1 张；最近一张：F03，2026-11-21 09:00，林晓喆"
    assert (page.drafts, len(page.lines)) == (1, 3)


def test_what_is_written_below_a_photo_is_the_campaign_s_choice(desk: Any) -> None:
    """Unit, item, time, inspector, squad; nothing unless asked for."""
    visit = desk.visit(stage.VISIT)
    assert stamp(visit, "F02", stage.SECOND, stage.MORNING_MS) == ""
    from msgspec.structs import replace

    assignment: Assignment = replace(visit.assignment, watermark=True)
    text = stamp(visit._replace(assignment=assignment), "F02", stage.SECOND, stage.MORNING_MS)
    assert text == "和平街道办事处\nF02\n2026-11-21 09:00\n林晓喆\n第三检查组"
