"""Quarantine at the console: everything that waits, why; what may be admitted, by whom, and what that leaves."""

import re
from collections.abc import Iterator

import pytest

from server.storage.op_log import run
from server.storage.tables import refusal
from tests.trouble import REFUSED
from tests.unit.server.console.desk import Console, console

UNDER = "/campaigns/HD-2026-HC/quarantine"


def hidden(page: str, name: str) -> list[str]:
    """The values of a hidden field."""
    return re.findall(f'type="hidden" name="{name}" value="([^"]*)"', page)


@pytest.fixture(scope="module")
def acted_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console whose quarantine these tests change."""
    with console(tmp_path_factory.mktemp("quarantine")) as made:
        yield made


@pytest.mark.parametrize(("why", "count"), REFUSED.items())
def test_each_reason_is_listed_in_words_and_can_be_sifted(looked_at: Console, why: str, count: int) -> None:
    """The filter is in the address; the rows are links of their own."""
    page = looked_at.desk("evaluator").get(f"{UNDER}?why={why}").text
    assert page.count('class="stretch"') == count + 1, "and the one that was admitted"
    assert f'<option value="{why}" selected>' in page


def test_what_an_operation_says_is_told_in_plain_words(looked_at: Console) -> None:
    """Who, on which tablet, about which unit; what cannot be read is said to be so."""
    page = looked_at.desk("coordinator").get(UNDER).text
    for said in ("锁定后才送到 2", "走错单位", "无法读取", "平板 099", "途中无网络，组长电话说明"):
        assert said in page


def test_only_a_coordinator_is_offered_to_admit_and_only_what_may_be(looked_at: Console) -> None:
    """What is wrong in itself nobody can make right."""
    trouble = looked_at.trouble
    sheet = f"{UNDER}/{trouble.busy}/{trouble.late.hash}"
    assert "/quarantine/admit" in looked_at.desk("coordinator").get(sheet).text
    assert "/quarantine/admit" not in looked_at.desk("evaluator").get(sheet).text
    wrong = looked_at.desk("coordinator").get(f"{UNDER}/{trouble.busy}/{trouble.malformed}").text
    assert "/quarantine/admit" not in wrong
    assert "不能补收" in wrong


def test_admitting_takes_a_reason_and_shows_in_the_inspections_history(acted_on: Console) -> None:
    """With who and why, on the list, on the inspection and on the operation; and a line in the trail."""
    desk, trouble = acted_on.desk("coordinator"), acted_on.trouble
    inspection = acted_on.season.locked[0]
    form = {"device": trouble.busy, "hash": trouble.late.hash, "why": "核对纸质记录属实"}
    assert "锁定后晚到" in desk.get(f"/inspections/{inspection}").text
    assert desk.post(f"{UNDER}/admit", form | {"why": " "}).status == 400
    assert desk.post(f"{UNDER}/admit", form | {"hash": trouble.malformed}).status == 409
    assert desk.post(f"{UNDER}/admit", form | {"hash": "none"}).status == 404
    assert desk.post(f"{UNDER}/admit", form).status == 303
    assert desk.post(f"{UNDER}/admit", form).status == 404, "it waits no longer"
    for page in (
        UNDER,
        f"/inspections/{inspection}",
        f"/inspections/{inspection}/operations/{trouble.late.id}",
        f"/inspections/{inspection}/history?field=note/A01/{trouble.late.person}",
    ):
        answer = desk.get(page)
        if "history" not in page or answer.status == 200:
            assert "核对纸质记录属实" in answer.text, page
    line = acted_on.trail("operation.admitted")[0]
    assert (line.what, line.who) == (inspection, acted_on.logins["coordinator"])
    assert trouble.late.id in line.facts


def test_what_waits_for_one_reason_is_admitted_together_or_not_at_all(place: Console) -> None:
    """As of a tablet that comes after the lock with a day's work: all that the page lists, and nothing else."""
    desk, trouble = place.desk("coordinator"), place.trouble
    assert "补收上面可以补收的" not in desk.get(UNDER).text, (
        "of several reasons no one reason of ours is true"
    )
    page = desk.get(f"{UNDER}?why=op_late").text
    devices, hashes = hidden(page, "device"), hidden(page, "hash")
    assert len(hashes) == REFUSED["op_late"]
    form = {"device": devices, "hash": hashes, "why": "核对纸质记录属实"}
    wrong = form | {"device": [*devices, trouble.busy], "hash": [*hashes, trouble.malformed]}
    assert desk.post(f"{UNDER}/admit", wrong).status == 409
    assert desk.post(f"{UNDER}/admit", form | {"device": devices[:-1]}).status == 400, "cut on its way"
    assert hidden(desk.get(f"{UNDER}?why=op_late").text, "hash") == hashes
    assert desk.post(f"{UNDER}/admit", form).status == 303
    left = desk.get(f"{UNDER}?why=op_late").text
    assert not hidden(left, "hash")
    assert left.count("核对纸质记录属实") == len(hashes)
    assert len(place.trail("operation.admitted")) == len(hashes)


def test_what_two_tablets_brought_is_admitted_together_once(place: Console) -> None:
    """It waits under the name of each of them; what was admitted under the first waits no longer under the second."""
    desk = place.desk("coordinator")
    copied = ", ".join(column.name for column in refusal.c if column.name != "device")
    place.db.write(
        lambda conn: run(
            conn,
            f"INSERT INTO refusal (device, {copied}) SELECT (SELECT min(id) FROM device WHERE id <> device), {copied}"
            " FROM refusal WHERE problem = 'op_late' ORDER BY hash LIMIT 1",
        )
    )
    page = desk.get(f"{UNDER}?why=op_late").text
    devices, hashes = hidden(page, "device"), hidden(page, "hash")
    assert len(hashes) == REFUSED["op_late"] + 1 > len(set(hashes))
    form = {"device": devices, "hash": hashes, "why": "核对纸质记录属实"}
    assert desk.post(f"{UNDER}/admit", form).status == 303
    assert not hidden(desk.get(f"{UNDER}?why=op_late").text, "hash")
    assert len(place.trail("operation.admitted")) == len(set(hashes))


def test_only_a_coordinator_may_admit_together(looked_at: Console) -> None:
    """An evaluator reads."""
    page = f"{UNDER}?why=op_late"
    assert "补收上面可以补收的 3 条" in looked_at.desk("coordinator").get(page).text
    assert "/quarantine/admit" not in looked_at.desk("evaluator").get(page).text


def test_what_counts_though_no_lock_covers_it_is_shown_so(place: Console) -> None:
    """As after a restore: it came before the lock was back, and nobody admitted it."""
    desk = place.desk("coordinator")
    page = f"/inspections/{place.season.locked[0]}"
    assert "锁定未涵盖" not in desk.get(page).text
    place.db.write(lambda conn: run(conn, "DELETE FROM admission WHERE op = ?", (place.trouble.admitted.id,)))
    text = desk.get(page).text
    assert text.count("锁定未涵盖，已计入") == 1
    assert f"/operations/{place.trouble.admitted.id}" in text[text.index('id="quarantine"') :]
