"""Every page of the console in a real browser: it fits, it offends no policy, and nothing that is typed runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from server.intake import taking
from server.storage import accounts, registers
from server.storage.database import Connection
from shared_schema.ids import DeviceId
from shared_schema.operations import Aborted, Finding, MeasureProposed, NotApplicable, Note, UnitStated
from tests.e2e import screens
from tests.e2e.browser import chromium
from tests.e2e.console_window import Served, served, window
from tests.e2e.xss import corpus
from tests.make import Scribe
from tests.season import Season

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The console that most tests use."""
    with served(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all; each test has windows of its own."""
    with chromium() as found:
        yield found


@pytest.mark.parametrize(
    ("size", "language"), [("desk", "zh"), ("desk", "en"), ("tablet", "zh"), ("narrow", "en")]
)
def test_every_page_fits_and_offends_no_policy(
    browser: Browser, console: Served, size: str, language: str
) -> None:
    """No violation, no error, nothing wider than the window, no text smaller than 13 px."""
    where = screens.places(browser, console.url)
    for role in dict.fromkeys(shot.role for shot in screens.SHOTS):
        with window(browser, console, role, size, language) as watched:
            for shot in screens.SHOTS:
                if shot.role == role:
                    screens.arrive(watched.page, shot, where)
                    watched.check()
                    wide = watched.page.evaluate(
                        "(() => { const m = document.querySelector('main');"
                        " return Math.max(m.scrollWidth - m.clientWidth,"
                        " document.documentElement.scrollWidth - window.innerWidth) })()"
                    )
                    assert wide <= 1, f"{shot.name} is {wide} px too wide at {size} in {language}"
                    small = watched.page.evaluate(
                        "[...document.querySelectorAll('body *')].filter(e => e.childNodes.length &&"
                        " [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) &&"
                        " parseFloat(getComputedStyle(e).fontSize) < 13).map(e => e.outerHTML.slice(0, 80))"
                    )
                    assert not small, small


def test_paper_shows_the_content_alone(browser: Browser, console: Served) -> None:
    """An A4 sheet: no rail, no buttons; marking, data version and page number come from the page's margins."""
    with window(browser, console, "evaluator") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/scores")
        margins = page.locator("link[media=print]").get_attribute("href") or ""
        text = page.request.get(console.url + margins).text()
        assert "内部" in text
        assert "scores provisional" in text
        assert "counter(page)" in text
        page.emulate_media(media="print")
        for hidden in (".rail", ".top", ".actions"):
            expect(page.locator(hidden).first).to_be_hidden()
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
        watched.check()


# --- whatever is typed is only text --------------------------------------------------------------------


def plant(conn: Connection, season: Season) -> str:
    """Puts the corpus into every text a unit, a person, a squad or an inspector can write; the inspection it is in."""
    strings = corpus()
    for at, unit in enumerate(season.plan.registers.units):
        evil = strings[at % len(strings)]
        names = {"name_zh": evil, "name_en": evil, "contact": evil, "address": evil, "kind": "bureau"}
        row = {"id": unit.code, "parent_area": "", "parent_system": "", "profile": {evil[:40]: True}}
        registers.put_units(conn, [row | names])
    team = season.plan.teams[0]
    for at, member in enumerate(team.members):
        evil = strings[(at * 7) % len(strings)]
        registers.put_people(
            conn,
            [
                {
                    "id": member.person.id,
                    "name_zh": evil,
                    "name_en": evil,
                    "unit": member.person.unit,
                    "experienced": True,
                    "certified_no": evil,
                    "certified_until": "2027-01-01",
                }
            ],
        )
    inspection = team.visits[8].inspection
    leader = team.members[0]
    scribe = Scribe(device=leader.tablet, person=leader.person.id, epoch="E-evil", inspection=inspection)
    item = season.plan.checklist.items[0].id
    for at, evil in enumerate(strings):
        scribe.write(Finding(finding=f"F-{at}", item=item, fact=evil, cause=evil, device=evil, basis=(evil,)))
        scribe.write(UnitStated(f"F-{at}", evil))
        scribe.write(Note(season.plan.checklist.items[at % 70].id, evil))
    reason = next(one for one in season.plan.checklist.items if one.na)
    scribe.write(NotApplicable(reason.id, reason.na[0], strings[4]))
    scribe.write(MeasureProposed(measure="M-1", what="stop_use", reason=strings[9], paper_ref=strings[10]))
    scribe.write(Aborted("emergency", strings[21]))
    statuses = taking.take(
        conn,
        [one.raw for one in scribe.written],
        device=DeviceId(leader.tablet),
        role_of=lambda _device: lambda _row, _person: "leader",
        now_ms=season.now_ms,
    ).statuses
    assert {one.status for one in statuses} == {"accepted"}
    for role, (login, _) in screens.passwords().items():
        known = accounts.account_of(conn, login)
        assert known is not None
        hash_ = known.password_hash
        evil = strings[len(role)]
        conn_row = accounts.Account(login=login, name=evil, role=role, password_hash=hash_, disabled=False)
        accounts.put_account(conn, conn_row)
    return inspection


def test_nothing_that_is_typed_ever_runs(browser: Browser, tmp_path: Path) -> None:
    """Two hundred hostile strings in every text field, on every page, in both languages."""
    with served(tmp_path, visits=8) as console:
        inspection = console.db.write(lambda conn: plant(conn, console.season))
        where = screens.places(browser, console.url) | {"disputed": f"/inspections/{inspection}"}
        for language in ("zh", "en"):
            roles = (
                ("coordinator",) if language == "en" else dict.fromkeys(shot.role for shot in screens.SHOTS)
            )
            for role in roles:
                with window(browser, console, role, "desk", language) as watched:
                    page = watched.page
                    for shot in screens.SHOTS:
                        if shot.role == role and not shot.click:
                            screens.arrive(page, shot, where)
                            watched.check()
                    if role == "coordinator" and language == "zh":
                        page.goto(f"/inspections/{inspection}?items=all")
                        assert page.locator("#findings tbody tr").count() == len(corpus())
                        watched.check()
                        for click in ("#findings tbody a", ".chain a", "[data-close-sheet]"):
                            page.locator(click).first.click()
                            page.wait_for_timeout(250)
                            watched.check()
                        page.goto(f"{console.campaign}/inspections")
                        for evil in corpus()[::16]:
                            with page.expect_response("**/inspections?*"):
                                page.fill("[name=q]", evil)
                            page.wait_for_timeout(100)
                            watched.check()


def test_the_watch_sees_what_it_watches_for(browser: Browser, console: Served) -> None:
    """A check that cannot fail is none: what the policy blocks is seen, and so is what runs."""
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/progress")
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.ran=1>')")
        page.wait_for_timeout(200)
        with pytest.raises(AssertionError):
            watched.check()
        assert page.evaluate("window.ran") is None, "the policy blocks it even when it is in the page"
