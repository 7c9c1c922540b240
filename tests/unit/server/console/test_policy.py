"""Who may enter where: every route, every role. The table below is written by hand, not read off the code."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from server.console.policy import policy_of
from server.console.routes import router
from server.storage import accounts
from tests.unit.server.console.desk import ROLES, Answer, Console, links

CO, EV, SY, SE, AU = ROLES
BOTH = {CO, EV}
EVERYONE = set(ROLES)
VISITOR = "nobody"

GET: dict[str, set[str]] = {
    "/": EVERYONE,
    "/welcome": EVERYONE,
    "/sign-in": {*EVERYONE, VISITOR},
    "/static/{mark}/{name}": {*EVERYONE, VISITOR},
    "/static/page.css": {*EVERYONE, VISITOR},
    "/campaigns/{campaign}": EVERYONE,
    "/campaigns/{campaign}/plan": BOTH,
    "/campaigns/{campaign}/progress": BOTH,
    "/campaigns/{campaign}/inspections": BOTH,
    "/campaigns/{campaign}/findings": BOTH,
    "/campaigns/{campaign}/units": BOTH,
    "/campaigns/{campaign}/people": BOTH,
    "/campaigns/{campaign}/scores": {EV},
    "/campaigns/{campaign}/scores.csv": {EV},
    "/campaigns/{campaign}/scores.xlsx": {EV},
    "/campaigns/{campaign}/scores.json": {EV},
    "/campaigns/{campaign}/tablets": {CO, SE},
    "/campaigns/{campaign}/tablets/{device}": {CO, SE},
    "/campaigns/{campaign}/packages": {CO},
    "/campaigns/{campaign}/packages/{digest}": {CO},
    "/campaigns/{campaign}/packages/{digest}/file": {CO},
    "/campaigns/{campaign}/quarantine": BOTH,
    "/campaigns/{campaign}/quarantine/{device}/{hash_}": BOTH,
    "/inspections/{inspection}": BOTH,
    "/inspections/{inspection}/trace/{item}": BOTH,
    "/inspections/{inspection}/history": BOTH,
    "/inspections/{inspection}/operations/{op}": BOTH,
    "/inspections/{inspection}/photos/{evidence}": BOTH,
    "/inspections/{inspection}/photos/{evidence}/small": BOTH,
    "/inspections/{inspection}/return": {CO},
    "/checklists": BOTH,
    "/checklists/{name}": BOTH,
    "/accounts": {SY},
    "/audit": {AU},
}
POST: dict[str, set[str]] = {
    "/sign-in": {*EVERYONE, VISITOR},
    "/language": {*EVERYONE, VISITOR},
    "/sign-out": EVERYONE,
    "/inspections/{inspection}/accept": {CO},
    "/inspections/{inspection}/lock": {CO},
    "/inspections/{inspection}/return": {CO},
    "/inspections/{inspection}/leads": {CO},
    "/inspections/{inspection}/leads/{lead}/remove": {CO},
    "/inspections/{inspection}/blind": {CO},
    "/campaigns/{campaign}/blind": {CO},
    "/campaigns/{campaign}/watermark": {CO},
    "/inspections/{inspection}/settle": {CO},
    "/campaigns/{campaign}/freeze": {EV},
    "/campaigns/{campaign}/tablets/codes": {CO},
    "/campaigns/{campaign}/tablets/withdraw": {CO, SE},
    "/campaigns/{campaign}/tablets/hand-over": {CO},
    "/campaigns/{campaign}/tablets/revoke": {SE},
    "/campaigns/{campaign}/packages/take": {CO},
    "/campaigns/{campaign}/packages/give": {CO},
    "/campaigns/{campaign}/packages/discard": {CO},
    "/campaigns/{campaign}/quarantine/admit": {CO},
    "/accounts/lock": {SY},
}
LINES = {
    "/inspections/{inspection}": "read.inspection",
    "/inspections/{inspection}/trace/{item}": "read.trace",
    "/inspections/{inspection}/history": "read.trace",
    "/inspections/{inspection}/operations/{op}": "read.trace",
    "/inspections/{inspection}/photos/{evidence}": "read.photo",
    "/inspections/{inspection}/photos/{evidence}/small": "read.thumbnail",
    "/campaigns/{campaign}/packages/{digest}/file": "read.package",
    "/campaigns/{campaign}/findings": "read.findings",
    "/campaigns/{campaign}/scores": "read.scores",
    "/campaigns/{campaign}/scores.csv": "read.export",
    "/campaigns/{campaign}/scores.xlsx": "read.export",
    "/campaigns/{campaign}/scores.json": "read.export",
    "/campaigns/{campaign}/quarantine": "read.quarantine",
    "/campaigns/{campaign}/quarantine/{device}/{hash_}": "read.quarantine",
    "/audit": "read.audit",
}
"""What a successful use leaves in the audit trail: exactly one line."""

FOR_TABLETS = {"/healthz", "/enrol", "/sync", "/files"}


def routes(app: Any) -> Iterator[tuple[str, str, Any]]:
    """(method, path, handler) of every route but those of the API description."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema"):
            for handler in route.route_handlers:
                for method in handler.http_methods - {"OPTIONS"}:
                    yield method, route.path_format, handler


@pytest.fixture(scope="module")
def places(looked_at: Console) -> dict[str, str]:
    """Something real for every name in a path."""
    desk = looked_at.desk(CO)
    inspection = looked_at.season.disputed[0]
    page = desk.get(f"/inspections/{inspection}").text
    photo = next(one for one in links(page) if one.endswith("/small")).split("/")[-2]
    item = next(one for one in links(page) if "/trace/" in one).rpartition("/")[2]
    trace = desk.get(f"/inspections/{inspection}/trace/{item}").text
    op = next(one for one in links(trace) if "/operations/" in one).rpartition("/")[2]
    return {
        "campaign": looked_at.season.campaign,
        "inspection": inspection,
        "item": item,
        "op": op,
        "evidence": photo,
        "name": next(one for one in links(page) if one.startswith("/checklists/")).rpartition("/")[2],
        "mark": "0",
        "device": looked_at.trouble.busy,
        "hash_": looked_at.trouble.late.hash,
        "digest": looked_at.given_package,
        "lead": "L1",
    }


def path_of(path: str, places: dict[str, str]) -> str:
    """A path with its names filled in."""
    if path.startswith("/static/{"):
        return "/static/0/console.css"
    return path.format(**places) + ("?field=stage" if path.endswith("/history") else "")


def test_every_route_is_in_the_table_and_declares_a_policy(looked_at: Console) -> None:
    """A new route without a line here, or without a policy, is red."""
    seen = {(method, path) for method, path, _ in routes(looked_at.client.app)}
    ours = {(method, path) for method, path in seen if path not in FOR_TABLETS and method != "HEAD"}
    assert ours == {("GET", path) for path in GET} | {("POST", path) for path in POST}
    for method, path, handler in routes(looked_at.client.app):
        if path not in FOR_TABLETS:
            assert policy_of(handler.opt) is not None, f"{method} {path} has no policy"


def test_a_route_without_a_policy_serves_nobody(looked_at: Console) -> None:
    """Forgetting is refusing."""
    from litestar import get

    from server.console.edge import check_policy
    from shared_schema.problems import Problem

    @get("/forgotten", sync_to_thread=False)
    def forgotten() -> str:
        return "secret"

    class Asked:
        scope = {"path": "/forgotten", "query_string": b""}  # noqa: RUF012 - a stand-in for a connection

    with pytest.raises(Problem, match="not_allowed"):
        check_policy(Asked(), forgotten)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", [*ROLES, VISITOR])
def test_every_role_sees_what_the_table_says_and_no_more(
    looked_at: Console, places: dict[str, str], role: str
) -> None:
    """GET: a page, or a refusal that is the same for what exists and what does not."""
    desk = looked_at.desk("" if role == VISITOR else role)
    for path, allowed in GET.items():
        answer = desk.get(path_of(path, places))
        if role in allowed:
            assert answer.status in {200, 303}, (role, path, answer.status)
        elif role == VISITOR:
            assert answer.status == 303, path
            assert answer.headers["location"].startswith("/sign-in"), path
        else:
            assert answer.status == 403, (role, path)
            assert_same_for_what_is_not_there(desk.get(path_of(path, dict.fromkeys(places, "zzz"))), answer)


def assert_same_for_what_is_not_there(other: Answer, answer: Answer) -> None:
    """Whoever may not look does not learn what there is."""
    assert other.status == answer.status
    assert len(other.text) == len(answer.text)


@pytest.mark.parametrize("role", [*ROLES, VISITOR])
def test_every_role_acts_where_the_table_says_and_nowhere_else(
    looked_at: Console, places: dict[str, str], role: str
) -> None:
    """POST with a right token but an empty form: the form is refused, or already the person is."""
    for path, allowed in POST.items():
        desk = looked_at.desk("" if role == VISITOR else role)
        if role == VISITOR:
            desk.get("/sign-in")
        if path in {"/inspections/{inspection}/accept", "/campaigns/{campaign}/freeze"} and role in allowed:
            continue  # shown with everything that makes them do something, in test_actions
        answer = desk.post(path_of(path, places))
        if role in allowed:
            assert answer.status in {200, 303, 400, 401, 404, 409}, (role, path, answer.status)
        else:
            assert answer.status == (401 if role == VISITOR else 403), (role, path)


@pytest.mark.parametrize("path", POST)
@pytest.mark.parametrize("token", ["", "0" * 64, "another's"])
def test_nothing_changes_without_the_sessions_own_token(
    looked_at: Console, places: dict[str, str], path: str, token: str
) -> None:
    """Missing, wrong, and another session's: all 403, however right the rest is."""
    role = next(iter(POST[path] - {VISITOR}))
    desk = looked_at.desk(role)
    desk.csrf = looked_at.desk(role).csrf if token == "another's" else token
    before = looked_at.trail("operation"), looked_at.trail("account")
    answer = desk.post(path_of(path, places), {"login": "auditor", "disabled": "yes", "remark": "x"})
    assert answer.status == 403
    assert "csrf_missing" in answer.text
    assert (looked_at.trail("operation"), looked_at.trail("account")) == before


def test_a_request_from_another_site_is_refused_whatever_it_carries(
    looked_at: Console, places: dict[str, str]
) -> None:
    """Browsers say where a request comes from; we listen."""
    desk = looked_at.desk(CO)
    answer = desk.post("/language", {"language": "en"}, sec_fetch_site="cross-site")
    assert answer.status == 403


def test_a_visitors_token_primes_nothing(looked_at: Console) -> None:
    """The form token of the sign-in page is good for that browser's sign-in, not for a session (as CKAN's was)."""
    visitor = looked_at.desk()
    visitor.get("/sign-in")
    desk = looked_at.desk(CO)
    desk.cookies |= visitor.cookies
    desk.csrf = visitor.csrf
    assert desk.post("/language", {"language": "en"}).status == 403
    visitor.cookies.pop("hucha-visitor")
    assert visitor.post("/sign-in", {"login": "x", "password": "y"}).status == 403


@pytest.mark.parametrize(("path", "action"), LINES.items())
def test_each_successful_read_leaves_exactly_one_line(
    looked_at: Console, places: dict[str, str], path: str, action: str
) -> None:
    """Who, what and when; also for the part that htmx asks for."""
    role = next(iter(GET[path]))
    desk = looked_at.desk(role)
    for headers in ({}, {"hx_request": "true"}):
        before = looked_at.trail()[:1]
        answer = desk.get(path_of(path, places), **headers)
        assert answer.status == 200
        lines = [line for line in looked_at.trail() if not before or line.id > before[0].id]
        assert [(line.action, line.who) for line in lines] == [(action, looked_at.logins[role])]


def test_reads_that_show_no_content_leave_no_line(looked_at: Console, places: dict[str, str]) -> None:
    """A trail full of noise is not read."""
    desk = looked_at.desk(CO)
    before = len(looked_at.trail())
    for path, allowed in GET.items():
        if CO in allowed and path not in LINES:
            assert desk.get(path_of(path, places)).status in {200, 303}
    assert len(looked_at.trail()) == before


def test_being_turned_away_leaves_a_line(looked_at: Console, places: dict[str, str]) -> None:
    """Denials show who tried what."""
    desk = looked_at.desk(AU)
    desk.get(f"/inspections/{places['inspection']}")
    newest = looked_at.trail()[0]
    assert (newest.action, newest.who) == ("denied", looked_at.logins[AU])
    assert places["inspection"] in newest.what


def test_a_read_whose_line_cannot_be_written_is_not_answered(
    looked_at: Console, places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed."""
    from server.console import edge
    from shared_schema.problems import Problem

    def full(*_: Any) -> None:
        raise Problem("disk_full")

    desk = looked_at.desk(EV)
    monkeypatch.setattr(edge, "_record", full)
    answer = desk.get(path_of("/campaigns/{campaign}/scores.csv", places))
    assert answer.status == 503
    assert answer.content == b""


def test_the_auditor_never_sees_contents(looked_at: Console) -> None:
    """The trail names records; no name of a unit or a person inspected, no answer, no score is in it."""
    looked_at.desk(CO).get(f"/inspections/{looked_at.season.disputed[0]}")
    page = looked_at.desk(AU).get("/audit").text
    assert looked_at.season.disputed[0] in page
    words = {unit.name_zh for unit in looked_at.season.plan.registers.units}
    words |= {item.text.zh for item in looked_at.season.plan.checklist.items}
    assert not [word for word in words if word in page]


def test_the_system_administrator_sees_no_scores(looked_at: Console) -> None:
    """Following every link from every page of the role, none leads to a score."""
    desk = looked_at.desk(SY)
    todo, seen = ["/accounts"], {"/accounts"}
    while todo:
        answer = desk.get(todo.pop())
        assert "score" not in answer.text.lower().replace("score table", "")
        for link in links(answer.text) - seen:
            seen.add(link)
            if not link.startswith("/static"):
                assert link in {"/", "/accounts"}, link


def test_the_routers_routes_are_hidden_from_the_api_description() -> None:
    """Tablets and analysts are told about the API; pages are not part of it."""
    assert router.include_in_schema is False


def test_a_locked_account_is_out_with_the_next_request(looked_at: Console) -> None:
    """Not when its session would end."""
    desk = looked_at.desk(SE)
    login = looked_at.logins[SE]
    assert desk.get("/welcome").status == 200
    looked_at.db.write(lambda conn: accounts.set_disabled(conn, login, True))
    assert desk.get("/welcome").status == 303
    looked_at.db.write(lambda conn: accounts.set_disabled(conn, login, False))
