"""What can be set on a tablet: where its data lies, which server it talks to, and in which language."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from shared_schema.problems import Language

APP = "hucha-tablet"
LOCK_MINUTES = 5  # longer than a look into a cabinet, shorter than a lunch


class Settings(NamedTuple):
    """The settings of one run of the tablet program."""

    folder: Path
    server: str = ""
    """Base address, such as http://127.0.0.1:8470; empty: this tablet only exchanges by hand."""
    language: Language = "zh"
    secrets: Path = Path.home() / ".local" / "state" / APP
    """Where the secret of the device lies: not with the data, so that a copy of the data is not enough."""
    lock_minutes: int = LOCK_MINUTES
    """So long untouched, and the tablet locks itself."""
    camera: str = ""
    """`off`, `opencv:0`, or a command that writes a JPEG to its output; empty: whatever there is."""
    pictures: str = ""
    """Folders in which pictures may be chosen, as a path list; empty: what is plugged in."""
    authority: str = ""
    """A PEM file of the only certificates a server may stand on, its own or its authority's; empty: public ones."""

    @property
    def store_path(self) -> Path:
        """The store's file."""
        return self.folder / "tablet.db"

    @property
    def photos(self) -> Path:
        """Where photos and their thumbnails lie."""
        return self.folder / "photos"


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings from the environment.

    HUCHA_TABLET_DATA, HUCHA_TABLET_SERVER, HUCHA_TABLET_LANGUAGE, HUCHA_TABLET_SECRETS, HUCHA_TABLET_LOCK_MINUTES,
    HUCHA_TABLET_CAMERA, HUCHA_TABLET_PICTURES, HUCHA_TABLET_AUTHORITY.
    """
    default = Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / APP
    return Settings(
        folder=Path(environment.get("HUCHA_TABLET_DATA") or default),
        server=environment.get("HUCHA_TABLET_SERVER", ""),
        language="en" if environment.get("HUCHA_TABLET_LANGUAGE") == "en" else "zh",
        secrets=Path(environment.get("HUCHA_TABLET_SECRETS") or _secrets(environment)),
        lock_minutes=int(environment.get("HUCHA_TABLET_LOCK_MINUTES") or LOCK_MINUTES),
        camera=environment.get("HUCHA_TABLET_CAMERA", ""),
        pictures=environment.get("HUCHA_TABLET_PICTURES", ""),
        authority=environment.get("HUCHA_TABLET_AUTHORITY", ""),
    )


def _secrets(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / APP
