"""How a model's columns change with a covariate of the table, whatever transformations lie between."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd

from ...frame import Encoding
from ...frame.encoding import NewDesign

_STEP = 1e-3  # of the standard deviation; differences over five points are exact for polynomials of the fourth degree
_SHARE = 1e-2  # of the value itself, at which a logarithm has an error of 1e-8
_TINY = 1e-6  # values this small beside the standard deviation are zeros
_POINTS = {
    -1: ((-4, 0.25), (-3, -4.0 / 3.0), (-2, 3.0), (-1, -4.0), (0, 25.0 / 12.0)),
    0: ((-2, 1.0 / 12.0), (-1, -2.0 / 3.0), (0, 0.0), (1, 2.0 / 3.0), (2, -1.0 / 12.0)),
    1: ((0, -25.0 / 12.0), (1, 4.0), (2, -3.0), (3, 4.0 / 3.0), (4, -0.25)),
}


class Extent(NamedTuple):
    """The least and the largest value of a covariate in the sample, and its standard deviation (1 where that is 0)."""

    low: float
    high: float
    scale: float


def extent_of(column: Any) -> Extent:
    """That of the column of a table."""
    values = column.to_numpy(float)
    return Extent(float(values.min()), float(values.max()), float(np.std(values)) or 1.0)


def column_slopes(encoding: Encoding, table: pd.DataFrame, name: str, extent: Extent, *, random: bool) -> NewDesign:
    """Derivatives in the column `name` of what `encoding.replay(table)` gives.

    By differences over five points, which lie between the least and the largest value in the sample where the row's own
    value does (a spline is not defined beyond), so that their error is of the order of 1e-12 for smooth functions.
    """
    x = table[name].to_numpy(float)
    low, high, scale = extent
    size = np.where(np.abs(x) > _TINY * scale, np.abs(x), np.inf)
    step = np.minimum(np.minimum(_STEP * scale, _SHARE * size), (high - low) / 8.0 or np.inf)
    side = np.where((x <= high) & (x + 2 * step > high), -1, np.where((x >= low) & (x - 2 * step < low), 1, 0))
    parts, weights = [], []
    for place in range(5):
        moves = np.array([_POINTS[s][place][0] for s in (-1, 0, 1)], float)[side + 1]
        weights.append(np.array([_POINTS[s][place][1] for s in (-1, 0, 1)])[side + 1] / step)
        moved = table.assign(**{name: x + moves * step})
        parts.append(encoding.replay(moved, random="columns" if random else "none"))
    found = _combined(parts, weights)
    if not all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((found.x, found.offset, found.mean))):
        raise ValueError(
            f"margins: the slope in `{name}` cannot be found, since a transformation of it is undefined beside some of "
            "the values; leave these out by `at`"
        )
    return found


def _combined(parts: Sequence[NewDesign], weights: Sequence[np.ndarray]) -> NewDesign:
    def total(arrays: Sequence[np.ndarray]) -> np.ndarray:
        shaped = (w.reshape((-1,) + (1,) * (a.ndim - 1)) for w, a in zip(weights, arrays, strict=True))
        return sum((w * a for w, a in zip(shaped, arrays, strict=True)), start=np.zeros(arrays[0].shape))

    first = parts[0]
    offset = None if first.offset is None else total([p.offset for p in parts if p.offset is not None])
    effects = tuple(replace(e, z=total([p.effects[k].z for p in parts])) for k, e in enumerate(first.effects))
    mean = first.mean
    if mean is not None:
        mean = jax.tree.map(lambda *leaves: total(leaves), *[p.mean for p in parts])
    return NewDesign(total([p.x for p in parts]), offset, effects, first.missing, first.extras, mean)
