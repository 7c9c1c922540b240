"""Reading a folder of registers (units, people, inventory …) and checking them against each other."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from server.planning.records import (
    Account,
    Interest,
    InventoryDevice,
    LastFinding,
    LastVisit,
    Person,
    Season,
    Unit,
)
from server.planning.tables import Table, read_struct, read_table
from shared_schema.ids import PersonId, UnitId

UNKNOWN_UNIT = "units.csv 中没有这个单位 / there is no such unit in units.csv"
UNKNOWN_PERSON = "people.csv 中没有这个人 / there is no such person in people.csv"


class Registers(NamedTuple):
    """Everything a campaign is planned from, as handed in and found to fit together."""

    season: Season
    units: list[Unit]
    people: list[Person]
    interests: list[Interest]
    inventory: list[InventoryDevice]
    last_visits: list[LastVisit]
    last_findings: list[LastFinding]


def read_registers(folder: Path) -> Registers:
    """All registers of a folder. Raises file_invalid at the first thing wrong, with its place and cure."""
    season = read_season(folder / "season.yaml")
    units = read_units(folder / "units.csv")
    codes = {unit.code for unit in units}
    people = read_people(folder / "people.csv", codes | {season.authority.code})
    ids = {person.id for person in people}
    return Registers(
        season=season,
        units=units,
        people=people,
        interests=read_interests(folder / "interests.csv", codes, ids),
        inventory=read_inventory(folder / "inventory.csv", units),
        last_visits=read_last_visits(folder / "last_year.csv", codes, ids),
        last_findings=read_last_findings(folder / "last_findings.csv", codes),
    )


def read_season(path: Path) -> Season:
    """The facts of the campaign."""
    return read_struct(path, Season)


def read_units(path: Path) -> list[Unit]:
    """Units; a profile that contradicts itself is not taken."""
    table = read_table(path, Unit)
    table.must_be_unique("code")
    table.must(
        "has_secret",
        lambda unit: (
            unit.has_secret or not (unit.has_classification_power or unit.has_topsecret or unit.has_system)
        ),
        "有定密权、绝密级载体或涉密系统的，应为 y / y is needed with power, top secrets or a system",
    )
    table.must(
        "parent_system",
        lambda unit: unit.code not in (unit.parent_area, unit.parent_system),
        "单位不能是自己的上级 / a unit cannot be its own parent",
    )
    return table.values()


def read_people(path: Path, homes: Collection[UnitId]) -> list[Person]:
    """The pool. Only officers have a certificate, and each has one."""
    table = read_table(path, Person)
    table.must_be_unique("id")
    table.must("unit", lambda person: person.unit in homes, UNKNOWN_UNIT)
    table.must(
        "certified_no",
        lambda person: (person.role == "officer") == bool(person.certified_no),
        "持证执法人员必须且只有他们填证号 / officers, and only they, have a number here",
    )
    table.must(
        "valid_to",
        lambda person: bool(person.certified_no) == (person.valid_to is not None),
        "有证号的须填有效期 / whoever has a number has a last valid day",
    )
    return table.values()


def read_accounts(path: Path) -> list[Account]:
    """Console accounts."""
    table = read_table(path, Account)
    table.must_be_unique("login")
    return table.values()


def read_interests(path: Path, units: Collection[UnitId], people: Collection[PersonId]) -> list[Interest]:
    """Declared interests."""
    table = read_table(path, Interest)
    table.must_be_unique("person", "unit")
    table.must("person", lambda row: row.person in people, UNKNOWN_PERSON)
    _must_know_unit(table, units)
    return table.values()


def read_inventory(path: Path, units: Collection[Unit]) -> list[InventoryDevice]:
    """Computers. A unit that holds no secrets has no classified ones."""
    table = read_table(path, InventoryDevice)
    table.must_be_unique("unit", "register_no")
    _must_know_unit(table, {unit.code for unit in units})
    holders = {unit.code for unit in units if unit.has_secret}
    table.must(
        "classified",
        lambda device: not device.classified or device.unit in holders,
        "该单位在 units.csv 中不持有涉密载体 / this unit holds no secrets according to units.csv",
    )
    return table.values()


def read_last_visits(path: Path, units: Collection[UnitId], people: Collection[PersonId]) -> list[LastVisit]:
    """Last year's visits: one row a unit, people separated by spaces."""
    table = read_table(path, LastVisit)
    table.must_be_unique("unit")
    _must_know_unit(table, units)
    table.must("people", lambda row: set(row.people) <= set(people), UNKNOWN_PERSON)
    return table.values()


def read_last_findings(path: Path, units: Collection[UnitId]) -> list[LastFinding]:
    """Findings of last year that are still open."""
    table = read_table(path, LastFinding)
    _must_know_unit(table, units)
    return table.values()


def _must_know_unit(
    table: Table[Interest] | Table[InventoryDevice] | Table[LastVisit] | Table[LastFinding],
    units: Collection[UnitId],
) -> None:
    table.must("unit", lambda row: row.unit in units, UNKNOWN_UNIT)
