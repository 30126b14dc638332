"""`fit.profile`: what it returns, prints and draws."""

import math
from typing import Any

import numpy as np
import pandas as pd

from ..post.normal import critical
from ..post.resampling.profile import ProfileFound
from ..tables import Column, render_simple
from .axes import DARK, LIGHT, new_axes, plain, pyplot


class Profile:
    """Profile-likelihood intervals; `print` shows them, `plot` the curves.

    Attributes:
        table: `estimate lower upper`, a row for each parameter, on the printed scale (variances, not their roots).
        curves: points of every curve, `parameter value zeta`, zeta the signed root of the likelihood-ratio statistic.
    """

    def __init__(self, found: ProfileFound):
        self.table = found.table
        self.curves = found.curves
        self.level = found.level
        self.notes = found.notes

    def plot(self, parameters: Any = None, *, ax: Any = None) -> Any:
        """zeta against the parameter, a panel for each: a straight line where the likelihood is a parabola.

        The interval lies between the dashed lines.

        Args:
            parameters: which of them, a label or several; by default all.
            ax: the axes of a single parameter.

        Returns:
            The axes, an array where there are several.
        """
        names = list(self.table.index) if parameters is None else _named(self.table, parameters)
        if ax is not None and len(names) != 1:
            raise ValueError(f"profile.plot: `ax` takes one parameter, and there are {len(names)}; name one")
        panels = [new_axes(ax)] if ax is not None else _panels(len(names))
        for axes, name in zip(panels, names, strict=True):
            self._draw(axes, name)
        return panels[0] if len(names) == 1 else np.array(panels, dtype=object)

    def _draw(self, axes: Any, name: str) -> None:
        points: Any = self.curves[self.curves["parameter"] == name]
        z, row = critical(self.level), self.table.loc[name]
        axes.plot(
            points["value"].to_numpy(), points["zeta"].to_numpy(), color=DARK, marker="o", markersize=3.5, linewidth=1.3
        )
        for limit in (-z, z):
            axes.axhline(limit, color=LIGHT, linewidth=0.8, linestyle="--", zorder=0)
        axes.axvline(row["estimate"], color=LIGHT, linewidth=0.8, zorder=0)
        for limit in (row["lower"], row["upper"]):
            if math.isfinite(limit):
                axes.axvline(limit, color=LIGHT, linewidth=0.8, linestyle=":", zorder=0)
        axes.set(xlabel=name, ylabel="Signed root of the statistic")

    def __str__(self) -> str:
        columns = (Column("Estimate"), Column("[conf.", gap=5), Column("interval]", gap=3))
        rows = [(str(label), tuple(row)) for label, row in zip(self.table.index, self.table.to_numpy(), strict=True)]
        title = f"Profile-likelihood intervals, {self.level:g} %"
        notes = tuple(f"Note: {note}" for note in self.notes)
        return render_simple(columns, rows, title=title, stub="Parameter", notes=notes)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table.to_html(float_format=lambda value: f"{value:.7g}")


def _named(table: pd.DataFrame, parameters: Any) -> list[str]:
    names = [parameters] if isinstance(parameters, str) else list(parameters)
    for name in names:
        if name not in table.index:
            raise ValueError(f"profile.plot: `{name}` was not profiled; {', '.join(map(str, table.index))} were")
    return names


def _panels(count: int) -> list[Any]:
    across = min(count, 3)
    down = -(-count // across)
    _, grid = pyplot().subplots(down, across, figsize=(4.0 * across, 3.2 * down), layout="constrained", squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    return [plain(axes) for axes in grid.flat[:count]]
