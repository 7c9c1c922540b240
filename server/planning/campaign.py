"""A campaign before anybody taps: registers, checklist, the draw, and who visits whom. Pure but for reading files."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from server.planning.candidates import candidates_of
from server.planning.checklists import read_checklist
from server.planning.draw import draw
from server.planning.files import Registers, read_registers
from server.planning.records import Assignment, DrawResult, Exclusion, Person, Rule
from shared_schema.checklist import Checklist
from shared_schema.ids import InspectionId, PersonId, SquadId
from shared_schema.problems import Problem
from shared_schema.roles import Role

EXCLUDED: Mapping[Rule, str] = {
    "squad_too_small": "可参加的组员太少 / too few members may come",
    "nobody_experienced": "没有有经验的组员可参加 / nobody experienced may come",
    "own_unit": "组员本单位 / a member's own unit",
    "parent_unit": "组员单位的上级或下级 / above or below a member's unit",
    "interest": "组员已申报回避 / a member declared an interest",
    "same_as_last_year": "去年来过的组员太多 / too many who came last year",
    "reciprocal": "对方正检查本组的单位 / its people visit a unit of this squad",
    "days_full": "没有空的日子 / no day left",
}


class TeamMember(NamedTuple):
    """One person of a squad, and the role there."""

    person: Person
    role: Role


class Team(NamedTuple):
    """One squad, its leader first and the officer on call last, and its visits in order of date."""

    squad: SquadId
    name_zh: str
    name_en: str
    members: tuple[TeamMember, ...]
    visits: tuple[Assignment, ...]


class Plan(NamedTuple):
    """The whole campaign as planned."""

    registers: Registers
    checklist: Checklist
    drawn: DrawResult
    teams: tuple[Team, ...]

    @property
    def code(self) -> str:
        """The campaign's code."""
        return self.registers.season.campaign.code

    def inspection(self, visit: Assignment) -> InspectionId:
        """What the inspection of a unit is called."""
        return InspectionId(f"{self.code}-{visit.unit}")


def make_plan(folder: Path, seed: str = "") -> Plan:
    """The plan from a folder of registers. Without a seed it is drawn with that of season.yaml.

    Raises file_invalid, checklist_invalid; and draw_infeasible with every squad's reason for the first unit that none
    may visit.
    """
    registers = read_registers(folder)
    season = registers.season
    path = folder / season.campaign.checklist
    checklist = read_checklist(path.read_bytes(), path.name)
    candidates = candidates_of(
        registers.units,
        registers.people,
        registers.interests,
        registers.last_visits,
        season.draw,
        season.window.days(),
    )
    drawn = draw(candidates, seed or season.draw.seed)
    for unit in drawn.infeasible:
        raise Problem("draw_infeasible", unit=unit.unit, reason="；".join(map(_said, unit.exclusions)))
    people = {person.id: person for person in registers.people}
    ordered = sorted(drawn.assignments, key=lambda one: (one.day, one.turn, one.unit))
    teams = []
    for number, squad in enumerate(drawn.squads, start=1):
        ids = [squad.leader, *(one for one in squad.members if one != squad.leader)]
        on_call = () if squad.officer is None else (squad.officer,)
        members = tuple(TeamMember(people[one], _role(people[one], squad.leader)) for one in (*ids, *on_call))
        visits = tuple(one for one in ordered if one.squad == squad.code)
        # A squad of another year may have the same code in its draw.
        name = SquadId(f"{season.campaign.code}-{squad.code}")
        teams.append(Team(name, f"第{number}检查组", f"Squad {number}", members, visits))
    return Plan(registers, checklist, drawn, tuple(teams))


def _said(one: Exclusion) -> str:
    because = f" ({', '.join(one.because)})" if one.because else ""
    return f"{one.squad}: {EXCLUDED[one.rule]}{because}"


def _role(person: Person, leader: PersonId) -> Role:
    """A person who may lead is an inspector in a squad that another leads."""
    return "leader" if person.id == leader else "inspector" if person.role == "leader" else person.role
