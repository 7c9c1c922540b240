"""A plan's registers, campaign, squads and inspections, put into a database."""

import msgspec

from server.planning.campaign import Plan
from server.planning.double_scoring import chosen
from server.planning.records import LastFinding, Unit
from server.storage import briefing, console_reads, registers
from server.storage.database import Connection
from shared_schema.checklist import checklist_hash, to_bytes
from shared_schema.problems import Problem

FLAGS = (
    "has_classification_power", "has_topsecret", "has_system", "has_key_area", "has_secret", "first_year",
)  # fmt: skip


def enter(conn: Connection, plan: Plan) -> bool:
    """Puts a plan into the database, with its share of visits scored blind; whether the campaign is new.

    One that is there keeps its draw and all that was done since: only names, addresses, people and inventories follow
    the registers. Raises campaign_drawn where the registers would now give another draw.
    """
    standing = console_reads.draw_of(conn, plan.code)
    if standing is None:
        register(conn, plan)
        _score_blind(conn, plan)
        return True
    # As plain data: one that was entered otherwise, or by another version, is another draw and no error.
    if msgspec.json.decode(standing or "null") != msgspec.json.decode(msgspec.json.encode(plan.drawn)):
        raise Problem("campaign_drawn", campaign=plan.code)
    _units_and_people(conn, plan)
    return False


def register(conn: Connection, plan: Plan) -> None:
    """Puts units, people, inventories and open findings into the registers, then the campaign with all its visits."""
    _units_and_people(conn, plan)
    _findings(conn, plan)
    _campaign(conn, plan)
    _squads(conn, plan)


def _score_blind(conn: Connection, plan: Plan) -> None:
    """The share that the season asks for, chosen as the console chooses it."""
    ids = [plan.inspection(visit) for team in plan.teams for visit in team.visits]
    percent = plan.registers.season.policy.double_score_percent
    briefing.score_blind(conn, chosen(ids, percent, plan.code), blind=True)


def profile_of(unit: Unit) -> dict[str, bool]:
    """What the unit has, by flag."""
    return {flag: getattr(unit, flag) for flag in FLAGS}


def earlier_id(found: LastFinding) -> str:
    """How a finding of last year is named."""
    return f"E{found.found_on.year}-{found.unit}-{found.item}"


def _units_and_people(conn: Connection, plan: Plan) -> None:
    registers.put_units(
        conn,
        [
            {
                "id": unit.code,
                "name_zh": unit.name_zh,
                "name_en": unit.name_en,
                "kind": unit.kind,
                "parent_area": unit.parent_area,
                "parent_system": unit.parent_system,
                "address": unit.address,
                "contact": unit.contact,
                "profile": profile_of(unit),
            }
            for unit in plan.registers.units
        ],
    )
    registers.put_people(
        conn,
        [
            {
                "id": person.id,
                "name_zh": person.name_zh,
                "name_en": person.name_en,
                "unit": person.unit,
                "experienced": person.experienced,
                "certified_no": person.certified_no,
                "certified_until": "" if person.valid_to is None else person.valid_to.isoformat(),
            }
            for person in plan.registers.people
        ],
    )
    registers.put_inventory(conn, [msgspec.to_builtins(device) for device in plan.registers.inventory])


def _findings(conn: Connection, plan: Plan) -> None:
    registers.put_earlier_findings(
        conn,
        [
            {
                "id": earlier_id(found),
                "unit": found.unit,
                "year": found.found_on.year,
                "item": found.item,
                "fact": found.fact_zh,
                "open": True,
            }
            for found in plan.registers.last_findings
        ],
    )


def _campaign(conn: Connection, plan: Plan) -> None:
    season, checklist = plan.registers.season, plan.checklist
    named = checklist_hash(checklist)
    registers.put_checklist(conn, to_bytes(checklist))
    registers.put_campaign(
        conn,
        {
            "id": season.campaign.code,
            "year": season.campaign.year,
            "kind": season.campaign.kind,
            "title_zh": season.campaign.title.zh,
            "title_en": season.campaign.title.en,
            "checklist": named,
            "state": "open",
            "draw_seed": plan.drawn.seed,
            "draw": msgspec.to_builtins(plan.drawn),
            "watermark": season.campaign.watermark,
            "screening": season.campaign.screening,
        },
    )


def _squads(conn: Connection, plan: Plan) -> None:
    season, named = plan.registers.season, checklist_hash(plan.checklist)
    for team in plan.teams:
        squad = {
            "id": team.squad,
            "campaign": season.campaign.code,
            "name_zh": team.name_zh,
            "name_en": team.name_en,
        }
        members = [{"squad": team.squad, "person": one.person.id, "role": one.role} for one in team.members]
        registers.put_squads(conn, [squad], members)
        registers.put_inspections(
            conn,
            [
                {
                    "id": plan.inspection(visit),
                    "campaign": season.campaign.code,
                    "unit": visit.unit,
                    "squad": team.squad,
                    "planned_date": visit.day.isoformat(),
                    "checklist": named,
                    "responsible_person": team.members[0].person.id,
                }
                for visit in team.visits
            ],
        )
