"""Issue: one thing wrong (or doubtful) in a checklist as it was written, with its place and its cure."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from shared_schema.locale.filling import fill
from shared_schema.problems import Language

Path = tuple[str | int, ...]


class Kind(NamedTuple):
    """What is wrong and what to do about it, in Chinese and English."""

    zh: str
    cure_zh: str
    en: str
    cure_en: str


KINDS: Mapping[str, Kind] = {
    "not_mapping": Kind("应为“键: 值”的映射", "按示例清单改写", "a mapping of keys and values is expected", "write it as in the default checklist"),
    "not_list": Kind("应为列表", "每项前加短横线，或写成 [ ]", "a list is expected", "start every entry with a dash, or use [ ]"),
    "not_text": Kind("应为文字", "填写文字，必要时加引号", "text is expected", "write text, in quotes where needed"),
    "not_whole": Kind("“{value}”不是 {least} 以上的整数", "填写不带小数的整数", "“{value}” is not a whole number from {least}", "write a whole number"),
    "not_switch": Kind("“{value}”不是 true 或 false", "填写 true 或 false", "“{value}” is neither true nor false", "write true or false"),
    "missing": Kind("缺少“{key}”", "补充“{key}”", "“{key}” is missing", "add “{key}”"),
    "missing_en": Kind("没有英文", "需要英文界面时补充 en", "there is no English text", "add en if the English screens are used"),
    "english_in_zh": Kind("引号位置有误，英文写进了中文：“{value}”；已按“{zh}”和“{en}”读取", "写成 zh: {zh}, en: {en}", "a quote is misplaced and puts the English into the Chinese text “{value}”; read as “{zh}” and “{en}”", "write zh: {zh}, en: {en}"),
    "unknown_key": Kind("不认识“{value}”{near_zh}", "可用：{allowed}", "“{value}” is not known here{near_en}", "one of: {allowed}"),
    "unknown_value": Kind("不认识“{value}”{near_zh}", "可用：{allowed}", "“{value}” is not known here{near_en}", "one of: {allowed}"),
    "float": Kind("{value} 未加引号，按二进制小数读入，无法保证精确", "给数字加引号：\"{value}\"", "{value} is unquoted and was read as a binary fraction, which is not exact", "quote it: \"{value}\""),
    "not_decimal": Kind("“{value}”不是小数", "写成带引号的小数，如 \"0.5\"", "“{value}” is not a decimal", "write a quoted decimal such as \"0.5\""),
    "out_of_range": Kind("{value} 不在允许范围（{allowed}）", "改为 {allowed}", "{value} is out of range ({allowed})", "make it {allowed}"),
    "bad_id": Kind("编号“{value}”含有不允许的字符或过长", "用 1 到 64 个字母、数字、_ . : -", "the id “{value}” has characters that ids cannot have, or is too long", "use 1 to 64 of letters, digits, _ . : -"),
    "duplicate_id": Kind("编号“{value}”重复", "改为不重复的编号", "the id “{value}” is used twice", "give it another id"),
    "section_points": Kind("本节标注 {stated} 分，各项合计 {sum} 分", "改节分值为 {sum}，或改各项分值", "the section states {stated} {stated:point|points}, its items make {sum}", "state {sum}, or change the items"),
    "total_points": Kind("总分标注 {stated} 分，各节合计 {sum} 分", "改总分为 {sum}，或改各节分值", "the total states {stated} {stated:point|points}, the sections make {sum}", "state {sum}, or change the sections"),
    "response_unfit": Kind("作答方式“{value}”与评分规则“{rule}”不符", "改为 response: {fit}", "the response “{value}” does not fit the rule “{rule}”", "write response: {fit}"),
    "clause_amount": Kind("条款须有 deduct 或 range 之一", "只写其中一个", "a clause has either deduct or range", "write exactly one of them"),
    "range_bounds": Kind("裁量幅度下限 {min} 大于上限 {max}", "对调上下限", "the range starts at {min}, above its end {max}", "swap them"),
    "range_step": Kind("幅度 {min} 至 {max} 不是步长 {step} 的整数倍", "调整步长或上下限", "from {min} to {max} is not a whole number of steps of {step}", "change the step or the bounds"),
    "tiers_order": Kind("分档界限 {value} 应小于上一档", "从高到低排列", "the tier from {value} is not below the one before", "sort the tiers from the highest down"),
    "tiers_points": Kind("该档得 {value} 分，不应高于上一档", "分档得分从高到低", "this tier earns {value}, more than the one before", "let points fall with the tiers"),
    "tiers_zero": Kind("分档没有 0 起的一档", "补一档 gte: \"0\"", "no tier starts at 0", "add a tier with gte: \"0\""),
    "step_of_max": Kind("分值 {max} 不是步长 {step} 的整数倍", "调整步长", "{max} {max:point is|points are} not a whole number of steps of {step}", "change the step"),
    "cap_idle": Kind("上限 {value} 不低于分值 {max}，不起作用", "删去或改低", "the cap {value} is not below the item's {max} and has no effect", "leave it out or lower it"),
    "grades_order": Kind("等级界限 {value} 应小于上一等级", "从高到低排列", "the grade from {value} is not below the one before", "sort the grades from the highest down"),
    "grades_zero": Kind("等级没有从 0 起的最低等级", "最后一个等级写 min: \"0\"", "the grades do not end at 0", "let the last grade have min: \"0\""),
    "floor": Kind("{value}：下限只能为 0（不出现负分）", "写 \"0\" 或删去", "{value}: floors are 0 (no negative points)", "write \"0\" or leave it out"),
    "gate_empty": Kind("门槛没有条件", "在 when 中写明条件", "the gate has no condition", "write one under when"),
    "gate_grade": Kind("门槛须有 max_grade 或 grade 之一", "只写其中一个", "a gate has either max_grade or grade", "write exactly one of them"),
    "gate_count": Kind("{value} 个不可能在 {size} 项中达到", "改小数目或增加检查项", "{value} can never be reached among {size} {size:item|items}", "lower the number or name more items"),
    "no_items": Kind("没有任何检查项", "至少写一个", "there is no item", "write at least one"),
    "key_none": Kind("门槛引用重点项，但没有检查项标明 key: true", "给重点项加 key: true", "the gate speaks of key items, and no item has key: true", "mark the key items with key: true"),
}  # fmt: skip


class Issue(NamedTuple):
    """One thing wrong at `path` of the written checklist, within `item` where it lies in one."""

    kind: str
    path: Path
    item: str
    facts: Mapping[str, object]

    def what(self, language: Language = "zh") -> str:
        """What is wrong, for a person."""
        kind = KINDS[self.kind]
        return fill(kind.zh if language == "zh" else kind.en, self.facts)

    def cure(self, language: Language = "zh") -> str:
        """What to do about it."""
        kind = KINDS[self.kind]
        return fill(kind.cure_zh if language == "zh" else kind.cure_en, self.facts)

    @property
    def place(self) -> str:
        """The path as it reads in a file: `sections[0].items[2].max`."""
        text = ""
        for step in self.path:
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
        return text or "."

    def message(self, language: Language = "zh") -> str:
        """Place, item, what is wrong and its cure, in one line."""
        item = f" {self.item}" if self.item else ""
        between, end = ("：", "。") if language == "zh" else (": ", "; ")
        return f"{self.place}{item}{between}{self.what(language)}{end}{self.cure(language)}"


def nearest(value: object, allowed: list[str]) -> dict[str, object]:
    """The facts of a name that is not among the allowed ones: the nearest of them, and all."""
    close = get_close_matches(str(value).lower(), allowed, 1)
    near = ("", "") if not close else (f"，是否应为“{close[0]}”", f", did you mean “{close[0]}”")
    return {"value": value, "allowed": ", ".join(allowed), "near_zh": near[0], "near_en": near[1]}
