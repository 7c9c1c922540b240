"""A whole season: real tablets' code in processes of their own, a real server, real HTTP, real files."""

import contextlib
import csv
import fcntl
import io
import os
import sqlite3
import subprocess
import sys
import zipfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

PATIENCE_SECONDS = 900
SCORE_FILES = ("scores.csv", "scores.xlsx", "scores.json")


def hucha(*arguments: str | Path) -> "subprocess.Popen[str]":
    """A running `hucha` command."""
    command = [sys.executable, "-m", "server", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Two runs of the season of seed 7, side by side: their folders, and what the first printed.

    They take the whole machine for a minute, so test processes that share a run share them: the first plays.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folders = [shared / "season-one", shared / "season-two"]
    told = shared / "season.txt"
    with (shared / "season.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            runs = [hucha("demo", "--once", "--seed", "7", "--out", folder) for folder in folders]
            try:
                printed = [run.communicate(timeout=PATIENCE_SECONDS) for run in runs]
            finally:
                for run in runs:
                    run.kill()
                    run.communicate()
            assert [run.returncode for run in runs] == [0, 0], printed
            told.write_text(printed[0][0], encoding="utf-8")
    return folders[0], folders[1], told.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def scores(seasons: tuple[Path, Path, str]) -> dict[str, Any]:
    """scores.json of the first run."""
    return dict(msgspec.json.decode((seasons[0] / "scores.json").read_bytes()))


@pytest.mark.e2e
class TestSeason:
    """What the season leaves behind."""

    def test_the_same_seed_gives_the_same_bytes(self, seasons: tuple[Path, Path, str]) -> None:
        """Whatever the order in which the tablets' requests arrived."""
        for name in SCORE_FILES:
            assert (seasons[0] / name).read_bytes() == (seasons[1] / name).read_bytes(), name

    def test_it_is_a_season_as_districts_report_it(self, seasons: tuple[Path, Path, str]) -> None:
        """82 units, over fifty classified and about six hundred ordinary computers, about 220 findings."""
        counts = msgspec.json.decode((seasons[0] / "summary.json").read_bytes())["counts"]
        assert counts["units"] == counts["units_inspected"] == 82
        assert counts["squads"] == 8
        assert counts["certified_officers"] == 3
        assert 50 <= counts["classified_computers"] <= 55
        assert 580 <= counts["ordinary_computers"] <= 620
        assert 190 <= counts["findings"] <= 250
        assert counts["findings_fixed"] > 20
        assert counts["photos"] > 10
        assert counts["disputes_settled"] > 50
        assert counts["disputes_open"] == 0

    def test_no_point_is_an_orphan(self, scores: dict[str, Any]) -> None:
        """Every point an item lost is the sum of deductions, and each names operations, people and tablets."""
        traced = 0
        for unit in scores["units"]:
            for line in unit["sheet"]["items"]:
                if line["status"] != "answered":
                    continue
                charged = sum(
                    Fraction(one.get("exact") or one["charged"])
                    for one in line.get("deductions", ())
                    if one.get("scope", "item") == "item"
                )
                lost = Fraction(line["max_points"]) - Fraction(line.get("exact") or line["points"])
                assert charged == lost, (unit["unit"], line["item"])
                for one in line.get("deductions", ()):
                    assert one["source"]["ops"]
                    assert one["source"]["persons"]
                    assert one["source"]["devices"]
                    traced += 1
        assert traced > 300

    def test_report_rows_equal_database_rows(
        self, seasons: tuple[Path, Path, str], scores: dict[str, Any]
    ) -> None:
        """CSV and workbook say what the sheets say, exactly."""
        rows = list(csv.DictReader(io.StringIO((seasons[0] / "scores.csv").read_text(encoding="utf-8-sig"))))
        assert [row["percent"] for row in rows] == [unit["sheet"]["percent"] for unit in scores["units"]]
        book = openpyxl.load_workbook(seasons[0] / "scores.xlsx", data_only=True)
        page = list(book["得分表"].iter_rows(min_row=2, values_only=True))
        column = list(rows[0]).index("percent")
        assert [Decimal(str(row[column])) for row in page] == [Decimal(row["percent"]) for row in rows]
        assert book["问题"].max_row - 1 == len(scores["findings"])

    def test_photos_of_the_score_are_there(self, seasons: tuple[Path, Path, str]) -> None:
        """Every photo that an operation names lies on the server under its hash."""
        counts = msgspec.json.decode((seasons[0] / "summary.json").read_bytes())["counts"]
        folder = seasons[0] / "photos"
        photos = [path for path in folder.rglob("*") if path.is_file() and "uploads" not in path.parts]
        assert len(photos) == counts["photos"]

    def test_rows_and_frozen_sheets_can_be_made_again(self, seasons: tuple[Path, Path, str]) -> None:
        """`hucha rebuild --check` finds no difference, and finds the one that is put there."""
        check = hucha("rebuild", "--check", "--data", seasons[0])
        out, err = check.communicate(timeout=120)
        assert check.returncode == 0, out + err
        assert ", 82 frozen sheets, 0 differences" in out
        with contextlib.closing(sqlite3.connect(seasons[1] / "hucha.db")) as forger, forger:
            forger.execute(
                "UPDATE score_item SET earned_high = '0' WHERE inspection LIKE '%U001' AND item = 'A01'"
            )
        check = hucha("rebuild", "--check", "--data", seasons[1])
        out, err = check.communicate(timeout=120)
        assert check.returncode == 1, out + err
        assert "A01" in out

    def test_the_workbook_carries_no_date_of_its_making(self, seasons: tuple[Path, Path, str]) -> None:
        """Or the same scores would give other bytes tomorrow."""
        with zipfile.ZipFile(seasons[0] / "scores.xlsx") as book:
            assert {entry.date_time[0] for entry in book.infolist()} == {1980}

    def test_a_newcomer_sees_counts_bands_and_a_trace(self, seasons: tuple[Path, Path, str]) -> None:
        """What the command prints."""
        printed = seasons[2]
        for words in (
            "检查单位",
            "符合要求",
            "一分之由来",
            "sha256",
            "重算 recomputed 82, 不同 differences 0",
        ):
            assert words in printed, words
