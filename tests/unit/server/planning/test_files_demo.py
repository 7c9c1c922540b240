"""Facts about the demonstration season: its numbers, and that its files agree with each other."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

import server.demo
from server.planning.files import Registers, read_accounts, read_registers
from server.planning.records import Unit

DEMO = Path(server.demo.__path__[0])
FIXTURES = Path(__file__).parents[3] / "data"

# Which part of a unit's profile makes an item not apply, by the reason the checklist gives.
PRESENT = {
    "no_power": "has_classification_power",
    "no_topsecret": "has_topsecret",
    "no_system": "has_system",
    "no_area": "has_key_area",
    "no_secret": "has_secret",
}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def registers() -> Registers:
    return read_registers(DEMO)


@pytest.fixture(scope="module")
def checklist() -> Any:
    return load(DEMO / "checklist.yaml")


@pytest.fixture(scope="module")
def items(checklist: Any) -> dict[str, Any]:
    return {item["id"]: item for section in checklist["sections"] for item in section["items"]}


@pytest.fixture(scope="module")
def phrases() -> Any:
    return load(DEMO / "phrases.yaml")


def applies(item: dict[str, Any], unit: Unit) -> bool:
    return all(getattr(unit, PRESENT[reason]) for reason in item["na"] if reason in PRESENT)


def test_there_are_82_units_30_people_3_officers_and_8_squads(registers: Registers) -> None:
    roles = Counter(person.role for person in registers.people)
    assert len(registers.units) == registers.season.campaign.visits == 82
    assert sum(roles.values()) - roles["officer"] == 30
    assert roles["officer"] == 3
    assert roles["leader"] == registers.season.draw.squads == 8


def test_there_are_55_classified_and_620_ordinary_computers(registers: Registers) -> None:
    counted = Counter(device.classified for device in registers.inventory)
    assert counted == {True: 55, False: 620}
    assert {device.unit for device in registers.inventory} == {unit.code for unit in registers.units}


def test_most_streets_hold_no_secrets_and_what_needs_secrets_is_where_they_are(registers: Registers) -> None:
    streets = [unit for unit in registers.units if unit.kind == "street"]
    assert sum(unit.has_secret for unit in streets) * 2 < len(streets)
    for unit in registers.units:
        special = (unit.has_classification_power, unit.has_topsecret, unit.has_system, unit.has_key_area)
        assert unit.has_secret or not any(special)


def test_tables_are_sorted_by_their_codes(registers: Registers) -> None:
    for codes in (
        [unit.code for unit in registers.units],
        [person.id for person in registers.people],
        [account.login for account in read_accounts(DEMO / "accounts.csv")],
        [(interest.person, interest.unit) for interest in registers.interests],
        [visit.unit for visit in registers.last_visits],
        [(finding.unit, finding.item) for finding in registers.last_findings],
        [(device.unit, not device.classified, device.register_no) for device in registers.inventory],
    ):
        assert codes == sorted(codes)


def test_some_units_have_a_parent_among_the_82(registers: Registers) -> None:
    codes = {unit.code for unit in registers.units}
    assert sum(unit.parent_system in codes for unit in registers.units) > 10


def test_last_year_everybody_but_newcomers_was_visited_by_people_from_elsewhere(registers: Registers) -> None:
    units = {unit.code: unit for unit in registers.units}
    homes = {person.id: person.unit for person in registers.people}
    visited = {visit.unit for visit in registers.last_visits}
    assert visited == {unit.code for unit in registers.units if not unit.first_year}
    for visit in registers.last_visits:
        for home in (homes[person] for person in visit.people):
            assert home != visit.unit
            assert home != units[visit.unit].parent_system
            assert units[home].parent_system != visit.unit


def test_open_findings_are_on_items_that_apply_and_on_the_day_of_last_years_visit(
    registers: Registers, items: dict[str, Any]
) -> None:
    units = {unit.code: unit for unit in registers.units}
    days = {visit.unit: visit.inspected_on for visit in registers.last_visits}
    for finding in registers.last_findings:
        assert applies(items[finding.item], units[finding.unit])
        assert finding.found_on == days[finding.unit]


def test_emphasis_and_last_years_counters_fit(registers: Registers, items: dict[str, Any]) -> None:
    season = registers.season
    assert set(season.campaign.emphasis) <= set(items)
    assert season.last_year.units_inspected == len(registers.last_visits)


def test_no_coordinator_evaluates() -> None:
    accounts = read_accounts(DEMO / "accounts.csv")
    roles = Counter(account.role for account in accounts)
    assert roles == {"coordinator": 2, "evaluator": 2, "sysadmin": 1, "secadmin": 1, "auditor": 1}
    assert len({account.name for account in accounts}) == len(accounts)


# --- checklist -------------------------------------------------------------------------------------


def test_the_mended_checklist_differs_from_the_worked_one_in_texts_only(checklist: Any) -> None:
    mended, worked = checklist, load(FIXTURES / "checklist_default.yaml")
    assert (mended["checklist"].pop("version"), worked["checklist"].pop("version")) == ("1.0.1", "1.0.0")
    grades = [each["checklist"]["scoring"].pop("grades") for each in (mended, worked)]
    assert [[(grade["code"], grade["min"]) for grade in rows] for rows in grades] == [
        [("conform", "90"), ("basic", "80"), ("nonconform", "0")]
    ] * 2
    responses = [each["enums"].pop("response") for each in (mended, worked)]
    assert [{code: text["zh"] for code, text in rows.items()} for rows in responses] == [
        {code: text["zh"] for code, text in responses[0].items()}
    ] * 2
    assert mended == worked


def test_every_chinese_text_has_its_english_twin_and_holds_no_english() -> None:
    def twins(node: Any) -> list[Any]:
        if isinstance(node, list):
            return [found for each in node for found in twins(each)]
        if not isinstance(node, dict):
            return []
        own = [node] if "zh" in node or "en" in node else []
        return own + [found for each in node.values() for found in twins(each)]

    for name in ("checklist.yaml", "phrases.yaml", "season.yaml"):
        found = twins(load(DEMO / name))
        assert found
        for text in found:
            assert text["zh"], text
            assert text["en"], text
            assert " en: " not in text["zh"]
            assert not any("一" <= sign <= "鿿" for sign in text["en"]), text


# --- phrases ---------------------------------------------------------------------------------------


def test_every_item_has_facts_and_every_clause_one_of_its_own(phrases: Any, items: dict[str, Any]) -> None:
    assert phrases["facts"].keys() == items.keys()
    for code, item in items.items():
        facts = phrases["facts"][code]
        clauses = [clause["id"] for clause in item["rule"].get("clauses", [])]
        assert [fact["clause"] for fact in facts if "clause" in fact] == clauses
        assert clauses or 1 <= len(facts) <= 3


def test_every_reason_for_not_applicable_has_an_explanation(phrases: Any, checklist: Any) -> None:
    assert phrases["na"].keys() == checklist["enums"]["na_reason"].keys()


def test_fixes_and_interviews_name_what_exists(phrases: Any, items: dict[str, Any]) -> None:
    assert phrases["fixes_on_the_spot"].keys() <= items.keys()
    assert phrases["interviews"].keys() == {"leader", "secret_post", "ex_military", "other"}
    assert phrases["unit_statements"].keys() == {"accept", "explain", "disagree"}
