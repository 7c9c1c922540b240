"""What the hands of an inspector do on one running tablet: touches and typing on the real app.

`tests.e2e.hand_program` runs them in a process of its own.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver


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

    def sign_up(self, person: str, pin: str) -> None:
        """Somebody's first use of this tablet: a PIN of their own, twice."""
        driver = self.driver
        driver.tap(driver.widget("PersonLine", person=person))
        self._pin(pin)
        self._pin(pin)
        driver.until(lambda: driver.session.shown.place.person == person)

    def unlock(self, person: str, pin: str) -> None:
        """Name and PIN, on a tablet that was locked or switched off."""
        driver = self.driver
        driver.until(lambda: driver.gate.step in ("people", "enter"))
        if driver.gate.step == "people":
            driver.tap(driver.widget("PersonLine", person=person))
        self._pin(pin)
        driver.until(lambda: not driver.gate.step and driver.session.shown is not None)
        # A picture that was under way when the tablet was switched off is taken in first.
        driver.until(lambda: not driver.session._worker.ask(self._awaited).result(60))
        driver.settle()

    def leave_to_people(self) -> None:
        """Another member takes the tablet."""
        driver = self.driver
        driver.shown(lambda: driver.session.go(person="", inspection="", section="", item="", pane="items"))

    def sign_in(self, person: str, pin: str) -> None:
        """Somebody who has a PIN here."""
        driver = self.driver
        driver.tap(driver.widget("PersonLine", person=person))
        self._pin(pin)
        driver.until(lambda: driver.session.shown.place.person == person)

    def _awaited(self) -> object:
        tools = self.driver.session.tools
        return None if tools is None else tools.desk.drafts.awaited()

    def _pin(self, pin: str) -> None:
        driver = self.driver
        driver.until(lambda: not driver.gate.busy)
        for key in (*pin, "enter"):
            driver.tap(driver.widget("PinKey", key=key))
        driver.until(lambda: not driver.gate.busy)

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
        """A section, or one of the visit's own pages; what lies over the screen is put away first."""
        driver = self.driver
        driver.root.close(at_once=True)
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

    def not_applicable(self, item: str, explanation: str) -> None:
        """The only reason that the item allows."""
        driver = self.driver
        self.item(item)
        driver.scroll_to(driver.pressable(word("na.mark")))
        driver.press("na.mark")
        driver.settle()
        driver.type_into(driver.field("na.explanation"), explanation)
        self._record("na.record")

    def consent(self, item: str) -> None:
        """This member stands behind a colleague's N/A."""
        self.item(item)
        self.driver.scroll_to(self.driver.pressable(word("na.consent")))
        self._record("na.consent")

    def ask_here(self, name: str, pin: str) -> None:
        """A colleague types a PIN into the sheet that asks for their consent; nothing is recorded yet."""
        driver = self.driver
        driver.scroll_to(driver.pressable(word("consent.here")))
        driver.press("consent.here")
        driver.settle()
        driver.tap(driver.widget("Tick", text=name))
        driver.type_into(driver.field("consent.pin"), pin)

    def fix(self, fact: str, before: str, after: str) -> None:
        """A finding of the item shown was put right on the spot."""
        driver = self.driver
        line = driver.widget("FindingLine", fact=fact)
        driver.scroll_to(line)
        driver.tap(line)
        driver.settle()
        act = driver.widget("ActLine", text=word("finding.fix"))
        driver.scroll_to(act)
        driver.tap(act)
        driver.settle()
        driver.type_into(driver.field("finding.before"), before)
        driver.type_into(driver.field("finding.after"), after)
        self._record("save")

    def half(self, text: str) -> None:
        """Half a finding on the item shown: typed, and left open."""
        driver = self.driver
        driver.root.close(at_once=True)
        driver.scroll_to(driver.widget("FindingsCard"))
        driver.press("finding.add")
        driver.settle()
        driver.type_into(driver.field("finding.fact"), text)

    def half_typed(self) -> str:
        """Only looks, at what is half typed there."""
        driver = self.driver
        driver.scroll_to(driver.widget("FindingsCard"))
        driver.press("finding.add")
        driver.settle()
        text: str = driver.field("finding.fact").text
        driver.root.close(at_once=True)
        return text

    def scroll(self, y: float) -> None:
        """The list of items, to that height."""
        self.driver.app.visit.items.ids.rows.scroll_y = y
        self.driver.settle()

    def rest(self) -> None:
        """The finger is lifted until what was typed is written."""
        from mobile.ui.memory import memory

        self.driver.until(lambda: not memory._changed)

    def practise(self) -> None:
        """A practice is begun."""
        driver = self.driver
        driver.session.practising.begin()
        driver.until(lambda: driver.session.practising.on)
        driver.settle()

    # --- photos ----------------------------------------------------------------------------------------

    def photo(self) -> None:
        """From the card of the item shown to a picture that is kept and looked at."""
        from tests.e2e import photo_hand

        photo_hand.take(self.driver)
        photo_hand.view(self.driver)

    def pictures(self) -> int:
        """Only looks, at the page of photos: so many can be opened."""
        from tests.e2e import photo_hand

        driver, seen = self.driver, 0
        for key in [one.key for one in driver.widgets("PhotoItem")]:
            driver.tap(driver.widget("PhotoItem", key=key))
            seen += photo_hand.view(driver).hint == word("photo.move_hint")
            driver.root.close(at_once=True)
        return seen

    def screened(self, who: str, pin: str) -> None:
        """A colleague looks at the picture that is shown, and attaches it with their own PIN."""
        from tests.e2e import photo_hand

        driver = self.driver
        photo_hand.screen(driver, pin, who)
        driver.until(lambda: driver.root.sheet is None)
        driver.settle()

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

    def propose(self, what: str, reason: str, paper: str) -> None:
        """A measure, on the page of the end."""
        driver = self.driver
        driver.scroll_to(driver.app.visit.pages["@closing"].measures)
        driver.press("measure.add")
        driver.settle()
        driver.tap(driver.widget("Tick", text=word(f"measure.{what}")))
        driver.type_into(driver.field("measure.reason"), reason)
        driver.type_into(driver.field("measure.paper"), paper)
        self._record("measure.record")

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

    def remarks(self, item: str) -> list[str]:
        """Only looks, at an item: what the coordinator remarked on it."""
        self.item(item)
        card = self.driver.widget("RemarkCard")
        self.driver.scroll_to(card)
        return [one.content for one in card.children if hasattr(one, "content")]

    def proposed(self) -> list[str]:
        """Only looks, at the page of the end: the measures that stand there."""
        card = self.driver.app.visit.pages["@closing"].measures
        return [one.text for one in card.walk() if type(one).__name__ == "Said"]

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
            "remarks": visit.head.remarks if visit else [],
        }


def word(key: str) -> str:
    """What the screen calls it, in the language it speaks."""
    from mobile.ui.words import say

    return say(key)
