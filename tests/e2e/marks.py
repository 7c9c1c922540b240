"""The marks of tests that drive the tablet's screens."""

from importlib.util import find_spec

import pytest

HAS_KIVY = find_spec("kivy") is not None
NEEDS_KIVY = pytest.mark.skipif(not HAS_KIVY, reason="Kivy has no build for this Python")
DRAWN = {"SDL_VIDEODRIVER": "offscreen", "KIVY_GL_BACKEND": ""}
"""The environment of a program that draws for real."""
SCREENS = [pytest.mark.e2e, NEEDS_KIVY]
