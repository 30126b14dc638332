"""The numbers of a row as text, and the titles above them."""

from typing import SupportsFloat

from .formats import fixed, number
from .report import Report, Row


def estimate_cell(row: Row) -> str:
    """The estimate; 0 for what was omitted or is a base without a value."""
    if row.estimate is None and row.note:
        return "0"
    return blank_or_number(row.estimate)


def test_cells(row: Row) -> tuple[str, str]:
    """Test statistic and p-value, blank where there are none."""
    z = "" if row.z is None else fixed(row.z, 2, 8)
    p = "" if row.p is None else fixed(row.p, 3)
    return z, p


def blank_or_number(value: SupportsFloat | None) -> str:
    """A number, "" for None."""
    return "" if value is None else number(value)


def se_titles(report: Report) -> tuple[str, str]:
    """The two lines above the standard errors: `("", "Std. err.")`, `("Robust", "std. err.")`."""
    kind, found, _ = report.se_title.rpartition(" std. err.")
    return (kind, "std. err.") if found else ("", report.se_title)


def interval_title(report: Report) -> str:
    """`[95% conf. interval]`."""
    return f"[{float(report.level):g}% conf. interval]"
