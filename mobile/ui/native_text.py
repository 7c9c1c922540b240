"""Long texts on Android are typed in the system's own dialog: Kivy's field and Chinese keyboards do not get on there.

kivy #7294, #7741, #8185, #9081 and python-for-android #2734: words doubled, or typed as Latin letters. Elsewhere a
field takes its text itself. Not tried on a device yet: mobile/android/README.md says what its first trial looks at.
"""

from collections.abc import Callable
from typing import Any

from kivy.clock import Clock
from kivy.utils import platform

from mobile.ui.words import say

HERE = platform == "android"
_kept: list[object] = []
"""Java holds its listeners weakly; the open dialog's are held here."""


def ask(title: str, text: str, limit: int, then: Callable[[str], object]) -> None:
    """Shows the dialog with a text to change; `then` gets the new one on Kivy's thread, and nothing if it is left."""
    from android.runnable import run_on_ui_thread

    run_on_ui_thread(_show)(title, text, limit, then)


def _show(title: str, text: str, limit: int, then: Callable[[str], object]) -> None:
    from jnius import PythonJavaClass, autoclass, java_method

    class Pressed(PythonJavaClass):
        __javainterfaces__ = ("android/content/DialogInterface$OnClickListener",)
        __javacontext__ = "app"

        def __init__(self, act: Callable[[], object]) -> None:
            super().__init__()
            self._act = act

        @java_method("(Landroid/content/DialogInterface;I)V")
        def onClick(self, dialog: Any, which: int) -> None:  # noqa: N802 - Java's name
            self._act()
            _kept.clear()

    activity = autoclass("org.kivy.android.PythonActivity").mActivity
    entry = autoclass("android.widget.EditText")(activity)
    kinds = autoclass("android.text.InputType")
    entry.setInputType(kinds.TYPE_CLASS_TEXT | kinds.TYPE_TEXT_FLAG_MULTI_LINE)
    entry.setMinLines(4)
    entry.setText(autoclass("java.lang.String")(text))
    entry.setSelection(entry.length())

    def take() -> None:
        typed = str(entry.getText().toString())[:limit]
        Clock.schedule_once(lambda _: then(typed), 0)

    pressed = Pressed(take), Pressed(lambda: None)
    _kept[:] = pressed
    dialog = autoclass("android.app.AlertDialog$Builder")(activity)
    dialog.setTitle(autoclass("java.lang.String")(title))
    dialog.setView(entry)
    dialog.setPositiveButton(autoclass("java.lang.String")(say("save")), pressed[0])
    dialog.setNegativeButton(autoclass("java.lang.String")(say("cancel")), pressed[1])
    dialog.show()
