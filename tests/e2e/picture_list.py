"""Every screen and every sheet that a squad at work can come to, and by which taps: what docs/screens/all shows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from shared_schema.problems import Problem

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

Act = Callable[["Driver"], object]


class Picture(NamedTuple):
    """One picture: what it shows, a class of a screen or a function that makes a sheet, and how to get there."""

    of: str
    acts: tuple[Act, ...]


def _go(**place: str) -> Act:
    return lambda driver: driver.session.go(**{"inspection": "visit-heping", "only": "", **place})


def touch(driver: "Driver", widget: Any) -> None:
    """Taps it, once its middle is in sight of what it scrolls in."""
    view = _scrolls(widget)
    if view is not None:
        low, high = (view.to_window(0, y)[1] for y in (view.y, view.top))
        if not low < widget.to_window(0, widget.center_y)[1] < high:
            driver.scroll_to(widget)
    driver.tap(widget)


def _scrolls(widget: Any) -> Any | None:
    """What scrolls up and down with the widget in it, if anything does."""
    while widget is not None and widget is not widget.parent:
        if type(widget).__name__ == "ScrollView" and widget.do_scroll_y:
            return widget
        widget = widget.parent
    return None


def _press(key: str) -> Act:
    return lambda driver: touch(driver, driver.pressable(words_of(key)))


def _tap(kind: str) -> Act:
    return lambda driver: touch(driver, next(iter(driver.widgets(kind))))


def _bar(event: str) -> Act:
    return lambda driver: driver.root.ids.bottom.dispatch(event)


def _line(key: str) -> Act:
    """Taps the line that says these words."""

    def tap(driver: "Driver") -> None:
        touch(driver, driver.widget("ActLine", text=words_of(key)))

    return tap


def _fails(code: str, **facts: object) -> Act:
    return lambda driver: driver.session.failed(Problem(code, **facts))


def _top(driver: "Driver") -> None:
    """A screen that was left scrolled comes back so; a picture begins at its top, whatever was taken before it."""
    for view in driver.widgets("ScrollView"):
        view.scroll_y = 1


_CENTER = (
    _go(person="p-chen", section="A", item="A01", pane="items"),
    _bar("on_exchange"),
    lambda d: d.until(lambda: d.session.shown.screen == "sync"),
    _top,
)


def mark(driver: "Driver") -> None:
    """Faces and name plates are covered, a thing is pointed at and framed."""
    from tests.e2e.photo_stage import FACE, POINTED

    for mark in (*FACE, *POINTED):
        driver.widget("PhotoView").add(mark)


def words_of(key: str) -> str:
    """A word in the language shown."""
    from mobile.ui.words import say

    return say(key)


def sign(driver: "Driver") -> None:
    """Somebody signs with a finger, as the leader did."""
    from tests.e2e.tablet_story import SIGNATURE

    pad = driver.widget("SignPad")
    left, low = pad.to_window(pad.x, pad.y)
    for stroke in SIGNATURE:
        driver.drag([(left + x * pad.width / 1000, low + y * pad.width / 1000) for x, y, _ in stroke])


def taking(driver: "Driver") -> None:
    """A camera that takes its time."""
    from mobile.ui import sheets_photo
    from mobile.ui.photo_desk import Wanted

    driver.root.open(sheets_photo.taking(Wanted("F02")))


def _camera(*, plugged_in: bool) -> Act:
    def plug(driver: "Driver") -> None:
        from tests.e2e.photo_stage import Camera

        desk = driver.session.photo_desk
        assert desk.tools is not None
        desk.tools = desk.tools._replace(camera=lambda: Camera(()) if plugged_in else None)

    return plug


def attached(driver: "Driver") -> None:
    """The first photo that is attached and waits for nobody."""
    tile = next(one for one in driver.widgets("PhotoItem") if one.line.seen)
    driver.tap(tile)
    driver.rest()


def purge(driver: "Driver") -> None:
    """Of five visits one may go; of the others each stays for a reason of its own."""
    from mobile.purge import Part, Plan
    from mobile.ui import sheets_purge

    plan = Plan(
        (
            Part("v-1", "", 812, 410_000, ("a", "b", "c")),
            Part("v-2", "under_way", 301, 0, ()),
            Part("v-3", "pending", 640, 0, ()),
            Part("v-4", "no_backup", 577, 0, ("d",)),
        )
    )
    driver.session.dispatch("on_sheet", sheets_purge.asking(driver.session, plan))


def fetch(driver: "Driver") -> None:
    """A visit that was cleared from this tablet."""
    from mobile.ui import sheets_purge

    row = driver.session.shown.work[0]
    driver.session.dispatch("on_sheet", sheets_purge.fetching(driver.session, row.inspection, row.unit))


def _at_work(word: str, **counts: tuple[int, int]) -> Act:
    """A package that is being written or read is so far."""

    def at(driver: "Driver") -> None:
        packages = driver.session.sync_desk.packages
        packages.busy, packages.counts = word, counts
        driver.root.ids.snackbar.hide()

    return at


def exchanging(driver: "Driver") -> None:
    """An exchange with much to send is half through."""
    watch = driver.session.sync_desk.count_anew()
    watch("records_sent", 640, 1120)
    watch("records_received", 86, 0)
    watch("photos_sent", 12, 48)
    driver.session.syncing = True


def too_new(driver: "Driver") -> None:
    """A visit whose checklist this version cannot read."""
    driver.app.screens["work"].ids.rows.scroll_y = 0
    driver.rest()
    driver.tap(next(one for one in driver.widgets("WorkLine") if one.unreadable))


_WORK = _go(person="p-chen", inspection="", item="")
_ITEM = _go(person="p-chen", section="A", item="A01", pane="items")
_ARCHIVE = _go(person="p-chen", inspection="visit-archive", section="", item="", pane="items")
_SCHOOL = _go(person="p-chen", inspection="visit-school", section="A", item="A03", pane="items")


def _page(page: str) -> Act:
    return _go(person="p-chen", section=f"@{page}", item="", pane="items")


def _at(item: str) -> Act:
    return _go(person="p-chen", item=item, pane="item")


_PHOTO = (_at("F02"), lambda d: d.scroll_to(d.widget("PhotosCard")))
_SOURCE = (*_PHOTO, _press("photo.take"), _press("photo.confirm.yes"), _press("photo.confirm.yes_room"))
_FINDING = (_page("findings"), _tap("FindingItem"))
_SIGN = (
    _page("closing"),
    lambda d: d.scroll_to(list(d.widgets("SignatureLine"))[-1]),
    lambda d: touch(d, list(d.widgets("SignatureLine"))[-1]),
)
PICTURES: dict[str, Picture] = {
    "people": Picture("PeopleScreen", (_go(person="", inspection=""),)),
    "work": Picture("WorkScreen", (_WORK, lambda d: setattr(d.app.screens["work"].ids.rows, "scroll_y", 1))),
    "work-too-new": Picture("work._explained", (_WORK, too_new)),
    "fetch": Picture("sheets_purge.fetching", (_WORK, fetch)),
    "prepared": Picture("VisitScreen", (_ARCHIVE,)),
    "open": Picture("sheets_visit.opening", (_ARCHIVE, _press("visit.open"))),
    "tour": Picture(
        "tour.tour",
        (
            _WORK,
            _press("learn.tour"),
            _press("tour.next"),
            _press("tour.next"),
        ),
    ),
    "practice": Picture(
        "WorkScreen",
        (
            _WORK,
            _press("learn.practise"),
            lambda d: d.until(lambda: d.session.practising.on),
        ),
    ),
    "leads": Picture("sheets_briefing.leads", (_ARCHIVE, _press("lead.see"))),
    "lead": Picture(
        "sheets_briefing.check_lead",
        (
            _go(person="p-chen", inspection="visit-park", section="A", item="", pane="items"),
            _press("lead.see"),
            _press("lead.record"),
        ),
    ),
    "blind": Picture("VisitScreen", (_SCHOOL,)),
    "blind-close": Picture("sheets_briefing.close_scoring", (_SCHOOL, _press("blind.close"))),
    "blind-other": Picture(
        "sheets_briefing.close_for_another",
        (
            _go(person="p-chen", inspection="visit-museum", section="A", item="", pane="items"),
            _press("blind.other"),
        ),
    ),
    "returned": Picture(
        "VisitScreen",
        (_go(person="p-chen", inspection="visit-finance", section="A", item="A03", pane="items"),),
    ),
    "handed-in": Picture(
        "VisitScreen", (_go(person="p-chen", inspection="visit-lake", section="A", item="A03", pane="items"),)
    ),
    "visit": Picture("VisitScreen", (_ITEM,)),
    "undo": Picture(
        "VisitScreen",
        (_ITEM, lambda d: d.session.dispatch("on_undoable", words_of("photo.removed"), lambda: None)),
    ),
    "count": Picture("VisitScreen", (_at("B05"),)),
    "ratio": Picture("VisitScreen", (_at("A04"),)),
    "value": Picture("VisitScreen", (_at("C06"),)),
    "discretion": Picture("VisitScreen", (_at("A02"),)),
    "consent": Picture("VisitScreen", (_at("B03"),)),
    "consent-here": Picture("sheets_item.consent", (_at("C04"), _press("consent.here"))),
    "veto": Picture("VisitScreen", (_at("V01"),)),
    "dispute": Picture("VisitScreen", (_at("A03"),)),
    "settle": Picture("sheets_item.settlement", (_at("A06"), _press("dispute.adopt"))),
    "na": Picture("sheets_item.not_applicable", (_at("B07"), _press("na.mark"))),
    "note": Picture("sheets_item.note", (_at("A03"), _tap("NoteCard"))),
    "finding": Picture("finding_form.new_finding", (_at("E02"), _press("finding.add"))),
    "disputes": Picture("sheets_lists.disputes", (_ITEM, _bar("on_differences"))),
    "findings": Picture("VisitScreen", (_page("findings"),)),
    "finding-acts": Picture("sheets_finding.finding", _FINDING),
    "finding-amend": Picture("finding_form.amended_finding", (*_FINDING, _line("finding.edit"))),
    "finding-fix": Picture("sheets_finding.fixed", (*_FINDING, _line("finding.fix"))),
    "finding-unit": Picture("sheets_finding.stated", (*_FINDING, _line("finding.unit_said"))),
    "finding-repeat": Picture("sheets_finding.repeated", (*_FINDING, _line("finding.mark_repeat"))),
    "finding-same": Picture("sheets_finding.duplicated", (*_FINDING, _line("finding.mark_duplicate"))),
    "finding-withdraw": Picture("sheets_finding.withdrawn", (*_FINDING, _line("finding.withdraw"))),
    "computers": Picture("VisitScreen", (_page("computers"),)),
    "draw": Picture("sheets_computers.draw", (_page("computers"), _press("computers.draw"))),
    "sample": Picture(
        "sheets_computers.sample",
        (_page("computers"), lambda d: touch(d, next(one for one in d.widgets("Chip") if "20" in one.text))),
    ),
    "device": Picture("sheets_computers.result", (_page("computers"), _tap("ComputerLine"))),
    "substitute": Picture(
        "sheets_computers.substitution",
        (_page("computers"), _tap("ComputerLine"), _press("device.substitute")),
    ),
    "interviews": Picture("VisitScreen", (_page("interviews"),)),
    "talks": Picture("sheets_computers.talks", (_page("interviews"), _press("interview.record"))),
    "closing": Picture("VisitScreen", (_page("closing"),)),
    "closing-below": Picture(
        "VisitScreen",
        (_page("closing"), lambda d: setattr(d.app.visit.pages["@closing"].ids.scroll, "scroll_y", 0)),
    ),
    "break-off": Picture("sheets_closing.breaking_off", (_page("closing"), _press("abort.title"))),
    "measure": Picture("sheets_closing.measure", (_page("closing"), _press("measure.add"))),
    "sign": Picture("sheets_closing.signature", (*_SIGN, sign)),
    "sign-refused": Picture(
        "sheets_closing.signature",
        (*_SIGN, lambda d: touch(d, next(one for one in d.widgets("Segment") if one.key == "refused"))),
    ),
    "deliberate": Picture("sheets_visit.deliberation", (_ITEM, _press("visit.deliberate"))),
    "submit": Picture(
        "sheets_visit.submission",
        (
            _go(person="p-chen", inspection="visit-park", section="@closing", item="", pane="items"),
            _press("visit.submit"),
        ),
    ),
    "photo-item": Picture("VisitScreen", _PHOTO),
    "photo-confirm": Picture("sheets_photo.confirmation", (*_PHOTO, _press("photo.take"))),
    "photo-source": Picture("sheets_photo.sources", (_camera(plugged_in=True), *_SOURCE)),
    "photo-no-camera": Picture("sheets_photo.sources", (_camera(plugged_in=False), *_SOURCE)),
    "photo-folder": Picture("sheets_photo.folder", (*_SOURCE, _line("photo.source.folder"))),
    "photo-taking": Picture("sheets_photo.taking", (*_PHOTO, taking)),
    "photo-broken": Picture("VisitScreen", (*_PHOTO, _fails("photo_damaged"))),
    "photos": Picture("VisitScreen", (_page("photos"),)),
    "photo-view": Picture("PhotoView", (_page("photos"), _tap("PhotoItem"))),
    "photo-cover": Picture("PhotoView", (_page("photos"), _tap("PhotoItem"), _press("photo.edit"), mark)),
    "photo-screen": Picture(
        "sheets_photo.screening", (_page("photos"), _tap("PhotoItem"), _press("photo.screen"))
    ),
    "photo-removal": Picture("sheets_photo.removal", (_page("photos"), attached, _press("photo.remove"))),
    "open-items": Picture(
        "VisitScreen", (_go(person="p-chen", section="A", item="", pane="items", only="open"),)
    ),
    "paper": Picture(
        "VisitScreen", (_go(person="p-chen", item="A09", pane="item", only=""), _press("paper.from"))
    ),
    "paper-end": Picture("VisitScreen", (_go(pane="items"), _press("paper.end"))),
    "earlier": Picture("VisitScreen", (_at("E01"), lambda d: d.scroll_to(d.widget("EarlierCard")))),
    "score": Picture("sheets_visit.why", (_ITEM, _bar("on_why"))),
    "disk-full": Picture("VisitScreen", (_ITEM, _fails("disk_full"))),
    "center": Picture("SyncCenter", (*_CENTER, _press("center.serve"))),
    "center-below": Picture(
        "SyncCenter", (*_CENTER, lambda d: d.scroll_to(d.pressable(words_of("center.diagnose"))))
    ),
    "package": Picture("sheets_packages.write", (*_CENTER, _press("center.give_package"))),
    "package-read": Picture("sheets_packages.read", (*_CENTER, _press("center.take_package"))),
    "package-writing": Picture(
        "sheets_packages.write",
        (*_CENTER, _press("center.give_package"), _at_work("writing", photos_written=(120, 480))),
    ),
    "package-reading": Picture(
        "sheets_packages.read",
        (
            *_CENTER,
            _press("center.take_package"),
            _at_work("reading", bytes_checked=(1_200_000, 1_200_000), records_taken=(300, 1120)),
        ),
    ),
    "exchange": Picture("SyncCenter", (*_CENTER, exchanging)),
    "diagnostics": Picture("sheets_packages.diagnostics", (*_CENTER, _press("center.diagnose"))),
    "purge": Picture("sheets_purge.asking", (*_CENTER, purge)),
    "menu": Picture("sheets_lists.menu", (_ITEM, lambda d: d.root.ids.top.dispatch("on_menu"))),
}
"""By name."""

DOOR: dict[str, str] = {
    "start": "StartScreen",
    "unlock-names": "UnlockScreen",
    "unlock": "UnlockScreen",
    "unlock-wrong": "UnlockScreen",
    "unlock-wait": "UnlockScreen",
    "unlock-set": "UnlockScreen",
    "unlock-again": "UnlockScreen",
    "unlock-clock": "UnlockScreen",
    "menu-pins": "sheets_lists.menu",
    "forgotten": "unlock.forgotten",
    "damaged": "UnlockScreen",
    "damaged-none": "UnlockScreen",
    "problem": "UnlockScreen",
    "wiped": "UnlockScreen",
    "wiped-revoked": "UnlockScreen",
    "wiped-left": "UnlockScreen",
}
"""What is seen before the tablet is open and of its PINs, by name; `door_screens` gets there."""
