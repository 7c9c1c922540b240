"""How figures, ranges, dates and times are written. Exact decimals stay text; nothing is rounded here."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

LOCAL = timezone(timedelta(hours=8))  # all of China keeps one time
NOTHING = "–"
RANGE = "–"


def places_of(figures: Iterable[Decimal | str | None]) -> int:
    """The most decimal places any of the figures has: what a whole column is written with."""
    return max((len(str(figure).partition(".")[2]) for figure in figures if figure is not None), default=0)


def points(figure: Decimal | str | None, places: int = 0) -> str:
    """A figure with at least so many places; a dash where there is none."""
    if figure is None:
        return NOTHING
    whole, _, rest = str(figure).partition(".")
    digits = rest.ljust(places, "0")
    sign = whole.replace("-", "−")
    return f"{sign}.{digits}" if digits else sign


def span(low: Decimal | str | None, high: Decimal | str | None, places: int = 0) -> str:
    """One figure, or "82.5–84.7" where it is still open."""
    if low is None or high is None:
        return points(high if low is None else low, places)
    if Decimal(str(low)) == Decimal(str(high)):
        return points(high, places)
    return f"{points(low, places)}{RANGE}{points(high, places)}"


def share(part: int, whole: int, width: int = 100) -> str:
    """`part` of `whole` as a length of at most `width`, for drawing only; anything above nothing is seen."""
    if whole <= 0 or part <= 0:
        return "0"
    tenths = max(10, part * width * 10 // whole)
    return f"{tenths // 10}.{tenths % 10}"


def rate(part: Decimal | str | None, whole: Decimal | str | None) -> str:
    """`part` of `whole` in percent with one place, half up; a dash where it cannot be told."""
    if part is None or whole is None or Decimal(str(whole)) == 0:
        return NOTHING
    tenths = (Decimal(str(part)) * 1000 / Decimal(str(whole)) + Decimal("0.5")) // 1
    return f"{tenths / 10:.1f}%"


def moment(at_ms: int | None, *, seconds: bool = False) -> str:
    """Local date and time, 2026-11-22 14:05; a clock set beyond the calendar is told as it is."""
    if at_ms is None:
        return NOTHING
    try:
        at = datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone(LOCAL)
    except (OverflowError, ValueError, OSError):
        return f"{at_ms} ms"
    return at.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def size(count_bytes: int) -> str:
    """A file size in whole KB or tenths of an MB."""
    tenths = count_bytes * 10 // (1024 * 1024)
    return f"{max(1, count_bytes // 1024)} KB" if tenths < 10 else f"{tenths // 10}.{tenths % 10} MB"
