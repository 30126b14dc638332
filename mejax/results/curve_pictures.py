"""The pictures of `fit.plot.survival`, `hazard` and `outcomes`."""

from typing import Any

import numpy as np
import pandas as pd

from ..post.prediction.typical_rows import MOST_CURVES
from .axes import MARKERS, line_styles, new_axes, ticks

_INSIDE = 4  # curves whose legend finds a place between them


def over_time(curves: pd.DataFrame, statistic: str, time: str, ylabel: str, ax: Any) -> Any:
    """A line for each curve, with a legend where there are several."""
    axes = new_axes(ax)
    before = len(axes.lines)
    for number, (label, part) in enumerate(curves.groupby("curve", sort=False)):
        axes.plot(part["time"].to_numpy(), part[statistic].to_numpy(), label=str(label) or None,
                  linewidth=1.8, **line_styles(before + number))  # fmt: skip
    axes.set(xlabel=time, ylabel=ylabel)
    axes.set_xlim(left=0.0)
    if statistic == "survival":
        axes.set_ylim(0.0, 1.0)
    else:
        axes.set_ylim(bottom=0.0)
    if curves["curve"].iloc[0]:
        _legend(axes, None, ax is None, len(axes.lines))
    return axes


def of_outcomes(curves: pd.DataFrame, response: str, ylabel: str, ax: Any) -> Any:
    """A line for each outcome; few values are marked, each with a tick."""
    name = str(curves.columns[0])
    axes = new_axes(ax)
    values = list(dict.fromkeys(curves[name]))
    places = np.arange(len(values)) if any(isinstance(value, str) for value in values) else np.asarray(values, float)
    few = len(values) <= MOST_CURVES
    for number, (outcome, part) in enumerate(curves.groupby("outcome", sort=False)):
        axes.plot(places, part["pr"].to_numpy(), label=str(outcome), linewidth=1.8, markersize=5.0,
                  marker=MARKERS[number % len(MARKERS)] if few else None, **line_styles(number))  # fmt: skip
    if few:
        texts = [value if isinstance(value, str) else f"{value:g}" for value in values]
        ticks(axes, places, texts)
    axes.set(xlabel=name, ylabel=ylabel, ylim=(0.0, min(1.02, 1.25 * float(np.max(curves["pr"])))))
    _legend(axes, response, ax is None, len(set(curves["outcome"])))
    return axes


def _legend(axes: Any, title: str | None, own: bool, count: int) -> None:
    """Beside the curves where there are many, and the figure is ours to give them room."""
    beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if own and count > _INSIDE else {}
    axes.legend(title=title, frameon=False, handlelength=2.6, **beside)
