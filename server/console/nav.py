"""The rail: pages by stage of the year, as far as they exist and the person's role may see them."""

from typing import NamedTuple

from shared_schema.roles import Role


class Page(NamedTuple):
    """One entry; `path` may hold {campaign}."""

    key: str
    path: str
    roles: frozenset[Role]


class Stage(NamedTuple):
    """One stage of the inspection year, as the server's folders are named."""

    key: str
    icon: str
    pages: tuple[Page, ...]


COORDINATOR = frozenset[Role]({"coordinator"})
EVALUATOR = frozenset[Role]({"evaluator"})
BOTH = COORDINATOR | EVALUATOR

RAIL = (
    Stage("planning", "event_note", (Page("plan", "/campaigns/{campaign}/plan", BOTH),)),
    Stage(
        "fieldwork",
        "fact_check",
        (
            Page("progress", "/campaigns/{campaign}/progress", BOTH),
            Page("inspections", "/campaigns/{campaign}/inspections", BOTH),
            Page("packages", "/campaigns/{campaign}/packages", COORDINATOR),
            Page("quarantine", "/campaigns/{campaign}/quarantine", BOTH),
        ),
    ),
    Stage("evaluation", "grading", (Page("scores", "/campaigns/{campaign}/scores", EVALUATOR),)),
    Stage("follow_up", "task_alt", (Page("findings", "/campaigns/{campaign}/findings", BOTH),)),
    Stage(
        "registers",
        "domain",
        (
            Page("units", "/campaigns/{campaign}/units", BOTH),
            Page("people", "/campaigns/{campaign}/people", BOTH),
            Page("tablets", "/campaigns/{campaign}/tablets", COORDINATOR | frozenset[Role]({"secadmin"})),
            Page("checklists", "/checklists", BOTH),
        ),
    ),
    Stage(
        "system",
        "manage_accounts",
        (
            Page("accounts", "/accounts", frozenset[Role]({"sysadmin"})),
            Page("audit", "/audit", frozenset[Role]({"auditor"})),
        ),
    ),
)

HOME: dict[str, str] = {
    "coordinator": "/campaigns/{campaign}/progress",
    "evaluator": "/campaigns/{campaign}/scores",
    "secadmin": "/campaigns/{campaign}/tablets",
    "sysadmin": "/accounts",
    "auditor": "/audit",
}
"""Where each role begins."""


class Entry(NamedTuple):
    """One link of the rail as drawn."""

    key: str
    url: str
    current: bool


class Group(NamedTuple):
    """One stage of the rail as drawn."""

    key: str
    icon: str
    entries: tuple[Entry, ...]


def rail(role: str, campaign: str, current: str) -> list[Group]:
    """The stages with at least one page for this role; pages of a campaign only where there is one."""
    groups = []
    for stage in RAIL:
        entries = tuple(
            Entry(page.key, page.path.format(campaign=campaign), page.key == current)
            for page in stage.pages
            if role in page.roles and (campaign or "{campaign}" not in page.path)
        )
        if entries:
            groups.append(Group(stage.key, stage.icon, entries))
    return groups


def home_of(role: str, campaign: str) -> str:
    """The first page of a role; the page that says there is no campaign where it needs one."""
    path = HOME[role]
    return path.format(campaign=campaign) if campaign or "{campaign}" not in path else "/welcome"
