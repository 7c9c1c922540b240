"""What can be set on a tablet: where its data lies, which server it talks to, and in which language."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from shared_schema.problems import Language


class Settings(NamedTuple):
    """The settings of one run of the tablet program."""

    folder: Path
    server: str = ""
    """Base address, such as http://127.0.0.1:8480; empty: this tablet only exchanges by hand."""
    language: Language = "zh"

    @property
    def store_path(self) -> Path:
        """The store's file."""
        return self.folder / "tablet.db"

    @property
    def photos(self) -> Path:
        """Where photos and their thumbnails lie."""
        return self.folder / "photos"


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings from HUCHA_TABLET_DATA, HUCHA_TABLET_SERVER and HUCHA_TABLET_LANGUAGE."""
    default = Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hucha-tablet"
    return Settings(
        folder=Path(environment.get("HUCHA_TABLET_DATA") or default),
        server=environment.get("HUCHA_TABLET_SERVER", ""),
        language="en" if environment.get("HUCHA_TABLET_LANGUAGE") == "en" else "zh",
    )
