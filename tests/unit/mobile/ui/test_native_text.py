"""The system's own dialog for long texts, with a stand-in for Java: what it shows, and what it hands back."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.mobile.java import Java


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch) -> Java:
    """A dialog with 见台账 in its field; what is scheduled runs at once."""
    from mobile.ui import native_text

    made = Java().install(monkeypatch)
    made.answers["EditText.getText"] = lambda: SimpleNamespace(toString=lambda: "见台账第 6 页")
    clock = SimpleNamespace(schedule_once=lambda run, _: run(0))
    monkeypatch.setattr(native_text, "Clock", clock)
    return made


def pressed(java: Java, which: str) -> Any:
    """The listener of a button of the dialog."""
    return java.of(f"Builder.{which}")[1]


def test_what_was_typed_is_handed_back_when_it_is_saved(java: Java) -> None:
    """The dialog begins with the text as it was; what comes back is as long as the field allows."""
    from mobile.ui import native_text

    told: list[str] = []
    native_text.ask("备注", "见台账", 5, told.append)
    assert ("String", ("见台账",)) in java.calls
    assert java.of("EditText.setInputType") == (0x20001,)
    assert java.of("Builder.show") == ()
    assert len(native_text._kept) == 2, "Java holds its listeners weakly"
    pressed(java, "setPositiveButton").onClick(None, -1)
    assert told == ["见台账第 "]
    assert native_text._kept == []


def test_a_dialog_that_is_left_changes_nothing(java: Java) -> None:
    from mobile.ui import native_text

    told: list[str] = []
    native_text.ask("备注", "见台账", 400, told.append)
    pressed(java, "setNegativeButton").onClick(None, -2)
    assert told == []
    assert native_text._kept == []
