"""Each of the ten laws is seen to fail on a deliberate bug, and on nothing that the bug does not break."""

import pytest

from tests.simulation.checks import LAWS
from tests.simulation.mutants import Mutant
from tests.simulation.mutants_line import MUTANTS
from tests.simulation.runs import play, read_faults


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.law}-{mutant.name}")
def test_a_bug_is_caught_by_its_law(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its law fails, and no law that the bug leaves alone."""
    mutant.patch(monkeypatch)
    for seed in range(mutant.first, mutant.first + mutant.worlds):
        result = play(seed, read_faults(mutant.faults), twins=mutant.law == "clock")
        assert not result.crash, result.crash
        broken = {line.partition(":")[0] for line in result.broken}
        assert broken <= {mutant.law, *mutant.also}, result.broken
        if mutant.law in broken:
            return
    pytest.fail(f"{mutant.name} was not caught in {mutant.worlds} worlds")


def test_every_law_has_a_bug_of_its_own() -> None:
    """For each law there is a bug that breaks that law alone."""
    assert {one.law for one in MUTANTS if not one.also} == set(LAWS)
