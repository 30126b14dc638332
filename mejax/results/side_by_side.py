"""`me.table`: several fits side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from .._double import computing
from ..post import side_by_side as _numbers
from ..post.estat.degrees import TITLES
from ..post.hypotheses.lrtest import restricted
from ..post.kinds import is_integrated, is_nonlinear
from ..post.tables import COLUMNS
from ..tables.side_by_side import (
    Entry,
    Line,
    Section,
    SideBySide,
    Statistic,
    render_side_by_side,
    render_side_by_side_html,
    render_side_by_side_latex,
)
from .fit import Fit
from .side_by_side_options import (
    flags_of,
    new_labels,
    patterns_of,
    require_plain,
    star_levels,
    statistics_wanted,
    texts,
)

Shown = Literal["ci", "p", "z"] | bool
_DECIMALS = {"p": 3, "z": 2}  # of what stands below the estimates
_DEGREES = TITLES | {"residual": "residual", "repeated": "repeated-measures"}
_OF_STATISTICS: dict[str, Any] = {"N": "count", "groups": "count", "df": "count", "icc": 3, "p": 4}
_BELOW = {
    True: "Standard errors in parentheses.",
    "p": "p-values in parentheses.",
    "z": "Test statistics in parentheses.",
}


@dataclass(frozen=True, repr=False)
class ModelTable:
    """Several fits side by side; it shows itself as text, in notebooks as HTML.

    `frame` holds the numbers: a row for each part and label, for each fit the columns `estimate se z p lower upper`,
    NaN where a fit has none.  Of a fit with degrees of freedom t stands in place of z, in the rows of coefficients.
    """

    description: SideBySide
    frame: pd.DataFrame

    def __str__(self) -> str:
        return render_side_by_side(self.description)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """One `<div>` with a style of its own."""
        return render_side_by_side_html(self.description)

    def to_latex(self) -> str:
        r"""A `tabular` that needs `\usepackage{booktabs}`; with a title inside a `table`."""
        return render_side_by_side_latex(self.description)

    def to_frame(self) -> pd.DataFrame:
        """The numbers behind the table, unrounded."""
        return self.frame.copy()


def table(
    *fits: Any,
    names: Sequence[str] | None = None,
    stats: Sequence[str] = ("N", "ll", "aic", "bic"),
    stars: Sequence[float] | Literal[False] = (0.05, 0.01, 0.001),
    se: Shown = True,
    eform: bool | Sequence[bool] = False,
    keep: str | Sequence[str] | None = None,
    drop: str | Sequence[str] | None = None,
    random: bool = True,
    labels: Mapping[str, str] | None = None,
    decimals: int | None = None,
    title: str = "",
) -> ModelTable:
    """Several fits side by side, their rows matched by label: coefficients, ancillary parameters, variance components.

        me.table(small, large)
        me.table({"linear": one, "logit": two}, stats=("N", "groups", "ll", "icc"), eform=(False, True))

    Fits of different commands stand side by side as well.  The intercepts of the two spellings, `_cons` and
    `Intercept`, stay apart unless `labels={"Intercept": "_cons"}` says otherwise.

    Args:
        fits: what the commands return, or one list, or one mapping from names.
        names: what stands above the columns, otherwise (1), (2), ...
        stats: rows at the end: N, groups (of every level), ll, aic, bic, icc (of every level), df (parameters), and of
            the Wald test chi2, F and p; blank where a fit has none.
        stars: levels of the p-values of coefficients, or False.
        se: what stands below an estimate: True for standard errors, "ci" for intervals at the fit's level, "p", "z"
            (the test statistic of coefficients, t where the fit has degrees of freedom), False for nothing.
        eform: whether coefficients are exponentiated, in all fits or in each.
        keep, drop: labels of the rows to show or to leave out, with `*` and `?`.
        random: whether variance components are shown.
        labels: {label: new label}, also for the columns in `var()` and `cov()`.
        decimals: how many are shown; by default three digits of the smallest standard error of the row, and two
            decimals in statistics.
        title: a line above the table.

    Returns:
        A `ModelTable`, which prints; `.to_latex()` (booktabs), `.to_html()` and `.to_frame()` are its other forms.
    """
    found = _fits(fits, names)
    require_plain(se, random, decimals, title)
    levels, exponentiated, wanted = star_levels(stars), flags_of(eform, len(found)), statistics_wanted(stats)
    labels = new_labels(labels)
    _numbers.require_labels([fit.estimates for fit in found.values()], labels)
    with computing():
        columns = [
            _numbers.column(fit.estimates, fit.level, wanted, eform=each, labels=labels)
            for fit, each in zip(found.values(), exponentiated, strict=True)
        ]
    choice = _numbers.Choice(patterns_of(keep, "keep"), patterns_of(drop, "drop") or (), random)
    keys = _numbers.chosen(_numbers.ordered(columns), choice)
    description = SideBySide(
        heads=tuple(_heads(found)),
        blocks=tuple(_blocks(keys, columns, se, levels, decimals)),
        statistics=tuple(_statistic_rows(columns, decimals)),
        notes=tuple(_notes(found, exponentiated, se, levels, wanted)),
        title=title,
    )
    return ModelTable(description, _frame(found, keys, columns))


def _fits(fits: tuple, names: Sequence[str] | None) -> dict[str, Fit]:
    """The fits by the names above their columns."""
    if len(fits) == 1 and isinstance(fits[0], Mapping):
        if names is not None:
            raise ValueError("table: the fits are named twice, by a mapping and by `names`; leave out one of them")
        names, fits = [str(n) if isinstance(n, int) else n for n in fits[0]], tuple(fits[0].values())
    elif len(fits) == 1 and isinstance(fits[0], Sequence):
        fits = tuple(fits[0])
    if not fits:
        raise ValueError("table: give at least one fit, `me.table(fit1, fit2)`")
    for each in fits:
        if not isinstance(each, Fit):
            raise TypeError(f"table: takes fits, as `me.mixed` returns them; got {type(each).__name__}")
    known = tuple(f"({k})" for k in range(1, len(fits) + 1)) if names is None else texts(names)
    if known is None:
        raise ValueError(f"table: `names` is a list of texts, one for each fit; got {names!r}")
    if len(known) != len(fits):
        raise ValueError(f"table: there are {len(fits)} fits and {len(known)} names; give one name for each fit")
    if len(set(known)) < len(known):
        raise ValueError(f"table: the names of the fits must differ; got {', '.join(known)}")
    return dict(zip(known, fits, strict=True))


def _heads(fits: Mapping[str, Fit]) -> Iterator[tuple[str, ...]]:
    """The names, the commands where they differ, the responses."""
    yield tuple(fits)
    commands = tuple(fit.spec.command for fit in fits.values())
    if len(set(commands)) > 1:
        yield commands
    yield tuple(fit.estimates.names.response for fit in fits.values())


def _blocks(
    keys: Sequence[_numbers.Key],
    columns: Sequence[_numbers.Column],
    se: Shown,
    levels: tuple[float, ...],
    decimals: int | None,
) -> Iterator[tuple[Section, ...]]:
    """A block for each part, in it a section for each equation or level."""
    below = _DECIMALS.get(str(se))
    for part in dict.fromkeys(key.part for key in keys):
        mine = [key for key in keys if key.part == part]
        sections = []
        for heading in dict.fromkeys(key.heading for key in mine):
            rows = [
                Line(k.short, tuple(_entry(k, column, se, levels) for column in columns), decimals, below)
                for k in mine if k.heading == heading
            ]  # fmt: skip
            sections.append(Section(heading, tuple(rows)))
        yield tuple(sections)


def _entry(key: _numbers.Key, column: _numbers.Column, se: Shown, levels: tuple[float, ...]) -> Entry | None:
    """Tests, and so stars, are those of coefficients: that a variance or a cut point is zero is no hypothesis."""
    value = column.rows.get(key)
    if value is None:
        return None
    estimate, error, z, p, lower, upper = map(float, value.numbers)
    if value.held:
        return Entry(estimate, note="constrained" if se else "")
    tested = key.part == "coefficients"
    below = {True: (error,), "ci": (lower, upper), "p": (p,) if tested else (), "z": (z,) if tested else ()}.get(se, ())
    return Entry(estimate, error, below, "*" * sum(p < level for level in levels) if tested else "")


def _statistic_rows(columns: Sequence[_numbers.Column], decimals: int | None) -> Iterator[Statistic]:
    for label in _numbers.statistics_of(columns):
        default = 2 if decimals is None else decimals
        values = tuple(column.statistics.get(label) for column in columns)
        yield Statistic(label, values, _OF_STATISTICS.get(label.split("(")[0], default))


def _notes(
    fits: Mapping[str, Fit], eform: Sequence[bool], se: Shown, levels: tuple[float, ...], stats: Sequence[str]
) -> Iterator[str]:
    """What a reader must know to read the numbers, and where the columns differ."""
    estimates = {name: fit.estimates for name, fit in fits.items()}
    if any(eform):
        yield _of([n for n, e in zip(fits, eform, strict=True) if e], fits, "Exponentiated coefficients{}.")
    if se == "ci":
        same = {fit.level for fit in fits.values()}
        yield f"{f'{same.pop():g}% c' if len(same) == 1 else 'C'}onfidence intervals in brackets."
    elif se:
        yield _BELOW[se]
    robust = [name for name, e in estimates.items() if e.vce != "oim"]
    if robust and se:
        yield _of(robust, fits, "Robust standard errors{}.")
    if se or levels:
        degrees = {name: e.degrees.method for name, e in estimates.items() if e.degrees is not None}
        for method in dict.fromkeys(degrees.values()):
            which = [name for name in degrees if degrees[name] == method]
            yield _of(which, fits, f"t statistics with {_DEGREES[method]} degrees of freedom{{}}.")
    if levels:
        yield ", ".join(f"{'*' * k} p < {level:g}" for k, level in enumerate(levels, start=1))
    if {"ll", "aic", "bic"} & set(stats):
        reml = [name for name, e in estimates.items() if restricted(e)]
        linear = [name for name, e in estimates.items() if is_nonlinear(e) and not is_integrated(e)]
        for which, text in ((reml, "Restricted log likelihood{}."), (linear, "Log likelihood of the linearization{}.")):
            if which:
                yield _of(which, fits, text)
    for name, each in estimates.items():
        if not each.status.ok:
            yield f"Warning: {name} ended as `{each.status}`."


def _of(names: Sequence[str], fits: Mapping[str, Fit], text: str) -> str:
    """Which columns the text is about, where it is not about all."""
    return text.format("" if len(names) == len(fits) else f" in {', '.join(names)}")


def _frame(fits: Mapping[str, Fit], keys: Sequence[_numbers.Key], columns: Sequence[_numbers.Column]) -> pd.DataFrame:
    statistics = _numbers.statistics_of(columns)
    blank, place = np.full(len(COLUMNS), np.nan), COLUMNS.index("z")
    found, names = [], []
    for column, (name, fit) in zip(columns, fits.items(), strict=True):
        rows = [np.array(column.rows[key].numbers if key in column.rows else blank) for key in keys]
        if fit.estimates.degrees is not None:
            for key, row in zip(keys, rows, strict=True):  # covariances have z statistics
                row[place] = row[place] if key.part == "coefficients" else np.nan
        names += [(name, "t" if label == "z" and fit.estimates.degrees is not None else label) for label in COLUMNS]
        rows += [np.array([column.statistics.get(label, np.nan), *blank[1:]]) for label in statistics]
        found.append(np.reshape(rows, (-1, len(COLUMNS))))
    index = [(key.part, key.label) for key in keys] + [("statistics", label) for label in statistics]
    return pd.DataFrame(
        np.hstack(found),
        index=pd.MultiIndex.from_tuples(index, names=["part", "label"]),
        columns=pd.MultiIndex.from_tuples(names, names=["fit", None]),
    )
