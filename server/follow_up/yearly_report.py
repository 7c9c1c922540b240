"""The counters of the yearly report, worded as districts print them, with the year before beside them."""

from collections.abc import Mapping
from typing import NamedTuple

from server.storage.database import Connection
from server.storage.evaluation import Counts, counts


class Line(NamedTuple):
    """One counter: this year's figure, and last year's where it is known."""

    key: str
    zh: str
    en: str
    this_year: int
    last_year: int | None


LINES: tuple[tuple[str, str, str], ...] = (
    ("units_inspected", "检查单位（家）", "Units inspected"),
    ("squad_members", "检查分队成员（人）", "Squad members"),
    ("certified_officers", "持证执法人员（人）", "Certified officers"),
    ("classified_computers", "检查涉密计算机（台）", "Classified computers checked"),
    ("ordinary_computers", "检查非涉密计算机（台）", "Ordinary computers checked"),
    ("interviews", "访谈（人次）", "Interviews held"),
    ("findings", "发现问题（个）", "Findings"),
    ("findings_common", "其中共性问题（个）", "of them common"),
    ("findings_repeat", "其中屡查屡犯（个）", "of them repeats"),
    ("findings_fixed", "立行立改（个）", "Fixed on the spot"),
    ("disputes_settled", "解决分歧（处）", "Disputes settled"),
)


def yearly_report(
    conn: Connection, campaign: str, last_year: Mapping[str, int] | None = None
) -> tuple[Counts, tuple[Line, ...]]:
    """All counters of a campaign, and the report's lines in their order."""
    figures = counts(conn, campaign)
    before = last_year or {}
    return figures, tuple(Line(key, zh, en, getattr(figures, key), before.get(key)) for key, zh, en in LINES)
