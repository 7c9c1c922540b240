"""What a unit's profile says about reasons for N/A, so that two squads do not treat one unit differently."""

from collections.abc import Mapping

_RESTS_ON = {
    "no_power": ("has_classification_power", False),
    "no_topsecret": ("has_topsecret", False),
    "no_system": ("has_system", False),
    "no_area": ("has_key_area", False),
    "no_secret": ("has_secret", False),
    "first_year": ("first_year", True),
}
"""By the reason's code in the checklist: the flag of the profile, and what it is where the reason holds."""


def holds(reason: str, profile: Mapping[str, bool]) -> bool | None:
    """Whether a reason for N/A holds for the unit; None where its profile does not say."""
    flag, wanted = _RESTS_ON.get(reason, ("", False))
    return profile[flag] == wanted if flag in profile else None
