"""A visit to practise on, in a store of its own that no exchange ever reads and that is deleted at the end.

The real tablet's store is not touched: the practice has its own file under the same keys, its own identity, epoch and
made-up squad, and no server. So nothing recorded in it can reach anybody, whatever is tapped.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mobile.actions import Desk
from mobile.settling import Journal, Settlement
from mobile.store import Store
from mobile.store_file import Identity
from mobile.vault import Vault
from shared_schema.checklist import checklist_hash, to_bytes
from shared_schema.checklist_reader import parse
from shared_schema.ids import InspectionId, PersonId
from shared_schema.operations import Count, YesNo
from shared_schema.wire import Assignment, EarlierFinding, InventoryDevice, Lead, Member

FILE = "practice.db"
VISIT = InspectionId("practice")
LEADER, SECOND, THIRD = PersonId("practice-1"), PersonId("practice-2"), PersonId("practice-3")


class Practice(NamedTuple):
    """A practice under way."""

    store: Store
    desk: Desk
    end: Callable[[], None]
    """Closes its store and deletes it."""


def begin(folder: Path, vault: Vault, entropy: Callable[[int], bytes], clock: Callable[[], int]) -> Practice:
    """A fresh visit: opened, with a colleague who differs on one item, a lead, and a finding of last year."""
    sweep(folder)
    store = Store.open(folder / FILE, vault)
    store.enrol(Identity("practice", "practice", "practice"), "practice")
    checklist = parse(CHECKLIST)
    hash_ = checklist_hash(checklist)
    store.settle(
        Settlement(
            journal=Journal(),
            assignments=[_assignment(hash_)],
            checklists=[(hash_, to_bytes(checklist))],
        )
    )
    desk = Desk(store, entropy, clock)
    desk.open_visit(
        LEADER, VISIT, members=[LEADER, SECOND, THIRD], task_letter_shown=True, recusal_asked=True
    )
    desk.answer(SECOND, VISIT, "P01", YesNo(ok=False))
    desk.answer(THIRD, VISIT, "P01", YesNo(ok=True), seen=())
    desk.answer(SECOND, VISIT, "P02", Count(2))
    desk.not_applicable(SECOND, VISIT, "P06", "no_power", "无定密权，由上级代定。")

    def end() -> None:
        store.close()
        sweep(folder)

    return Practice(store, desk, end)


def sweep(folder: Path) -> None:
    """Deletes what a practice left behind when the tablet was switched off in the middle of it."""
    for one in folder.glob(f"{FILE}*"):
        one.unlink()


def _assignment(checklist: str) -> Assignment:
    return Assignment(
        inspection=VISIT,
        campaign="practice",
        campaign_zh="练习",
        campaign_en="Practice",
        unit="practice",
        unit_zh="练习单位",
        unit_en="Practice unit",
        unit_kind="bureau",
        address="练习路 1 号",
        contact="",
        profile={},
        squad="practice",
        squad_zh="练习小组",
        squad_en="Practice squad",
        members=(
            Member(LEADER, "练习组长", "Practice leader", "leader"),
            Member(SECOND, "练习组员甲", "Practice member A", "inspector"),
            Member(THIRD, "练习组员乙", "Practice member B", "inspector"),
        ),
        planned_date="",
        checklist=checklist,
        inventory=tuple(InventoryDevice(f"LX-{n:03}", n < 4, "办公室", "desktop") for n in range(1, 11)),
        earlier=(EarlierFinding("practice-old", 2025, "P02", "两份内部材料未登记去向", open=True),),
        leads=(Lead("practice-lead", "值班交接本缺页，请查看原件。", "P02", "练习 1 号"),),
    )


def _item(id_: str, zh: str, en: str, response: str, rule: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "zh": zh, "en": en, "method": ["doc"], "basis": [], "evidence": ["note"], "photo": "forbidden",
        "response": response, "max": "2", "na": [], "rule": rule, **more,
    }  # fmt: skip


CHECKLIST: dict[str, Any] = {
    "schema": "bm-checklist/1",
    "checklist": {
        "code": "PRACTICE",
        "version": "1",
        "title": {"zh": "练习清单", "en": "Practice checklist"},
        "audience": {"zh": "练习", "en": "Practice"},
        "total_points": "14",
        "scoring": {
            "arithmetic": "decimal",
            "na_policy": "renormalise",
            "na_requires_reason": True,
            "min_sample_rule": "sample_or_all",
            "item_floor": "0",
            "section_floor": "0",
            "aggravating_stage": "before_normalise",
            "total_floor": "0",
            "total_cap": "100",
            "rounding": {"mode": "half_up", "places": 2},
            "grade_on": "rounded",
            "grades": [
                {"code": "conform", "min": "90", "zh": "符合要求", "en": "Conforms"},
                {"code": "basic", "min": "80", "zh": "基本符合要求", "en": "Basically conforms"},
                {"code": "nonconform", "min": "0", "zh": "不符合要求", "en": "Does not conform"},
            ],
            "gates": [],
            "duplicate_facts": "charge_once",
            "bonus_cap": "1",
            "bonus_enabled_default": False,
        },
    },
    "enums": {
        "method": {"doc": {"zh": "查阅资料", "en": "Document review"}},
        "evidence": {"note": {"zh": "文字记录", "en": "Written note"}},
        "photo": {"forbidden": {"zh": "禁止拍照", "en": "No camera"}},
        "response": {
            "yes_no": {"zh": "是/否", "en": "Yes / no"},
            "count": {"zh": "计数", "en": "Count"},
            "clauses": {"zh": "逐项勾选", "en": "Tick each that applies"},
            "ratio": {"zh": "符合数/抽样数", "en": "Conforming / sampled"},
            "percent": {"zh": "比率", "en": "Rate"},
            "shortfall": {"zh": "实际次数", "en": "Times done"},
        },
        "na_reason": {"no_power": {"zh": "无定密权限", "en": "No classification authority"}},
    },
    "sections": [
        {
            "id": "P",
            "points": "14",
            "title": {"zh": "各种作答方式", "en": "Every kind of answer"},
            "reg58": [1],
            "items": [
                _item(
                    "P01", "符合或不符合：两名组员看法不同，请解决分歧", "Met or not: two members differ, settle it",
                    "yes_no", {"type": "binary"},
                ),
                _item(
                    "P02", "数量：发现几处就记几处，并记录一个问题", "A count: how many; record a finding too",
                    "count", {"type": "per_occurrence", "deduct": "0.5", "unit": "处"},
                ),
                _item(
                    "P03", "逐项情形：勾选存在的情形，酌情的写理由", "Clauses: tick what applies; say why",
                    "clauses",
                    {
                        "type": "clauses",
                        "clauses": [
                            {"id": "a", "zh": "未组织检查", "en": "organised no check", "deduct": "0.5"},
                            {
                                "id": "b", "zh": "问题未跟进（酌情）", "en": "did not follow up (discretion)",
                                "range": {"min": "0.2", "max": "0.8", "step": "0.1"},
                            },
                        ],
                    },
                ),
                _item(
                    "P04", "抽查比例：抽查几份，其中几份符合", "A sampled share: how many, and how many conform",
                    "ratio", {"type": "ratio", "min_sample": 3, "step": "0.1"},
                ),
                _item(
                    "P05", "实际次数：应做四次，做了几次", "Times: four are required, how many were done",
                    "shortfall", {"type": "shortfall", "required": 4, "deduct": "0.5", "unit": "次"},
                ),
                _item(
                    "P06", "不适用：组员甲已标注，请确认或换人确认", "N/A: member A marked it; consent to it",
                    "yes_no", {"type": "binary"}, na=["no_power"],
                ),
                _item(
                    "P07", "符合或不符合：点错了，试试底部的“撤销”", "Met or not: tap wrongly, then try Undo",
                    "yes_no", {"type": "binary"},
                ),
            ],
        }
    ],
    "aggravating": [
        {
            "id": "X01", "deduct": "4", "unit": "起", "sensitive": True, "basis": [],
            "zh": "加重扣分：只记次数和纸质记录编号", "en": "Aggravating: only count and paper number",
        }
    ],
    "vetoes": [],
    "bonus": [],
}  # fmt: skip
"""One item of every kind; nothing of a real checklist."""
