"""The icons of the tablet, by name: one family (Material Symbols Rounded), one weight.

`.ci/vendor.py` cuts the icon font to exactly these, so an icon that is not named here does not exist.
"""

ICONS: dict[str, int] = {
    # finding one's way
    "back": 0xE5C4,
    "next": 0xE5C8,
    "chevron": 0xE5CC,
    "expand": 0xE5CF,
    "up": 0xE5CE,
    "close": 0xE5CD,
    "more": 0xE5D4,
    "search": 0xE8B6,
    # states of an item
    "open": 0xE836,
    "answered": 0xE86C,
    "problem": 0xE888,
    "disputed": 0xE0B6,
    "not_applicable": 0xF08C,
    "pending": 0xE8B5,
    # what hangs on an item
    "note": 0xF1FC,
    "finding": 0xF0C6,
    "camera": 0xE412,
    "no_camera": 0xF1A8,
    "edit": 0xF097,
    "method": 0xE8F4,
    "basis": 0xE90E,
    # photos
    "arrow": 0xF1E1,
    "box": 0xE3C1,
    "words": 0xE264,
    "cover": 0xE8F5,
    "move": 0xE925,
    "fit": 0xEA10,
    "card": 0xE623,
    "image": 0xE3F4,
    # sections outside the sections
    "aggravating": 0xE8E3,
    "veto": 0xE99A,
    "bonus": 0xE8E5,
    # controls
    "check": 0xE5CA,
    "plus": 0xE145,
    "minus": 0xE15B,
    "undo": 0xE166,
    "delete": 0xE92E,
    "settle": 0xEAF6,
    "filter": 0xE152,
    # pages of a visit
    "computer": 0xE31E,
    "draw": 0xE043,
    "talk": 0xE0BF,
    "sign": 0xE746,
    "history": 0xE8B3,
    "size": 0xE8FD,
    # exchange with the server
    "offline": 0xE2C1,
    "synced": 0xE2BF,
    "unsent": 0xE2C3,
    "sync": 0xE627,
    "refused": 0xE629,
    # visits and people
    "person": 0xF0D3,
    "people": 0xEA21,
    "unit": 0xE7EE,
    "date": 0xE935,
    "lock": 0xE899,
    "hand_in": 0xE163,
    "letter": 0xE873,
    "deliberate": 0xE8AF,
    "language": 0xE8E2,
    "contrast": 0xEB37,
    "info": 0xE88E,
}


def glyph(name: str) -> str:
    """The character that draws an icon in the icon font."""
    return chr(ICONS[name])
