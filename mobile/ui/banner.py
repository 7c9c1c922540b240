"""The banner: what holds for the whole screen just now, and the first step."""

from kivy.properties import StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.ui.kit import load_rules


class Banner(BoxLayout):
    """What holds for the whole visit just now, and the first step."""

    icon = StringProperty("")
    tone = StringProperty("accent")
    title = StringProperty("")
    detail = StringProperty("")


load_rules(__file__)
