"""The console in a real browser: signing in, looking, settling, and a policy that nothing on the page offends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from server.app import running
from server.intake import exchange
from server.settings import Settings
from server.storage import accounts, registers
from server.storage.database import Connection, Database
from shared_schema.ids import DeviceId
from shared_schema.operations import Aborted, Finding, MeasureProposed, NotApplicable, Note, UnitStated
from tests.e2e import screens
from tests.e2e.browser import chromium
from tests.e2e.xss import corpus
from tests.make import Scribe
from tests.season import Season, fill

pytestmark = pytest.mark.e2e

WATCH = """
window.offences = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.offences.push(event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile);
});
"""


class Served(NamedTuple):
    """A running console and its season."""

    url: str
    db: Database
    season: Season

    @property
    def campaign(self) -> str:
        """Where the campaign's pages lie."""
        return f"/campaigns/{self.season.campaign}"


@contextmanager
def served(folder: Path, *, visits: int = 8) -> Iterator[Served]:
    """A real server over a season of one squad."""
    settings = Settings(data=folder, port=0, log_level="error")
    with Database.open(settings.database_url) as db:
        season = db.write(lambda conn: fill(conn, settings.photo_dir, visits_per_squad=visits, squads=1))
        with running(settings, db) as url:
            yield Served(url, db, season)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The console that most tests use."""
    with served(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all; each test has windows of its own."""
    assert threading.current_thread() is threading.main_thread()
    with chromium() as found:
        yield found


class Watched:
    """A window, and everything in it that should not happen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.add_init_script(WATCH)
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("request", lambda request: self._asked(request.url))

    def _dialog(self, dialog: object) -> None:
        self.wrong.append("a dialog opened")
        dialog.dismiss()  # type: ignore[attr-defined]

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and "status of 4" not in text:
            self.wrong.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:")) or ":9/" in url:
            self.wrong.append(f"asked for {url}")

    def check(self) -> None:
        """Nothing wrong has happened on this page."""
        found = [*self.wrong, *self.page.evaluate("window.offences")]
        assert not found, (self.page.url, found)
        assert self.page.evaluate("window.ran") is None, self.page.url


@contextmanager
def window(
    browser: Browser, console: Served, role: str, size: str = "desk", language: str = "zh"
) -> Iterator[Watched]:
    """A watched window of somebody signed in."""
    with screens.page_as(browser, console.url, role, screens.SIZES[size], language) as page:
        yield Watched(page)


# --- coming in ---------------------------------------------------------------------------------------


def test_signing_in_wrong_then_right_then_out(browser: Browser, console: Served) -> None:
    """A wrong password says so and keeps the login; signing out ends the session on the server."""
    login, password = screens.passwords()["coordinator"]
    with window(browser, console, "") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/inspections?stage=submitted")
        assert "/sign-in?then=" in page.url
        page.fill("[name=login]", login)
        page.fill("[name=password]", "not this one at all")
        page.keyboard.press("Enter")
        expect(page.locator(".notice.bad")).to_contain_text("账号或密码不正确")
        expect(page.locator("[name=login]")).to_have_value(login)
        page.fill("[name=password]", password)
        page.keyboard.press("Enter")
        page.wait_for_selector(".rail")
        assert page.url.endswith(f"{console.campaign}/inspections")
        (token,) = [one for one in page.context.cookies() if one["name"] == "hucha"]
        assert token["httpOnly"]
        assert token["sameSite"] == "Lax"
        page.click(".person summary")
        page.click("text=退出登录")
        page.wait_for_selector("[name=password]")
        page.context.add_cookies([token])
        page.goto(f"{console.campaign}/inspections")
        assert "/sign-in" in page.url, "the old token is good no longer"
        watched.check()


def test_an_idle_session_is_asked_to_sign_in_and_comes_back(browser: Browser, console: Served) -> None:
    """Also when the click was one of htmx's."""
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/inspections")
        console.db.write(
            lambda conn: accounts.drop_expired(conn, created_before_ms=2**52, seen_before_ms=2**52)
        )
        page.locator("tr .stretch").first.click()
        page.wait_for_selector("[name=password]")
        assert "then=%2Finspections%2F" in page.url


def test_a_form_without_its_token_is_refused(browser: Browser, console: Served) -> None:
    """From the very browser that is signed in."""
    with window(browser, console, "coordinator") as watched:
        inspection = console.season.submitted[0]
        reply = watched.page.request.post(
            f"{console.url}/inspections/{inspection}/accept", form={"remark": "x"}
        )
        assert reply.status == 403
        assert "csrf_missing" in reply.text()


def test_another_sites_form_cannot_act(browser: Browser, console: Served) -> None:
    """A page of another origin posts with the browser's cookies, as far as it would send them."""
    inspection = console.season.submitted[0]
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        address = console.url.replace("127.0.0.1", "localhost")
        form = f'<form method=post action="{address}/inspections/{inspection}/accept"></form>'
        page.route(
            "http://evil.test/", lambda route: route.fulfill(body=f"<body>{form}", content_type="text/html")
        )
        page.goto("http://evil.test/")
        with page.expect_response("**/accept") as answer:
            page.evaluate("document.forms[0].submit()")
        assert answer.value.status in {401, 403}


# --- looking -----------------------------------------------------------------------------------------


def test_searching_opening_and_closing_keep_one_in_place(browser: Browser, console: Served) -> None:
    """What is narrowed is in the address; the sheet has one too; Escape gives the row its focus back."""
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/inspections")
        everything = page.locator("tbody tr").count()
        page.select_option("[name=stage]", "submitted")
        page.wait_for_url("**/inspections?stage=submitted")
        expect(page.locator("tbody tr")).not_to_have_count(everything)
        page.reload()
        expect(page.locator("[name=stage]")).to_have_value("submitted")
        page.locator("[name=q]").press_sequentially("U0", delay=20)
        page.wait_for_url("**/inspections?q=U0&stage=submitted")
        row = page.locator("tbody tr").first
        row.locator(".n").first.click(force=True)  # the whole row is the link
        page.wait_for_selector("#sheet .sheet")
        assert "open=" in page.url
        expect(row).to_have_attribute("aria-current", "true")
        page.reload()
        page.wait_for_selector("#sheet .sheet")
        page.keyboard.press("Escape")
        expect(page.locator("#sheet .sheet")).to_have_count(0)
        assert page.url.endswith("?q=U0&stage=submitted")
        page.locator("tbody .stretch").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#sheet .sheet")
        page.keyboard.press("Escape")
        expect(page.locator("tbody .stretch").first).to_be_focused()
        watched.check()


def test_a_point_is_traced_down_to_the_bytes_received(browser: Browser, console: Served) -> None:
    """From the inspection to the deduction, its author, its tablet, its operation; each step has an address."""
    inspection = console.season.disputed[0]
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        page.goto(f"/inspections/{inspection}")
        page.locator("#deductions .stretch").first.click()
        page.wait_for_selector("#sheet .chain")
        for label in ("评分规则", "作者", "平板", "原始记录"):
            expect(page.locator("#sheet")).to_contain_text(label)
        assert "/trace/" in page.url
        page.locator("#sheet .chain a").first.click()
        page.wait_for_selector("#sheet .raw")
        address = page.url
        raw = page.locator("#sheet .raw").inner_text()
        assert f'"inspection": "{inspection}"' in raw
        watched.check()
        page.goto(address)
        expect(page.locator("main .raw")).to_have_text(raw)
        watched.check()


def test_a_photo_is_shown_on_the_page(browser: Browser, console: Served) -> None:
    """The policy of the page lets our own picture through."""
    with window(browser, console, "evaluator") as watched:
        page = watched.page
        for inspection in (*console.season.accepted, *console.season.submitted):
            page.goto(f"/inspections/{inspection}")
            picture = page.locator("#photos img").first
            if picture.count():
                picture.scroll_into_view_if_needed()
                expect(picture).to_have_js_property("naturalWidth", 640)
                break
        else:
            raise AssertionError("no photo has arrived")
        watched.check()


def test_the_language_is_switched_and_stays(browser: Browser, console: Served) -> None:
    """Chinese by default; the same page in English; and back."""
    with window(browser, console, "evaluator") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/scores")
        expect(page.locator("h1")).to_have_text("评分表")
        page.click(".language button")
        expect(page.locator("h1")).to_have_text("Score table")
        assert page.url.endswith("/scores")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.goto(f"{console.campaign}/findings")
        expect(page.locator("h1")).to_have_text("Findings")
        page.click(".language button")
        expect(page.locator("h1")).to_have_text("问题清单")
        watched.check()


def test_a_download_is_a_file(browser: Browser, console: Served) -> None:
    """The evaluator gets the table; the coordinator is not offered it."""
    with window(browser, console, "evaluator") as watched:
        watched.page.goto(f"{console.campaign}/scores")
        with watched.page.expect_download() as download:
            watched.page.click("text=CSV")
        content = Path(download.value.path()).read_bytes()
        assert content.startswith("﻿unit,".encode())
        watched.check()
    with window(browser, console, "coordinator") as watched:
        watched.page.goto(f"{console.campaign}/scores")
        expect(watched.page.locator("h1")).to_contain_text("统筹协调员不能使用这一页")


# --- acting ------------------------------------------------------------------------------------------


def test_a_coordinator_settles_a_dispute_and_the_score_follows(browser: Browser, tmp_path: Path) -> None:
    """Choose, say why, done: the range becomes a figure. Then accept, then lock."""
    with served(tmp_path, visits=5) as console, window(browser, console, "coordinator") as watched:
        page, inspection = watched.page, console.season.disputed[0]
        page.goto(f"/inspections/{inspection}")
        expect(page.locator(".score strong")).to_contain_text("–")
        card = page.locator(".dispute-card")
        card.locator("label").nth(1).click()
        card.locator("button").click()
        assert page.evaluate("document.querySelector('[name=reason]').validity.valueMissing"), (
            "a reason is asked for"
        )
        card.locator("[name=reason]").fill("与单位共同复核台账")
        card.locator("button").click()
        page.wait_for_url("**?done=settled")
        expect(page.locator(".notice.ok")).to_contain_text("分歧已解决")
        expect(page.locator(".dispute-card")).to_have_count(0)
        expect(page.locator(".score strong")).not_to_contain_text("–")
        page.click("text=接收检查")
        page.wait_for_url("**?done=accepted")
        watched.check()
        page.remove_listener("dialog", watched._dialog)
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("button:has-text('锁定')")
        page.wait_for_url("**?done=locked")
        expect(page.locator(".steps [aria-current]")).to_have_text("已锁定")


def test_a_refused_form_keeps_what_was_typed(browser: Browser, console: Served) -> None:
    """The notice says what is missing, and nothing is lost."""
    inspection = console.season.accepted[0]
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        page.goto(f"/inspections/{inspection}")
        page.click("a:has-text('退回')")
        page.wait_for_selector("#sheet form")
        page.locator("#sheet select").first.select_option("A02")
        page.click("#sheet button.primary")
        expect(page.locator("#notice")).to_contain_text("写明需要补充什么")
        expect(page.locator("#sheet select").first).to_have_value("A02")
        watched.check()


# --- every page, every size, both languages ------------------------------------------------------------


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
    statuses = exchange.take(
        conn,
        [one.raw for one in scribe.written],
        device=DeviceId(leader.tablet),
        role_of=lambda _row, _person: "leader",
        now_ms=season.now_ms,
    )
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
