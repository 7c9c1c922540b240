"""Sheets for what is carried by hand: a package written, one read, diagnostics handed over, each by way of a folder."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kivy.metrics import dp
from kivy.properties import StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.package import Told, Written
from mobile.places import Found
from mobile.sync_views import counts, size
from mobile.ui.cards import Fact
from mobile.ui.counted import Counted
from mobile.ui.kit_controls import Field, Segmented, Tick, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.package_desk import Folders, PackageDesk, told_lines, written_lines
from mobile.ui.sync_desk import SyncDesk
from mobile.ui.words import say, words
from mobile.words import noted

Close = Callable[[], None]
SPLITS = ("", "600M", "4G")
"""One file, a CD, and the largest file that a stick formatted as FAT32 takes."""


class Chooser(BoxLayout):
    """One of the sticks that are plugged in, or a folder as typed. Tells whenever another one is chosen."""

    chosen = StringProperty("")
    """The path of a stick; empty: the folder that is typed."""
    __events__ = ("on_choose",)

    def __init__(self, folders: Folders, **kwargs: Any) -> None:
        super().__init__(orientation="vertical", size_hint_y=None, spacing=dp(8), **kwargs)
        self.bind(minimum_height=self.setter("height"))
        self._ticks: dict[str, Tick] = {}
        for one in folders.plugged_in:
            free = say("center.place_free", path=one.path, free=size(one.free_bytes))
            self._add(str(one.path), Tick(text=one.name, detail=free, radio=True))
        if not folders.plugged_in:
            self.add_widget(Text(content=say("center.no_stick"), tone="ink_2", type="hint"))
        self._add("", Tick(text=say("center.own_folder"), radio=True))
        self.field = Field(label=say("center.folder"), hint=str(Path.home()))
        self.field.text = folders.typed
        self.field.bind(on_done=lambda _: self.chosen or self.dispatch("on_choose"))
        self._choose(str(folders.plugged_in[0].path) if folders.plugged_in else "")

    def folder(self, desk: PackageDesk) -> Path | None:
        """The folder chosen; None where what is typed is none, and that has been said."""
        return Path(self.chosen) if self.chosen else desk.own(self.field.text)

    def _add(self, path: str, tick: Tick) -> None:
        self._ticks[path] = tick
        tick.bind(on_release=lambda _: self._choose(path))
        self.add_widget(tick)

    def _choose(self, path: str) -> None:
        self.chosen = path
        for one, tick in self._ticks.items():
            tick.on = one == path
        if (self.field.parent is None) == (not path):
            self.remove_widget(self.field) if path else self.add_widget(self.field)
        self.dispatch("on_choose")

    def on_choose(self) -> None:
        """Another folder."""


def write(desk: PackageDesk, close: Close, folders: Folders, waiting: str) -> Sheet:
    """All that waits for the server, into a folder; `waiting` says how much that is."""
    sheet = Sheet(title=say("center.give_package"))
    chooser = Chooser(folders)
    split = Segmented(
        options=[(one, say(f"center.split_{one.lower() or 'none'}"), "", "accent") for one in SPLITS],
        value="",
    )
    split.bind(on_pick=lambda one, key: setattr(one, "value", key))

    def done(made: Written) -> None:
        _result(desk, sheet, close, written_lines(made), made.code, [path.name for path in made.files])

    def go() -> None:
        folder = chooser.folder(desk)
        if folder is not None:
            desk.write(folder, split.value, done)

    sheet.put(
        Text(content=say("center.give_explain"), tone="ink_2", type="hint"),
        Fact(icon="unsent", text=waiting, tone="ink_2"),
        Text(content=say("center.where_to"), strong=True),
        chooser,
        Text(content=say("center.split"), tone="ink_2", type="hint"),
        split,
    )
    act = button(say("center.write"), go, kind="primary", icon="hand_in")
    away = _away(desk, close)
    # However the sheet goes, nobody waits for the package any more.
    sheet.bind(parent=lambda _, parent: desk.unwanted() if parent is None else None)
    _busy(desk, sheet, act, "center.write", "center.writing")
    sheet.act(away, act)
    return sheet


def read(desk: PackageDesk, close: Close, folders: Folders) -> Sheet:
    """A package of the server out of a folder."""
    sheet = Sheet(title=say("center.take_package"))
    chooser = Chooser(folders)
    listed = BoxLayout(orientation="vertical", size_hint_y=None, spacing=dp(8))
    listed.bind(minimum_height=listed.setter("height"))

    def done(told: Told) -> None:
        _result(desk, sheet, close, told_lines(told), told.code, [])

    def show(found: Sequence[Found]) -> None:
        listed.clear_widgets()
        ours = [one for one in found if one.ours]
        for one in ours:
            label = noted(one.name, size(one.size_bytes), words.language) if not one.missing else say(
                "center.volumes_missing", name=one.name, count=one.missing
            )  # fmt: skip
            push = button(label, partial(desk.read, one, done), kind="outline", icon="letter")
            push.disabled = bool(one.missing)
            listed.add_widget(push)
        if not ours:
            listed.add_widget(Text(content=say("center.no_packages"), tone="ink_2"))
        if len(found) > len(ours):
            others = say("center.packages_of_others", count=len(found) - len(ours))
            listed.add_widget(Text(content=others, tone="ink_2", type="hint"))

    def look(*_: object) -> None:
        if chooser.chosen or chooser.field.text.strip():
            folder = chooser.folder(desk)
            if folder is not None:
                desk.found(folder, show)
        else:
            listed.clear_widgets()

    chooser.bind(on_choose=look)
    sheet.put(
        Text(content=say("center.take_explain"), tone="ink_2", type="hint"),
        Text(content=say("center.where_from"), strong=True),
        chooser,
        Text(content=say("center.packages"), strong=True),
        listed,
    )
    act = button(say("center.look"), look, kind="tonal", icon="search")
    _busy(desk, sheet, act, "center.look", "center.reading")
    sheet.act(_away(desk, close), act)
    look()
    return sheet


def diagnostics(desk: SyncDesk, close: Close, folders: Folders, text: str) -> Sheet:
    """What is handed over for help, to be read before it is."""
    sheet = Sheet(title=say("center.diagnose"))
    chooser = Chooser(folders)

    def go() -> None:
        folder = chooser.folder(desk.packages)
        if folder is not None:
            desk.hand_over(text, folder)
            close()

    sheet.put(
        Text(content=say("center.diagnose_explain"), tone="ink_2", type="hint"),
        chooser,
        Text(content=text, type="hint"),
    )
    sheet.act(
        button(say("cancel"), close, kind="plain"),
        button(say("center.write"), go, kind="primary", icon="hand_in"),
    )
    return sheet


def _result(
    desk: PackageDesk, sheet: Sheet, close: Close, lines: Sequence[str], code: str, files: Sequence[str]
) -> None:
    """What came of it, with the eight letters that two people compare, large."""
    if sheet.parent is None:
        desk.tell(lines[0], "check")
        return
    sheet.ids.body.clear_widgets()
    sheet.ids.actions.clear_widgets()
    sheet.put(
        Text(content=code, strong=True, type="score"),
        *(Text(content=line) for line in lines),
        *(Text(content=name, tone="ink_2", type="hint") for name in files),
    )
    sheet.act(button(say("close"), close, kind="primary", icon="check"))


def _away(desk: PackageDesk, close: Close) -> Any:
    """Sends the sheet away; while something is under way it stops that instead."""
    away = button(say("cancel"), lambda: desk.stop() if desk.busy else close(), kind="plain")

    def show(*_: object) -> None:
        away.text = say(f"progress.stop_{desk.busy}" if desk.busy else "cancel")

    desk.bind(busy=show)
    return away


def _busy(desk: PackageDesk, sheet: Sheet, act: Any, still: str, running: str) -> None:
    """While it works, its button says so and the sheet's foot how far it is."""
    counted = Counted()

    def show(*_: object) -> None:
        act.disabled = bool(desk.busy)
        act.text = say(running) if desk.busy else say(still)
        rows = counts(desk.counts, words.language) if desk.busy else ()
        # Of steps that follow one another only the one it is at.
        counted.show(rows[-1:])
        sheet.keep(*([counted] if rows else []))

    desk.bind(busy=show, counts=show)
    show()
