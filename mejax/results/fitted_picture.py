"""The picture of `fit.plot.fitted`."""

import math
from typing import Any

import numpy as np

from ..post.prediction.fitted_curves import FittedCurves
from .axes import DARK, LIGHT, line_styles, marker_style, new_axes, plain, point_size, pyplot, shortened

_ZERO = {"color": "black", "linestyle": (0, (4, 2)), "linewidth": 1.2, "zorder": 2.5}
_TITLE = 27  # letters that fit above one picture of several
_INSIDE = 5  # groups whose legend finds a place between the curves


def draw(found: FittedCurves, response: str, ax: Any, overlay: bool) -> Any:
    """One picture for each group, or all in one."""
    return _overlaid(found, response, ax) if overlay else _multiples(found, response)


def _multiples(found: FittedCurves, response: str) -> np.ndarray:
    labels = list(dict.fromkeys(found.curves["group"]))
    columns = min(4, math.ceil(math.sqrt(len(labels))))
    rows = math.ceil(len(labels) / columns)
    size = (max(2.6 * columns + 0.8, 5.2), 2.2 * rows + 0.9)
    figure, axes = pyplot().subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False, figsize=size, layout="constrained"
    )
    for place, one in enumerate(axes.flat):
        if place >= len(labels):
            one.set_visible(False)
            continue
        plain(one)
        line, dashed = _group(one, found, labels[place], None, True)
        if found.by:
            title = f"{found.by} = {labels[place]}"
            one.set_title(title if len(title) <= _TITLE else shortened(labels[place], _TITLE), fontsize="medium")
        if place + columns >= len(labels):
            one.tick_params(labelbottom=True)
    if len(labels) == 1:
        axes[0, 0].set(xlabel=found.x, ylabel=response)
    else:
        figure.supxlabel(found.x, fontsize="medium")
        figure.supylabel(response, fontsize="medium")
    figure.legend(
        [line, dashed], ["with the group's random effects", "random effects zero"],
        loc="outside upper center", ncols=2, frameon=False,
    )  # fmt: skip
    return axes


def _overlaid(found: FittedCurves, response: str, ax: Any) -> Any:
    """The curve of random effects of zero is drawn once where it is the same for all groups."""
    axes, dashed = new_axes(ax), None
    labels = list(dict.fromkeys(found.curves["group"]))
    common = _common(found, labels)
    for number, label in enumerate(labels):
        line, dashed = _group(axes, found, label, number, common is None)
        line.set_label(shortened(label, _TITLE))
    if common is not None:
        (dashed,) = axes.plot(*common, **_ZERO)
    if dashed is not None:
        dashed.set_label("random effects zero")
    axes.set(xlabel=found.x, ylabel=response)
    beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if ax is None and len(labels) > _INSIDE else {}
    axes.legend(title=found.by or None, frameon=False, handlelength=2.6, **beside)
    return axes


def _common(found: FittedCurves, labels: list[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """The curve of random effects of zero, where those of all groups lie on that of the widest; otherwise None."""
    parts = [found.curves.loc[found.curves["group"] == label, [found.x, "fixed"]].to_numpy() for label in labels]
    widest = max(parts, key=lambda part: part[-1, 0] - part[0, 0])
    everything = np.concatenate(parts)
    tolerance = 1e-3 * np.ptp(everything[:, 1])
    for part in parts:
        inside = part[(part[:, 0] >= widest[0, 0]) & (part[:, 0] <= widest[-1, 0])]
        if not len(inside) or np.any(np.abs(np.interp(inside[:, 0], *widest.T) - inside[:, 1]) > tolerance):
            return None
    x, place = np.unique(everything[:, 0], return_index=True)
    return x, everything[place, 1]


def _group(axes: Any, found: FittedCurves, label: str, number: int | None, zero: bool) -> tuple[Any, Any]:
    """Points and curves of a group, by itself or as the one with this number of several in the same axes."""
    points = found.points.loc[found.points["group"] == label]
    curve = found.curves.loc[found.curves["group"] == label]
    size = point_size(len(points) if number is None else len(found.points))
    marks = {"marker": "o", "color": LIGHT} if number is None else marker_style(number)
    style = {"color": DARK} if number is None else line_styles(number)
    over = curve[found.x].to_numpy()
    axes.plot(points[found.x].to_numpy(), points["response"].to_numpy(), linestyle="none", markeredgewidth=0.0,
              zorder=2.0, **marks, **size)  # fmt: skip
    (line,) = axes.plot(over, curve["fitted"].to_numpy(), linewidth=1.8, zorder=2.4, **style)
    dashed = axes.plot(over, curve["fixed"].to_numpy(), **_ZERO)[0] if zero else None
    return line, dashed
