"""One inspector's hands on one running tablet, in a process of its own: `python -m tests.e2e.hand FOLDER`.

Reads one call a line from standard input (a JSON list: name, arguments), does it by touches on the real app, and
answers with one line: where the person is, the number of the last operation on the disk, and what the call gives.
What is on the disk when a line is written was there before it was written; the process may be killed at any moment.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

CLOCK_MS = 1_795_222_800_000


class Hand:
    """What a hand does; every method is touches and typing, except where it says that it only looks."""

    def __init__(self, driver: "Driver") -> None:
        self.driver = driver

    # --- the way in ------------------------------------------------------------------------------------

    def enrol(self, server: str, code: str) -> None:
        driver = self.driver
        driver.type_into(driver.field("start.server"), server)
        driver.type_into(driver.field("start.code"), code)
        driver.press("start.enrol")
        driver.until(lambda: driver.session.shown.people and not driver.session.syncing)

    def choose(self, person: str) -> None:
        driver = self.driver
        driver.shown(lambda: driver.tap(driver.widget("PersonLine", person=person)))

    def speak(self, language: str) -> None:
        """Another language, from the menu."""
        driver = self.driver
        driver.tap(driver.widget("Initial").parent)
        driver.settle()
        driver.tap(driver.widget("Segment", text=word(f"menu.language_{language}")))
        driver.until(lambda: driver.session.shown.language == language)
        driver.root.close(at_once=True)
        driver.settle()

    def enter(self, visit: str) -> None:
        driver = self.driver
        driver.shown(lambda: driver.tap(driver.widget("WorkLine", key=visit)))
        driver.settle()

    def open_visit(self, *names: str) -> None:
        driver = self.driver
        driver.press("visit.open")
        driver.settle()
        for text in (*names, word("open.letter"), word("open.recusal")):
            driver.tap(driver.widget("Tick", text=text))
        driver.shown(lambda: driver.press("visit.open"))
        driver.settle()

    # --- items -----------------------------------------------------------------------------------------

    def section(self, key: str) -> None:
        """A section, or one of the visit's own pages."""
        driver = self.driver
        driver.tap(driver.widget("PageLine" if key.startswith("@") else "SectionLine", key=key))
        driver.until(
            lambda: driver.session.shown.place.section == key and not driver.session.shown.place.item
        )
        driver.settle()

    def answer(self, item: str, across: float) -> None:
        """A tap on the row's quick control, at that fraction of its width."""
        driver = self.driver
        driver.shown(lambda: driver.tap(driver.row(item).ids.quick, across))

    def item(self, item: str) -> None:
        driver = self.driver
        driver.tap(driver.row(item), 0.3)
        driver.until(lambda: driver.session.shown.place.item == item)
        driver.settle()

    def finding(self, fact: str) -> None:
        """A finding on the item shown."""
        driver = self.driver
        driver.scroll_to(driver.widget("FindingsCard"))
        driver.press("finding.add")
        driver.settle()
        driver.type_into(driver.field("finding.fact"), fact)
        self._record("finding.record")

    def note(self, text: str) -> None:
        """A note on the item shown."""
        driver = self.driver
        card = driver.widget("NoteCard")
        driver.scroll_to(card)
        driver.tap(card)
        driver.settle()
        driver.type_into(driver.field("note.mine"), text)
        self._record("save")

    # --- computers and talks ---------------------------------------------------------------------------

    def draw(self) -> None:
        driver = self.driver
        driver.press("computers.draw")
        driver.settle()
        self._record("sample.record")

    def check_first(self, report: str) -> None:
        """The first computer of the list: one problem, and the number of the tool's report."""
        driver = self.driver
        driver.tap(next(driver.widgets("ComputerLine")))
        driver.settle()
        driver.tap(driver.widget("Stepper"), 0.9)
        driver.type_into(driver.field("device.report"), report)
        self._record("device.record")

    def talk(self) -> None:
        """Two talks due in the first category, and held."""
        driver = self.driver
        first = next(driver.widgets("InterviewCard"))
        driver.tap(next(one for one in first.walk() if type(one).__name__ == "Push"))
        driver.settle()
        due, held = driver.widgets("Stepper")
        for stepper in (due, due, held, held):
            driver.tap(stepper, 0.9)
        self._record("interview.record")

    # --- together --------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Exchanges with the server from the sync center, and goes back."""
        driver = self.driver
        driver.until(lambda: not driver.session.syncing)
        driver.tap(driver.root.ids.bottom.children[-1])
        driver.until(lambda: driver.session.shown.screen == "sync")
        driver.settle()
        before = driver.session.next_sync_at
        driver.press("sync.now")
        driver.until(lambda: driver.session.next_sync_at != before and not driver.session.syncing)
        driver.shown(lambda: driver.tap(driver.pressable_icon("back")))
        driver.settle()

    def settle_first(self, answer: str, reason: str) -> None:
        """The leader adopts this answer of the first dispute."""
        driver = self.driver
        driver.tap(next(one for one in driver.widgets("Count") if one.word == word("bar.disputes")))
        driver.settle()
        value = next(one for one in driver.widgets("DisputeValue") if one.text == word(answer))
        driver.tap(value.children[0])
        driver.settle()
        driver.type_into(driver.field("dispute.reason"), reason)
        self._record("dispute.settle")

    # --- the end of the visit --------------------------------------------------------------------------

    def accept_all(self) -> None:
        driver = self.driver
        driver.scroll_to(driver.app.visit.pages["@closing"].findings)
        self._record("closing.accept_all")

    def sign_drawn(self, place: int) -> None:
        from tests.e2e.tablet_story import SIGNATURE

        driver = self.driver
        self._line(place)
        pad = driver.widget("SignPad")
        left, low = pad.to_window(pad.x, pad.y)
        for stroke in SIGNATURE:
            driver.drag([(left + x * pad.width / 1000, low + y * pad.width / 1000) for x, y, _ in stroke])
        self._record("sign.record")

    def sign_paper(self, place: int, number: str) -> None:
        self._line(place, "sign.paper")
        self.driver.type_into(self.driver.field("sign.paper_ref"), number)
        self._record("sign.record")

    def refuse(self, place: int, reason: str, witness: str) -> None:
        self._line(place, "sign.refused")
        self.driver.type_into(self.driver.field("sign.reason"), reason)
        self.driver.tap(self.driver.widget("Chip", text=witness))
        self._record("sign.record")

    def deliberate(self, opinion: str) -> None:
        self._top("visit.deliberate")
        self.driver.type_into(self.driver.field("deliberate.opinion"), opinion)
        self._record("deliberate.record")

    def hand_in(self) -> None:
        self._top("visit.submit")
        self._record("visit.submit")

    def _record(self, key: str) -> None:
        self.driver.shown(lambda: self.driver.press(key))
        self.driver.settle()

    def _line(self, place: int, how: str = "") -> None:
        """The sheet of one signature, and the way it is given."""
        line = list(self.driver.widgets("SignatureLine"))[place]
        self.driver.scroll_to(line)
        self.driver.tap(line)
        self.driver.settle()
        if how:
            self.driver.tap(self.driver.widget("Segment", text=word(how)))
            self.driver.settle()

    def _top(self, key: str) -> None:
        """A button of the top bar, which is there wherever the page is scrolled to."""
        acts = self.driver.root.ids.top.ids.acts.children
        self.driver.tap(next(one for one in acts if one.text == word(key)))
        self.driver.settle()

    # --- looking ---------------------------------------------------------------------------------------

    def look(self) -> dict[str, Any]:
        """Only looks: what the screen says of the visit, and how many findings the file holds."""
        shown = self.driver.session.shown
        visit = shown.visit
        return {
            "screen": shown.screen,
            "stage": visit.head.stage if visit else "",
            "disputes": len(visit.disputes) if visit else 0,
            "findings": len(self.driver.inspection(visit.head.inspection).findings) if visit else 0,
            "score": visit.score.text if visit else "",
        }


def word(key: str) -> str:
    """What the screen calls it, in the language it speaks."""
    from mobile.ui.words import say

    return say(key)


def main() -> None:
    """Runs the app until standard input ends."""
    folder = Path(sys.argv[1])
    os.environ.update(
        KIVY_NO_ARGS="1", KIVY_NO_FILELOG="1", KIVY_LOG_MODE="PYTHON", KIVY_HOME=tempfile.mkdtemp(),
        KIVY_GL_BACKEND="mock",
    )  # fmt: skip
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
    from mobile.actions import Desk
    from mobile.store import Store
    from mobile.sync import Sync
    from mobile.transport import HttpTransport
    from mobile.vault import Vault
    from tests.e2e.screen_driver import running

    vault = Vault.headless(folder)
    store = Store.open(folder / "tablet.db", vault)

    def connect(server: str) -> Sync:
        transport = HttpTransport(server, reply_seconds=20)
        return Sync(store, vault, transport, folder / "photos", entropy=os.urandom, clock=lambda: CLOCK_MS)

    with running(store, Desk(store, os.urandom, lambda: CLOCK_MS), connect, language="zh") as driver:
        hand = Hand(driver)
        driver.settle()
        _say(driver, store, None)
        for line in sys.stdin:
            name, *arguments = msgspec.json.decode(line)
            given = getattr(hand, name)(*arguments)
            _say(driver, store, given)


def _say(driver: "Driver", store: Any, given: object) -> None:
    seq = store.head().seq if store.identity() is not None else 0
    place = driver.session.place._asdict()
    said = {"place": place, "screen": driver.session.shown.screen, "seq": seq, "given": given}
    sys.stdout.write(msgspec.json.encode(said).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
