"""The picture of `fit.plot.residuals`."""

from typing import Any

import numpy as np
import pandas as pd

from ..post.diagnostics.smoother import local_lines, means_by_value
from .axes import COLOURS, DARK, LINE, line_styles, marker_style, new_axes, point_size, ticks

WORDS = {
    "residuals": "Residuals",
    "rstandard": "Standardised residuals",
    "pearson": "Pearson residuals",
    "deviance": "Deviance residuals",
    "anscombe": "Anscombe residuals",
}
_MANY = 5000  # points; beyond them their density is drawn
_FEW = 25  # values that have a tick each
_FEWEST = 20  # points that are worth a curve
_SMOOTHED = 13  # values from which on there is something to smooth; fewer have their means
_MOST_NAMES = 40


def draw(points: pd.DataFrame, labels: tuple[str, str, str], smooth: bool, label: int | float | None, ax: Any) -> Any:
    """`labels` are those of the x axis, the y axis and the legend."""
    _require_label(label)
    axes = new_axes(ax)
    points = points.dropna()  # covariates from elsewhere may be missing
    x, words = _positions(pd.Series(points["against"]))
    by = pd.Series(points["by"]) if "by" in points else None
    y = points["residual"].to_numpy(float)
    distinct = np.unique(x)
    axes.axhline(0.0, color=LINE, linewidth=0.9, zorder=1.5)
    crowded = len(x) > _MANY and len(distinct) > _FEW
    smooth = smooth and words is None and len(distinct) > 1 and len(x) >= _FEWEST
    if crowded:
        _density(axes, x, y)
    else:
        shown = x if len(x) <= _MANY else x + _jitter(distinct, len(x))
        _points(axes, shown, y, by)
    if smooth:
        _curves(axes, x, y, by if crowded else None)
    if by is not None and (smooth or not crowded):
        _legend(axes, labels[2], len(by.cat.categories), ax is None)
    axes.set(xlabel=labels[0], ylabel=labels[1])
    _ticks(axes, distinct, words)
    if label is not None:
        _annotate(axes, x, y, points["row"].to_numpy(), label)
    return axes


def _positions(values: pd.Series) -> tuple[np.ndarray, list[str] | None]:
    """Numbers as they are; categories stand at 0, 1, ... and have names."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return values.to_numpy(float), None
    return np.asarray(values.cat.codes, float), [str(value) for value in values.cat.categories]


def _jitter(distinct: np.ndarray, count: int) -> np.ndarray:
    step = float(np.min(np.diff(distinct))) if len(distinct) > 1 else 1.0
    return np.random.default_rng(0).uniform(-0.3, 0.3, count) * step


def _density(axes: Any, x: np.ndarray, y: np.ndarray) -> None:
    """Dark where many points are, on a logarithmic scale on which a single point can still be seen."""
    drawn = axes.hexbin(x, y, gridsize=60, bins="log", cmap="Greys", mincnt=1, linewidths=0.2, edgecolors="face",
                        zorder=1.2)  # fmt: skip
    drawn.set_clim(0.2, 4.0 * drawn.get_array().max())


def _points(axes: Any, x: np.ndarray, y: np.ndarray, by: pd.Series | None) -> None:
    """Points, those of each category in their own marker."""
    size, opacity = point_size(len(x)).values()
    style = {"linestyle": "none", "markeredgewidth": 0.0, "alpha": opacity, "rasterized": len(x) > _MANY}
    if by is None:
        axes.plot(x, y, marker="o", color=DARK, markersize=size, **style)
        return
    for number, category in enumerate(by.cat.categories):
        mask = (by == category).to_numpy()
        look = style | marker_style(number)
        axes.plot(x[mask], y[mask], markersize=1.25 * size, label=str(category), **look)


def _curves(axes: Any, x: np.ndarray, y: np.ndarray, by: pd.Series | None) -> None:
    """A smooth curve through all points, or through those of each category; of few values their means."""
    if by is None and len(np.unique(x)) < _SMOOTHED:
        means = means_by_value(x, y)
        axes.plot(means["x"].to_numpy(), means["mean"].to_numpy(), color=COLOURS[1], linewidth=1.6, marker="D",
                  markersize=5.0, zorder=3)  # fmt: skip
        return
    if by is None:
        curve = local_lines(x, y)
        axes.plot(curve["x"].to_numpy(), curve["smooth"].to_numpy(), color=COLOURS[1], linewidth=2.0, zorder=3)
        return
    for number, category in enumerate(by.cat.categories):
        mask = (by == category).to_numpy()
        curve = local_lines(x[mask], y[mask])
        axes.plot(curve["x"].to_numpy(), curve["smooth"].to_numpy(), linewidth=2.0, zorder=3, label=str(category),
                  **line_styles(number))  # fmt: skip


def _legend(axes: Any, title: str, count: int, own: bool) -> None:
    """Above the points in one row, or beside many; within axes that are not ours to arrange."""
    place: dict[str, Any] = {}
    if own and count <= 5:
        place = {"ncols": count, "loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "alignment": "left"}
    elif own:
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    legend = axes.legend(title=title or None, frameon=False, handletextpad=0.4, **place)
    for handle in legend.get_lines():
        handle.set(alpha=1.0, markersize=5.0)


def _ticks(axes: Any, distinct: np.ndarray, words: list[str] | None) -> None:
    """A tick for each of few values, as far as there is room."""
    whole = np.all(distinct == np.round(distinct))
    if words is None and (len(distinct) > _FEW or not whole):
        return
    texts = [f"{value:g}" for value in distinct] if words is None else [words[int(value)] for value in distinct]
    ticks(axes, distinct, texts)


def _require_label(label: Any) -> None:
    """Raise an error where this is neither how many points to name nor a distance."""
    known = label is None or (isinstance(label, int | float | np.number) and not isinstance(label, bool))
    if not known or (label is not None and not 0 <= label < np.inf):
        raise ValueError(
            "plot.residuals: `label` is how many points to name, a whole number from 0 on, or with a point (2.0) the "
            f"distance from which on they are named; got {label!r}"
        )


def _annotate(axes: Any, x: np.ndarray, y: np.ndarray, rows: np.ndarray, label: int | float) -> None:
    """The names of the points furthest from 0: so many of them, or all beyond a distance, which is drawn."""
    order = np.argsort(-np.abs(y), kind="stable")
    if isinstance(label, int | np.integer):
        chosen = order[: int(label)]
    else:
        chosen = order[np.abs(y[order]) > label]
        for limit in (-label, label):
            axes.axhline(limit, color=LINE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1.5)
        axes.margins(y=0.07)
    chosen = chosen[:_MOST_NAMES]
    axes.autoscale_view()
    if len(x) > _MANY:  # where the others are a density
        axes.plot(x[chosen], y[chosen], linestyle="none", marker="o", markersize=3.0, color=DARK, zorder=2.5)
    texts = [str(name) for name in rows[chosen]]
    for place, text, (dx, dy) in zip(chosen, texts, _offsets(axes, x[chosen], y[chosen], texts), strict=True):
        axes.annotate(text, (x[place], y[place]), xytext=(dx, dy), textcoords="offset points", fontsize="small",
                      ha="left" if dx > 0 else "right", va="center")  # fmt: skip


def _offsets(axes: Any, x: np.ndarray, y: np.ndarray, texts: list[str]) -> list[tuple[float, float]]:
    """Where each name stands beside its point (in points of 1/72 inch): where no other name does yet, if possible."""
    scale = 72.0 / axes.figure.dpi
    spots = axes.transData.transform(np.column_stack([x, y])) * scale
    right = axes.get_window_extent().x1 * scale
    taken, found = [], []
    for spot, text in zip(spots, texts, strict=True):
        width = 5.8 * len(text)
        sides = [(side, up) for up in (0.0, 9.0, -9.0, 18.0, -18.0) for side in (6.0, -6.0)]
        sides = [side for side in sides if side[0] < 0 or spot[0] + 6.0 + width < right] or sides
        boxes = [(spot[0] + (dx if dx > 0 else dx - width), spot[1] + dy, width) for dx, dy in sides]
        free = [k for k, box in enumerate(boxes) if not any(_overlap(box, other) for other in taken)]
        best = free[0] if free else 0
        taken.append(boxes[best])
        found.append(sides[best])
    return found


def _overlap(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    """Do two texts (left end, height, width) meet?"""
    return abs(one[1] - other[1]) < 9.0 and one[0] < other[0] + other[2] and other[0] < one[0] + one[2]
