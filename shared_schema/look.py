"""The one visual language: colours, sizes and glyphs that the tablet and the console both draw with.

Nothing is told by colour alone: every state has a word (locale.terms) and a glyph (GLYPHS). Text keeps
a contrast of 4.5 to 1 on the surface it is made for, borders of controls 3 to 1; a test computes it.
"""

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "canvas": "#F4F6F8",  # the page
    "surface": "#FFFFFF",  # cards, tables, sheets
    "ink": "#1B2430",  # text
    "ink_2": "#4A5868",  # secondary text
    "ink_3": "#6B7785",  # hints; on surface only
    "line": "#DCE2E8",  # hairlines
    "line_strong": "#7A8796",  # borders of controls
    "accent": "#1F4E79",  # actions, selection; used sparingly
    "accent_weak": "#E6EEF6",
    "ok": "#2B7248",  # conforms, received, closed
    "ok_weak": "#E4F1E9",
    "warn": "#8F5500",  # open, overdue soon, pending
    "warn_weak": "#FBF0DD",
    "bad": "#B3261E",  # problem, refused, veto
    "bad_weak": "#FCE9E7",
    "dispute": "#6A3FA0",  # disagreement, always with its glyph
    "dispute_weak": "#F0E9F8",
    "muted": "#7A8796",  # glyphs of N/A, disabled controls; never running text
    "on_accent": "#FFFFFF",  # text on accent, ok, warn, bad, dispute
}

HIGH_CONTRAST: Mapping[str, str] = {
    "canvas": "#FFFFFF",
    "surface": "#FFFFFF",
    "ink": "#000000",
    "ink_2": "#1A1A1A",
    "ink_3": "#333333",
    "line": "#000000",
    "line_strong": "#000000",
    "accent": "#003C7A",
    "accent_weak": "#CFE3FF",
    "ok": "#00531F",
    "ok_weak": "#D9F2E1",
    "warn": "#6B3D00",
    "warn_weak": "#FFE9C7",
    "bad": "#8C0009",
    "bad_weak": "#FFDEDC",
    "dispute": "#45108A",
    "dispute_weak": "#EADDFF",
    "muted": "#444444",
    "on_accent": "#FFFFFF",
}

TYPE: Mapping[str, int] = {
    "hint": 13,
    "body": 15,
    "item": 17,  # item text on the tablet
    "title": 20,
    "score": 28,
}
"""Sizes in px on the console and sp on the tablet."""

LINE_HEIGHT = "1.5"
SPACE = 4  # every distance is a multiple of it
RADIUS = 6
ROW_CONSOLE = 36
ROW_TABLET = 56
TARGET = 48  # the smallest thing a finger must hit
MOTION_MS = 150

GLYPHS: Mapping[str, str] = {
    "ok": "✓",
    "open": "○",
    "problem": "×",
    "not_applicable": "–",
    "dispute": "≠",
    "pending": "◐",
    "refused": "⚠",
    "note": "※",
    "finding": "▲",
    "photo": "▣",
    "returned": "←",
    "locked": "■",
    "held": "…",
    "repeat": "◆",
}
"""One glyph for each state, all in the shipped font."""
