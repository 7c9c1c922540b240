"""A hand that takes photos through the screens, for the tests of screens; Kivy is imported only when used."""

from typing import TYPE_CHECKING, Any

from mobile import photos
from shared_schema.operations import EvidenceAttached, EvidenceRemoved
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

PIN = "246813"


def prove(person: str, pin: str) -> None:
    """The door of this test: everybody's PIN is the same."""
    if pin != PIN:
        raise Problem("pin_wrong", left=9)


def take(driver: "Driver") -> None:
    """From the item's card over both confirmations to the camera."""
    driver.scroll_to(driver.widget("PhotosCard"))
    driver.settle(0.1)
    for key in ("photo.take", "photo.confirm.yes", "photo.confirm.yes_room"):
        driver.press(key)
        driver.settle()
    driver.tap(driver.widget("ActLine", icon="camera"))
    driver.until(lambda: not driver.session.photo_desk.busy)
    driver.settle()


def view(driver: "Driver") -> Any:
    """The view, once it shows its picture."""
    driver.until(lambda: [one for one in driver.widgets("PhotoView") if not one.ids.area.loading])
    driver.settle()
    return driver.widget("PhotoView")


def screen(driver: "Driver", pin: str = PIN, who: str = "林晓喆") -> None:
    """A colleague looks, on the same tablet."""
    driver.press("photo.screen")
    driver.settle()
    sheet = driver.root.sheet
    driver.scroll_to(sheet.statement)
    driver.tap(sheet.statement)
    driver.scroll_to(sheet.pin)
    driver.tap(next(one for one in sheet.people.values() if one.text == who))
    driver.type_into(sheet.pin, pin)
    driver.press("photo.screen_attach")


def evidence(driver: "Driver") -> list[EvidenceAttached | EvidenceRemoved]:
    """What stands of the visit's photos."""
    return [cell.value for cell in driver.inspection(stage.VISIT).evidence]


def scene(kind: str = "door", seed: int = 0) -> bytes:
    """A photograph of a place."""
    from tests.e2e.photo_stage import scene

    return scene(kind, seed)


def kept(tablet: stage.Stage) -> tuple[str, ...]:
    """The photos whose files the tablet holds."""
    return photos.held(tablet.folder / "photos")
