"""A stand-in for Java on Android: classes by name, and a record of what was asked of them."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


class JavaError(Exception):
    """What pyjnius raises for an exception of Java."""


class Thing:
    """An object or a class of Java: whatever is asked of it is written down; what it answers can be set."""

    def __init__(self, java: "Java", name: str) -> None:
        self._java, self._name = java, name

    def __call__(self, *given: object) -> "Thing":
        """Makes an object."""
        self._java.calls.append((self._name, given))
        return Thing(self._java, self._name)

    def __getattr__(self, name: str) -> Any:
        known = f"{self._name}.{name}"
        if known in self._java.fields:
            return self._java.fields[known]

        def method(*given: object) -> Any:
            self._java.calls.append((known, given))
            answer = self._java.answers.get(known)
            return Thing(self._java, known) if answer is None else answer(*given)

        return method


class Java:
    """All of it. `fields` and `answers` are by `Class.name`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.answers: dict[str, Callable[..., Any]] = {}
        self.results: list[Callable[..., None]] = []
        """Who waits for the result of an intent."""
        self.fields: dict[str, Any] = {
            "PythonActivity.mActivity": Thing(self, "Activity"),
            "Intent.FLAG_GRANT_WRITE_URI_PERMISSION": 2,
            "MediaStore.ACTION_IMAGE_CAPTURE": "android.media.action.IMAGE_CAPTURE",
            "MediaStore.EXTRA_OUTPUT": "output",
            "InputType.TYPE_CLASS_TEXT": 1,
            "InputType.TYPE_TEXT_FLAG_MULTI_LINE": 0x20000,
            "LayoutParams.FLAG_SECURE": 0x2000,
        }
        self.answers["Activity.getPackageName"] = lambda: "cn.hucha.huchatablet"

    def of(self, name: str) -> tuple[Any, ...]:
        """What a method was last given."""
        return next(given for called, given in reversed(self.calls) if called == name)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "Java":
        """Takes the place of pyjnius and of python-for-android's own modules."""

        def short(name: str) -> Thing:
            return Thing(self, name.replace("$", ".").rpartition(".")[2])

        def bind(on_activity_result: Callable[..., None]) -> None:
            self.results.append(on_activity_result)

        def unbind(on_activity_result: Callable[..., None]) -> None:
            self.results.remove(on_activity_result)

        class PythonJavaClass:
            """What a listener written in Python inherits."""

        modules: dict[str, dict[str, object]] = {
            "jnius": {
                "autoclass": short,
                "cast": lambda _, thing: thing,
                "JavaException": JavaError,
                "PythonJavaClass": PythonJavaClass,
                "java_method": lambda _: lambda method: method,
            },
            "android": {},
            "android.activity": {"bind": bind, "unbind": unbind},
            "android.runnable": {"run_on_ui_thread": lambda run: run},
        }
        for name, content in modules.items():
            module = ModuleType(name)
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, name, module)
        return self
