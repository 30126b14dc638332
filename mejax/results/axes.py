"""Axes of matplotlib, which is imported only where something is drawn."""

from typing import Any

import numpy as np

# Told apart in grey print too: by their lightness, their dashes, their shapes.
COLOURS = ("#1f4e79", "#d1792c", "#3f8f77", "#8a6bb1", "#b03a48", "#7a7a7a")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)))
MARKERS = ("s", "^", "o", "D", "v", "P")
DARK, LIGHT, LINE = "#1f4e79", "0.62", "0.3"


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


def new_axes(ax: Any, size: tuple[float, float] | None = None) -> Any:
    """The axes given, or new ones in a figure of this size (inches)."""
    if ax is None:
        return plain(pyplot().subplots(figsize=size, layout="constrained")[1])
    if isinstance(ax, np.ndarray | list | tuple):
        count = np.size(np.asarray(ax, object))
        raise TypeError(f"the picture has one panel, and `ax` holds {count} things: give one axes, such as ax=axes[0]")
    return plain(_axes(ax))


def _axes(ax: Any) -> Any:
    """What was given, if it is axes."""
    from matplotlib.axes import Axes

    if isinstance(ax, Axes):
        return ax
    hint = "; of a figure they are `figure.axes`" if hasattr(ax, "savefig") else ""
    raise TypeError(
        f"`ax` takes axes of matplotlib, as `plt.subplots()[1]` gives them; got {type(ax).__name__} {ax!r:.60}{hint}"
    )


def panels(ax: Any, count: int, size: tuple[float, float], **shared: Any) -> np.ndarray:
    """`count` axes beside one another: those given, or new ones in a figure of this size (inches)."""
    if ax is None:
        figure, axes = pyplot().subplots(1, count, squeeze=False, figsize=size, layout="constrained", **shared)
        return np.array([plain(one) for one in axes[0]], object)
    given = [_axes(one) for one in np.ravel(np.asarray(ax, object))]
    if len(given) != count:
        raise ValueError(
            f"the picture has {count} panels and `ax` {len(given)}: give an array of {count} axes, or none"
        )
    return np.array([plain(one) for one in given], object)


def line_styles(number: int) -> dict[str, Any]:
    """Colour and dashes of the curve with this number."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}


def marker_style(number: int) -> dict[str, Any]:
    """Colour and shape of the points with this number."""
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}


def point_size(count: int) -> dict[str, float]:
    """Size and opacity of so many points that they do not run into one another."""
    crowd = np.clip(np.log10(max(count, 1) / 200.0), 0.0, 2.5)
    return {"markersize": 4.5 - 1.1 * crowd, "alpha": 0.8 - 0.24 * crowd}


def shortened(text: str, most: int) -> str:
    """A text of at most so many letters: its beginning and its end, which tell long names apart."""
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[len(text) - (most - most // 2) :]}"


def ticks(axes: Any, places: np.ndarray, texts: list[str]) -> None:
    """A tick with a text at each place of the x axis: upright words and fewer numbers where there is no room."""
    texts, each = [shortened(text, 18) for text in texts], room(axes, len(places) + 1, vertical=False)
    width = 6.3 * max(map(len, texts)) + 2.0
    upright = width > each and not all(text.lstrip("-").replace(".", "").isdigit() for text in texts)
    every = int(np.ceil((14.0 if upright else width) / each))
    axes.set_xticks(places[::every], texts[::every], rotation=90 if upright else 0)


def room(axes: Any, count: int, *, vertical: bool = True) -> float:
    """Points (of 1/72 inch) that each of `count` labels has along an axis."""
    box = axes.get_window_extent()
    return 72.0 * (box.height if vertical else box.width) / axes.figure.dpi / max(count, 1)
