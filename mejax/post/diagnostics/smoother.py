"""A curve through the middle of points: local lines, or the means of few values."""

import numpy as np
import pandas as pd

_BINS = 1000
_POINTS = 41  # of the curve, of each of two kinds
_FEWEST = 12  # points that a line is fitted to, where there are so many


def local_lines(x: np.ndarray, y: np.ndarray, span: float = 0.6) -> pd.DataFrame:
    """A curve through the middle of the points: a frame with the columns `x` and `smooth`.

    A line is fitted to the nearest `span` of all points (12 at least) by least squares, with the weights
    (1 - |d / h|^3)^3, d their distance and h the largest (Cleveland 1979, without its robust repetitions).  This is
    done at up to 82 of the x, spread evenly over their range and over the points; gaps between them are bridged.  More
    than 1,000 distinct x are first put into bins of equal size, each of which counts as its mean.
    """
    x, y, counts = _binned(np.asarray(x, float), np.asarray(y, float))
    places, span = _places(x), max(span, min(_FEWEST / counts.sum(), 1.0))
    distance = np.abs(places[:, None] - x)
    order = np.argsort(distance, axis=1)
    enough = np.argmax(np.cumsum(counts[order], axis=1) >= span * counts.sum(), axis=1)
    reach = np.take_along_axis(distance, np.take_along_axis(order, enough[:, None], axis=1), axis=1)
    near = np.clip(1.0 - (distance / np.where(reach > 0, 1.0001 * reach, 1.0)) ** 3, 0.0, None)
    weights = counts * near**3
    weights /= weights.sum(axis=1, keepdims=True)
    middle, mean = weights @ x, weights @ y
    from_middle = x - middle[:, None]
    spread = np.sum(weights * from_middle**2, axis=1)
    product = np.sum(weights * from_middle * y, axis=1)
    clear = spread > 1e-12 * (x[-1] - x[0]) ** 2
    slope = np.divide(product, spread, out=np.zeros_like(product), where=clear)
    return pd.DataFrame({"x": places, "smooth": mean + slope * (places - middle)})


def means_by_value(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """The mean of y at each distinct x: a frame with the columns `x` and `mean`."""
    values, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    return pd.DataFrame({"x": values, "mean": np.bincount(places, weights=y) / counts})


def _places(x: np.ndarray) -> np.ndarray:
    """Some of the sorted x: evenly spaced ones, as far as there are any, and evenly spaced places among them."""
    even = np.searchsorted(x, np.linspace(x[0], x[-1], _POINTS))
    return x[np.union1d(even, np.linspace(0, len(x) - 1, _POINTS).astype(int))]


def _binned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of x and y, and the number of points, of every distinct x or of bins of equal size; sorted by x."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(x) > 0]))
    if len(starts) > _BINS:
        starts = np.unique(np.linspace(0, len(x), _BINS, endpoint=False).astype(int))
    counts = np.diff(np.append(starts, len(x))).astype(float)
    return np.add.reduceat(x, starts) / counts, np.add.reduceat(y, starts) / counts, counts
