"""The demonstration's season before anybody taps: registers, draw, squads and visits. Pure but for reading files."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from server.demo.script import Member, Visit
from server.planning.candidates import candidates_of
from server.planning.checklists import read_checklist
from server.planning.draw import draw
from server.planning.files import Registers, read_registers
from server.planning.records import DrawResult, Person, Unit
from server.planning.yaml_marks import read_yaml
from shared_schema.checklist import Checklist
from shared_schema.ids import PersonId, SquadId, make_id
from shared_schema.roles import Role

HERE = Path(__file__).parent


class TeamMember(NamedTuple):
    """One person of a squad, the role there, and the tablet held."""

    person: Person
    role: Role
    tablet: str
    code: str
    """The one-time code the tablet is enrolled with."""


class Team(NamedTuple):
    """One squad and its visits, in order of date."""

    squad: SquadId
    name_zh: str
    name_en: str
    members: tuple[TeamMember, ...]
    visits: tuple[Visit, ...]


class Plan(NamedTuple):
    """The whole season as planned."""

    registers: Registers
    checklist: Checklist
    phrases: dict[str, object]
    drawn: DrawResult
    teams: tuple[Team, ...]
    seed: str


def make_plan(seed: int, folder: Path = HERE) -> Plan:
    """The plan for a seed. Raises file_invalid, checklist_invalid, draw_infeasible."""
    registers = read_registers(folder)
    season = registers.season
    text = f"{season.campaign.code}/{seed}"
    path = folder / season.campaign.checklist
    checklist = read_checklist(path.read_bytes(), path.name)
    phrases = _yaml(folder / "phrases.yaml") | {"emphasis": list(season.campaign.emphasis)}
    candidates = candidates_of(
        registers.units,
        registers.people,
        registers.interests,
        registers.last_visits,
        season.draw,
        season.window.days(),
    )
    drawn = draw(candidates, f"{season.draw.seed}/{seed}")
    units = {unit.code: unit for unit in registers.units}
    people = {person.id: person for person in registers.people}
    teams = []
    for number, squad in enumerate(drawn.squads, start=1):
        ids = [squad.leader, *(one for one in squad.members if one != squad.leader)]
        members = tuple(_member(people[one], squad.leader, text) for one in ids)
        on_call = () if squad.officer is None else (_member(people[squad.officer], squad.leader, text),)
        visits = tuple(
            Visit(
                inspection=f"{season.campaign.code}-{one.unit}",
                unit=units[one.unit],
                date=one.day,
                members=tuple(Member(team.person.id, team.role, team.person.name_zh) for team in members),
                inventory=tuple(device for device in registers.inventory if device.unit == one.unit),
                earlier=tuple(found for found in registers.last_findings if found.unit == one.unit),
            )
            for one in sorted(drawn.assignments, key=lambda one: (one.day, one.turn, one.unit))
            if one.squad == squad.code
        )
        teams.append(Team(squad.code, f"第{number}检查组", f"Squad {number}", (*members, *on_call), visits))
    return Plan(registers, checklist, phrases, drawn, tuple(teams), text)


def _yaml(path: Path) -> dict[str, object]:
    return dict(read_yaml(path.read_bytes(), path.name).data)


def profile(unit: Unit) -> dict[str, bool]:
    """The unit's profile flags."""
    flags = (
        "has_classification_power",
        "has_topsecret",
        "has_system",
        "has_key_area",
        "has_secret",
        "first_year",
    )
    return {flag: getattr(unit, flag) for flag in flags}


def _member(person: Person, leader: PersonId, seed: str) -> TeamMember:
    role: Role = "leader" if person.id == leader else "inspector" if person.role == "leader" else person.role
    code = make_id(sha256(f"{seed}/code/{person.id}".encode()).digest()[:16])[:10]
    return TeamMember(person, role, f"T{person.id.removeprefix('P')}", code)
