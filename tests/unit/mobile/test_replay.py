"""Scripted inspectors: the same script gives the same bytes, and what it expects is checked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobile import replay
from mobile.player import Player, Step, draw, steps_of
from mobile.replay import ScriptFailed, play, split
from shared_schema.operations import read
from shared_schema.problems import Problem
from tests.unit.mobile.world import ANNA, COUNT, LEADER, NOW_MS, SCENE, VISIT, YES_NO, Line, Server


def step(do: str, tablet: str = "T-1", person: str = LEADER, **arguments: Any) -> Step:
    return {"tablet": tablet, "at_ms": NOW_MS, "do": do, "person": person, "inspection": VISIT, **arguments}


def sync(tablet: str = "T-1", lose: str = "") -> Step:
    return {"tablet": tablet, "at_ms": NOW_MS, "do": "sync", "lose": lose}


def visit(server: Server) -> list[Step]:
    """Two tablets over one visit: a bad line, an N/A, findings, photos, disputes, settlement, handing in."""
    both = ("T-1", "T-2")
    return [
        *(
            {"tablet": one, "at_ms": NOW_MS, "do": "enrol", "code": server.code(one), "clock_offset_ms": offset_ms}
            for one, offset_ms in zip(both, (0, 60_000), strict=True)
        ),
        *(sync(one) for one in both),
        step("open_visit", members=[LEADER, ANNA], task_letter_shown=True, recusal_asked=True),
        *(sync(one) for one in both),
        step("answer", item=YES_NO, answer={"type": "yes_no", "ok": True}),
        step("answer", "T-2", ANNA, item=YES_NO, answer={"type": "yes_no", "ok": False}),
        step("answer", item=COUNT, answer={"type": "count", "count": 1}, from_paper=True),
        step("answer", "T-2", ANNA, item=COUNT, answer={"type": "count", "count": 3}),
        step("answer", item=COUNT, answer={"type": "yes_no", "ok": True}, problem="answer_not_allowed"),
        step("not_applicable", "T-2", ANNA, item="B03", reason="no_power"),
        step("record_finding", item=COUNT, fact="缺页", finding="F-1", basis=["reg:6"], occurrences=1),
        step("amend_finding", finding="F-1", fact="缺两页", reason="重数"),
        step("amend_finding", finding="F-9", fact="x", problem="not_found"),
        step("attach_photo", item=SCENE, picture={"seed": "door", "size": [64, 48]}, caption="门禁"),
        step("sign", role="unit_head", name="张建国", method="drawn", strokes=[[[1, 2, 3], [4, 5, 6]]]),
        step("draw_sample", size=3, item="E09", seed="7"),
        sync("T-1", "request"),
        sync("T-1", "reply"),
        sync("T-1", "repeat"),
        sync("T-2", "late"),
        {"tablet": "T-2", "at_ms": NOW_MS, "do": "expect", "unsent": 3},
        *(sync(one) for one in both * 2),
        step("expect", disputes=2, findings=1, unsent=0, stage="opened", photos_left=0, notice=""),
        {"tablet": "T-1", "at_ms": NOW_MS, "do": "close"},
        {"tablet": "T-1", "at_ms": NOW_MS, "do": "open"},
        step("settle", field=f"answer/{YES_NO}", keep=ANNA, reason="现场复核"),
        step("settle_all", reason="从严", keep="nobody"),
        step("expect", disputes=0),
        step("deliberate", opinion="一致"),
        step("submit"),
        *(sync(one) for one in both),
        step("expect", "T-2", stage="submitted", disputes=0, gone=False, held=0, refused=0),
    ]  # fmt: skip


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch, server: Server) -> Line:
    """The script's tablets reach the server without a network."""
    made = Line(server)
    made.close = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setattr(replay, "HttpTransport", lambda _: made)
    return made


def test_a_visit_is_played_from_enrolment_to_handing_in(tmp_path: Path, server: Server, line: Line) -> None:
    """Lost requests and replies, repeats and late ones lose nothing; the harsher value stands where nobody is kept."""
    steps = visit(server)
    played = play(steps, "", tmp_path / "out")
    assert (played.steps, played.tablets, played.syncs) == (len(steps), 2, 14)
    log = [read(raw) for raw in server.log()]
    assert len({one.id for one in log}) == len(log) == 15
    settled = {one.body.field: one.body for one in log if one.kind == "dispute_settled"}  # type: ignore[union-attr]
    assert b"false" in bytes(settled[f"answer/{YES_NO}"].decision.body)  # type: ignore[union-attr]
    assert b'"count":3' in bytes(settled[f"answer/{COUNT}"].decision.body)  # type: ignore[union-attr]
    assert {one.device: one.at_ms - NOW_MS for one in log} == {"T-1": 0, "T-2": 60_000}
    assert len(server.photos) == 1


def test_the_same_script_gives_the_same_bytes(
    tmp_path: Path, line: Line, server: Server, request: pytest.FixtureRequest
) -> None:
    """Ids, chains and photos; another seed gives others."""
    logs = []
    for number, seed in enumerate(("a", "a", "b")):
        again = Server(_made(tmp_path / f"server{number}"))
        line.server = again
        play(visit(again), "", tmp_path / f"out{number}", seed)
        logs.append((again.log(), sorted(again.photos)))
        again.close()
    assert logs[0] == logs[1]
    assert logs[0][0] != logs[2][0]
    assert logs[0][1] == logs[2][1]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_script_played_in_two_parts_goes_on_where_it_ended(
    tmp_path: Path, server: Server, line: Line
) -> None:
    """The stores are found again, with identity and clock, and no id is drawn twice."""
    steps = visit(server)
    play(steps[:8], "", tmp_path / "out")
    play(steps[8:], "", tmp_path / "out")
    log = [read(raw) for raw in server.log()]
    assert len({one.id for one in log}) == len(log) == 15
    assert {one.at_ms - NOW_MS for one in log if one.device == "T-2"} == {60_000}


WRONG: dict[str, tuple[Callable[[], Step], str]] = {
    "an expectation that does not hold": (lambda: step("expect", disputes=7), "disputes"),
    "a Problem nobody expected": (lambda: step("submit"), "stage_forbids"),
    "a Problem that does not come": (lambda: step("note", item=COUNT, text="x", problem="busy"), "busy"),
    "a verb there is not": (lambda: step("dance"), "no verb dance"),
    "an exchange that fails": (lambda: sync("T-3"), "before enrolment"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_step_that_goes_wrong_ends_the_run_and_is_named(
    tmp_path: Path, server: Server, line: Line, case: str
) -> None:
    """Number, reason and the step itself."""
    wrong, why = WRONG[case]
    steps = visit(server)[:7]
    with pytest.raises(ScriptFailed, match=why) as caught:
        play([*steps, wrong()], "", tmp_path / "out")
    assert str(caught.value).startswith("step 8: ")


def test_tablets_that_meet_stay_in_one_process() -> None:
    """Shares never divide an inspection or a tablet, keep the order, and are about as long as each other."""
    steps = [
        {"tablet": f"T-{squad}-{number % 3}", "inspection": f"I-{squad}-{number // 9}", "n": number}
        for number in range(30)
        for squad in range(4)
    ]
    shares = split(steps, 2)
    assert sorted(map(len, shares)) == [60, 60]
    for key in ("tablet", "inspection"):
        first, second = ({one[key] for one in share} for share in shares)
        assert not first & second
    for share in shares:
        for squad in {one["tablet"][:3] for one in share}:
            numbers = [one["n"] for one in share if one["tablet"].startswith(squad)]
            assert numbers == sorted(numbers)
    assert split([], 2) == [[], []]


def test_a_script_is_one_step_a_line(tmp_path: Path) -> None:
    """Blank lines are nothing."""
    assert steps_of([b'{"do":"sync"}', b"", b" "]) == [{"do": "sync"}]


def test_a_picture_may_come_from_a_file(tmp_path: Path, server: Server, line: Line) -> None:
    """As a person picks one; a file that is none is refused."""
    (tmp_path / "door.png").write_bytes(draw("door", 64, 48))
    (tmp_path / "none.png").write_bytes(b"none")
    steps = visit(server)[:7]
    steps.append(step("attach_photo", item=SCENE, path=str(tmp_path / "door.png")))
    steps.append(step("attach_photo", item=SCENE, path=str(tmp_path / "none.png"), problem="photo_type"))
    play([*steps, sync()], "", tmp_path / "out")
    assert len(server.photos) == 1


def test_a_damaged_tablet_is_no_step_gone_wrong_but_a_problem(tmp_path: Path, line: Line) -> None:
    """It is named like any other."""
    (tmp_path / "T-1").mkdir()
    (tmp_path / "T-1" / "tablet.db").write_bytes(b"x" * 5000)
    with pytest.raises(Problem, match="store_damaged"):
        Player(tmp_path / "T-1", line, "")
