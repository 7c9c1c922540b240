"""The widget kit of the tablet, ready for use: importing this registers the fonts and loads the kit's rules.

Plain Kivy with the tokens of `shared_schema.look`; some fifteen widgets in the manner of Material 3, in
`kit_text`, `kit_controls`, `kit_sheet` and `kit_rows`.
"""

from pathlib import Path

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.lang import Builder

from mobile.ui import kit_controls, kit_sheet, kit_text
from mobile.ui.theme import register_fonts, theme

PARTS = (kit_text, kit_controls, kit_sheet)


def load_rules(module_file: str) -> None:
    """Loads the kv file of the same name beside a module, once."""
    path = str(Path(module_file).with_suffix(".kv"))
    if path not in Builder.files:
        Builder.load_file(path, encoding="utf-8")


def _paint_window(*_: object) -> None:
    Window.clearcolor = theme.canvas


register_fonts()
for part in PARTS:
    load_rules(str(part.__file__))
kit_text.warm_fonts()
# Cards in columns in scroll views settle from the inside out, a round of layout for each level.
Clock.max_iteration = 60
theme.bind(canvas=_paint_window, scale=kit_text.warm_fonts)
_paint_window()
# The keyboard pushes the field that is typed in above itself (Android); notes sit at the top anyway.
Window.softinput_mode = "below_target"
