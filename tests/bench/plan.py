"""What a benchmark's server starts with: a large checklist, and squads with tablets and one inspection each."""

import random
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.storage import devices, registers
from server.storage.database import Connection
from server.storage.devices import DeviceRow
from shared_schema.checklist import Checklist, Item, checklist_hash, to_bytes
from shared_schema.ids import ID_BYTES, DeviceId, SquadId, make_id
from tests.contract.plan import CHECKLIST

TABLETS_PER_SQUAD = 2
"""Both work on the squad's one inspection."""


class Tablet(NamedTuple):
    """One tablet of the plan, with its key."""

    device: DeviceId
    squad: SquadId
    person: str
    inspection: str
    key: Ed25519PrivateKey


class Plan(NamedTuple):
    """The registers of a benchmark."""

    checklist: Checklist
    tablets: tuple[Tablet, ...]


def make_plan(tablets: int, items: int, rng: random.Random) -> Plan:
    """So many tablets, two a squad, under a checklist of so many items."""
    made = []
    for number in range(tablets):
        squad = number // TABLETS_PER_SQUAD
        made.append(
            Tablet(
                DeviceId(make_id(rng.randbytes(ID_BYTES))),
                SquadId(f"S-{squad}"),
                f"P-{squad}-{number % TABLETS_PER_SQUAD}",
                f"I-{squad}",
                Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)),
            )
        )
    return Plan(grown(CHECKLIST, items), tuple(made))


def grown(checklist: Checklist, items: int) -> Checklist:
    """The default checklist with its own items repeated under new ids, until it has so many."""
    pools = [list(section.items) for section in checklist.sections]
    wanted: list[list[Item]] = [[] for _ in pools]
    for number in range(items):
        at = number % len(pools)
        copy, place = divmod(len(wanted[at]), len(pools[at]))
        item = pools[at][place]
        wanted[at].append(msgspec.structs.replace(item, id=f"{item.id}-{copy}") if copy else item)
    sections = tuple(
        msgspec.structs.replace(section, items=tuple(mine), points=sum(item.max_points for item in mine))
        for section, mine in zip(checklist.sections, wanted, strict=True)
    )
    return msgspec.structs.replace(checklist, code="BENCH", sections=sections)


def enter(conn: Connection, plan: Plan) -> None:
    """Writes the plan into the registers."""
    used = checklist_hash(plan.checklist)
    registers.put_checklist(conn, to_bytes(plan.checklist))
    registers.put_campaign(
        conn,
        {"id": "C-1", "year": 2026, "kind": "peer", "title_zh": "测速", "title_en": "Benchmark", "checklist": used,
         "state": "open", "draw_seed": "", "draw": {}},
    )  # fmt: skip
    squads = {tablet.squad: tablet.inspection for tablet in plan.tablets}
    registers.put_units(
        conn,
        [
            {"id": f"U-{squad}", "name_zh": f"单位{squad}", "name_en": f"Unit {squad}", "kind": "bureau",
             "parent_area": "", "parent_system": "", "address": "人民路1号", "contact": "", "profile": {}}
            for squad in squads
        ],
    )  # fmt: skip
    registers.put_people(
        conn,
        [
            {"id": tablet.person, "name_zh": f"成员{tablet.person}", "name_en": f"Member {tablet.person}",
             "unit": "U-0", "experienced": True, "certified_no": "", "certified_until": ""}
            for tablet in plan.tablets
        ],
    )  # fmt: skip
    registers.put_squads(
        conn,
        [{"id": s, "campaign": "C-1", "name_zh": f"分队{s}", "name_en": f"Squad {s}"} for s in squads],
        [
            {"squad": one.squad, "person": one.person, "role": "leader" if one.person.endswith("-0") else "inspector"}
            for one in plan.tablets
        ],
    )  # fmt: skip
    registers.put_inspections(
        conn,
        [
            {"id": inspection, "campaign": "C-1", "unit": f"U-{squad}", "squad": squad, "planned_date": "2026-06-01",
             "checklist": used, "responsible_person": f"P-{squad.removeprefix('S-')}-0"}
            for squad, inspection in squads.items()
        ],
    )  # fmt: skip
    for tablet in plan.tablets:
        devices.add(
            conn,
            DeviceRow(
                id=tablet.device,
                squad=tablet.squad,
                name="",
                platform="bench",
                app="1",
                public_key=tablet.key.public_key().public_bytes_raw().hex(),
                enrolled_at_ms=0,
            ),
        )
