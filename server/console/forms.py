"""Values of a submitted form, which the edge has read already, and addresses that stay on this server."""

from typing import Any

from litestar.connection import ASGIConnection

FORM_KEY = "form"
LENGTH_MAX = 4000


def keep(connection: ASGIConnection[Any, Any, Any, Any], fields: dict[str, list[str]]) -> None:
    """Keeps the form for the length of the request."""
    connection.scope["state"][FORM_KEY] = fields


def values(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> list[str]:
    """Every value of a field, in the form's order."""
    fields: dict[str, list[str]] = connection.scope["state"].get(FORM_KEY, {})
    return [one.replace("\x00", "").strip()[:LENGTH_MAX] for one in fields.get(name, [])]


def value(connection: ASGIConnection[Any, Any, Any, Any], name: str) -> str:
    """The first value of a field, or "" where there is none."""
    return next(iter(values(connection, name)), "")


def local_path(path: str) -> str:
    """The path if it is one of this server, else the start page: nobody is sent elsewhere by a link."""
    local = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if local else "/"
