"""What no tap records, whichever verb and whichever screen it comes from."""

from collections.abc import Callable

import pytest

from shared_schema.ids import OpId
from shared_schema.operations import Count, Finding, Present
from shared_schema.problems import Problem
from tests.unit.mobile.world import ANNA, COUNT, VISIT, Tablet


@pytest.mark.parametrize("item", ["V01", "X01"])
def test_of_what_is_kept_by_its_number_no_sentence_can_be_recorded(one: Tablet, item: str) -> None:
    """By no verb, whatever a screen offers; the count and the number can, and a note can be taken back."""
    one.open_visit()
    desk, before = one.desk, one.store.head()
    finding = Finding(finding="F-1", item=item, fact="某某文件")
    writes: tuple[Callable[[], object], ...] = (
        lambda: desk.note(ANNA, VISIT, item, "某某文件"),
        lambda: desk.record_finding(ANNA, VISIT, finding),
        lambda: desk.put_back(ANNA, VISIT, finding, OpId("x")),
    )
    for write in writes:
        with pytest.raises(Problem, match="answer_not_allowed") as told:
            write()
        assert "只记次数和纸质记录编号" in told.value.message("zh")
    assert one.store.head() == before
    answer = Present(True) if item == "V01" else Count(1)
    desk.answer(ANNA, VISIT, item, answer, from_paper=True, paper_ref="津密检 2026-17")
    desk.note(ANNA, VISIT, item, "")
    desk.record_finding(ANNA, VISIT, Finding(finding="F-2", item=COUNT, fact="缺页"))
