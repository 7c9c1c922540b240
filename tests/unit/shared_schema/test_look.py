"""The look: text and controls that can be read, in both sets of colours."""

import pytest

from shared_schema.look import HIGH_CONTRAST, LIGHT


def luminance(colour: str) -> float:
    """As WCAG has it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Between 1 and 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT_ON = [
    *[(ink, ground) for ink in ("ink", "ink_2", "accent") for ground in ("surface", "canvas", "accent_weak")],
    ("ink_3", "surface"),
    *[
        (state, ground)
        for state in ("ok", "warn", "bad", "dispute")
        for ground in ("surface", "canvas", f"{state}_weak")
    ],
    *[("on_accent", ground) for ground in ("accent", "ok", "warn", "bad", "dispute", "ink")],
]


@pytest.mark.parametrize("tokens", [LIGHT, HIGH_CONTRAST], ids=["light", "high contrast"])
def test_text_and_controls_can_be_read(tokens: dict[str, str]) -> None:
    """4.5 for text, 3 for what draws a control."""
    for ink, ground in TEXT_ON:
        assert contrast(tokens[ink], tokens[ground]) >= 4.5, (ink, ground)
    for edge in ("line_strong", "muted"):
        assert contrast(tokens[edge], tokens["surface"]) >= 3, edge
    assert set(LIGHT) == set(HIGH_CONTRAST)
