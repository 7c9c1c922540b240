"""What a session works with, and what the command line asks of a start."""

from collections.abc import Callable
from typing import NamedTuple

from mobile.actions import Desk
from mobile.door import Opened
from mobile.meeting_tools import MeetingTools
from mobile.practice import Practice
from mobile.store import Store
from mobile.sync import Sync
from mobile.ui.photo_desk import PhotoTools
from shared_schema.ids import PersonId


class Tools(NamedTuple):
    """What `main` made; used on the worker's thread only."""

    store: Store
    desk: Desk
    connect: Callable[[str], Sync]
    """The exchange with the server at an address."""
    entropy: Callable[[int], bytes]
    consent_by: Callable[[PersonId, str], None] | None = None
    """Whether a colleague's PIN, typed on this tablet, is theirs: raises the Problem it is not. None: no PINs here."""
    meeting: MeetingTools | None = None
    photos: PhotoTools | None = None
    practise: Callable[[], Practice] | None = None
    """A practice of its own store; None where there is none to be had."""


Wire = Callable[[Opened], Tools]
"""Makes them anew each time the tablet is unlocked."""


class Begin(NamedTuple):
    """What the command line asks of this start."""

    server: str = ""
    code: str = ""
    language: str = ""
    person: str = ""
