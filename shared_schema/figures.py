"""Exact figures: fractions inside, decimals on paper, rounded half up once, never a float."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

SHOWN_PLACES = 12  # thirds and sevenths of a point are shown this far; the exact fraction is kept beside them

_SHOWN_UNITS: int = 10**SHOWN_PLACES
ZERO = Fraction(0)
HUNDRED = Fraction(100)


@lru_cache(maxsize=4096)
def exact(figure: Decimal) -> Fraction:
    """A decimal as a fraction."""
    return Fraction(figure)


def added(figures: Iterable[Fraction]) -> Fraction:
    """Their sum. Reduced once at the end, it takes a tenth of the time of adding one by one."""
    numerator, denominator = 0, 1
    for figure in figures:
        above, below = figure.as_integer_ratio()
        if below == denominator:
            numerator += above
        elif denominator % below == 0:
            numerator += above * (denominator // below)
        else:
            numerator = numerator * below + above * denominator
            denominator *= below
    return Fraction(numerator, denominator)


def shown(figure: Fraction) -> Decimal:
    """A fraction as people write it: 1.5, 0, 10; what never ends is shown half up to 12 places."""
    return _shown(*figure.as_integer_ratio())


@lru_cache(maxsize=4096)
def _shown(numerator: int, denominator: int) -> Decimal:
    """Looked up by two whole numbers: working out the hash of a fraction costs more than all the rest."""
    return _scaled(_half_up(Fraction(numerator * 10**SHOWN_PLACES, denominator)), SHOWN_PLACES, strip=True)


def ends(figure: Fraction) -> bool:
    """Whether `shown` loses nothing."""
    return _SHOWN_UNITS % figure.denominator == 0


def never_ending(figure: Fraction) -> str:
    """The fraction as text ("7/3") where no decimal can hold it, else ""."""
    return "" if ends(figure) else f"{figure.numerator}/{figure.denominator}"


@lru_cache(maxsize=4096)
def rounded(figure: Fraction, places: int) -> Decimal:
    """Half up (四舍五入) with exactly so many places: 86.67, 90.00."""
    return _scaled(_half_up(figure * 10**places), places, strip=False)


def to_step(figure: Fraction, step: Fraction) -> Fraction:
    """Half up to a whole number of steps: 2.85 by 0.1 is 2.9."""
    return _half_up(figure / step) * step


def _half_up(figure: Fraction) -> int:
    """To the nearest whole number, halves away from zero."""
    whole = (2 * abs(figure.numerator) + figure.denominator) // (2 * figure.denominator)
    return -whole if figure < 0 else whole


def _scaled(digits: int, places: int, strip: bool) -> Decimal:
    """Digits with a decimal point so many places from the right, free of any context and of −0."""
    text = str(abs(digits)).rjust(places + 1, "0")
    if places:
        text = f"{text[:-places]}.{text[-places:]}"
        if strip:
            text = text.rstrip("0").rstrip(".")
    return Decimal(f"-{text}" if digits < 0 else text)
