"""Enrolling, handing over, replacing and revoking at the console; what one tablet's sheet shows."""

import re
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.access import devices
from server.storage import devices as registered
from server.storage.devices import DeviceRow
from shared_schema.ids import DeviceId
from shared_schema.problems import Problem
from shared_schema.wire import EnrolReply, EnrolRequest
from tests.unit.server.console.desk import Answer, Console, console

UNDER = "/campaigns/HD-2026-HC/tablets"


@pytest.fixture(scope="module")
def acted_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console whose tablets these tests change."""
    with console(tmp_path_factory.mktemp("tablets")) as made:
        yield made


def code_for(made: Console, **fields: str) -> Answer:
    """What the coordinator is shown."""
    leader = made.season.plan.teams[0].members[0].person.id
    return made.desk("coordinator").post(f"{UNDER}/codes", {"for": f"HD-2026-HC-S1/{leader}"} | fields)


def typed(answer: Answer) -> str:
    """The code on the page."""
    found = re.search(r'class="big-code">([0-9A-Z]{5}-[0-9A-Z]{5})<', answer.text)
    assert found
    return found[1]


def enrol(made: Console, code: str, number: int, now_ms: int) -> EnrolReply:
    """A tablet comes with a code."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32).public_key().public_bytes_raw().hex()
    return made.db.write(lambda conn: devices.enrol(conn, EnrolRequest(code=code, public_key=key), now_ms))


def row(made: Console, device: str) -> DeviceRow:
    """One tablet as it is registered."""
    found = made.db.read(lambda conn: registered.get(conn, device))
    assert found is not None
    return found


def test_a_code_is_shown_once_for_a_named_person_on_screen_and_on_paper(acted_on: Console) -> None:
    """Its text is nowhere else; the paper says squad, holder and the first steps in both languages."""
    leader = acted_on.season.plan.teams[0].members[0].person
    answer = code_for(acted_on, period="7d")
    code = typed(answer)
    paper = answer.text[answer.text.index('class="paper"') :]
    assert "<svg" in paper
    for said in (
        code,
        leader.name_zh,
        "第1检查组",
        "Squad 1",
        "平板注册单",
        "Tablet enrolment sheet",
        "内部",
    ):
        assert said in paper
    assert "style=" not in answer.text
    page = acted_on.desk("coordinator").get(UNDER).text
    assert code not in page
    assert leader.name_zh in page[page.index('id="codes"') :]
    assert acted_on.trail("tablet.code")[0].facts == (
        f'{{"squad":"HD-2026-HC-S1","holder":"{leader.id}","period":"7d"}}'
    )


@pytest.mark.parametrize(("period", "minutes"), [("", 10), ("10m", 10), ("1d", 24 * 60), ("7d", 7 * 24 * 60)])
def test_a_code_is_good_for_its_time_and_once(acted_on: Console, period: str, minutes: int) -> None:
    """Ten minutes where nothing is said."""
    until_ms = acted_on.now_ms + minutes * 60 * 1000
    code = typed(code_for(acted_on, period=period))
    with pytest.raises(Problem, match="enrolment_code_invalid"):
        enrol(acted_on, code, 40, until_ms + 1)
    device = enrol(acted_on, code, 40, until_ms).device
    assert row(acted_on, device).holder == acted_on.season.plan.teams[0].members[0].person.id
    with pytest.raises(Problem, match="enrolment_code_invalid"):
        enrol(acted_on, code, 41, until_ms)


@pytest.mark.parametrize(
    "fields",
    [
        {"for": ""},
        {"for": "S99/"},
        {"for": "HD-2026-HC-S1/nobody"},
        {"period": "99d"},
        {"replaces": "nobody"},
    ],
)
def test_a_code_for_nobody_known_is_not_made(acted_on: Console, fields: dict[str, str]) -> None:
    """Nor for a time that is not offered, nor in place of a tablet there is none of."""
    before = len(acted_on.trail("tablet.code"))
    assert code_for(acted_on, **fields).status in {400, 404}
    assert len(acted_on.trail("tablet.code")) == before


def test_an_open_code_can_be_withdrawn(acted_on: Console) -> None:
    """By the security administrator, too; a second time there is nothing to withdraw."""
    code, desk = typed(code_for(acted_on)), acted_on.desk("secadmin")
    device = acted_on.trail("tablet.code")[0].what
    assert desk.post(f"{UNDER}/withdraw", {"device": device}).status == 303
    with pytest.raises(Problem, match="enrolment_code_invalid"):
        enrol(acted_on, code, 42, acted_on.now_ms)
    assert desk.post(f"{UNDER}/withdraw", {"device": device}).status == 404
    assert acted_on.trail("tablet.code_withdrawn")[0].what == device


def test_replacing_a_tablet_turns_the_old_one_away_when_the_new_one_comes(acted_on: Console) -> None:
    """And the replacement can be replaced."""
    old = enrol(acted_on, typed(code_for(acted_on)), 50, acted_on.now_ms).device
    for number in (51, 52):
        code = typed(code_for(acted_on, replaces=old))
        assert row(acted_on, old).revoked_at_ms is None
        new = enrol(acted_on, code, number, acted_on.now_ms).device
        assert (row(acted_on, old).revoked_why, row(acted_on, old).replaced_by) == ("replaced", new)
        old = new


def test_a_tablet_is_handed_to_another_member_and_its_record_stays(acted_on: Console) -> None:
    """With a reason; the sheet lists who had it, and what was written on it keeps its author."""
    desk, team = acted_on.desk("coordinator"), acted_on.season.plan.teams[0]
    device, author = team.members[0].tablet, team.members[0].person
    to = team.members[1].person
    form = {"device": device, "for": f"HD-2026-HC-S1/{to.id}", "why": "外出培训"}
    for wrong in (
        {"why": ""},
        {"for": "HD-2026-HC-S1/"},
        {"for": "HD-2026-HC-S1/nobody"},
        {"device": "nobody"},
    ):
        assert desk.post(f"{UNDER}/hand-over", form | wrong).status in {400, 404}
    assert desk.post(f"{UNDER}/hand-over", form).status == 303
    assert desk.post(f"{UNDER}/hand-over", form).status == 400
    sheet = desk.get(f"{UNDER}/{device}", hx_request="true").text
    assert to.name_zh in sheet
    assert "外出培训" in sheet
    assert acted_on.trail("tablet.handed_over")[0].what == device
    written = acted_on.db.read(
        lambda conn: conn.exec_driver_sql(
            f"SELECT DISTINCT person FROM operation WHERE device = '{device}'"
        ).fetchall()
    )
    assert [tuple(one) for one in written] == [(author.id,)]


def test_a_revoked_tablet_shows_why_whether_it_was_told_and_what_it_delivered(looked_at: Console) -> None:
    """On the sheet of the security administrator, who sees no content of any operation."""
    sheet = looked_at.desk("secadmin").get(f"{UNDER}/{looked_at.trouble.revoked}").text
    for said in ("遗失：公交车上遗失", "停用后送来 2 条", "答复它已停用", "来自停用的平板"):
        assert said in sheet
    assert "找回" not in sheet


def test_the_sheet_shows_gaps_forks_jumps_and_chains(looked_at: Console) -> None:
    """Of the tablet that has them."""
    sheet = looked_at.desk("coordinator").get(f"{UNDER}/{looked_at.trouble.quiet}").text
    for said in ("缺 3–5", "第 7 号出现两次", "时钟跳变", "快 2 小时", "已备份到", "公钥指纹"):
        assert said in sheet


def test_revoking_takes_a_reason_and_leaves_a_line(acted_on: Console) -> None:
    """Other needs words; a tablet nobody knows is not found."""
    desk = acted_on.desk("secadmin")
    device = acted_on.season.plan.teams[0].members[1].tablet
    for form in ({"why": ""}, {"why": "other"}, {"why": "bored"}):
        assert desk.post(f"{UNDER}/revoke", {"device": device} | form).status == 400
    assert desk.post(f"{UNDER}/revoke", {"device": "nobody", "why": "lost"}).status == 404
    device = acted_on.trouble.quiet
    assert desk.post(f"{UNDER}/revoke", {"device": device, "why": "broken", "remark": "屏幕碎"}).status == 303
    found = row(acted_on, device)
    assert (found.revoked_at_ms, found.revoked_why) == (acted_on.now_ms, "broken: 屏幕碎")
    (line, *_) = acted_on.trail("tablet.revoked")
    assert line.what == DeviceId(device)
    assert desk.post(f"{UNDER}/revoke", {"device": device, "why": "lost"}).status == 403, "it stays as it was"
    assert row(acted_on, device).revoked_why == found.revoked_why
    assert acted_on.trail("tablet.revoked")[0] == line
    assert "还不知道" in desk.get(f"{UNDER}/{device}").text
