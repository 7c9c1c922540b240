"""One photo over the whole screen: looked at closely, marked and covered before a colleague sees it."""

from collections.abc import Callable
from typing import Any

from kivy.animation import Animation
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from msgspec.structs import replace

from mobile.drafts import Draft
from mobile.photo_marks import Cover, Mark, Marks, Words, strip_pixels
from mobile.photo_views import PhotoLine
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Push, button
from mobile.ui.kit_sheet import SLIDE_SECONDS, Shield
from mobile.ui.photo_desk import PhotoDesk, Picture
from mobile.ui.words import joined, say

TOOLS = (("", "move", "move"), ("arrow", "arrow", "arrow"), ("box", "box", "box"), ("words", "words", "words"),
         ("cover", "cover", "cover"))  # fmt: skip
"""(tool, its icon, the end of its words' key)."""
MARKS_MAX = 60
WORDS_MAX = 40


class PhotoView(Shield, BoxLayout):
    """A photo; `editing` while marks are drawn, which can be undone until they are kept."""

    title = StringProperty("")
    state_icon = StringProperty("")
    state_text = StringProperty("")
    state_tone = StringProperty("muted")
    about = StringProperty("")
    hint = StringProperty("")
    editing = BooleanProperty(False)
    writing = BooleanProperty(False)
    """Whether words are typed that shall stand on the picture."""
    has_caption = BooleanProperty(False)
    shift = NumericProperty(1.0)
    """1 is away, 0 is here."""
    __events__ = ("on_close", "on_screen", "on_remove", "on_item")

    def __init__(self, desk: PhotoDesk, line: PhotoLine, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._desk = desk
        self.marks: Marks = ()
        self._at: tuple[int, int] | None = None
        self._sure = False
        # What is not there takes no touch: a hidden field would swallow those meant for its neighbours.
        self._words, self._caption, self._tools = (
            self.ids[name].__self__ for name in ("words_row", "caption", "tools")
        )
        for name in ("editing", "writing", "has_caption"):
            self.fbind(name, self._arrange)
        self._arrange()
        area = self.ids.area
        area.bind(on_marked=lambda _, mark: self.add(mark), on_words=lambda _, x, y: self._write_at(x, y))
        self.ids.tools.bind(on_pick=lambda _, key: self.choose("" if key == "move" else key))
        self.show(line)

    # --- what is shown ---------------------------------------------------------------------------------

    def show(self, line: PhotoLine) -> None:
        """Shows this photo, its state, and what can be done with it."""
        self.line, self.marks = line, ()
        draft = line.draft
        self.title = say("photo.view", code=line.item)
        self.state_icon, self.state_text, self.state_tone = line.icon, line.state_text, line.tone
        covered = say("photo.covered_mark") if line.covered else ""
        caption = "" if draft is not None else line.caption
        self.about = joined(line.by, line.finding_text, caption, covered)
        self.has_caption = draft is not None
        self.ids.caption.text = "" if draft is None else draft.caption
        self._stop()
        self._show_acts()
        self.hint = say("photo.loading")
        self._desk.picture(line.sha256, self._loaded)

    def _loaded(self, picture: Picture | None) -> None:
        strip = 0
        if picture is not None and self.line.draft is not None:
            strip = strip_pixels(picture.width, self.line.draft.stamp)
        self.ids.area.show(picture, strip)
        self.hint = say("photo.move_hint" if picture is not None else "photo.gone")

    def _arrange(self, *_: object) -> None:
        """The words' field, the caption and the tools are there while they are of use."""
        _place(self, self._words, 2, shown=self.writing)
        below = self.ids.below
        _place(below, self._tools, 1, shown=self.editing)
        _place(below, self._caption, 1, shown=self.has_caption and not self.editing)

    def _show_acts(self) -> None:
        line = self.line
        acts: list[Push] = []
        if line.draft is not None:
            if line.may_remove:
                acts.append(
                    button(say("photo.destroy"), self._destroy, kind="outline", tone="bad", icon="delete")
                )
                acts.append(button(say("photo.edit"), self.edit, kind="tonal", icon="edit"))
                acts.append(
                    button(say("photo.screen"), lambda: self.dispatch("on_screen", self.draft), kind="primary",
                           icon="people")
                )  # fmt: skip
        else:
            if line.may_remove:
                remove = button(
                    say("photo.remove"), lambda: self.dispatch("on_remove", line), kind="outline", tone="bad",
                    icon="delete",
                )  # fmt: skip
                acts.append(remove)
            go = button(say("photos.go_to_item", code=line.item), lambda: self.dispatch("on_item", line.item),
                        kind="tonal", icon="next")  # fmt: skip
            acts.append(go)
        self._put_acts(acts)

    def _put_acts(self, acts: list[Push]) -> None:
        row = self.ids.acts
        row.clear_widgets()
        for act in reversed(acts):
            row.add_widget(act)

    @property
    def draft(self) -> Draft:
        """The draft with its caption as typed."""
        draft = self.line.draft
        assert draft is not None, "an attached photo is not a draft"
        return replace(draft, caption=self.ids.caption.text.strip())

    def back(self) -> None:
        """One step back: out of marking, or away."""
        if self.editing:
            self.leave()
        else:
            self.dispatch("on_close")

    def keep_caption(self) -> None:
        """The caption was typed: it is kept with the draft."""
        if self.line.draft is not None and self.draft.caption != self.line.draft.caption:
            self.line = self.line._replace(draft=self.draft, caption=self.draft.caption)
            self._desk.caption(self.draft, self.draft.caption)

    def _destroy(self) -> None:
        """Twice, so that no finger destroys a picture by slipping."""
        if not self._sure:
            self._sure = True
            sure = next(one for one in self.ids.acts.children if getattr(one, "icon", "") == "delete")
            sure.text, sure.kind = say("photo.destroy_sure"), "primary"
            return
        self._desk.destroy(self.draft, lambda: self.dispatch("on_close"))

    # --- marking ---------------------------------------------------------------------------------------

    def edit(self) -> None:
        """Marks can be drawn from now on."""
        self.ids.tools.options = [
            (tool or "move", say(f"photo.tool.{key}"), icon, "bad" if tool == "cover" else "accent")
            for tool, icon, key in TOOLS
        ]
        self.editing = True
        self.choose("cover" if not self.marks else self.ids.area.tool)
        self._show_editing()

    def choose(self, tool: str) -> None:
        """One finger does this from now on."""
        self.ids.area.tool, self.ids.tools.value = tool, tool or "move"
        self.hint = say(f"photo.{tool or 'move'}_hint")
        self.writing = False

    def add(self, mark: Mark) -> None:
        """Something was drawn."""
        if len(self.marks) < MARKS_MAX:
            self._marked((*self.marks, mark))

    def undo(self) -> None:
        """The last mark goes."""
        self._marked(self.marks[:-1])

    def _marked(self, marks: Marks) -> None:
        self.marks = self.ids.area.marks = marks
        self._show_editing()

    def _show_editing(self) -> None:
        covered = any(isinstance(one, Cover) for one in self.marks)
        save = button(
            say("photo.save_covered" if covered else "photo.save"), self.save, kind="primary", icon="check",
            tone="bad" if covered else "accent", disabled=not self.marks,
        )  # fmt: skip
        undo = button(say("photo.undo"), self.undo, kind="tonal", icon="undo", disabled=not self.marks)
        self._put_acts([button(say("cancel"), self.leave, kind="plain"), undo, save])

    def leave(self) -> None:
        """Nothing that was drawn is kept."""
        self._stop()
        self._show_acts()
        self.hint = say("photo.move_hint")

    def _stop(self) -> None:
        self.marks = self.ids.area.marks = ()
        self.editing = self.writing = self._sure = False
        self.ids.area.tool = ""

    def save(self) -> None:
        """The marks become the picture's pixels, and what was beneath is destroyed."""
        if self.marks:
            self._desk.redraw(self.draft, self.marks, self.show)

    def _write_at(self, x: int, y: int) -> None:
        self._at, self.writing = (x, y), True
        self.ids.words_typed.text = ""
        self.ids.words_typed.take_focus()

    def put_words(self) -> None:
        """The words that were typed stand on the picture."""
        text = self.ids.words_typed.text.strip()[:WORDS_MAX]
        self.writing = False
        if text and self._at is not None:
            self.add(Words(*self._at, text))

    # --- a sheet over the screen -----------------------------------------------------------------------

    def slide_in(self) -> None:
        Animation(shift=0, duration=SLIDE_SECONDS, t="out_quad").start(self)

    def slide_out(self, then: Callable[[], object]) -> None:
        self.keep_caption()
        leaving = Animation(shift=1, duration=SLIDE_SECONDS, t="in_quad")
        leaving.bind(on_complete=lambda *_: then())
        leaving.start(self)

    def on_parent(self, _: object, parent: Any) -> None:
        """Taken from the screen: the picture is let go."""
        if parent is None:
            self.ids.area.release()

    def on_close(self) -> None:
        """The view wants to go."""

    def on_screen(self, draft: Draft) -> None:
        """A colleague shall look at it."""

    def on_remove(self, line: PhotoLine) -> None:
        """It shall be removed."""

    def on_item(self, item: str) -> None:
        """To its item."""


def _place(column: BoxLayout, widget: Any, index: int, *, shown: bool) -> None:
    """Puts a widget into a column, counted from its lower end, or takes it out."""
    if shown and widget.parent is None:
        column.add_widget(widget, index)
    elif not shown and widget.parent is not None:
        column.remove_widget(widget)


load_rules(__file__)
