"""What the tablet's rows say: summaries of answers, sync states, reasons for a range."""

TABLET_VIEWS: dict[str, tuple[str, str]] = {}
