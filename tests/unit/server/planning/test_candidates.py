"""What of the registers the draw may know."""

import datetime as dt
from pathlib import Path

import msgspec

import server.demo
from server.planning.candidates import candidates_of
from server.planning.files import Registers, read_registers
from server.planning.records import Candidates, Host

DEMO = Path(server.demo.__path__[0])


def candidates_from(registers: Registers, *days: dt.date) -> Candidates:
    return candidates_of(
        registers.units,
        registers.people,
        registers.interests,
        registers.last_visits,
        registers.season.draw,
        days,
    )


def test_a_parent_that_is_a_unit_is_known_and_a_group_is_not() -> None:
    hosts = {host.code: host for host in candidates_from(read_registers(DEMO)).hosts}
    assert [code for code, host in hosts.items() if "U003" in host.parents] == ["U043", "U044", "U048"]
    assert not any(parent.startswith(("HD-", "SYS-")) for host in hosts.values() for parent in host.parents)


def test_the_home_of_the_officers_is_known_but_not_visited() -> None:
    hosts = candidates_from(read_registers(DEMO)).hosts
    assert hosts[-1] == Host(code=hosts[-1].code, visited=False)
    assert hosts[-1].code == "SA01"


def test_an_officer_whose_certificate_runs_out_is_left_out() -> None:
    registers = read_registers(DEMO)
    late = candidates_from(registers, dt.date(2027, 12, 30), dt.date(2028, 1, 3))
    assert [member.id for member in late.members if member.officer] == ["P032", "P033"]
    in_time = candidates_from(registers, dt.date(2027, 12, 31))
    assert len([member for member in in_time.members if member.officer]) == 3


def test_names_and_contacts_are_left_out() -> None:
    registers = read_registers(DEMO)
    text = msgspec.json.encode(candidates_from(registers)).decode()
    assert registers.people[0].name_zh not in text
    assert registers.units[0].name_zh not in text
