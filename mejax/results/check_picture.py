"""The picture of `fit.plot.check`: are scaled residuals uniform, wherever one looks?"""

import textwrap
from typing import Any

import numpy as np
import pandas as pd

from ..post.diagnostics.simulated_residuals import SimulatedResiduals
from ..post.diagnostics.simulated_tests import NOTE, quantile_curves, ranked
from .axes import COLOURS, DARK, LINE, panels, point_size, ticks

_MANY, _FEW = 5000, 12
_NAMES = {"uniformity": "uniformity", "dispersion": "dispersion ratio", "outliers": "outliers", "zeros": "zeros"}


def draw(found: SimulatedResiduals, against: Any, label: str, ax: Any) -> np.ndarray:
    """Two panels; `against` holds the numbers or categories on the x axis of the second."""
    axes = panels(ax, 2, (9.4, 4.6))
    _uniform(axes[0], found)
    residual = found.residuals["residual"].to_numpy()
    values = pd.Series(against)
    known = values.notna().to_numpy()
    values, residual = values.loc[known].reset_index(drop=True), residual[known]
    if isinstance(values.dtype, pd.CategoricalDtype) or (
        values.nunique() <= _FEW and len(values) >= 8 * values.nunique()
    ):
        _boxes(axes[1], values, residual)
        axes[1].set_xlabel(label)
    else:
        _scatter(axes[1], ranked(values.to_numpy(float)), residual)
        axes[1].set_xlabel(f"{label}, ranks from 0 to 1")
    axes[1].set(ylabel="Scaled residuals", ylim=(-0.02, 1.02))
    return axes


def _uniform(axes: Any, found: SimulatedResiduals) -> None:
    """Sorted residuals against what they would be; the shares of simulated samples are the band."""
    band = found.uniform
    grid = np.concatenate([[0.0], band["residual"]])
    lower, upper = (np.concatenate([[0.0], band[side]]) for side in ("lower", "upper"))
    axes.fill_betweenx(grid, lower, upper, color="0.88", linewidth=0.0, zorder=1.1)
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1.0, zorder=1.5)
    residual = np.sort(found.residuals["residual"].to_numpy())
    expected = (np.arange(len(residual)) + 0.5) / len(residual)
    if len(residual) <= 1000:
        axes.plot(expected, residual, linestyle="none", marker="o", color=DARK, markeredgewidth=0.0,
                  markersize=point_size(len(residual))["markersize"])  # fmt: skip
    else:
        axes.plot(expected[:: len(residual) // 500], residual[:: len(residual) // 500], color=DARK, linewidth=2.0)
    axes.set(xlabel="Uniform quantiles", ylabel="Scaled residuals", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.text(0.98, 0.03, _lines(found.tests), transform=axes.transAxes, ha="right", va="bottom", fontsize="small")


def _lines(tests: pd.DataFrame) -> str:
    """The tests, a line for each, and what is to be known about them."""
    lines = []
    for name, row in tests.iterrows():
        value = {"uniformity": "", "dispersion": f" {row['statistic']:.2f}"}.get(
            str(name), f" {row['statistic']:,.0f} ({row['expected']:,.1f} expected)"
        )
        lines.append(f"{_NAMES[str(name)]}{value}: p = {row['p']:.3f}")
    return "\n".join([*lines, *textwrap.wrap(f"({NOTE})", 30)])


def _scatter(axes: Any, x: np.ndarray, residual: np.ndarray) -> None:
    if len(x) > _MANY:
        density, _, _, _ = axes.hist2d(x, residual, bins=(40, 25), range=((0, 1), (0, 1)), cmap="Greys", zorder=1.2)
        axes.collections[-1].set_clim(0.0, 3.5 * density.mean())
    else:
        axes.plot(x, residual, linestyle="none", marker="o", color=DARK, markeredgewidth=0.0, **point_size(len(x)))
    for expected in (0.25, 0.5, 0.75):
        axes.axhline(expected, color=LINE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.5)
    curves = quantile_curves(x, residual)
    for name in ("q25", "q50", "q75"):
        axes.plot(curves["x"].to_numpy(), curves[name].to_numpy(), color=COLOURS[1], linewidth=2.0, zorder=3)
    axes.set_xlim(-0.02, 1.02)


def _boxes(axes: Any, values: pd.Series, residual: np.ndarray) -> None:
    """The quartiles of each value, which would be 1/4, 1/2 and 3/4."""
    category = pd.Categorical(values)
    parts = [residual[np.asarray(category.codes) == code] for code in range(len(category.categories))]
    for expected in (0.25, 0.5, 0.75):
        axes.axhline(expected, color=LINE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.5)
    drawn = axes.boxplot(parts, widths=0.5, whis=(0, 100), patch_artist=True, medianprops={"color": COLOURS[1]})
    for box in drawn["boxes"]:
        box.set(facecolor="0.9", edgecolor=DARK)
    names = [f"{value:.4g}" if isinstance(value, int | float) else str(value) for value in category.categories]
    ticks(axes, np.arange(1, len(parts) + 1), names)
    axes.grid(axis="x", visible=False)
