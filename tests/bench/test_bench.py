"""The benchmark itself works: small, never by time."""

import json
from pathlib import Path

import pytest

from tests.bench.__main__ import main

pytestmark = pytest.mark.e2e


def test_a_small_benchmark_takes_every_change_and_its_rows_are_what_the_log_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "result.json"
    asked = (
        "--workloads=raw,w1,w2,w4 --items=9 --tablets=2 --changes=40 --batches=20 --sizes=10,30 --samples=2 "
        f"--photos=2 --photo-bytes=1000 --at-once=2 --contacts=4 --contact-changes=3 --within=0.1 --out={out}"
    )
    assert main(asked.split()) == 0
    result = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == result
    (w1,) = result["w1"]
    assert (w1["changes"], w1["not_accepted"], w1["rebuild_differences"]) == (80, 0, 0)
    assert [one["operations"] for one in result["w2"]["sizes"]] == [10, 30]
    assert result["w4"]["not_accepted"] == 0
    assert result["ratios"].keys() == {
        "w1_20_over_sqlite_3000",
        "w2_10_over_commit",
        "w2_30_over_commit",
    }
