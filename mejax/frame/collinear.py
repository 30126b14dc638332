"""Which columns are linear combinations of earlier ones.

Columns are centred where there is a constant, scaled to length one, and taken in order.  The cross-products (one pass
over the data) give the squared length of what earlier columns leave of a column; where that is small, rounding of the
cross-products could decide, so the residual itself is computed, twice over, and measured.
"""

from collections.abc import Sequence

import numpy as np

CLEAR = 1e-6  # squared relative length above which the cross-products alone can be trusted
TOLERANCE = 1e-9  # relative length of a residual that counts as zero
ROUNDING = 64 * np.finfo(np.float64).eps


def independent(columns: Sequence[np.ndarray], constant: bool) -> np.ndarray:
    """Boolean mask of the columns to keep, left to right; `constant` is a column of ones that comes before them all.

    Arguments: `columns`, each (n,), finite.  Invariant to the scale of every column, and with a constant to its origin
    as far as double precision holds the deviations.
    """
    if len(columns) == 1:
        low, high = columns[0].min(initial=np.inf), columns[0].max(initial=-np.inf)
        spread = high - low if constant else max(abs(low), abs(high))
        return np.array([spread > ROUNDING * max(abs(low), abs(high))])
    unit = np.empty((len(columns), len(columns[0]) if columns else 0))
    noise = np.array([_standardise(column, row, constant) for column, row in zip(columns, unit, strict=True)])
    products = unit @ unit.T
    keep = np.zeros(len(columns), dtype=bool)
    factor = np.zeros((len(columns), len(columns)))  # Cholesky factor of the kept columns' cross-products
    for j in range(len(columns)):
        if not np.isfinite(noise[j]):
            continue
        kept = np.flatnonzero(keep)
        row = _forward(factor[np.ix_(kept, kept)], products[kept, j])
        left = products[j, j] - row @ row
        if left > CLEAR:
            keep[j] = True
            factor[j, kept], factor[j, j] = row, np.sqrt(left)
            continue
        residual = _residual(unit, kept, factor, j)
        length = np.linalg.norm(residual)
        if length > max(TOLERANCE, noise[j]):
            # the residual stands in for the column: later cross-products stay well conditioned
            keep[j] = True
            unit[j] = residual / length
            products[j] = products[:, j] = unit @ unit[j]
            factor[j, kept], factor[j, j] = 0.0, 1.0
    return keep


def _standardise(column: np.ndarray, out: np.ndarray, constant: bool) -> float:
    """Fill `out` with the column, centred and of length one; return its relative rounding noise (inf: it is zero)."""
    largest = max(column.max(initial=0.0), -column.min(initial=0.0))
    if largest == 0 or not len(column):
        return np.inf
    np.divide(column, largest, out=out)
    before = np.sqrt(out @ out)
    if constant:
        out -= out.mean()
        out -= out.mean()
    after = np.sqrt(out @ out)
    if after <= ROUNDING * before:
        return np.inf
    out /= after
    return float(ROUNDING * before / after)


def _forward(lower: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.linalg.solve(lower, right) if len(right) else right


def _residual(unit: np.ndarray, kept: np.ndarray, factor: np.ndarray, j: int) -> np.ndarray:
    """What the kept columns leave of column j, by a regression refined once."""
    residual = unit[j].copy()
    if not len(kept):
        return residual
    lower, basis = factor[np.ix_(kept, kept)], unit[kept]
    for _ in range(2):
        coefficients = np.linalg.solve(lower.T, np.linalg.solve(lower, basis @ residual))
        residual -= coefficients @ basis
    return residual
