"""The demonstration's season before anybody taps: the campaign, and its tablets. Pure but for reading files."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from server.demo.script import Member, Visit
from server.planning import campaign
from server.planning.files import Registers, read_accounts, read_season
from server.planning.records import Account, DrawResult, Person
from server.planning.yaml_marks import read_yaml
from shared_schema.checklist import Checklist
from shared_schema.ids import SquadId, make_id
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
    members: tuple[TeamMember, ...]
    visits: tuple[Visit, ...]


class Plan(NamedTuple):
    """The whole season as planned, and what is needed to play it."""

    campaign: campaign.Plan
    accounts: list[Account]
    phrases: dict[str, object]
    teams: tuple[Team, ...]
    seed: str

    @property
    def registers(self) -> Registers:
        """What the campaign is planned from."""
        return self.campaign.registers

    @property
    def checklist(self) -> Checklist:
        """What is asked."""
        return self.campaign.checklist

    @property
    def drawn(self) -> DrawResult:
        """Who visits whom."""
        return self.campaign.drawn


def make_plan(seed: int, folder: Path = HERE) -> Plan:
    """The plan for a seed. Raises file_invalid, checklist_invalid, draw_infeasible."""
    season = read_season(folder / "season.yaml")
    planned = campaign.make_plan(folder, f"{season.draw.seed}/{seed}")
    text = f"{planned.code}/{seed}"
    return Plan(
        campaign=planned,
        accounts=read_accounts(folder / "accounts.csv"),
        phrases=_yaml(folder / "phrases.yaml") | {"emphasis": list(season.campaign.emphasis)},
        teams=tuple(_team(planned, team, text) for team in planned.teams),
        seed=text,
    )


def _team(planned: campaign.Plan, team: campaign.Team, seed: str) -> Team:
    registers = planned.registers
    units = {unit.code: unit for unit in registers.units}
    members = tuple(_member(one, seed) for one in team.members)
    present = tuple(
        Member(one.person.id, one.role, one.person.name_zh) for one in members if one.role != "officer"
    )
    visits = tuple(
        Visit(
            inspection=planned.inspection(one),
            unit=units[one.unit],
            date=one.day,
            members=present,
            inventory=tuple(device for device in registers.inventory if device.unit == one.unit),
            earlier=tuple(found for found in registers.last_findings if found.unit == one.unit),
        )
        for one in team.visits
    )
    return Team(team.squad, members, visits)


def _yaml(path: Path) -> dict[str, object]:
    return dict(read_yaml(path.read_bytes(), path.name).data)


def _member(one: campaign.TeamMember, seed: str) -> TeamMember:
    code = make_id(sha256(f"{seed}/code/{one.person.id}".encode()).digest()[:16])[:10]
    return TeamMember(one.person, one.role, f"T{one.person.id.removeprefix('P')}", code)
