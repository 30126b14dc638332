"""The picture of `fit.plot.qq`."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .axes import DARK, LINE, panels, point_size


def draw(found: Mapping[str, pd.DataFrame], ylabel: str, ax: Any) -> Any:
    """A panel for each set of quantiles under its title; the axes themselves of a single one."""
    axes = panels(ax, len(found), (max(4.4 * len(found), 5.2), 4.4))
    for one, (title, quantiles) in zip(axes, found.items(), strict=True):
        expected = quantiles["expected"].to_numpy()
        one.fill_between(expected, quantiles["lower"], quantiles["upper"], color="0.88", linewidth=0.0, zorder=1.1)
        one.plot(expected, quantiles["line"].to_numpy(), color=LINE, linewidth=1.0, zorder=1.5)
        one.plot(expected, quantiles["value"].to_numpy(), linestyle="none", marker="o", color=DARK,
                 markeredgewidth=0.0, markersize=point_size(len(quantiles))["markersize"])  # fmt: skip
        one.set_xlabel("Normal quantiles")
        one.set_title(title, fontsize="medium")
    axes[0].set_ylabel(ylabel)
    return axes[0] if len(axes) == 1 else axes
