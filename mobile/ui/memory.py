"""What a person has half typed and where they had scrolled to: kept, so that leaving or a dead battery costs nothing.

It lies with the settings in the tablet's own file, and is written half a second after the last change.
Nothing of it is an operation: what is recorded is recorded by a verb, and then forgotten here.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from kivy.clock import Clock

DRAFTS_MAX = 200
"""Half-typed texts that are kept; of more, the oldest is forgotten."""
WRITE_SECONDS = 0.5


class Memory:
    """Texts by their key. Keys of drafts start with the scope: whose they are, and of which inspection."""

    def __init__(self) -> None:
        self.scope = ""
        self._kept: dict[str, str] = {}
        self._save: Callable[[str], object] = lambda _: None
        self._soon: Any = Clock.create_trigger(lambda _: self.write(), WRITE_SECONDS)
        self._changed = False

    def begin(self, stored: str, save: Callable[[str], object]) -> None:
        """Recalls what was kept; `save` is given all of it whenever it changed."""
        try:
            self._kept = msgspec.json.decode(stored, type=dict[str, str]) if stored else {}
        except msgspec.DecodeError:
            # Kept by another version: nothing recorded is lost with it.
            self._kept = {}
        self._save, self._changed = save, False

    def drop(self) -> None:
        """Nothing more is written of what was kept: its store is going."""
        self._save, self._changed = lambda _: None, False

    def get(self, key: str) -> str:
        """What is kept under a key, or ""."""
        return self._kept.get(key, "")

    def keep(self, key: str, text: str) -> None:
        """Keeps a text; an empty one is forgotten."""
        if self._kept.get(key, "") == text:
            return
        self._kept.pop(key, None)
        if text:
            self._kept[key] = text
        while len(self._kept) > DRAFTS_MAX:
            del self._kept[next(iter(self._kept))]
        self._changed = True
        self._soon()

    def write(self) -> None:
        """Writes at once what changed: the tablet may go to sleep."""
        if self._changed:
            self._changed = False
            self._save(msgspec.json.encode(self._kept).decode())

    # --- drafts ----------------------------------------------------------------------------------------

    def draft(self, form: str) -> str:
        """What is half typed into a form's field of the inspection shown."""
        return self.get(f"{self.scope}/{form}")

    def keep_draft(self, form: str, text: str) -> None:
        """Keeps what is half typed."""
        self.keep(f"{self.scope}/{form}", text)

    def follow(self, field: Any, form: str, name: str = "text") -> None:
        """Fills a field with its draft and keeps what it becomes from now on; the field as it was is no draft."""
        untouched, scope = getattr(field, name), self.scope
        setattr(field, name, _value(self.get(f"{scope}/{form}"), untouched))
        field.fbind(
            name, lambda _, value: self.keep(f"{scope}/{form}", "" if value == untouched else _text(value))
        )

    def forget(self, *forms: str) -> None:
        """The form was recorded or given up."""
        for form in forms:
            self.keep_draft(form, "")


class Drafts:
    """What is half typed into one form: kept when the form is left, forgotten when it is recorded or given up.

    It is recorded when it is on the disk, whatever is shown by then: what the disk refused is still there.
    """

    def __init__(self, form: str) -> None:
        self._form, self._scope = form, memory.scope
        self._keys: list[str] = []

    def follow(self, field: Any, part: str = "", name: str = "text") -> None:
        """Fills a field, or its property of this name, with its draft, and follows it from now on."""
        form = f"{self._form}/{part}" if part else self._form
        memory.follow(field, form, name)
        self._keys.append(f"{self._scope}/{form}")

    def forget(self) -> None:
        """The form was recorded or given up."""
        for key in self._keys:
            memory.keep(key, "")

    def giving_up(self, close: Callable[[], None]) -> Callable[[], None]:
        """Closes the form for good; a touch beside it only leaves it."""

        def give_up() -> None:
            self.forget()
            close()

        return give_up


def _text(value: object) -> str:
    """A text as it is, so that it is no longer than it was typed; a number or a choice as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _value(text: str, untouched: Any) -> Any:
    """What was kept, if it is of the field's kind."""
    if not text or isinstance(untouched, str):
        return text or untouched
    try:
        return msgspec.json.decode(text, type=type(untouched))
    except msgspec.DecodeError:
        return untouched


memory = Memory()
