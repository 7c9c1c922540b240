"""The console in a real browser: signing in, looking, tracing, settling."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from mobile.photo_sources import FileSource
from mobile.scanning import scan
from server.storage import accounts
from shared_schema.square_code import EnrolmentCode, read_enrolment
from tests.e2e import screens
from tests.e2e.browser import chromium
from tests.e2e.console_window import Served, served, window

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
        page.context.add_cookies([{"name": token["name"], "value": token["value"], "url": console.url}])
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
    """Small; the policy of the page lets our own picture through."""
    with window(browser, console, "evaluator") as watched:
        page = watched.page
        for inspection in (*console.season.accepted, *console.season.submitted):
            page.goto(f"/inspections/{inspection}")
            picture = page.locator("#photos img").first
            if picture.count():
                picture.scroll_into_view_if_needed()
                expect(picture).to_have_js_property("naturalWidth", 480)
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


@pytest.mark.parametrize("media", ["screen", "print"])
def test_a_tablet_can_scan_the_code_it_is_enrolled_with(
    browser: Browser, console: Served, tmp_path: Path, media: Literal["screen", "print"]
) -> None:
    """From the coordinator's screen, and from the sheet as it is printed."""
    picture = tmp_path / "seen.png"
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/tablets")
        page.select_option("[name=for]", index=1)
        page.click("button:has-text('发放注册码')")
        page.wait_for_selector(".big-code")
        code = page.locator(".big-code").inner_text().strip()
        page.emulate_media(media=media)
        page.screenshot(path=picture, full_page=True)
        watched.check()
    assert read_enrolment(scan(FileSource(picture))) == EnrolmentCode(console.url, code)
