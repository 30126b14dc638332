"""Contrasts and pairwise comparisons of margins, as what prints, plots and holds data frames."""

import abc
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..post.margins.contrasts import OVERALL, ContrastFound
from ..post.margins.multiplicity import NAMES
from ..post.margins.pairwise import PairwiseFound
from ..post.margins.simultaneous import Comparisons
from ..tables import Report, render, render_html
from ..tables.contrasts import counts_sheet, effects_sheet, groups_sheet, tests_sheet
from ..tables.layout import level_text
from ..tables.sections import Sheet, render_sheet, sheet_html
from .axes import DARK, LINE, new_axes

_DELTA = "Delta-method"
_CELL = re.compile(r"\(([^()]*#[^()]*)\)")
_SHARED = "Note: Margins sharing a letter in the group label are not significantly different at the {:g}% level."


class AbstractComparisons(abc.ABC):
    """What contrasts and pairwise comparisons share: their table, their picture, their print."""

    _found: Comparisons

    @abc.abstractmethod
    def _sheets(self) -> list[Sheet]:
        """The tables that are printed."""

    @property
    def table(self) -> pd.DataFrame:
        """estimate, se, (df and t, or z), p, lower, upper of every single contrast or difference."""
        return self._found.table

    @property
    def mcompare(self) -> str:
        """How they are adjusted."""
        return self._found.mcompare

    def plot(self, ax: Any = None) -> Any:
        """All of them with their intervals and a line at zero; returns the axes."""
        return _intervals(self.table, self._found.level, ax)

    def __str__(self) -> str:
        return "\n\n".join([render(_header(self._found)), *(render_sheet(sheet) for sheet in self._sheets())])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return "\n".join([render_html(_header(self._found)), *(sheet_html(sheet) for sheet in self._sheets())])


class Contrasts(AbstractComparisons):
    """Contrasts of margins: `.table` has single contrasts, `.tests` the joint tests, both by term and contrast.

    `wald` and `effects` say whether joint tests and single contrasts are printed.
    """

    def __init__(self, found: ContrastFound, *, wald: bool = True, effects: bool = True):
        self._found = self._contrasts = found
        self._wald = wald or found.table.empty
        self._effects = effects and not found.table.empty

    @property
    def tests(self) -> pd.DataFrame:
        """df, chi2, p (df, ddf, F, p with denominator degrees of freedom) of every single contrast and, named `Joint`,
        of each term."""
        return self._contrasts.tests

    def _sheets(self) -> list[Sheet]:
        found, method = self._contrasts, "" if self.mcompare == "noadjust" else NAMES[self.mcompare]
        notes, sheets = _notes(found), []
        if self._wald:
            below = () if self._effects else notes
            if method and found.counts:
                below = (f"Note: {method}-adjusted p-values are those of individual contrasts only.", *below)
            sheets.append(tests_sheet(_by_term(self.tests), (*found.omnibus, OVERALL), "ddf" in self.tests, below))
        if self._effects:
            sheets += [counts_sheet(found.counts, "contrasts")] if method else []
            sheets.append(_effects(self.table, found.level, method, notes))
        return sheets


class PairwiseComparisons(AbstractComparisons):
    """Differences of margins: `.table` has them by term and comparison, `.margins` the margins, with their groups.

    `effects` says whether the differences are printed where there are groups.
    """

    def __init__(self, found: PairwiseFound, *, effects: bool | None = None):
        self._found = self._pairs = found
        self._effects = not found.groups if effects is None else effects or not found.groups

    @property
    def margins(self) -> pd.DataFrame:
        """estimate, se, lower, upper of the margins, not adjusted, and `groups` where they were asked for."""
        return self._pairs.margins

    def _sheets(self) -> list[Sheet]:
        found, method = self._pairs, NAMES[self.mcompare]
        sheets = [] if self.mcompare == "noadjust" else [counts_sheet(found.counts, "comparisons")]
        if found.groups:
            note = _SHARED.format(100.0 - found.level)
            below = (note,) if self._effects else (note, *_notes(found))
            sheets.append(groups_sheet(_by_term(self.margins.drop(columns=["lower", "upper"])), _DELTA, method, below))
        if self._effects:
            sheets.append(_effects(self.table, found.level, method, _notes(found)))
        return sheets


def _by_term(frame: pd.DataFrame) -> Mapping[str, list[tuple[str, Any]]]:
    """Rows by the first level of the index, in their order."""
    rows: dict[str, list[tuple[str, Any]]] = {}
    for (term, label), values in zip(frame.index, frame.itertuples(index=False, name=None), strict=True):
        rows.setdefault(term, []).append((_printed(label), values))
    return rows


def _printed(label: str) -> str:
    """Levels that are numbers without the sign of an interaction, `(2 1) vs (2 0)`, as in the table of margins."""
    label = _CELL.sub(lambda cell: f"({level_text(cell[1])})", label)
    return label if "(" in label else level_text(label)


def _notes(found: Comparisons) -> tuple[str, ...]:
    return tuple(f"Note: {note}" for note in found.notes)


def _effects(table: pd.DataFrame, level: float, method: str, notes: tuple[str, ...]) -> Sheet:
    letter = "t" if "t" in table else "z"
    intervals = NAMES["bonferroni"] if method == NAMES["holm"] else method
    shown = table.drop(columns="df", errors="ignore")
    return effects_sheet(_by_term(shown), letter, level, above=(_DELTA, method, intervals), notes=notes)


def _header(found: Comparisons) -> Report:
    source = found.source
    expression = (f"Expression: {source.expression}",) if source.expression else ()
    return Report(title=found.title, nobs=source.nobs, definitions=(*expression, *source.at), level=found.level)


def _intervals(table: pd.DataFrame, level: float, ax: Any) -> Any:
    """Estimates with intervals, one below the other; those whose interval leaves zero out are filled."""
    axes = new_axes(ax, (6.4, max(3.2, 0.25 * len(table) + 1.2)))
    labels = [label for _, label in table.index]
    several = table.index.get_level_values(0).nunique() > 1
    if several:
        labels = [f"{term}: {label}" for term, label in table.index]
    y = np.arange(len(labels))
    estimate, lower, upper = (table[name].to_numpy() for name in ("estimate", "lower", "upper"))
    clear = (lower > 0) | (upper < 0)
    axes.axvline(0.0, color=LINE, linewidth=1.0)
    axes.hlines(y, lower, upper, color=DARK)
    axes.scatter(estimate, y, s=28, zorder=3, edgecolors=DARK, c=np.where(clear, DARK, "white"))
    axes.set_yticks(y, labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set(xlabel=f"Difference, {level:g}% interval")
    return axes
