"""Axes of matplotlib, which is imported only where something is drawn."""

from typing import Any


def pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("plots need matplotlib, which is not installed: pip install mejax[plot]") from None
    return plt


def plain(axes: Any) -> Any:
    """With a light grid behind the curves, and no frame."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def new_axes(ax: Any) -> Any:
    """The axes given, or new ones."""
    return plain(pyplot().subplots(layout="constrained")[1] if ax is None else ax)
