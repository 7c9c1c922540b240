"""What a season is played with: the campaign as planned, enrolment codes and accounts, put into a database."""

from server.access.accounts import SALT_BYTES, make_account
from server.access.devices import make_enrolment
from server.demo.plan import Plan, Team
from server.planning import registering
from server.storage import registers
from server.storage.database import Connection
from shared_schema.chance import Chance
from shared_schema.checklist import checklist_hash


def register(conn: Connection, plan: Plan, codes_until_ms: int) -> None:
    """Put everything the season starts from into the database."""
    registering.register(conn, plan.campaign)
    for team in plan.teams:
        for one in team.members:
            if one.role != "officer":  # on call for several squads, without a tablet of their own
                make_enrolment(conn, team.squad, one.code, one.tablet, codes_until_ms, holder=one.person.id)
    for account in plan.accounts:
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
