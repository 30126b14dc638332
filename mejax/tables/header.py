"""The facts above the tables, as pairs of a left and a right part; text and HTML draw them differently."""

from itertools import zip_longest
from typing import NamedTuple

from .formats import amount, average, count, fixed, number
from .labels import display_width, right
from .report import Group, Report


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
    """Title and sample; the groups too if there is one kind of them, set apart where counts stand above them."""
    first = []
    if report.title or report.nobs is not None:
        first.append(Line(report.title, None if report.nobs is None else Fact("Number of obs", count(report.nobs))))
    first += _counts(report)
    first += [Line(f"{label}: {value}") for label, value in report.facts]
    if len(report.groups) != 1:
        return [first] if first else []
    group = report.groups[0]
    named = Line(f"Group variable: {group.label}", Fact("Number of groups", count(group.count)))
    above = [first, [named]] if report.counts else [[*first, named]]
    return [*above, _sizes(group)]


def _counts(report: Report) -> Section:
    """Counts on the right, limits on the left; the last of both stand on one line."""
    facts = [Fact(label, amount(value), True) for label, value in report.counts]
    pairs = zip_longest(reversed(_limits(report)), reversed(facts))
    return [Line(limit or "", fact) for limit, fact in reversed(list(pairs))]


def _limits(report: Report) -> list[str]:
    """`Limits: Lower = -inf`, `        Upper =  1.9`."""
    name, value = (max((display_width(pair[place]) for pair in report.limits), default=0) for place in (0, 1))
    texts = [f"{right(label, name)} = {right(text, value)}" for label, text in report.limits]
    return [("        " if place else "Limits: ") + text for place, text in enumerate(texts)]


def _sizes(group: Group) -> Section:
    return [
        Line(right=Fact("Obs per group:")),
        Line(right=Fact("min", count(group.minimum), True)),
        Line(right=Fact("avg", average(group.average), True)),
        Line(right=Fact("max", count(group.maximum), True)),
    ]


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
