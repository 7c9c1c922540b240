"""Pictures of every page of a running console: `python -m tests.e2e.screens URL FOLDER [--only scores] [--docs]`.

With `--docs` it writes the few pictures that the documentation shows (console-*.png, light, 1280×800, Chinese).
The accounts are the demonstration's.
"""

import argparse
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page

from tests.e2e.browser import chromium

ACCOUNTS = Path(__file__).parents[2] / "server/demo/accounts.csv"
SIZES = {"desk": (1280, 800), "tablet": (1024, 768), "narrow": (800, 1024)}


class Shot(NamedTuple):
    """One picture: where, as whom, and what is clicked (or chosen, `[name=x]=value`) before it is taken."""

    name: str
    role: str
    path: str
    click: str = ""
    whole: bool = False
    docs: bool = False


SHOTS = (
    Shot("sign-in", "", "/sign-in"),
    Shot("progress", "coordinator", "/campaigns/{campaign}/progress", whole=True),
    Shot("plan", "coordinator", "/campaigns/{campaign}/plan", whole=True),
    Shot("inspections", "coordinator", "/campaigns/{campaign}/inspections"),
    Shot(
        "inspections-sheet",
        "coordinator",
        "/campaigns/{campaign}/inspections",
        "tr:nth-child(3) .stretch",
        docs=True,
    ),
    Shot("inspections-empty", "coordinator", "/campaigns/{campaign}/inspections?q=zzz"),
    Shot("inspection", "coordinator", "{disputed}", whole=True, docs=True),
    Shot("inspection-prepared", "coordinator", "{prepared}"),
    Shot("trace", "coordinator", "{disputed}", "#deductions .stretch", docs=True),
    Shot("dispute-trace", "coordinator", "{disputed}", "#items .stretch"),
    Shot("operation", "coordinator", "{disputed}", "#deductions .stretch >> .chain a"),
    Shot("history", "coordinator", "{disputed}", "#settled table a"),
    Shot("return", "coordinator", "{submitted}", ".actions a.button"),
    Shot("scores", "evaluator", "/campaigns/{campaign}/scores", docs=True),
    Shot("findings", "evaluator", "/campaigns/{campaign}/findings"),
    Shot("units", "coordinator", "/campaigns/{campaign}/units"),
    Shot("people", "coordinator", "/campaigns/{campaign}/people"),
    Shot("quarantine", "coordinator", "/campaigns/{campaign}/quarantine"),
    Shot("quarantine-sheet", "coordinator", "/campaigns/{campaign}/quarantine?why=op_late", "tbody .stretch"),
    Shot("packages", "coordinator", "/campaigns/{campaign}/packages", docs=True, whole=True),
    Shot("package", "coordinator", "/campaigns/{campaign}/packages", "#came .stretch"),
    Shot("sync-board", "coordinator", "/campaigns/{campaign}/progress#board"),
    Shot("tablets", "coordinator", "/campaigns/{campaign}/tablets"),
    Shot("tablet", "coordinator", "/campaigns/{campaign}/tablets", "table.tablets .stretch"),
    Shot(
        "tablet-code",
        "coordinator",
        "/campaigns/{campaign}/tablets",
        "[name=for]=HD-2026-HC-S1/ >> [name=period]=7d >> .enrol button.primary",
    ),
    Shot("checklists", "coordinator", "/checklists"),
    Shot("checklist", "coordinator", "/checklists", "table .stretch"),
    Shot("accounts", "sysadmin", "/accounts"),
    Shot("audit", "auditor", "/audit"),
    Shot("keys", "secadmin", "/campaigns/{campaign}/tablets"),
    Shot("key", "secadmin", "/campaigns/{campaign}/tablets", "table.tablets .stretch"),
    Shot("refused", "auditor", "/campaigns/{campaign}/scores"),
)


def passwords() -> dict[str, tuple[str, str]]:
    """By role, the demonstration's account and password."""
    with ACCOUNTS.open(encoding="utf-8") as file:
        return {row["role"]: (row["login"], row["password"]) for row in csv.DictReader(file)}


@contextmanager
def page_in(browser: Browser, url: str, size: tuple[int, int], language: str = "zh") -> Iterator[Page]:
    """A page of somebody not signed in, in a language."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=url)
    context.add_cookies([{"name": "hucha-language", "value": language, "url": url}])
    try:
        yield context.new_page()
    finally:
        context.close()


@contextmanager
def page_as(
    browser: Browser, url: str, role: str, size: tuple[int, int], language: str = "zh"
) -> Iterator[Page]:
    """A page of somebody who has signed in with the demonstration's password."""
    with page_in(browser, url, size, language) as page:
        if role:
            login, password = passwords()[role]
            page.goto("/sign-in")
            page.fill("[name=login]", login)
            page.fill("[name=password]", password)
            page.click("button.primary")
            page.wait_for_selector(".rail")
        yield page


def places(browser: Browser, url: str) -> dict[str, str]:
    """The addresses that depend on what is in the database."""
    with page_as(browser, url, "coordinator", SIZES["desk"]) as page:
        campaign = page.url.split("/campaigns/")[1].split("/")[0]
        found = {"campaign": campaign}
        filters = {
            "disputed": "only=disputed&stage=submitted",
            "submitted": "stage=submitted",
            "prepared": "stage=prepared",
        }
        for name, query in filters.items():
            page.goto(f"/campaigns/{campaign}/inspections?{query}")
            links = page.locator("tr .stretch")
            if links.count() == 0:
                page.goto(f"/campaigns/{campaign}/inspections")
            found[name] = links.first.get_attribute("hx-get") or ""
        if page.goto(found["disputed"]) and page.locator("#disputes, #settled").count() == 0:
            found["disputed"] = (
                _once_disputed(page, f"/campaigns/{campaign}/inspections") or found["disputed"]
            )
        return found


def _once_disputed(page: Page, address: str) -> str:
    """An inspection whose disputes are all settled by now, if there is one."""
    page.goto(address)
    for path in [one.get_attribute("hx-get") or "" for one in page.locator("tr .stretch").all()]:
        page.goto(path)
        if page.locator("#settled").count() and page.locator("#deductions .stretch").count():
            return path
    return ""


def arrive(page: Page, shot: Shot, where: dict[str, str]) -> bool:
    """Goes where a picture is taken; False where the season has nothing of the kind to click on."""
    page.goto(shot.path.format(**where))
    page.evaluate("document.fonts.ready")
    for step in filter(None, shot.click.split(" >> ")):
        field, _, value = step.partition("]=")
        if value:
            page.locator(f"{field}]").first.select_option(value)
            continue
        button = page.locator(f"#sheet {step}" if page.locator("#sheet .sheet").count() else step).first
        if button.count() == 0:
            return False
        button.click()
        page.wait_for_timeout(250)  # htmx fetches and swaps; no navigation to wait for
    return True


def take(page: Page, shot: Shot, where: dict[str, str], target: Path) -> None:
    """Takes one picture."""
    if not arrive(page, shot, where):
        return
    size = page.viewport_size or {"width": 1280, "height": 800}
    if shot.whole:
        height = page.evaluate("document.querySelector('main').scrollHeight") + 54
        page.set_viewport_size({"width": size["width"], "height": min(max(height, size["height"]), 8000)})
        page.wait_for_timeout(100)
    page.screenshot(path=target)
    page.set_viewport_size(size)


def main() -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--size", default="desk", choices=SIZES)
    parser.add_argument("--language", default="zh", choices=("zh", "en"))
    parser.add_argument("--docs", action="store_true")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        shot
        for shot in SHOTS
        if (not asked.only or shot.name in asked.only.split(",")) and (shot.docs or not asked.docs)
    ]
    with chromium() as browser:
        where = places(browser, asked.url)
        for role in dict.fromkeys(shot.role for shot in wanted):
            with page_as(browser, asked.url, role, SIZES[asked.size], asked.language) as page:
                for shot in wanted:
                    if shot.role == role:
                        name = (
                            f"console-{shot.name}.png"
                            if asked.docs
                            else f"{shot.name}-{asked.size}-{asked.language}.png"
                        )
                        take(
                            page,
                            shot._replace(whole=shot.whole and not asked.docs),
                            where,
                            asked.folder / name,
                        )
                        print(asked.folder / name)


if __name__ == "__main__":
    main()
