"""A tablet's folder as after enrolment and a first exchange: made-up visits, the default checklist, colleagues.

The store, the verbs and every operation are real; only the server's part (assigning, telling news) is
done by hand, so that screens can be looked at without one.
"""

import itertools
import random
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from mobile.actions import Desk
from mobile.settling import Journal, Reading, Settlement, Verdict
from mobile.store import Store
from mobile.store_file import Identity
from mobile.vault import Vault
from shared_schema.checklist import Checklist, checklist_hash, to_bytes
from shared_schema.checklist_reader import parse
from shared_schema.ids import InspectionId, PersonId
from shared_schema.operations import AnswerValue
from shared_schema.wire import Assignment, EarlierFinding, InventoryDevice, Lead, Member

CHECKLIST = Path(__file__).resolve().parents[2] / "server/demo/checklist.yaml"
MORNING_MS = 1_795_222_800_000  # 2026-11-21 09:00 in China

LEADER, SECOND, THIRD = PersonId("p-chen"), PersonId("p-lin"), PersonId("p-zhao")
MEMBERS = (
    Member(LEADER, "陈向东", "Chen Xiangdong", "leader"),
    Member(SECOND, "林晓喆", "Lin Xiaozhe", "inspector"),
    Member(THIRD, "赵敏", "Zhao Min", "inspector"),
)
VISIT = InspectionId("visit-heping")
BLIND = InspectionId("visit-school")
LEADS = {
    "visit-archive": (
        Lead("lead-1", "阅览室有一台计算机未列入台账，请现场核对登记编号。", "E01", "线索 2026-7 号"),
        Lead("lead-2", "值班交接本二月份缺页，请查看原件。"),
    )
}
"""What the coordinator told of some visits."""
UNITS = (
    ("visit-heping", "和平街道办事处", "Heping Subdistrict Office", "street", "青年路 18 号", "2026-11-22"),
    ("visit-archive", "区档案馆", "District Archives", "institution", "文昌街 3 号 2 层", "2026-11-22"),
    ("visit-finance", "区财政局", "District Finance Bureau", "bureau", "中心大道 6 号", "2026-11-24"),
    (
        "visit-school",
        "区第一中学",
        "District No. 1 Middle School",
        "institution",
        "学府路 41 号",
        "2026-11-25",
    ),
    ("visit-water", "区水务局", "District Water Authority", "bureau", "滨河路 128 号", "2026-11-26"),
)


@cache
def checklist() -> Checklist:
    """The default checklist, with one clause at the inspector's discretion: it has none of its own."""
    data = yaml.safe_load(CHECKLIST.read_text(encoding="utf-8"))
    clause = data["sections"][0]["items"][1]["rule"]["clauses"][1]
    del clause["deduct"]
    clause["range"] = {"min": "0.2", "max": "0.8", "step": "0.1"}
    return parse(data)


class Stage(NamedTuple):
    """One tablet's folder with what is in it."""

    folder: Path
    device: str

    def open(self) -> tuple[Store, Desk]:
        """The store and its verbs, for playing a colleague."""
        vault = Vault.headless(self.folder)
        store = Store.open(self.folder / "tablet.db", vault)
        made = store.head().seq
        rng = random.Random(f"{self.device} {made}")
        ticks = itertools.count(MORNING_MS + made * 97_000, 97_000)
        return store, Desk(store, rng.randbytes, lambda: next(ticks))


def set_up(
    folder: Path, device: str = "tab-1", *, units: int = len(UNITS), of: Checklist | None = None
) -> Stage:
    """An enrolled tablet that has exchanged once: its squad's visits and their checklist."""
    folder.mkdir(parents=True, exist_ok=True)
    vault = Vault.headless(folder)
    rng = random.Random(f"{device} key")
    vault.make_key(rng.randbytes(32))
    store = Store.open(folder / "tablet.db", vault)
    enrol(store, device, units=units, of=of)
    store.close()
    return Stage(folder, device)


def enrol(store: Store, device: str, *, units: int = len(UNITS), of: Checklist | None = None) -> None:
    """What enrolment and a first exchange bring into a new store."""
    store.enrol(Identity(device, "server-demo", "squad-3"), f"epoch-{device}")
    asked = of or checklist()
    hash_, content = checklist_hash(asked), to_bytes(asked)
    store.settle(
        Settlement(
            journal=Journal(last_success_ms=MORNING_MS),
            assignments=[assignment(*unit, hash_=hash_) for unit in UNITS[:units]],
            checklists=[(hash_, content)],
        )
    )


def assignment(
    inspection: str, zh: str, en: str, kind: str, address: str, date: str, *, hash_: str
) -> Assignment:
    """One of the squad's visits."""
    return Assignment(
        inspection=inspection,
        campaign="c-2026",
        campaign_zh="2026 年度保密互查",
        campaign_en="Peer inspection 2026",
        unit=f"unit-{inspection}",
        unit_zh=zh,
        unit_en=en,
        unit_kind=kind,
        address=address,
        contact="办公室 王老师 022-2488 0000",
        profile={"has_classification_power": False, "has_topsecret": True},
        squad="squad-3",
        squad_zh="第三检查组",
        squad_en="Squad 3",
        members=MEMBERS,
        planned_date=date,
        checklist=hash_,
        inventory=tuple(
            InventoryDevice(f"{'SM' if n < 6 else 'FM'}-{n:03}", n < 6, "办公室", "台式机")
            for n in range(1, 21)
        ),
        leads=LEADS.get(inspection, ()),
        blind=inspection == BLIND,
        earlier=(EarlierFinding("F-2025-7", 2025, "E01", "一台非涉密计算机未装防护软件", open=True),),
    )


def tell(
    stage: Stage,
    inspection: str,
    *operations: bytes,
    cursor: int = 1,
    refused: tuple[str, str, dict[str, str]] | None = None,
) -> None:
    """What an exchange would bring: colleagues' operations, and what became of this tablet's own."""
    store, _ = stage.open()
    own = [
        Verdict(one.id, "accepted")
        for one in store.outbox(1000, 10**7)
        if refused is None or one.id != refused[0]
    ]
    if refused is not None:
        op, problem, facts = refused
        own.append(Verdict(op, "refused", problem, facts))
    store.settle(
        Settlement(
            journal=Journal(last_success_ms=MORNING_MS + 3_600_000),
            verdicts=own,
            news=[Reading(inspection, cursor, operations, "")],
        )
    )
    store.close()


def outbox(stage: Stage) -> list[bytes]:
    """All operations of a tablet that were not sent."""
    store, _ = stage.open()
    raws = [one.raw for one in store.outbox(1000, 10**7)]
    store.close()
    return raws


def answer(
    desk: Desk, person: PersonId, answers: dict[str, AnswerValue], visit: InspectionId = VISIT
) -> None:
    """Answers several items."""
    for item, value in answers.items():
        desk.answer(person, visit, item, value)


def open_visit(desk: Desk, visit: InspectionId = VISIT) -> None:
    """The leader opens the visit with everybody there."""
    desk.open_visit(
        LEADER,
        visit,
        members=[member.person for member in MEMBERS],  # type: ignore[misc]
        task_letter_shown=True,
        recusal_asked=True,
    )
