"""Figures, ranges, dates and sizes as people write them."""

from server.console import figures

FIGURES = [
    (figures.points("12.5", 2), "12.50"),
    (figures.points("-0.5"), "−0.5"),
    (figures.points(None), "–"),
    (figures.span("82.5", "84.70", 2), "82.50–84.70"),
    (figures.span("82.5", "82.50", 2), "82.50"),
    (figures.span(None, None), "–"),
    (figures.rate("1", "3"), "33.3%"),
    (figures.rate("2", "3"), "66.7%"),
    (figures.rate("0.05", "100"), "0.1%"),
    (figures.rate("1", "0"), "–"),
    (figures.moment(1_762_000_000_000), "2025-11-01 20:26"),
    (figures.moment(9 * 10**15), "9000000000000000 ms"),
    (figures.moment(None), "–"),
    (figures.size(500), "1 KB"),
    (figures.size(1_600_000), "1.5 MB"),
    (figures.share(1, 1000), "1.0"),
    (figures.share(1, 3), "33.3"),
    (figures.share(0, 3), "0"),
    (str(figures.places_of(["1", "2.25", None])), "2"),
]


def test_figures_are_written_as_people_write_them() -> None:
    """Exact decimals, a true minus, a range with a dash, local time."""
    for shown, expect in FIGURES:
        assert shown == expect
