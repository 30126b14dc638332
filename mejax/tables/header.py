"""The facts above the tables, as pairs of a left and a right part; text and HTML draw them differently."""

from typing import NamedTuple

from .formats import average, count, fixed, number
from .report import Report


class Fact(NamedTuple):
    """`label = value` on the right of the header; `inner` ones (`min`) are set to the right, after `lead`."""

    label: str
    value: str = ""
    inner: bool = False
    lead: str = ""


class Line(NamedTuple):
    """One line of the header: text on the left, a fact on the right."""

    left: str = ""
    right: Fact | None = None


Section = list[Line]


def opening(report: Report) -> list[Section]:
    """Title and sample; the groups too if there is one kind of them."""
    first = []
    if report.title or report.nobs is not None:
        first.append(Line(report.title, None if report.nobs is None else Fact("Number of obs", count(report.nobs))))
    first += [Line(f"{label}: {value}") for label, value in report.facts]
    if len(report.groups) != 1:
        return [first] if first else []
    group = report.groups[0]
    first.append(Line(f"Group variable: {group.label}", Fact("Number of groups", count(group.count))))
    sizes = [
        Line(right=Fact("Obs per group:")),
        Line(right=Fact("min", count(group.minimum), True)),
        Line(right=Fact("avg", average(group.average), True)),
        Line(right=Fact("max", count(group.maximum), True)),
    ]
    return [first, sizes]


def closing(report: Report) -> list[Section]:
    """Integration, degrees of freedom, joint test and log likelihood."""
    sections = [_integration(report), _degrees(report), _test(report)]
    return [section for section in sections if section]


def group_cells(report: Report) -> list[tuple[str, ...]]:
    """The cells of the table of groups, used where there are several kinds."""
    return [
        (group.label, count(group.count), count(group.minimum), average(group.average), count(group.maximum))
        for group in report.groups
    ]


def loglik_text(report: Report) -> str:
    """`Log likelihood = -1014.9268`, "" without one."""
    return "" if report.loglik is None else f"{report.loglik_label} = {number(report.loglik, 10)}"


def _integration(report: Report) -> Section:
    if report.integration is None:
        return []
    method, points = report.integration
    return [Line(f"Integration method: {method}", None if points is None else Fact("Integration pts.", count(points)))]


def _degrees(report: Report) -> Section:
    if report.df is None:
        return []
    return [
        Line(f"DF method: {report.df.method}", Fact("min", fixed(report.df.minimum, 2), True, "DF:")),
        Line(right=Fact("avg", fixed(report.df.average, 2), True)),
        Line(right=Fact("max", fixed(report.df.maximum, 2), True)),
    ]


def _test(report: Report) -> Section:
    text, test = loglik_text(report), report.wald
    if test is None:
        return [Line(text)] if text else []
    name = f"Wald {test.label}" if test.kind == "chi2" else test.label
    return [
        Line(right=Fact(name, fixed(test.stat, 2, 10))),
        Line(text, Fact(f"Prob > {test.kind}", fixed(test.p, 4))),
    ]
