"""The season's registers, squads, inspections, enrolment codes and accounts, put into a database."""

import msgspec

from server.access.accounts import SALT_BYTES, make_account
from server.access.devices import make_enrolment
from server.demo.plan import Plan, Team, profile
from server.demo.script import earlier_id
from server.storage import registers
from server.storage.database import Connection
from shared_schema.chance import Chance
from shared_schema.checklist import checklist_hash, to_bytes


def register(conn: Connection, plan: Plan, codes_until_ms: int) -> None:
    """Put everything the season starts from into the database."""
    _people_and_units(conn, plan)
    _campaign(conn, plan)
    _squads(conn, plan, codes_until_ms)
    for account in plan.registers.accounts:
        make_account(
            conn,
            login=account.login,
            name=account.name,
            role=account.role,
            password=account.password,
            salt=Chance(f"{plan.seed}/salt/{account.login}").bytes(SALT_BYTES),
        )


def register_trial(conn: Connection, plan: Plan, team: Team) -> None:
    """A second campaign with three of a squad's units, not visited yet, for whoever wants to try a tablet."""
    season, named = plan.registers.season, checklist_hash(plan.checklist)
    campaign = f"{season.campaign.code}-TRY"
    registers.put_campaign(
        conn,
        {
            "id": campaign,
            "year": season.campaign.year,
            "kind": "special",
            "title_zh": "试用：三家待检查单位",
            "title_en": "Try it: three units to visit",
            "checklist": named,
            "state": "open",
            "draw_seed": "",
            "draw": {},
            "watermark": season.campaign.watermark,
            "screening": season.campaign.screening,
        },
    )
    registers.put_inspections(
        conn,
        [
            {
                "id": f"{campaign}-{visit.unit.code}",
                "campaign": campaign,
                "unit": visit.unit.code,
                "squad": team.squad,
                "planned_date": season.window.last.isoformat(),
                "checklist": named,
                "responsible_person": team.members[0].person.id,
            }
            for visit in team.visits[:3]
        ],
    )


def _people_and_units(conn: Connection, plan: Plan) -> None:
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
                "profile": profile(unit),
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


def _squads(conn: Connection, plan: Plan, codes_until_ms: int) -> None:
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
                    "id": visit.inspection,
                    "campaign": season.campaign.code,
                    "unit": visit.unit.code,
                    "squad": team.squad,
                    "planned_date": visit.date.isoformat(),
                    "checklist": named,
                    "responsible_person": team.members[0].person.id,
                }
                for visit in team.visits
            ],
        )
        for one in team.members:
            if one.role == "officer":
                continue  # on call for several squads, without a tablet of their own
            make_enrolment(conn, team.squad, one.code, one.tablet, codes_until_ms, holder=one.person.id)
