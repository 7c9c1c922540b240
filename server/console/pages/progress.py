"""Fieldwork at a glance: how far the visits are, what has come of each tablet; and the plan it follows."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from server.console import board
from server.console.context import console_of
from server.console.figures import LOCAL
from server.console.policy import allow
from server.console.render import AnyRequest, show
from server.storage import backup_notes, briefing
from server.storage import console_progress as store
from server.storage import console_quarantine as quarantine
from server.storage import console_reads as reads
from server.storage import console_registers as registers
from server.storage.backup_notes import Noted
from server.storage.database import Connection

BACKUP_AGE_MS_MAX = 24 * 60 * 60 * 1000
"""A backup that is older is worth a warning: tablets keep everything that came after it."""
DRAW_FACTS = ("inputs_hash", "method", "attempt")
BOTH = allow("coordinator", "evaluator")


class Week(NamedTuple):
    """One column of the plan."""

    number: int
    first: str


@get("/campaigns/{campaign:str}/progress", opt=BOTH, sync_to_thread=True)
def progress(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """How far the campaign is, and what waits for a person."""
    now_ms, room = console_of(request).clock(), console_of(request).room
    today = datetime.fromtimestamp(now_ms / 1000, LOCAL).date().isoformat()

    def load(conn: Connection) -> Mapping[str, Any]:
        stages = store.stage_counts(conn, campaign)
        squads = store.squad_board(conn, campaign, today)
        due = {one.squad for one in squads if one.due}
        return {
            "stages": [(stage, stages.get(stage, 0)) for stage in reads.STAGES],
            "expected": sum(stages.values()),
            "visited": sum(stages.values()) - stages.get("prepared", 0),
            "board": squads,
            "tablets": board.tablets(conn, campaign, now_ms, due),
            "disputes": store.open_disputes(conn, campaign),
            "reasons": quarantine.reasons(conn, campaign),
            "now_ms": now_ms,
            "backup": backup_notes.last(conn),
            "backup_old": _is_old(backup_notes.last(conn), now_ms),
            "disk": room.look() if room is not None else None,
        }

    return show(request, "progress.html", load, page="progress", campaign=campaign)


def _is_old(noted: Noted | None, now_ms: int) -> bool:
    return noted is None or now_ms - noted.made_at_ms > BACKUP_AGE_MS_MAX


@get("/campaigns/{campaign:str}/plan", opt=BOTH, sync_to_thread=True)
def plan(request: AnyRequest, campaign: FromPath[str]) -> Response[str]:
    """Which squad visits which unit in which week."""

    def load(conn: Connection) -> Mapping[str, Any]:
        visits = registers.visits(conn, campaign)
        stages = reads.stages_of(conn, campaign)
        weeks = sorted({_week(one.planned_date) for one in visits})
        cells: dict[tuple[str, Week], list[registers.VisitLine]] = {}
        for one in visits:
            cells.setdefault((one.squad, _week(one.planned_date)), []).append(one)
        draw = reads.draw_of(conn, campaign) or ""
        return {
            "visits": visits,
            "stage_of": stages,
            "weeks": weeks,
            "cells": cells,
            "squads": registers.squads(conn, campaign),
            "draw": _told(draw),
            "blind": set(briefing.blind_inspections(conn, campaign)),
            "untouched": len(briefing.untouched(conn, campaign)),
            "watermark": briefing.has_watermark(conn, campaign),
        }

    return show(request, "plan.html", load, page="plan", campaign=campaign)


def _week(planned_date: str) -> Week:
    try:
        day = date.fromisoformat(planned_date)
    except ValueError:
        return Week(0, planned_date)
    monday = date.fromordinal(day.toordinal() - day.weekday())
    return Week(day.isocalendar().week, monday.isoformat())


def _told(draw: str) -> list[tuple[str, str]]:
    """What somebody who repeats the draw compares with."""
    kept = json.loads(draw) if draw else {}
    return [(key, str(kept[key])) for key in DRAW_FACTS if key in kept]
