"""Settings of the server: from the environment (HUCHA_DATA, HUCHA_PORT …) or as arguments, checked once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

PREFIX = "HUCHA_"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything an operator can set; each field is also an environment variable, in capitals after HUCHA_."""

    data: Path = Path("var/hucha")
    """The folder of the embedded database and of the photos."""
    database: str = ""
    """`postgresql+psycopg://user@host/name`; empty is the embedded database in the data folder."""
    photo_store: str = ""
    """`s3://bucket?endpoint=https://…` keeps finished photos in an S3-compatible store; empty, in the data folder."""
    disk_warn_percent: float = 10
    """With less of the photos' disk free the log and the console warn."""
    disk_refuse_percent: float = 5
    """With less free photos are refused: they can wait on the tablets, and operations need the room."""
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8470
    """0 lets the system choose a free one."""
    https: bool = False
    """Whether people reach the console through https (a proxy in front): its cookies then insist on it."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def url(self) -> str:
        """Where tablets and the console find the server, on this machine."""
        return f"http://{self.host}:{self.port}"

    @property
    def database_url(self) -> str:
        """The address of the database."""
        return self.database or f"sqlite:///{self.data / 'hucha.db'}"

    @property
    def photo_dir(self) -> Path:
        """Where photos lie, by their hash."""
        return self.data / "photos"

    @property
    def upload_dir(self) -> Path:
        """Where photos lie while they arrive: on the disk of `photo_dir`, so that a rename makes them part of it."""
        return self.photo_dir / "uploads"

    @property
    def package_dir(self) -> Path:
        """Where packages carried by hand lie: volumes that have come, and what is to be carried to tablets."""
        return self.data / "packages"

    @property
    def thumbnail_dir(self) -> Path:
        """Where small pictures of photos lie; whatever is missing there is made again."""
        return self.data / "thumbnails"

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None, **arguments: Any) -> "Settings":
        """The settings of the environment; an argument that is not None wins. Raises ValueError naming the mistake."""
        given = {
            field: text
            for field in cls.__struct_fields__
            if (text := (os.environ if env is None else env).get(PREFIX + field.upper()))
        }
        given.update({field: value for field, value in arguments.items() if value is not None})
        unknown = set(given) - set(cls.__struct_fields__)
        if unknown:
            raise ValueError(f"settings: unknown {', '.join(sorted(unknown))}")
        try:
            return msgspec.convert(given, cls, strict=False, dec_hook=_path)
        except msgspec.ValidationError as err:
            raise ValueError(f"settings: {err}") from err


def _path(wanted: type, value: object) -> object:
    if wanted is Path:
        return Path(str(value))
    raise NotImplementedError(wanted)
