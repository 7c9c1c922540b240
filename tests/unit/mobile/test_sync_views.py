"""The rows of the sync center, in both languages, and diagnostics without a word of what was inspected."""

from typing import Any

import pytest

from mobile.meetings import Figures, Meeting, Own, Refusal, Run
from mobile.progress import Count
from mobile.store import SyncState
from mobile.store_file import Identity
from mobile.sync_views import CountRow, Known, Storage, center, counts, diagnostics, size, span, wait
from shared_schema.proofs import Link
from shared_schema.wire import Peer, Span

KEY = "0" * 64


def known(**changes: Any) -> Known:
    """A tablet with three operations to send, of which a colleague's holds two."""
    state: dict[str, Any] = {
        "enrolled": True, "unsent": 3, "refused": 0, "photos_left": 0, "offline": False,
        "last_success_ms": 1_795_222_800_000, "problem": "", "facts": {}, "attempts": 0, "notice": "",
    }  # fmt: skip
    state |= {name: changes.pop(name) for name in tuple(changes) if name in SyncState._fields}
    waiting = [Own(Link("T-1", "e1", seq, str(seq), ""), f"op-{seq}", seq == 8) for seq in (8, 9, 10)]
    made = Known(
        state=SyncState(**state),
        figures=Figures({"unsent": 3, "accepted": 7}, 12, 7, 5, {}, [Run("e1abcdefgh", 10, 7, 5, False)]),
        waiting=waiting,
        meetings=[Meeting("T-2", 1_795_222_860_000, "http://10.0.0.2:8481#T-2", [Span("T-2", "x", 1, 1, KEY),
                          Span("T-1", "e1", 1, 9, KEY)])],
        peers=[Peer("T-1", KEY, "One"), Peer("T-2", KEY, "Two"), Peer("T-3", KEY, revoked=True)],
        carrying={"T-2": 4},
        identity=Identity("T-1", "server", "S-1", KEY),
        server="http://10.1.1.1:8480",
        storage=Storage(30_500_000_000, 1_200_000),
    )  # fmt: skip
    return made._replace(**changes)


def test_records_are_counted_by_where_they_are() -> None:
    rows = [(row.label, row.number, row.part) for row in center(known(), "en").records]
    assert rows == [
        ("To send", 3, False),
        ("of these on a colleague's tablet", 2, True),
        ("of these brought to the server by a colleague", 1, True),
        ("Received by the server", 7, False),
        ("of these with a signed receipt", 7, True),
        ("of these in the server's backup", 5, True),
        ("Carried for colleagues", 4, False),
    ]
    assert center(known(), "en").receipt == "Receipt: up to number 7 (run e1abcd), backed up to 5"


def test_a_receipt_for_the_other_branch_of_a_fork_is_none() -> None:
    runs = [Run("e1abcdefgh", 4, 10, 0, True), Run("e2abcdefgh", 0, 0, 0, False)]
    figures = known().figures._replace(runs=runs)
    assert "up to number" not in center(known(figures=figures), "en").receipt


def test_colleagues_are_listed_with_what_they_hold() -> None:
    """This tablet itself is not; one turned away is not met again."""
    rows = [(row.name, row.detail, row.address) for row in center(known(), "en").peers]
    assert rows == [
        ("Two", "Met 2026-11-21 09:01, holds 2 of mine, I carry 4 for it", "http://10.0.0.2:8481#T-2"),
        ("T-3", "Revoked: no more dealings", ""),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clock_ahead_ms": 7 * 60_000}, "7 min ahead"),
        ({"clock_ahead_ms": -3 * 86_400_000}, "3 days behind"),
        ({"revoked": True}, "has been revoked"),
        ({"notice": "forked"}, "restored from a backup or cloned"),
        ({"problem": "device_unknown", "facts": {"device": "T-1"}}, "not enrolled: T-1"),
    ],
)
def test_what_a_person_should_know_is_said(changes: dict[str, Any], said: str) -> None:
    [notice] = center(known(**changes), "en").notices
    assert said in notice.text
    assert center(known(clock_ahead_ms=30_000)).notices == ()


def test_a_refusal_told_by_a_colleague_is_shown_until_the_server_itself_has_answered() -> None:
    [met] = known().meetings
    told = [met._replace(refused=[Refusal("op-9", "inspection_unknown", {"inspection": "I-7"})])]
    [notice] = center(known(meetings=told), "en").notices
    assert "Two reports that the server refused a record. There is no such inspection: I-7." in notice.text
    assert center(known(meetings=told, waiting=[])).notices == ()


def test_photos_are_counted_by_who_holds_them() -> None:
    figures = known().figures._replace(
        photos={
            ("waiting", 0): 2,
            ("received", 0): 1,
            ("received", 1): 3,
            ("received", 2): 4,
            ("missing", 0): 1,
        }
    )
    rows = center(known(figures=figures, photo_percent=40), "en")
    assert [row.number for row in rows.photos] == [2, 8, 7, 4, 1]
    assert rows.photo_progress == "On its way, 40 %"
    assert center(known()).photos == ()


def test_a_long_work_says_what_is_counted() -> None:
    """Photos and records by number, bytes as people read them; no bar where nobody knows how many there will be."""
    assert counts({"photos_checked": Count(480, 480), "photos_written": Count(120, 480)}) == (
        CountRow("核对照片 480 / 480 张", 1.0),
        CountRow("已写入 120 / 480 张照片", 0.25),
    )
    assert counts({"photos_written": Count(120, 480)}, "en") == (CountRow("120 of 480 photos written", 0.25),)
    assert counts({"bytes_written": Count(1_200_000, 4_800_000)}, "en") == (
        CountRow("1.2 MB of 4.8 MB written", 0.25),
    )
    exchange = {"records_sent": Count(30, 40), "records_received": Count(7, 0), "photos_sent": Count(0, 2)}
    assert counts(exchange) == (
        CountRow("已发送 30 / 40 条记录", 0.75),
        CountRow("已收到 7 条记录", None),
        CountRow("已发送 0 / 2 张照片", 0.0),
    )
    assert counts({"records_sent": Count(0, 0), "records_received": Count(0, 0)}) == ()


def test_little_space_is_said() -> None:
    assert center(known(), "en").space == "30.5 GB free; this program's data takes 1.2 MB"
    low = center(known(storage=Storage(20_000_000, 0)), "en")
    assert (low.space, low.space_low) == ("Only 20.0 MB left: free some space", True)


def test_diagnostics_hold_figures_and_ids_and_no_names() -> None:
    """Whoever helps needs no names of people, tablets or units, and nothing of what was found."""
    [met] = known().meetings
    told = [met._replace(refused=[Refusal("op-9", "author_not_allowed", {"person": "somebody"})])]
    text = diagnostics(
        known(meetings=told, problem="author_not_allowed", facts={"person": "somebody"}),
        app="hucha 1", platform="linux", language="zh",
    )  # fmt: skip
    assert "somebody" not in text
    assert "Two" not in text
    assert {"own.unsent: 3", "run.e1abcd: last 10 receipt 7 backed_up 5", "peer.T-3: revoked"} <= set(
        text.splitlines()
    )


def test_times_and_sizes_as_people_read_them() -> None:
    assert [wait(seconds) for seconds in (-1, 0, 45.4, 723)] == ["0:00", "0:00", "0:45", "12:03"]
    assert [span(ms, "en") for ms in (130_000, 7_200_000, 90_000_000, 180_000_000)] == [
        "2 min",
        "2 h",
        "1 day",
        "2 days",
    ]
    assert [size(count) for count in (999, 2_000, 3_450_000, 21_400_000_000)] == [
        "0 kB", "2 kB", "3.4 MB", "21.4 GB",
    ]  # fmt: skip
