"""The picture of `fit.plot.fitted`."""

import math
from typing import Any

import numpy as np

from ..post.fitted_curves import FittedCurves
from .axes import new_axes, plain, pyplot

_OBSERVED = {"linestyle": "none", "marker": "o", "markersize": 4.0, "alpha": 0.7}
_ZERO = {"color": "0.45", "linestyle": "--", "linewidth": 1.2}


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
        line, dashed = _group(one, found, labels[place], "C0", True)
        if found.by:
            one.set_title(f"{found.by} = {labels[place]}", fontsize="medium")
        if place + columns >= len(labels):
            one.tick_params(labelbottom=True)
    figure.supxlabel(found.x, fontsize="medium")
    figure.supylabel(response, fontsize="medium")
    figure.legend(
        [line, dashed], ["with the group's random effects", "random effects zero"],
        loc="outside upper center", ncols=2, frameon=False,
    )  # fmt: skip
    return axes


def _overlaid(found: FittedCurves, response: str, ax: Any) -> Any:
    """The curve of random effects of zero is drawn once where it is the same for all groups."""
    axes = new_axes(ax)
    labels = list(dict.fromkeys(found.curves["group"]))
    common = _common(found, labels)
    for number, label in enumerate(labels):
        last = number == len(labels) - 1
        line, dashed = _group(axes, found, label, f"C{number % 10}", last or not common)
        line.set_label(label)
        if last:
            dashed.set_label("random effects zero")
    axes.set(xlabel=found.x, ylabel=response)
    axes.legend(title=found.by or None, frameon=False)
    return axes


def _common(found: FittedCurves, labels: list[str]) -> bool:
    """Do all groups have the same grid and the same curve without random effects?"""
    parts = [found.curves.loc[found.curves["group"] == label, [found.x, "fixed"]].to_numpy() for label in labels]
    return all(np.allclose(part, parts[0]) for part in parts)


def _group(axes: Any, found: FittedCurves, label: str, colour: str, zero: bool) -> tuple[Any, Any]:
    points = found.points.loc[found.points["group"] == label]
    curve = found.curves.loc[found.curves["group"] == label]
    over = curve[found.x].to_numpy()
    axes.plot(points[found.x].to_numpy(), points["response"].to_numpy(), color=colour, **_OBSERVED)
    (line,) = axes.plot(over, curve["fitted"].to_numpy(), color=colour, linewidth=1.6)
    dashed = axes.plot(over, curve["fixed"].to_numpy(), **_ZERO)[0] if zero else None
    return line, dashed
