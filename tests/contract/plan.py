"""A small campaign in the registers: two squads of three, each with inspections, under the default checklist."""

from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.storage import devices, registers
from server.storage.database import Connection
from server.storage.devices import DeviceRow
from shared_schema.checklist import Checklist, checklist_hash, to_bytes
from shared_schema.checklist_reader import parse
from shared_schema.ids import DeviceId, SquadId

CHECKLIST: Checklist = parse(
    yaml.safe_load(
        (Path(__file__).parents[1] / "data" / "checklist_default.yaml").read_text(encoding="utf-8")
    )
)
HASH = checklist_hash(CHECKLIST)
SQUADS = ("S-1", "S-2")
INSPECTIONS_PER_SQUAD = 10


def inspection_id(squad: int, number: int) -> str:
    """The id of a squad's inspection: `inspection_id(1, 1)` is I-1, `inspection_id(2, 1)` is I-21."""
    return f"I-{(squad - 1) * 20 + number}"


def person_id(squad: int, number: int) -> str:
    """The id of a squad's member: P-1 to P-3 are of the first, P-21 … of the second; the first of each leads."""
    return f"P-{(squad - 1) * 20 + number}"


def device_id(squad: int, number: int) -> DeviceId:
    """The id of a squad's tablet: D-1 and D-2 are of the first, D-21 and D-22 of the second."""
    return DeviceId(f"D-{(squad - 1) * 20 + number}")


KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC_KEY = KEY.public_key().public_bytes_raw().hex()
"""All tablets of the small campaign have the same key."""


def plan(conn: Connection, *, public_key: str = PUBLIC_KEY) -> None:
    """Enters the campaign."""
    registers.put_checklist(conn, to_bytes(CHECKLIST))
    registers.put_campaign(
        conn,
        {
            "id": "C-1",
            "year": 2026,
            "kind": "peer",
            "title_zh": "二〇二六年度互查",
            "title_en": "Peer inspection 2026",
            "checklist": HASH,
            "state": "open",
            "draw_seed": "",
            "draw": {},
        },
    )
    for squad, name in enumerate(SQUADS, start=1):
        _squad(conn, squad, name, public_key)


def _squad(conn: Connection, squad: int, name: str, public_key: str) -> None:
    numbers = range(1, INSPECTIONS_PER_SQUAD + 1)
    registers.put_units(
        conn,
        [
            {"id": f"U-{inspection_id(squad, n)}", "name_zh": f"单位{n}", "name_en": f"Unit {n}", "kind": "bureau",
             "parent_area": "", "parent_system": "", "address": "人民路1号", "contact": "", "profile": {"key": n == 1}}
            for n in numbers
        ],
    )  # fmt: skip
    registers.put_people(
        conn,
        [
            {"id": person_id(squad, n), "name_zh": f"成员{n}", "name_en": f"Member {n}", "unit": "U-0",
             "experienced": True, "certified_no": "", "certified_until": ""}
            for n in (1, 2, 3)
        ],
    )  # fmt: skip
    members = [
        {"squad": name, "person": person_id(squad, n), "role": "leader" if n == 1 else "inspector"}
        for n in (1, 2, 3)
    ]
    registers.put_squads(
        conn,
        [{"id": name, "campaign": "C-1", "name_zh": f"第{squad}分队", "name_en": f"Squad {squad}"}],
        members,
    )
    registers.put_inspections(
        conn,
        [
            {"id": inspection_id(squad, n), "campaign": "C-1", "unit": f"U-{inspection_id(squad, n)}", "squad": name,
             "planned_date": "2026-06-01", "checklist": HASH, "responsible_person": person_id(squad, 1)}
            for n in numbers
        ],
    )  # fmt: skip
    registers.put_inventory(
        conn,
        [
            {"unit": f"U-{inspection_id(squad, n)}", "register_no": f"JX-{k:04}", "classified": k == 1,
             "department": "办公室", "kind": "desktop"}
            for n in numbers
            for k in range(1, 9)
        ],
    )  # fmt: skip
    for n in (1, 2):
        devices.add(
            conn,
            DeviceRow(
                id=device_id(squad, n),
                squad=SquadId(name),
                name=f"平板{n}",
                platform="linux",
                app="1",
                public_key=public_key,
                enrolled_at_ms=0,
            ),
        )
