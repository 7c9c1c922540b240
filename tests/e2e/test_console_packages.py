"""Packages by hand in a real browser: dropped or chosen, told in words, printed on A4; photos followed."""

import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from server.storage.database import Database
from shared_schema.ids import digest
from tests.contract.talk import ask
from tests.e2e.browser import chromium
from tests.e2e.console_window import Served, served, window
from tests.parcels import Parcels, in_volumes, opened, picture

pytestmark = pytest.mark.e2e

PICTURES = os.environ.get("HUCHA_PICTURES", "")
"""A folder for pictures of what was seen, for people to look at."""

DROP = """([files]) => {
  const given = new DataTransfer();
  for (const [name, content] of files)
    given.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name));
  const zone = document.querySelector(".drop-zone");
  for (const kind of ["dragover", "drop"])
    zone.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: given }));
}"""


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="module")
def parcels(console: Served) -> Parcels:
    return Parcels(console.db, console.season)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def shown(page: Page, name: str, *, whole: bool = False) -> None:
    """Keeps a picture, where somebody wants to look."""
    if PICTURES:
        if whole:
            height = page.evaluate("document.querySelector('main').scrollHeight") + 54
            page.set_viewport_size({"width": 1280, "height": min(height, 3000)})
        page.wait_for_timeout(150)
        page.screenshot(path=f"{PICTURES}/{name}.png")
        page.set_viewport_size({"width": 1280, "height": 800})


def operations(db: Database) -> int:
    ((count,),) = ask(db, "SELECT count(*) FROM operation")
    return int(count)


def received_on_paper(page: Page, code: str) -> None:
    """From the list to the package, to its receipt, to one printed sheet that shows the code."""
    page.reload()
    expect(page.locator("#came tbody tr")).to_have_count(1)
    expect(page.locator("#refused tbody tr")).to_have_count(2)
    page.locator("#came .stretch").click()
    expect(page.locator("#sheet h2")).to_contain_text("平板交来的交换包")
    shown(page, "package-sheet")
    page.click("#sheet a:has-text('纸质单')")
    page.wait_for_selector("[data-print]")
    page.emulate_media(media="print")
    expect(page.locator(".paper")).to_be_visible()
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.locator(".paper-code")).to_have_text(code)
    content = page.pdf(prefer_css_page_size=True)
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") == 1, "one sheet of paper"
    if PICTURES:
        page.set_viewport_size({"width": 688, "height": 990})  # A4 within its margins
        page.screenshot(path=f"{PICTURES}/package-receipt.png")
        page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(media="screen")


def test_files_dropped_are_taken_and_the_receipt_is_carried_back(
    browser: Browser, console: Served, parcels: Parcels
) -> None:
    """Three volumes dropped at once beside a foreign and a damaged file: one is taken, two are refused in words."""
    photo = picture(1) + bytes(150_000)
    whole = parcels.write(3, [photo])
    damaged = bytearray(parcels.write(1))
    damaged[-200] ^= 1
    files = [
        *((f"U01-平板-{at}.hcx", one) for at, one in reversed(list(enumerate(in_volumes(whole), 1)))),
        ("别处的.hcx", parcels.foreign()),
        ("坏了的.hcx", bytes(damaged)),
    ]
    before = operations(console.db)
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/packages")
        page.evaluate("document.fonts.ready")
        shown(page, "packages-empty")
        page.evaluate(DROP, [[[name, b64encode(one).decode()] for name, one in files]])
        expect(page.locator(".drop-files li")).to_have_count(len(files))
        shown(page, "packages-chosen")
        page.click(".drop button.primary")
        expect(page.locator("#outcomes .outcome.ok")).to_contain_text("新收 3 条")
        expect(page.locator("#outcomes .outcome.bad")).to_have_count(2)
        expect(page.locator("#outcomes")).to_contain_text("不是给这里的")
        expect(page.locator("#outcomes")).to_contain_text("损坏或不完整")
        watched.check()
        shown(page, "packages-outcomes", whole=True)
        assert operations(console.db) == before + 3
        assert ask(console.db, f"SELECT count(*) FROM photo WHERE sha256 = '{digest(photo)}'") == [(1,)]
        with page.expect_download() as download:
            page.locator("#outcomes a.primary").first.click()
        assert download.value.suggested_filename.startswith("hucha-")
        manifest, answers = opened(Path(download.value.path()).read_bytes())
        assert (manifest.kind, manifest.device) == ("receipt", parcels.device)
        assert answers
        watched.check()
        received_on_paper(page, download.value.suggested_filename[6:-4])
        watched.check()


def test_the_form_works_without_scripts(browser: Browser, console: Served, parcels: Parcels) -> None:
    """Choosing files and sending the form is all there is to it."""
    with window(browser, console, "coordinator") as watched:
        cookies = watched.page.context.cookies()
    plain = browser.new_context(java_script_enabled=False, base_url=console.url)
    plain.add_cookies(cookies)  # type: ignore[arg-type]
    try:
        page = plain.new_page()
        page.goto(f"{console.campaign}/packages")
        files = [{"name": "a.hcx", "mimeType": "", "buffer": parcels.write(2)}]
        page.set_input_files("[name=files]", files)  # type: ignore[arg-type]
        page.click(".drop button.primary")
        expect(page.locator("#outcomes .outcome.ok")).to_contain_text("新收 2 条")
    finally:
        plain.close()


def test_files_that_are_too_large_are_told_so_before_they_are_sent(
    browser: Browser, console: Served, parcels: Parcels
) -> None:
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/packages")
        page.evaluate("document.querySelector('[data-drop]').dataset.limit = 10")
        files = [{"name": "a.hcx", "mimeType": "", "buffer": parcels.write(1)}]
        page.set_input_files("[name=files]", files)  # type: ignore[arg-type]
        expect(page.locator(".drop .notice")).to_contain_text("请分几次导入")
        expect(page.locator(".drop button.primary")).to_be_disabled()
        watched.check()


def test_assignments_are_given_to_a_tablet(browser: Browser, console: Served, parcels: Parcels) -> None:
    """Chosen, made, offered to be carried; in English as well."""
    with window(browser, console, "coordinator", language="en") as watched:
        page = watched.page
        page.goto(f"{console.campaign}/packages")
        page.select_option("[name=for]", parcels.device)
        page.click("button:has-text('Make the package')")
        page.wait_for_url("**/packages?given=*")
        expect(page.locator("#given")).to_contain_text("carry it to the tablet")
        with page.expect_download() as download:
            page.click("#given a.primary")
        manifest, _ = opened(Path(download.value.path()).read_bytes())
        assert manifest.kind == "assignments"
        shown(page, "packages-given-en", whole=True)
        watched.check()


def test_photos_are_small_on_the_page_and_whole_on_a_click(browser: Browser, console: Served) -> None:
    """And each says where it is."""
    with window(browser, console, "coordinator") as watched:
        page = watched.page
        for inspection in (*console.season.accepted, *console.season.submitted, *console.season.locked):
            page.goto(f"/inspections/{inspection}#photos")
            if page.locator("#photos img").count():
                break
        small = page.locator("#photos img").first
        small.scroll_into_view_if_needed()
        expect(small).to_have_js_property("naturalWidth", 480)
        expect(page.locator("#photos .custody").first).to_contain_text("已收到")
        shown(page, "inspection-photos")
        with page.expect_popup() as popup:
            small.click()
        expect(popup.value.locator("img")).to_have_js_property("naturalWidth", 640)
        watched.check()
