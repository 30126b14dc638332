"""`fit.margins`: what it returns, prints and draws."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .._double import computing
from ..post.estat.estat import lines_frame
from ..post.margins.contrasts import contrast as _contrast
from ..post.margins.found import MarginsFound
from ..post.margins.pairwise import pairwise as _pairwise
from ..tables import Block, Report, Row, render, render_html
from .contrasts import Contrasts, PairwiseComparisons
from .margins_picture import draw


class Margins:
    """Margins with their standard errors; `print` shows the table, `plot` the picture.

    Attributes:
        found: the numbers, `found.functions.values` and `.covariance`, and what each is the margin of.
        level: the confidence level in per cent.
    """

    def __init__(self, found: MarginsFound, level: float):
        self.found = found
        self.level = level

    @cached_property
    def table(self) -> pd.DataFrame:
        """`estimate se z p lower upper` (`t df` in place of z with degrees of freedom), a row for each margin."""
        return lines_frame(self.found.functions.lines(self.level))

    @property
    def cells(self) -> pd.DataFrame:
        """What each margin belongs to: levels of the factors, `_at`, `over`, `dydx`, `outcome`."""
        return self.found.cells.set_axis(list(self.found.functions.labels))

    def cov(self) -> pd.DataFrame:
        """The covariance matrix of the margins."""
        labels = list(self.found.functions.labels)
        return pd.DataFrame(self.found.functions.covariance, index=labels, columns=labels)

    def plot(self, x: str | None = None, *, by: Any = None, interval: bool = True, ax: Any = None) -> Any:
        """The margins with their intervals, lines for the cells of what is not on the axis.

        Args:
            x: what is on the axis: a factor of the terms, a covariate that `at` varies, "dydx" or "outcome"; by default
                the covariate of `at`, else the first factor.
            by: what gets a line each, a name or several; by default all that varies beside x.
            interval: whether intervals are drawn.
            ax: the axes to draw into.

        Returns:
            The axes.
        """
        return draw(self.found, self.table, x, by, interval=interval, ax=ax)

    def contrast(
        self,
        operators: str | Sequence[str] | None = None,
        *,
        mcompare: str = "noadjust",
        weights: Mapping[str, Sequence[float]] | None = None,
        adjustall: bool = False,
        overall: bool = False,
        sort: bool = False,
        wald: bool = True,
        effects: bool = True,
        level: float | None = None,
    ) -> Contrasts:
        """Contrasts of the margins between the levels of their factors; see `fit.contrast` for the notation.

        Args:
            operators: contrasts such as "r.thatch"; by default the joint test of every term.
            mcompare: the adjustment for several comparisons: noadjust, bonferroni, sidak, scheffe, holm.
            weights: for `gw.`, `hw.`, `jw.`, `pw.` and `qw.` the number of observations of each level, by factor.
            adjustall: whether the comparisons of all terms count together.
            overall: whether a test of all terms together is added.
            sort: whether contrasts are shown by size.
            wald: whether the joint tests are shown.
            effects: whether the single contrasts are.
            level: the confidence level in per cent.
        """
        with computing():
            found = _contrast(
                self.found, operators, weights=weights, mcompare=mcompare, adjustall=adjustall, overall=overall,
                sort=sort, level=self.level if level is None else level,
            )  # fmt: skip
        return Contrasts(found, wald=wald, effects=effects)

    def pwcompare(
        self,
        *,
        mcompare: str = "noadjust",
        adjustall: bool = False,
        groups: bool = False,
        sort: bool = False,
        effects: bool | None = None,
        level: float | None = None,
    ) -> PairwiseComparisons:
        """All pairwise differences of the margins within each term.

        Args:
            mcompare: the adjustment: noadjust, bonferroni, sidak, scheffe, holm, tukey.
            adjustall: whether the comparisons of all terms count together.
            groups: whether letters are shown that margins share which do not differ.
            sort: whether margins are shown by size.
            effects: whether the differences are shown; by default unless `groups` is asked for.
            level: the confidence level in per cent.
        """
        with computing():
            found = _pairwise(
                self.found, mcompare=mcompare, adjustall=adjustall, groups=groups, sort=sort,
                level=self.level if level is None else level,
            )  # fmt: skip
        return PairwiseComparisons(found, effects=effects)

    def _report(self) -> Report:
        found, functions = self.found, self.found.functions
        values = functions.lines(self.level).values
        blocks: dict[str, list[Row]] = {}
        for k, row in found.cells.reset_index(drop=True).iterrows():
            heading, term, label = _place(found, row)
            numbers = values[int(str(k))]
            known = bool(np.isfinite(numbers[0]))
            line = Row(label, *numbers, term=term) if known else Row(label, np.nan, note="not estimable", term=term)
            blocks.setdefault(heading, []).append(line)
        return Report(
            title=found.title,
            nobs=found.nobs,
            definitions=(f"Expression: {found.expression}", *found.at),
            fixed=tuple(Block(heading, tuple(rows)) for heading, rows in blocks.items()),
            footnotes=tuple(f"Note: {note}" for note in found.notes),
            estimate_title=found.quantity,
            se_title="Delta-method std. err.",
            statistic="z" if functions.df is None else "t",
            level=self.level,
        )

    def __str__(self) -> str:
        return render(self._report())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return render_html(self._report())


def _place(found: MarginsFound, row: Any) -> tuple[str, str, str]:
    """(the block's heading, the heading of the term, the row's label) of a margin in print."""
    own = [name for name in found.levels if row[name]]
    rest = {name: row[name] for name in found.cells.columns if name not in found.levels and row[name]}
    heading = ", ".join(f"{name} = {rest[name]}" for name in rest if name not in ("_at", "dydx"))
    variable = rest.get("dydx", "")
    names = (["_at"] if "_at" in rest else []) + own
    levels = ([rest["_at"]] if "_at" in rest else []) + [found.shown(name, row[name]) for name in own]
    if not names:
        return heading, "", variable or "_cons"
    heading = ", ".join(text for text in (variable, heading) if text)
    return heading, "#".join(names), "#".join(levels)
