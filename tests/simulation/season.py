"""The season a world plays in: a small checklist, two squads, their inspections and tablets; made once and copied."""

import atexit
import copy
import hashlib
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from mobile.store import Store
from mobile.store_file import Identity
from mobile.vault import Vault
from server.access.keys import public_keys
from server.storage import devices, registers
from server.storage.database import Connection, Database
from server.storage.migrations import server_id
from shared_schema.checklist import Checklist, to_bytes
from shared_schema.checklist_reader import parse
from shared_schema.ids import DeviceId, SquadId

START_MS = 1_793_600_000_000
"""A November morning in 2026, by the server's clock."""

CHECKLIST: dict[str, Any] = {
    "schema": "bm-checklist/1",
    "checklist": {
        "code": "SIM",
        "version": "1",
        "title": {"zh": "演练清单", "en": "A small checklist"},
        "total_points": "10",
        "scoring": {
            "na_policy": "renormalise",
            "aggravating_stage": "before_normalise",
            "duplicate_facts": "charge_once",
            "grades": [
                {"code": "conform", "min": "90", "zh": "符合", "en": "Conforms"},
                {"code": "basic", "min": "80", "zh": "基本符合", "en": "Basically"},
                {"code": "nonconform", "min": "0", "zh": "不符合", "en": "Does not conform"},
            ],
        },
    },
    "enums": {"na_reason": {"no_event": {"zh": "本年度未发生", "en": "Nothing of the kind"}}},
    "sections": [
        {
            "id": "A",
            "points": "6",
            "title": {"zh": "责任", "en": "Duties"},
            "items": [
                {
                    "id": "A01",
                    "zh": "部署",
                    "en": "Direction",
                    "response": "clauses",
                    "max": "2",
                    "na": [],
                    "photo": "forbidden",
                    "rule": {
                        "type": "clauses",
                        "clauses": [
                            {"id": "a", "zh": "无部署", "en": "none given", "deduct": "0.5"},
                            {"id": "b", "zh": "未听取", "en": "not heard", "deduct": "1"},
                        ],
                    },
                },
                {
                    "id": "A02",
                    "zh": "台账",
                    "en": "Registers",
                    "response": "count",
                    "max": "4",
                    "na": ["no_event"],
                    "photo": "scene_only",
                    "rule": {"type": "per_occurrence", "deduct": "1", "repeat_multiplier": "2"},
                },
            ],
        },
        {
            "id": "E",
            "points": "4",
            "title": {"zh": "设备", "en": "Devices"},
            "items": [
                {
                    "id": "E01",
                    "zh": "屏保",
                    "en": "Screen locks",
                    "response": "yes_no",
                    "max": "4",
                    "na": ["no_event"],
                    "photo": "forbidden",
                    "rule": {"type": "binary"},
                },
            ],
        },
    ],
    "aggravating": [{"id": "X01", "deduct": "1", "zh": "违规外联", "en": "Connected to a public network"}],
    "vetoes": [{"id": "V01", "grade": "nonconform", "zh": "重大泄密", "en": "A major leak"}],
}


def later_version(number: int) -> dict[str, Any]:
    """The checklist as it is changed in mid-campaign: other points, another order, one item more, and one less."""
    changed = copy.deepcopy(CHECKLIST)
    changed["checklist"]["version"] = str(number)
    duties, devices = changed["sections"]
    registers = duties["items"][1]
    registers["rule"]["deduct"] = "2" if number % 2 else "0.5"
    duties["items"].reverse()
    devices["items"][0]["max"] = "3"
    added = copy.deepcopy(devices["items"][0]) | {"id": f"E0{number}", "max": "1"}
    devices["items"].insert(0, added)
    if number % 2:
        duties["items"].remove(registers)
        duties["items"][0]["max"] = duties["points"]
    return changed


VERSIONS = (2, 3)
"""The later versions of the checklist."""

SQUADS: dict[str, tuple[str, ...]] = {"S-1": ("P-1", "P-2", "P-3", "P-4"), "S-2": ("P-5", "P-6", "P-7")}
"""The people of each squad; the first leads it, the fourth is a trainee."""
NOBODY = "S-0"
"""A squad without people or tablets, for what is assigned to nobody for a while."""
INSPECTIONS: dict[str, tuple[str, ...]] = {"S-1": ("I-1", "I-2", "I-3"), "S-2": ("I-4", "I-5")}
DEVICES: dict[str, tuple[str, ...]] = {
    "S-1": ("D-1", "D-2", "D-3", "D-4", "D-5"),
    "S-2": ("D-6", "D-7", "D-8", "D-9"),
}


@lru_cache(maxsize=1)
def checklist() -> Checklist:
    """The checklist, read by the real reader."""
    return parse(CHECKLIST)


@lru_cache(maxsize=len(VERSIONS))
def later(number: int) -> bytes:
    """A later version in its canonical bytes."""
    return to_bytes(parse(later_version(number)))


def roles(squad: str) -> dict[str, str]:
    """By person of a squad, the role."""
    names = ("leader", "inspector", "inspector", "trainee")
    return dict(zip(SQUADS[squad], names, strict=False))


def memory_folder() -> Path:
    """A new folder, in memory where the machine has such a place: syncing every commit costs nothing there."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="hucha-sim-", dir=memory if memory.is_dir() else None))


def make(folder: Path) -> None:
    """Writes the files of the season: `server.db`, and for each tablet its key and its enrolled store."""
    keys: dict[str, str] = {}
    with Database.open(f"sqlite:///{folder / 'server.db'}", entropy=bytes) as db:
        server = db.write(_register)
        known = db.read(public_keys)
        for squad, names in DEVICES.items():
            for device in names:
                vault = Vault.headless(folder / device)
                keys[device] = vault.make_key(hashlib.sha256(device.encode()).digest())
                store = Store.open(folder / device / "0.db", vault)
                store.enrol(Identity(device, server, squad, known.signing, known.sealing), f"{device}.e0")
                store.close()
        db.write(lambda conn: _admit(conn, keys))


def _register(conn: Connection) -> str:
    named = registers.put_checklist(conn, to_bytes(checklist()))
    campaign = {
        "id": "C-1",
        "year": 2026,
        "kind": "mutual",
        "title_zh": "互查",
        "title_en": "Peer inspection",
    }
    registers.put_campaign(
        conn,
        {**campaign, "checklist": named, "state": "open", "draw_seed": "", "draw": {}, "screening": True},
    )
    registers.put_units(conn, [_unit(one) for squad in INSPECTIONS for one in INSPECTIONS[squad]])
    registers.put_inventory(
        conn, [_computer(one, n) for some in INSPECTIONS.values() for one in some for n in (1, 2)]
    )
    registers.put_people(conn, [_person(person) for people in SQUADS.values() for person in people])
    registers.put_squads(
        conn,
        [{"id": squad, "campaign": "C-1", "name_zh": squad, "name_en": squad} for squad in (*SQUADS, NOBODY)],
        [
            {"squad": squad, "person": person, "role": role}
            for squad in SQUADS
            for person, role in roles(squad).items()
        ],
    )
    registers.put_inspections(
        conn,
        [
            {
                "id": one,
                "campaign": "C-1",
                "unit": f"U-{one}",
                "squad": squad,
                "planned_date": "2026-11-03",
                "checklist": named,
                "responsible_person": SQUADS[squad][0],
            }
            for squad, inspections in INSPECTIONS.items()
            for one in inspections
        ],
    )
    return server_id(conn)


def _admit(conn: Connection, keys: dict[str, str]) -> None:
    for squad, names in DEVICES.items():
        for device in names:
            row = devices.DeviceRow(
                id=DeviceId(device),
                squad=SquadId(squad),
                name=device,
                platform="linux",
                app="sim",
                public_key=keys[device],
                enrolled_at_ms=START_MS,
            )
            devices.add(conn, row)


def _unit(inspection: str) -> dict[str, object]:
    return {
        "id": f"U-{inspection}", "name_zh": "某局", "name_en": "A bureau", "kind": "bureau", "parent_area": "",
        "parent_system": "", "address": "", "contact": "", "profile": {},
    }  # fmt: skip


def _computer(inspection: str, number: int) -> dict[str, object]:
    return {
        "unit": f"U-{inspection}", "register_no": f"{inspection}-{number}", "classified": number == 1,
        "department": "办公室", "kind": "desktop",
    }  # fmt: skip


def _person(person: str) -> dict[str, object]:
    return {
        "id": person, "name_zh": person, "name_en": person, "unit": "U-I-1", "experienced": True,
        "certified_no": "", "certified_until": "",
    }  # fmt: skip


@lru_cache(maxsize=1)
def _template() -> Path:
    folder = memory_folder()
    make(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def copied() -> Path:
    """A new folder with the season's files."""
    folder = memory_folder()
    shutil.copytree(_template(), folder, dirs_exist_ok=True)
    return folder
