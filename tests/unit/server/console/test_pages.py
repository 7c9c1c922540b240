"""What pages show: every figure with its way back, filters in the address, errors without insides."""

import io
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from openpyxl import load_workbook

from server.console.forms import local_path
from server.evaluation import exports
from server.storage import console_inspection as store
from server.storage import console_progress
from server.storage import console_reads as reads
from server.storage.console_reads import Filter
from tests.tidy.tree import ROOT
from tests.unit.server.console.desk import ROLES, Console, console, links

UNDER = "/campaigns/HD-2026-HC"


def visible(page: str) -> str:
    """A page's text without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_link_of_every_page_leads_somewhere(looked_at: Console, role: str, language: str) -> None:
    """In both languages: no dead end, no page that cannot be drawn, one of each kind followed."""
    desk = looked_at.desk(role)
    desk.cookies["hucha-language"] = language
    todo, seen, kinds = ["/"], {"/"}, set[str]()
    while todo:
        path = todo.pop()
        kind = re.sub(
            r"/inspections/[^/?]+",
            "/inspections/X",
            re.sub(r"(operations|trace|photos)/[^?]+", r"\1/X", path),
        )
        kind = re.sub(r"field=[^&/]+(%2F[^&]+)?", "field=X", re.sub(r"open=[^&]+|squad=[^&]+", "", kind))
        if kind in kinds:
            continue
        kinds.add(kind)
        answer = desk.get(path)
        assert answer.status in {200, 303}, (path, answer.text[-800:])
        if answer.status == 303:
            todo.append(answer.headers["location"])
        elif "text/html" in answer.headers["content-type"]:
            todo += sorted(links(answer.text) - seen)
            seen |= links(answer.text)
    assert len(kinds) > 3


def test_every_deducted_point_leads_to_the_operation_it_comes_from(looked_at: Console) -> None:
    """Rule, answer, author, tablet, clock, receipt, hash: for each deduction of each inspection."""
    desk = looked_at.desk("coordinator")
    points = 0
    for inspection in (*looked_at.season.accepted, *looked_at.season.disputed):
        sheet = looked_at.db.read(lambda conn, one=inspection: store.sheet_of(conn, one))  # type: ignore[misc]
        log = {
            entry.operation.id: entry
            for entry in looked_at.db.read(lambda conn, one=inspection: store.log_of(conn, one))  # type: ignore[misc]
        }
        assert sheet is not None
        page = desk.get(f"/inspections/{inspection}").text
        for line in (line for line in sheet.items if line.deductions):
            points += 1
            assert f"/inspections/{inspection}/trace/{line.item}" in links(page)
            trace = desk.get(f"/inspections/{inspection}/trace/{line.item}").text
            for deduction in line.deductions:
                assert f"−{deduction.charged}" in trace
                assert deduction.source.ops, "no orphan point"
                for op in deduction.source.ops:
                    entry = log[op]  # type: ignore[index]
                    assert f"/inspections/{inspection}/operations/{op}" in links(trace)
                    assert entry.operation.hash in trace
                    raw = desk.get(f"/inspections/{inspection}/operations/{op}").text
                    assert entry.operation.hash in raw
                    assert entry.operation.prev in raw
    assert points > 5


def test_an_open_score_is_a_range_and_says_why(looked_at: Console) -> None:
    """On the page, in the list and in the table alike."""
    inspection = looked_at.season.disputed[0]
    line = looked_at.db.read(lambda conn: reads.inspection_line(conn, inspection))
    assert line is not None
    assert line.percent is None
    span = f"{line.percent_low}–{line.percent_high}"
    coordinator, evaluator = looked_at.desk("coordinator"), looked_at.desk("evaluator")
    page = coordinator.get(f"/inspections/{inspection}").text
    assert span in page
    assert "1 处分歧" in page
    assert span in coordinator.get(f"{UNDER}/inspections").text
    assert span in evaluator.get(f"{UNDER}/scores").text.replace("<wbr>", "")


def test_a_dispute_shows_both_values_with_author_tablet_and_time(looked_at: Console) -> None:
    """And what was settled before shows who decided and why."""
    inspection = looked_at.season.disputed[0]
    view = looked_at.db.read(lambda conn: store.view_of(conn, inspection))
    page = looked_at.desk("evaluator").get(f"/inspections/{inspection}").text
    block = re.search(r'<article class="dispute-card">.*?</article>', page, re.DOTALL)
    assert block
    names = looked_at.db.read(
        lambda conn: store.person_names(conn, [one.person for one in view.disputes[0].standing])
    )
    for one in view.disputes[0].standing:
        assert names[one.person].zh in block[0]
        assert f"平板 {one.device.removeprefix('T')}" in block[0]
    assert "<form" not in block[0], "an evaluator looks and does not settle"
    assert "共同复核登记簿，确认两处" in page


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_finding_says_what_it_rests_on(looked_at: Console, language: str) -> None:
    """In words on the inspection's page and in the campaign's list, and in the file of findings as the table has it."""
    season = looked_at.season
    made_of = looked_at.db.read(lambda conn: exports.table(conn, season.campaign))
    one = next(one for one in made_of.findings if one.basis.startswith("law:") and not one.withdrawn)
    desk = looked_at.desk("coordinator")
    desk.cookies["hucha-language"] = language
    page = visible(desk.get(f"/inspections/{one.inspection}").text)
    number = one.basis.split()[0].removeprefix("law:")
    said = f"依据：《保密法》第 {number} 条" if language == "zh" else f"Basis: Secrecy Law, art. {number}"
    assert said in page
    listed = re.findall("<tr>.*?</tr>", desk.get(f"{UNDER}/findings").text, re.DOTALL)
    (row,) = [row for row in map(visible, listed) if one.fact in row and one.unit in row and one.item in row]
    assert said in row
    book = load_workbook(io.BytesIO(exports.xlsx_bytes(made_of)))
    head, *lines = book["问题"].iter_rows(values_only=True)
    assert dict(zip(head, lines[made_of.findings.index(one)], strict=True))["依据"] == one.basis


def test_the_score_table_says_what_the_export_says_and_ranks_nobody(looked_at: Console) -> None:
    """Bands by grade; inside a band by unit code."""
    made = looked_at.db.read(lambda conn: exports.table(conn, looked_at.season.campaign))
    page = looked_at.desk("evaluator").get(f"{UNDER}/scores").text
    for _, rows in re.findall(r"<tbody>(.*?)</tr>(.*?)</tbody>", page, re.DOTALL):
        codes = re.findall(r'class="code">(U\d+)<', rows)
        assert codes == sorted(codes)
    assert len(re.findall(r'class="code">U\d+<', page)) == len(made.scored)
    for scored in made.scored:
        if scored.sheet.percent is not None:
            assert f">{scored.sheet.percent}</td>" in page
    assert "名次" in visible(page)


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "json"])
def test_downloads_are_files_with_a_name_of_ours(looked_at: Console, suffix: str) -> None:
    """The bytes are the export's."""
    answer = looked_at.desk("evaluator").get(f"{UNDER}/scores.{suffix}")
    export = getattr(exports, f"export_{suffix}")
    assert answer.content == looked_at.db.read(lambda conn: export(conn, looked_at.season.campaign))
    assert answer.headers["content-disposition"] == f'attachment; filename="HD-2026-HC-scores.{suffix}"'
    assert answer.headers["cache-control"] == "no-store"


# --- the list ----------------------------------------------------------------------------------------


def units_in(page: str) -> list[str]:
    """The unit codes of a list, in order."""
    return re.findall(r'<span class="code">(U\d+)</span>', page)


def test_filters_are_kept_in_the_address(looked_at: Console) -> None:
    """What htmx fetches is pushed as the address that shows the same when it is opened."""
    desk = looked_at.desk("coordinator")
    part = desk.get(f"{UNDER}/inspections?q=&stage=submitted&squad=&grade=&only=disputed", hx_request="true")
    assert "<html" not in part.text
    address = part.headers["hx-push-url"]
    assert unquote(address) == f"{UNDER}/inspections?stage=submitted&only=disputed"
    whole = desk.get(address).text
    assert units_in(whole) == units_in(part.text)
    assert '<option value="submitted" selected>' in whole
    assert all("open=" in link for link in links(part.text) if "stage=submitted" in link)


@pytest.mark.parametrize(
    ("query", "expect"),
    [
        ("q=u00", lambda line: "u00" in line.unit.lower()),
        ("q=委", lambda line: "委" in line.unit_zh),
        ("q=%25", lambda line: False),
        ("q=_", lambda line: False),
        ("stage=prepared", lambda line: line.stage == "prepared"),
        ("stage=nonsense", lambda line: False),
        ("grade=open", lambda line: line.grade is None),
        ("grade=conform", lambda line: line.grade == "conform"),
        ("only=disputed", lambda line: line.disputes > 0),
        ("squad=HD-2026-HC-S1", lambda line: line.squad == "HD-2026-HC-S1"),
        ("page=7", lambda line: False),
    ],
)
def test_each_filter_shows_what_it_names(looked_at: Console, query: str, expect: object) -> None:
    """Wildcards of the database mean themselves."""
    everything, total = looked_at.db.read(
        lambda conn: reads.inspections(conn, looked_at.season.campaign, Filter())
    )
    assert total == len(everything)
    wanted = [line.unit for line in everything if expect(line)]  # type: ignore[operator]
    page = looked_at.desk("coordinator").get(f"{UNDER}/inspections?{query}").text
    assert units_in(page) == wanted
    if not wanted:
        assert "清除筛选" in page or "page=" in query


def test_a_row_opens_beside_the_list_and_has_an_address_of_its_own(looked_at: Console) -> None:
    """The link, what htmx fetches, and the address that shows both."""
    desk = looked_at.desk("coordinator")
    inspection = looked_at.season.disputed[0]
    page = desk.get(f"{UNDER}/inspections").text
    assert f'hx-get="/inspections/{inspection}"' in page
    opened = desk.get(f"{UNDER}/inspections?open={inspection}").text
    assert f'<div hx-get="/inspections/{inspection}" hx-trigger="load"' in opened
    assert '<tr aria-current="true">' in opened
    sheet = desk.get(f"/inspections/{inspection}", hx_request="true").text
    assert "<html" not in sheet
    assert 'class="sheet"' in sheet


# --- photos ------------------------------------------------------------------------------------------


def test_a_photo_is_only_a_picture_and_only_of_its_own_inspection(looked_at: Console) -> None:
    """Fixed type, no sniffing, no scripts, no way to another's by knowing its name."""
    desk = looked_at.desk("coordinator")
    inspections = [*looked_at.season.accepted, *looked_at.season.disputed, *looked_at.season.submitted]
    pictures = {
        one: looked_at.db.read(lambda conn, one=one: store.pictures(conn, one))  # type: ignore[misc]
        for one in inspections
    }
    (owner, picture) = next((one, each) for one, found in pictures.items() for each in found if each.here)
    answer = desk.get(f"/inspections/{owner}/photos/{picture.evidence}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert picture.sha256[:12] in answer.headers["content-disposition"]
    other = next(one for one in inspections if one != owner)
    assert desk.get(f"/inspections/{other}/photos/{picture.evidence}").status == 404
    assert desk.get(f"/inspections/{owner}/photos/{picture.sha256}").status == 404
    awaited = [(one, each) for one, found in pictures.items() for each in found if not each.here]
    for one, each in awaited:
        assert desk.get(f"/inspections/{one}/photos/{each.evidence}").status == 404
        assert "尚未收到" in desk.get(f"/inspections/{one}").text


# --- edges -------------------------------------------------------------------------------------------


def test_signing_in_leads_back_to_what_was_asked_for(looked_at: Console) -> None:
    """And the session's cookie is not readable by scripts nor sent by other sites."""
    visitor = looked_at.desk()
    first = visitor.get(f"{UNDER}/inspections")
    assert first.headers["location"] == "/sign-in?then=%2Fcampaigns%2FHD-2026-HC%2Finspections"
    assert "then" in visitor.get(first.headers["location"]).text
    answer = visitor.post(
        "/sign-in",
        {"login": "coordinator", "password": "demo-coordinator-2026", "then": f"{UNDER}/inspections"},
    )
    assert (answer.status, answer.headers["location"]) == (303, f"{UNDER}/inspections")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert visitor.get(f"{UNDER}/inspections").status == 200


def test_a_wrong_password_shows_the_form_again_and_keeps_the_login(looked_at: Console) -> None:
    """With a sentence, and without saying which of the two was wrong."""
    visitor = looked_at.desk()
    visitor.get("/sign-in")
    wrong = visitor.post("/sign-in", {"login": "coordinator", "password": "not this one"})
    unknown = visitor.post("/sign-in", {"login": "coordinat0r", "password": "not this one"})
    assert (wrong.status, unknown.status) == (401, 401)
    assert "账号或密码不正确" in wrong.text
    assert wrong.text.replace('value="coordinator"', "") == unknown.text.replace('value="coordinat0r"', "")


def test_behind_https_the_cookies_insist_on_it(tmp_path: Path) -> None:
    """`__Host-`, Secure, and a header that keeps browsers on https."""
    with console(tmp_path, visits=0, https=True) as made:
        visitor = made.desk()
        form = visitor.get("/sign-in")
        assert re.search(
            r"__Host-hucha-visitor=\w+; HttpOnly; Path=/; SameSite=lax; Secure", form.headers["set-cookie"]
        )
        answer = visitor.post("/sign-in", {"login": "auditor", "password": "demo-auditor-2026", "then": "/"})
        assert re.search(
            r"__Host-hucha=\w{64}; HttpOnly; Path=/; SameSite=lax; Secure", answer.headers["set-cookie"]
        )
        assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_an_expired_session_is_asked_to_sign_in(tmp_path: Path) -> None:
    """By redirect for a page, by htmx's own header for a part, with 401 for a form."""
    with console(tmp_path, visits=0) as made:
        desk = made.desk("coordinator")
        assert desk.get("/welcome").status == 200
        made.now_ms += 30 * 60 * 1000
        assert desk.get("/welcome").headers["location"] == "/sign-in?then=%2Fwelcome"
        assert desk.get("/welcome", hx_request="true").headers["hx-redirect"] == "/sign-in?then=%2Fwelcome"
        assert desk.post("/accounts/lock", {"login": "x"}).status == 401


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/audit?who=x", "/audit?who=x"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("", "/"),
        ("/a\r\nset-cookie: x", "/"),
    ],
)
def test_nobody_is_sent_to_another_site(given: str, kept: str) -> None:
    """Whatever a link says."""
    assert local_path(given) == kept


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/inspections/nothing", 404),
        (f"{UNDER}/nothing", 404),
        ("/campaigns/nothing/inspections", 404),
        ("/checklists/nothing", 404),
        ("/inspections/HD-2026-HC-U001/history", 400),
        (f"{UNDER}/inspections?page=one", 400),
        (f"{UNDER}/inspections?q=%00", 400),
        ("/static/0/../../app.py", 404),
        ("/static/0/..%2f..%2fapp.py", 404),
        ("/static/0/console.css%00.js", 400),
        ("/static/0/nothing.css", 404),
    ],
)
def test_what_is_not_there_or_not_right_is_said_plainly(looked_at: Console, path: str, status: int) -> None:
    """A code and a sentence; no trace, no path of ours."""
    answer = looked_at.desk("coordinator").get(path)
    assert answer.status == status
    assert "Traceback" not in answer.text
    assert str(ROOT) not in answer.text
    assert "server/" not in answer.text


def test_a_bug_tells_its_reference_and_nothing_else(
    looked_at: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the rest."""

    def broken(*_: object) -> None:
        raise RuntimeError("secret insides")

    monkeypatch.setattr(console_progress, "squad_board", broken)
    answer = looked_at.desk("coordinator").get(f"{UNDER}/progress")
    assert answer.status == 500
    assert "secret insides" not in answer.text
    assert re.search(r"编号 [0-9a-f]{8}", answer.text)


def test_every_page_carries_the_headers(looked_at: Console) -> None:
    """Also errors and redirects."""
    desk = looked_at.desk("coordinator")
    for path in ("/", "/sign-in", f"{UNDER}/progress", "/inspections/nothing", "/audit"):
        headers = desk.get(path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'"
        )
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    style = desk.get(next(one for one in links(desk.get("/sign-in").text) if one.endswith("console.css")))
    assert "immutable" in style.headers["cache-control"]


def test_a_very_large_form_is_refused(looked_at: Console) -> None:
    """Before it is read."""
    answer = looked_at.desk("coordinator").post("/language", {"language": "x" * 300_000})
    assert answer.status == 413


def test_no_header_makes_a_guesser_look_like_somebody_else(looked_at: Console) -> None:
    """X-Forwarded-For is not believed: the sixth guess of one address is not looked at."""
    visitor = looked_at.desk()
    visitor.get("/sign-in")
    answers = []
    for number in range(6):
        form = {"login": "guessed-at", "password": f"guess number {number}"}
        answers.append(
            visitor.post("/sign-in", form, x_forwarded_for=f"192.0.2.{number}", forwarded=f"for=10.{number}")
        )
    assert [one.status for one in answers] == [401, 401, 401, 401, 401, 429]
    assert "秒后再试" in answers[-1].text
