"""A whole visit by touch on two running tablets that meet through a real server; nothing of it is left readable."""

import secrets
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from server.access import sessions
from server.access.accounts import make_account
from server.intake.desk import record
from server.storage import console_inspection
from server.storage.database import Connection, Database
from shared_schema.ids import ItemId
from shared_schema.inspection import Inspection
from shared_schema.operations import Answer, Count, EvidenceAttached, NotApplicable, Returned, YesNo
from tests.e2e import traces
from tests.e2e.hand_program import CLOCK_MS
from tests.e2e.hand_tablet import (
    LEADER,
    PINS,
    SECOND,
    TEXTS,
    VISIT,
    Place,
    Tablet,
    readable,
    secrets_of,
    served,
)  # fmt: skip
from tests.e2e.marks import SCREENS

pytestmark = SCREENS
FACT, REMARK = "综合科台账缺 2 页", "请补充抽查的份数"
MEASURE = ("两台计算机登记不符，查清前停用", "停用 2026-3")
"""Why it is proposed, and the number of its paper."""
TYPED = (
    "缺第 3、4 页",
    "已找回并归位",
    "见台账第 7 页",
    "没有要害部位",
    "看过考评表原件",
    "笔录第 3 页",
    "对 A03 有异议",
    "JC-7",
    *MEASURE,
)
LANGUAGES = (("zh", "en", "成员2", "成员3"), ("en", "zh", "Member 2", "Member 3"))
"""Of the leader's tablet and of the member's, and what the leader's calls two members."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server of its own for each test."""
    with served(tmp_path) as place:
        yield place


@pytest.fixture
def tablets(place: Place, camera: Path) -> Iterator[tuple[Tablet, Tablet]]:
    """The leader's tablet and a member's, enrolled by hand; the member has a PIN on both."""
    pair = (Tablet(place.folder / "one", camera), Tablet(place.folder / "two"))
    try:
        for number, (tablet, person) in enumerate(zip(pair, (LEADER, SECOND), strict=True), start=1):
            tablet.do("enrol", place.url, f"code-{number}")
            tablet.do("sign_up", person, PINS[person])
        one, _ = pair
        one.do("leave_to_people")
        one.do("sign_up", SECOND, PINS[SECOND])
        one.do("leave_to_people")
        one.do("sign_in", LEADER, PINS[LEADER])
        yield pair
    finally:
        for tablet in pair:
            tablet.kill()


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera sees: a photograph with all that a camera writes beside it."""
    from tests.e2e.photo_stage import scene

    picture = tmp_path_factory.mktemp("camera") / "door.jpg"
    picture.write_bytes(scene("door"))
    return picture


@pytest.mark.parametrize(("leaders", "members", "second", "third"), LANGUAGES)
def test_a_whole_visit_on_two_tablets_that_meet_through_a_server(
    place: Place,
    tablets: tuple[Tablet, Tablet],
    camera: Path,
    leaders: str,
    members: str,
    second: str,
    third: str,
) -> None:
    """Opening, answers, an N/A with consent, a finding put right, a photo that a colleague screened, a sample, talks,
    a dispute settled, the unit's word, a measure proposed, signatures, handing in; sent back with a remark, and
    handed in again.
    """
    one, two = tablets
    one.do("speak", leaders)
    two.do("speak", members)
    one.do("enter", VISIT)
    one.do("open_visit", second, third)
    one.do("sync")
    two.do("sync")
    two.do("enter", VISIT)
    assert two.look()["stage"] == "opened"
    work(one, two, second)
    for tablet in (one, two, one):
        tablet.do("sync")
    assert one.look()["disputes"] == two.look()["disputes"] == 1
    two.do("section", "F")
    two.do("consent", "F01")
    two.do("sync")
    finish(one, second)
    agree(one, two, "submitted")
    as_recorded(view_of(place))
    told_of_the_measure(place, two, members)
    send_back(place.db)
    agree(one, two, "returned")
    one.do("section", "A")
    assert REMARK in one.do("remarks", "A03").given
    one.do("answer", "A03", 0.85)
    one.do("deliberate", "已补正")
    one.do("hand_in")
    agree(one, two, "submitted")
    again = view_of(place)
    as_recorded(again)
    assert again.items[ItemId("A03")].answer.value == Answer("A03", Count(2))  # type: ignore[union-attr]
    sql = "SELECT count(DISTINCT device) FROM operation"
    assert place.db.read(lambda conn: conn.exec_driver_sql(sql).scalar_one()) == 3  # and the coordinator's
    nothing_is_readable(one, two, camera)


def nothing_is_readable(one: Tablet, two: Tablet, camera: Path) -> None:
    """Both are switched off as they are; neither data, home, temporary files nor their logs show anything."""
    sought = {**traces.of_texts(TEXTS), **traces.of_texts({text: text for text in (FACT, REMARK, *TYPED)})}
    for tablet, person in ((one, LEADER), (two, SECOND)):
        tablet.kill()
        assert "a job failed" not in tablet.log()
        secrets = secrets_of(tablet.folder, person, camera)
        assert readable(tablet.folder, {**sought, **secrets}) == {}
        assert {"a photo", "a thumbnail"} <= secrets.keys() or tablet is two
        places = {
            path.relative_to(tablet.folder).parts[0] for path in tablet.folder.rglob("*") if path.is_file()
        }
        assert {"data", "secrets", "log.txt"} <= places


def work(one: Tablet, two: Tablet, second: str) -> None:
    """Each on their own, out of reach of the other."""
    one.do("section", "A")
    one.do("answer", "A06", 0.25)
    one.do("answer", "A03", 0.85)
    one.do("item", "A03")
    one.do("finding", FACT)
    one.do("fix", FACT, "缺第 3、4 页", "已找回并归位")
    one.do("note", "见台账第 7 页")
    one.do("section", "F")
    one.do("not_applicable", "F01", "没有要害部位")
    one.do("item", "F02")
    one.do("photo")
    one.do("screened", second, PINS[SECOND])
    two.do("section", "A")
    two.do("answer", "A06", 0.75)
    two.do("section", "@computers")
    two.do("draw")
    two.do("check_first", "JC-7")
    two.do("section", "@interviews")
    two.do("talk")


def finish(one: Tablet, witness: str) -> None:
    """What the leader does at the end, with the unit."""
    one.do("settle_first", "yes_no.no", "看过考评表原件")
    one.do("deliberate", "基本符合")
    one.do("section", "@closing")
    one.do("accept_all")
    one.do("propose", "stop_use", *MEASURE)
    one.do("sign_drawn", 0)
    one.do("sign_paper", 1, "笔录第 3 页")
    one.do("refuse", 3, "对 A03 有异议", witness)
    one.do("hand_in")


def agree(one: Tablet, two: Tablet, stage: str) -> None:
    """Both have exchanged, and say the same."""
    one.do("sync")
    two.do("sync")
    first, second = one.look(), two.look()
    assert {**first, "remarks": ()} == {**second, "remarks": ()}
    assert (first["stage"], first["disputes"], first["findings"]) == (stage, 0, 1)
    for seen in (first, second):
        assert [REMARK in one for one in seen["remarks"]] == ([True] if stage == "returned" else [])


def told_of_the_measure(place: Place, member: Tablet, language: str) -> None:
    """The colleague's page of the end says it, and the coordinator's page of the visit."""
    said = {"zh": "责令停止使用", "en": "Stop use"}[language]
    member.do("section", "@closing")
    (line,) = member.do("proposed").given
    assert all(one in line for one in (said, *MEASURE))
    login = f"coord-{language}"
    now_ms = time.time_ns() // 1_000_000

    def signed_in(conn: Connection) -> str:
        make_account(
            conn, login=login, name="协调员", role="coordinator", password="a long enough one", salt=bytes(16)
        )
        return sessions.begin(conn, login, now_ms, secrets.token_bytes)

    cookies = {"hucha": place.db.write(signed_in), "hucha-language": language}
    page = httpx.get(f"{place.url}/inspections/{VISIT}", cookies=cookies).raise_for_status().text
    assert said in page
    assert MEASURE[0] in page


def send_back(db: Database) -> None:
    """The coordinator wants one item looked at again."""
    db.write(
        partial(
            record, inspection=VISIT, person="coordinator", role="coordinator",
            body=Returned(remarks=(("A03", REMARK),)), now_ms=CLOCK_MS,
        )
    )  # fmt: skip


def view_of(place: Place) -> Inspection:
    """The visit as the server has it."""
    return place.db.read(lambda conn: console_inspection.view_of(conn, VISIT))


def as_recorded(stored: Inspection) -> None:
    """The server has all of it."""
    assert stored.stage == "submitted"
    assert not stored.disputes
    (finding,) = stored.findings.values()
    assert finding.text is not None
    assert finding.text.fact == FACT
    assert finding.fix is not None
    assert (finding.fix.value.before, finding.fix.value.after) == ("缺第 3、4 页", "已找回并归位")
    assert finding.statement is not None
    assert finding.statement.value.accepts
    assert (len(stored.samples), len(stored.devices), len(stored.interviews)) == (1, 1, 1)
    (measure,) = stored.measures
    assert (measure.value.what, measure.value.reason, measure.value.paper_ref) == ("stop_use", *MEASURE)
    assert measure.standing[0].person == LEADER
    kinds = [type(cell.value).__name__ for cell in stored.signatures]
    assert sorted(kinds) == ["SignatureRefused", "Signed", "Signed"]
    cell = stored.items[ItemId("A06")].answer
    assert cell is not None
    assert cell.value == Answer("A06", YesNo(ok=False))
    assert cell.standing[0].reason == "看过考评表原件"
    absent = stored.items[ItemId("F01")]
    assert absent.answer is not None
    assert isinstance(absent.answer.value, NotApplicable)
    assert {cell.standing[0].person for cell in absent.consents} == {SECOND}
    (photo,) = stored.evidence
    assert isinstance(photo.value, EvidenceAttached)
    assert (photo.value.item, photo.standing[0].person, photo.value.screened_by) == ("F02", LEADER, SECOND)
