"""The words of the tablet's screens."""

TABLET: dict[str, tuple[str, str]] = {
    "app.name": ("互查", "Hucha"),
}
