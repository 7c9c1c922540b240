"""Photos, tapped through over a real store: policy, camera, covers, a colleague's eyes, removal, restarts."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from mobile import photos
from mobile.vault import Vault, is_sealed
from shared_schema.operations import EvidenceAttached, EvidenceRemoved, Finding
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS
from tests.e2e.photo_hand import PIN, evidence, kept, scene, screen, take, view

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
Begin = Callable[..., "Driver"]


def test_where_no_photo_may_be_taken_there_is_a_reason_and_no_button(begin: Begin) -> None:
    """The item's facts say that no camera may be used; nothing to press leads to one."""
    driver = begin(scene(), item="A03")
    assert driver.app.visit.item.photos.parent is None
    assert not [one for one in driver.widgets("Push") if one.text == "拍照"]
    assert any("拍" in text for text in driver.texts() if text.startswith(("不", "禁"))), driver.texts()
    driver.app.photo_acts.take(_wanted("A03"))
    assert driver.root.sheet is None


def _wanted(item: str) -> Any:
    from mobile.ui.photo_desk import Wanted

    return Wanted(item)


def test_a_photo_of_a_fitting_needs_two_confirmations_and_a_colleague(
    begin: Begin, tablet: stage.Stage
) -> None:
    """Both confirmations are taps of their own; it is kept encrypted before anything says so; only a colleague's own
    PIN attaches it, in both names; then it is on the item.
    """
    driver = begin(scene())
    camera = driver.session.photo_desk.camera()
    driver.scroll_to(driver.widget("PhotosCard"))
    driver.press("photo.take")
    driver.settle()
    assert "画面里不会有屏幕、文件、密级标志和人。" in driver.texts()
    driver.press("photo.confirm.yes")
    driver.settle()
    assert "这个房间里没有涉密设备，也不是要害部位。" in driver.texts()
    driver.press("photo.confirm.no")
    driver.settle()
    assert (camera.asked, driver.root.sheet) == (0, None)  # type: ignore[union-attr]

    said: list[tuple[str, int, int]] = []
    driver.session.bind(on_told=lambda _, text, icon: said.append((text, len(kept(tablet)), _drafts(driver))))
    take(driver)
    assert said == [("已加密保存在本机，尚未附上", 1, 1)]
    (sha256,) = kept(tablet)
    assert all(is_sealed(path) for path in (tablet.folder / "photos").iterdir())
    view(driver)
    driver.type_into(driver.widget("PhotoView").ids.caption, "机房门锁")
    screen(driver, pin="111222")
    driver.until(lambda: driver.root.sheet.pin.problem)
    assert "PIN 不正确" in driver.root.sheet.pin.problem
    assert evidence(driver) == []
    driver.type_into(driver.root.sheet.pin, PIN)
    driver.shown(lambda: driver.press("photo.screen_attach"))
    (attached,) = evidence(driver)
    assert isinstance(attached, EvidenceAttached)
    assert (attached.item, attached.caption, attached.sha256) == ("F02", "机房门锁", sha256)
    assert attached.screened_by == stage.SECOND
    (cell,) = driver.inspection(stage.VISIT).evidence
    assert cell.standing[0].person == stage.LEADER
    driver.settle()
    assert driver.widget("PhotoTile").state_text == "在本机"


def _drafts(driver: "Driver") -> int:
    """How many drafts the store holds at this very moment."""
    return len(driver.session._tools.desk.drafts.of(stage.VISIT))


def test_a_colleague_cannot_attach_without_having_looked(begin: Begin) -> None:
    """The statement must be ticked and somebody named; the one who took it is not among them."""
    driver = begin(scene())
    take(driver)
    view(driver)
    driver.press("photo.screen")
    driver.settle()
    assert [one.text for one in driver.root.sheet.people.values()] == ["林晓喆", "赵敏"]
    driver.press("photo.screen_attach")
    assert "请先勾选上面的确认。" in driver.texts()
    driver.tap(driver.root.sheet.statement)
    driver.press("photo.screen_attach")
    assert "请选择姓名并输入 PIN。" in driver.texts()
    assert evidence(driver) == []


def test_what_is_covered_is_destroyed_and_only_the_covered_one_is_attached(
    begin: Begin, tablet: stage.Stage
) -> None:
    """Drawn by a finger, undone, drawn again; once kept, the picture as taken is written over; the hash is another."""
    driver = begin(scene("person"))
    take(driver)
    shown = view(driver)
    (original,) = kept(tablet)
    still_open = tablet.folder / "original"
    os.link(photos.photo_path(tablet.folder / "photos", original), still_open)
    driver.press("photo.edit")
    driver.settle()
    area = shown.ids.area
    x, y = area.spot(4150, 3500)
    to_x, to_y = area.spot(5600, 5450)
    for _ in range(2):
        driver.drag([(x, y), ((x + to_x) / 2, (y + to_y) / 2), (to_x, to_y)])
    assert len(shown.marks) == 2
    driver.press("photo.undo")
    assert len(shown.marks) == 1
    assert all(abs(a - b) < 60 for a, b in zip(shown.marks[0], (4150, 3500, 5600, 5450), strict=True)), (
        shown.marks
    )
    assert kept(tablet) == (original,)
    driver.press("photo.save_covered")
    driver.until(lambda: not driver.session.photo_desk.busy)
    driver.until(lambda: len(kept(tablet)) == 1)
    (covered,) = kept(tablet)
    assert covered != original
    assert set(still_open.read_bytes()) == {0}
    still_open.unlink()
    content = photos.fetch(covered, tablet.folder / "photos", Vault.headless(tablet.folder))
    assert content is not None
    picture = Image.open(BytesIO(content))
    face = (0.44, 0.38, 0.53, 0.52)
    box = tuple(round(part * side) for part, side in zip(face, picture.size * 2, strict=True))
    assert max(high for _, high in picture.crop(box).getextrema()) < 12  # type: ignore[arg-type, misc]
    view(driver)
    assert any("原图已销毁" in text for text in driver.texts())
    screen(driver)
    driver.until(lambda: driver.root.sheet is None)
    driver.until(lambda: evidence(driver))
    (attached,) = evidence(driver)
    assert isinstance(attached, EvidenceAttached)
    assert attached.sha256 == covered


def test_words_arrows_and_boxes_are_drawn_and_can_be_given_up(begin: Begin, tablet: stage.Stage) -> None:
    """Leaving the marking keeps nothing of it; keeping it changes the picture and destroys the one without."""
    driver = begin(scene())
    take(driver)
    shown = view(driver)
    before = kept(tablet)
    driver.press("photo.edit")
    driver.settle()
    for tool in ("箭头", "方框"):
        driver.tap(driver.widget("Segment", text=tool))
        driver.drag([(400, 400), (500, 450), (640, 500)])
    driver.tap(driver.widget("Segment", text="文字"))
    driver.tap_at(700, 400)
    driver.settle()
    driver.type_into(shown.ids.words_typed, "锁坏了")
    driver.press("photo.words_put")
    assert [type(one).__name__ for one in shown.marks] == ["Arrow", "Box", "Words"]
    driver.press("cancel")
    assert (shown.marks, shown.editing, kept(tablet)) == ((), False, before)
    driver.press("photo.edit")
    driver.settle()
    driver.tap(driver.widget("Segment", text="箭头"))
    driver.drag([(400, 400), (500, 450), (640, 500)])
    driver.press("photo.save")
    driver.until(lambda: len(kept(tablet)) == 1 and kept(tablet) != before)


def test_without_a_camera_that_is_said_and_a_card_serves(
    begin: Begin, tablet: stage.Stage, tmp_path: Path
) -> None:
    """The picture is chosen from a card; once it is kept, the readable original is written over."""
    card = tmp_path / "card"
    card.mkdir()
    driver = begin(cards=(card,))
    driver.scroll_to(driver.widget("PhotosCard"))
    for key in ("photo.take", "photo.confirm.yes", "photo.confirm.yes_room"):
        driver.press(key)
        driver.settle()
    assert any(text.startswith("本机没有可用的摄像头") for text in driver.texts())
    driver.tap(driver.widget("ActLine", icon="card"))
    driver.settle()
    assert any("没有找到照片" in text and str(card) in text for text in driver.texts())
    (card / "IMG_1.jpg").write_bytes(scene())
    os.link(card / "IMG_1.jpg", tmp_path / "still-open")
    driver.press("photo.source.retry")
    driver.until(lambda: any(one.text == "IMG_1.jpg" for one in driver.widgets("ActLine")))
    driver.settle()
    driver.tap(driver.widget("ActLine", text="IMG_1.jpg"))
    driver.until(lambda: not (card / "IMG_1.jpg").exists())
    view(driver)
    assert set((tmp_path / "still-open").read_bytes()) == {0}
    assert len(kept(tablet)) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("another", "只接受 JPEG、PNG 或 WebP 照片。"),
        ("half", "照片文件不完整或已损坏"),
        ("none", "摄像头没有给出照片（no cameras available）"),
    ],
)
def test_what_is_no_picture_is_said_and_leaves_nothing(
    begin: Begin, tablet: stage.Stage, given: str, words: str
) -> None:
    """A broken picture, another file, a camera that fails: a sentence, and back to where a picture comes from."""
    wrong: dict[str, bytes | Problem] = {
        "another": b"GIF89a and no more",
        "half": scene()[:40_000],
        "none": Problem("camera_failed", reason="no cameras available"),
    }
    driver = begin(wrong[given], scene())
    said: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: said.append(text))
    take(driver)
    assert said[0].startswith(words), said
    assert (kept(tablet), _drafts(driver)) == ((), 0)
    driver.tap(driver.widget("ActLine", icon="camera"))
    view(driver)
    assert len(kept(tablet)) == 1


def test_a_photo_can_be_destroyed_before_anybody_attaches_it(begin: Begin, tablet: stage.Stage) -> None:
    """By a second tap; that there was one, and who wanted it gone, stays on the page of photos."""
    driver = begin(scene())
    take(driver)
    view(driver)
    driver.press("photo.destroy")
    driver.settle()
    assert len(kept(tablet)) == 1
    driver.press("photo.destroy_sure")
    driver.until(lambda: not kept(tablet))
    driver.shown(lambda: driver.session.go(section="@photos", item="", pane="items"))
    driver.settle()
    assert any(text.startswith("附上之前销毁了 1 张；最近一张：F02") for text in driver.texts())
    assert evidence(driver) == []


def test_after_a_restart_the_colleague_at_work_looks_without_a_pin(begin: Begin, tablet: stage.Stage) -> None:
    """They have shown who they are by signing in; the operation names both. What nobody was told of is destroyed."""
    driver = begin(scene())
    take(driver)
    view(driver)
    (waiting,) = kept(tablet)
    vault = Vault.headless(tablet.folder)
    orphan = photos.take(scene("cabinet"), tablet.folder / "photos", vault)
    assert orphan.sha256 in kept(tablet)
    driver = begin(scene(), section="@photos", person=stage.SECOND, pins=False)
    driver.until(lambda: kept(tablet) == (waiting,))
    driver.tap(driver.widget("PhotoItem"))
    view(driver)
    driver.press("photo.screen")
    driver.settle()
    assert "照片由 陈向东 拍摄，请您复看。" in driver.texts()
    driver.tap(driver.root.sheet.statement)
    driver.shown(lambda: driver.press("photo.screen_attach"))
    (cell,) = driver.inspection(stage.VISIT).evidence
    assert isinstance(cell.value, EvidenceAttached)
    assert (cell.standing[0].person, cell.value.screened_by) == (stage.LEADER, stage.SECOND)
    assert kept(tablet) == (waiting,)


def test_a_picture_the_program_ended_over_is_taken_in_at_the_next_start(
    begin: Begin, tablet: stage.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the camera gave is on the disk, sealed, before it is decoded; once the photo is safe it is destroyed."""
    camera = tablet.folder / "camera"
    given = scene()
    driver = begin(given)
    with monkeypatch.context() as broken:
        broken.setattr("mobile.photos.take", lambda *_: 1 / 0)
        take(driver)
    driver.bugs.clear()
    (sealed,) = camera.iterdir()
    assert is_sealed(sealed)
    assert Vault.headless(tablet.folder).fetch(sealed) == given
    assert kept(tablet) == ()
    driver = begin(section="@photos")
    driver.until(lambda: not list(camera.iterdir()))
    assert (len(kept(tablet)), _drafts(driver)) == (1, 1)
    driver.until(
        lambda: driver.session._worker.ask(driver.session._tools.desk.drafts.awaited).result(60) == ()
    )


def test_where_nobody_has_a_pin_the_colleague_must_sign_in(begin: Begin) -> None:
    """There is no way to attach one's own photo alone."""
    driver = begin(scene(), pins=False)
    take(driver)
    view(driver)
    driver.press("photo.screen")
    driver.settle()
    assert any(text.startswith("本机没有人设过 PIN") for text in driver.texts())
    assert not [one for one in driver.widgets("Push") if one.text == "看过，同意附上"]


def test_an_attached_photo_is_removed_with_a_reason_that_stays(begin: Begin, tablet: stage.Stage) -> None:
    """A replaced operation: the list still says that it was there, and why it went."""
    driver = begin(scene())
    take(driver)
    view(driver)
    screen(driver)
    driver.until(lambda: driver.root.sheet is None and evidence(driver))
    driver.shown(lambda: driver.session.go(section="@photos", item="", pane="items"))
    driver.settle()
    driver.tap(driver.widget("PhotoItem"))
    view(driver)
    driver.press("photo.remove")
    driver.settle()
    driver.press("photo.remove")
    assert "请写明原因。" in driver.texts()
    driver.type_into(driver.root.sheet.reason, "拍到了无关的人")
    driver.shown(lambda: driver.press("photo.remove"))
    (removed,) = evidence(driver)
    assert isinstance(removed, EvidenceRemoved)
    assert removed.reason == "拍到了无关的人"
    driver.settle()
    row = driver.widget("PhotoItem")
    assert (row.state_text, row.text) == ("已移除", "拍到了无关的人")


def test_a_photo_of_a_finding_hangs_on_it(begin: Begin, tablet: stage.Stage) -> None:
    """Taken from the finding's own sheet, under its item's policy."""
    store, desk = tablet.open()
    stage.open_visit(desk)
    for item in ("F02", "A03"):
        desk.record_finding(
            stage.LEADER, stage.VISIT, Finding(finding=f"F-{item}", item=item, fact="锁已损坏")
        )
    store.close()
    driver = begin(scene(), section="@findings")
    driver.tap(driver.widget("FindingItem", key="F-A03"))
    driver.settle()
    assert not [one for one in driver.widgets("ActLine") if one.icon == "camera"]
    driver.root.close(at_once=True)
    driver.tap(driver.widget("FindingItem", key="F-F02"))
    driver.settle()
    driver.scroll_to(driver.widget("ActLine", icon="camera"))
    driver.tap(driver.widget("ActLine", icon="camera"))
    driver.settle()
    for key in ("photo.confirm.yes", "photo.confirm.yes_room"):
        driver.press(key)
        driver.settle()
    driver.tap(driver.widget("ActLine", icon="camera"))
    view(driver)
    screen(driver)
    driver.until(lambda: driver.root.sheet is None and evidence(driver))
    (attached,) = evidence(driver)
    assert isinstance(attached, EvidenceAttached)
    assert (attached.item, attached.finding) == ("F02", "F-F02")
