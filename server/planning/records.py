"""What planning works with: units, people and registers as handed in, candidates and result of the draw."""

import datetime as dt
from typing import Literal

from msgspec import Struct

from shared_schema.ids import ItemId, PersonId, SquadId, UnitId
from shared_schema.roles import Role
from shared_schema.wire import DeviceKind

UnitKind = Literal["street", "township", "bureau", "institution"]


# --- as handed in ----------------------------------------------------------------------------------


class Unit(Struct, frozen=True, kw_only=True):
    """A body to be inspected. `parent_area` and `parent_system` name another unit's code, or a group's."""

    code: UnitId
    name_zh: str
    name_en: str
    kind: UnitKind
    parent_area: str
    parent_system: str
    address: str
    contact: str
    has_classification_power: bool
    has_topsecret: bool
    has_system: bool
    has_key_area: bool
    has_secret: bool
    first_year: bool


class Person(Struct, frozen=True, kw_only=True):
    """A member of the pool; a certified officer has a number and the last day it is valid."""

    id: PersonId
    name_zh: str
    name_en: str
    unit: UnitId
    experienced: bool
    role: Literal["leader", "inspector", "trainee", "officer"]
    certified_no: str = ""
    valid_to: dt.date | None = None


class Account(Struct, frozen=True, kw_only=True):
    """Someone who signs in at the console. The password is in clear: for demonstrations only."""

    login: str
    name: str
    role: Role
    password: str


class Interest(Struct, frozen=True, kw_only=True):
    """A declaration: this person must not take part in inspecting this unit."""

    person: PersonId
    unit: UnitId
    reason_zh: str
    reason_en: str
    declared_on: dt.date


class InventoryDevice(Struct, frozen=True, kw_only=True):
    """One computer of a unit's register."""

    register_no: str
    unit: UnitId
    classified: bool
    department: str
    kind: DeviceKind


class LastVisit(Struct, frozen=True, kw_only=True):
    """Who of today's pool inspected the unit last year."""

    unit: UnitId
    people: tuple[PersonId, ...]
    inspected_on: dt.date


class LastFinding(Struct, frozen=True, kw_only=True):
    """A finding of last year that is still open."""

    unit: UnitId
    item: ItemId
    fact_zh: str
    fact_en: str
    found_on: dt.date


class Authority(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The secrecy administration: home of the certified officers, not itself visited."""

    code: UnitId
    name_zh: str
    name_en: str


class Words(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text in both languages."""

    zh: str
    en: str


class CampaignFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a campaign is called and rests on."""

    code: str
    year: int
    kind: Literal["self", "peer", "xuncha", "look_back", "special"]
    title: Words
    basis: Words
    checklist: str
    visits: int
    notice_days: int
    emphasis: tuple[ItemId, ...] = ()
    watermark: bool = False
    screening: bool = True


class Window(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}
):
    """When visits may take place. Weekdays count from 1, a Monday."""

    first: dt.date
    last: dt.date
    weekdays: tuple[int, ...]
    closed: tuple[dt.date, ...] = ()

    def days(self) -> tuple[dt.date, ...]:
        """Every day on which a squad may visit, in order."""
        span = (self.last - self.first).days + 1
        days = (self.first + dt.timedelta(days=n) for n in range(span))
        return tuple(day for day in days if day.isoweekday() in self.weekdays and day not in self.closed)


class DrawFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The seed of the draw and the limits it keeps."""

    seed: str
    squads: int
    members_min: int = 2
    visits_per_day_max: int = 2
    repeat_people_max: int = 1


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Terms in days, and the share of units that two squads score blind."""

    double_score_percent: int
    rectify_days: int
    objection_days: int
    decision_days: int
    self_assessment_due: dt.date


class Annual(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the year's figure is made up; decimals as strings."""

    weights: dict[Literal["peer", "rectification", "self"], str]
    overdue_deduct: str
    overdue_cap: str
    missing: Literal["block", "redistribute", "zero"]
    index_points: str


class LastYear(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Last year's counters, for the year-on-year column of the yearly report."""

    year: int
    units_inspected: int
    certified_officers: int
    squad_members: int
    classified_computers: int
    ordinary_computers: int
    findings: int
    findings_closed: int
    look_backs: int


class Season(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The facts of one campaign that are not rows of a register."""

    schema: Literal["hucha-season/1"]
    district: Words
    authority: Authority
    campaign: CampaignFacts
    window: Window
    draw: DrawFacts
    policy: Policy
    annual: Annual
    last_year: LastYear


# --- the draw --------------------------------------------------------------------------------------


class Host(Struct, frozen=True, kw_only=True):
    """A unit as the draw sees it. One that is not visited is there as somebody's home only."""

    code: UnitId
    parents: tuple[str, ...] = ()
    visited: bool = True


class Member(Struct, frozen=True, kw_only=True):
    """A person as the draw sees them. Officers are dealt to squads but are not counted as members."""

    id: PersonId
    unit: UnitId
    experienced: bool = False
    leader: bool = False
    officer: bool = False


class Squad(Struct, frozen=True, kw_only=True):
    """A team: its members sorted, who leads it, and the officer on call for it."""

    code: SquadId
    members: tuple[PersonId, ...]
    leader: PersonId
    officer: PersonId | None = None


class Candidates(Struct, frozen=True, kw_only=True):
    """Everything the draw depends on besides the seed. With `squads` given, none are formed."""

    hosts: tuple[Host, ...]
    members: tuple[Member, ...]
    days: tuple[dt.date, ...]
    squads: tuple[Squad, ...] = ()
    squad_count: int = 0
    interests: tuple[tuple[PersonId, UnitId], ...] = ()
    last_year: tuple[tuple[UnitId, tuple[PersonId, ...]], ...] = ()
    members_min: int = 2
    visits_per_day_max: int = 2
    repeat_people_max: int = 1


Rule = Literal[
    "squad_too_small", "nobody_experienced", "own_unit", "parent_unit", "interest",
    "same_as_last_year", "reciprocal", "days_full",
]  # fmt: skip


class Exclusion(Struct, frozen=True, kw_only=True):
    """Why a squad may not visit a unit: the rule, and the people or units that make it apply."""

    squad: SquadId
    rule: Rule
    because: tuple[str, ...] = ()


class Assignment(Struct, frozen=True, kw_only=True):
    """One visit: which squad, on which day, as which of its visits that day (from 1)."""

    unit: UnitId
    squad: SquadId
    day: dt.date
    turn: int = 1


class Explained(Struct, frozen=True, kw_only=True):
    """A unit with every squad that may not visit it, and why. A forced choice names the one that may."""

    unit: UnitId
    exclusions: tuple[Exclusion, ...]
    squad: SquadId | None = None


class DrawResult(Struct, frozen=True, kw_only=True):
    """What was drawn, and all that is needed to draw it again. Rows are sorted by code."""

    method: str
    seed: str
    inputs_hash: str
    attempt: int
    squads: tuple[Squad, ...]
    assignments: tuple[Assignment, ...]
    forced: tuple[Explained, ...] = ()
    infeasible: tuple[Explained, ...] = ()


class Violation(Struct, frozen=True, kw_only=True):
    """A rule that a result breaks, where, and how."""

    rule: str
    where: str
    how: str = ""
