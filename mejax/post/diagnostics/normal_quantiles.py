"""Values against the quantiles of the normal distribution."""

import numpy as np
import pandas as pd

from ..normal import critical

MOST = 3000


def normal_quantiles(
    values: np.ndarray, names: np.ndarray | None = None, *, level: float = 95.0, most: int | None = MOST
) -> pd.DataFrame:
    """Sorted values beside what a normal sample would have: `name value expected line lower upper`.

    `expected` is the standard normal quantile of (i - 3/8) / (n + 1/4) (Blom 1958), `line` the straight line through
    the quartiles of both.  The i-th of n uniform numbers has the distribution Beta(i, n + 1 - i), so that the i-th
    value lies between `lower` and `upper` with a probability of `level` per cent: pointwise, where the values are
    independent.  Of more than `most` values those are left out that a picture could not tell apart: all but every k-th
    between the outermost ones.  Missing values are left out.
    """
    from scipy.special import betaincinv, ndtri

    values = np.asarray(values, float)
    names = np.arange(len(values)) if names is None else np.asarray(names)
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        raise ValueError("plot.qq: there are no values to show: all of them are zero by the model or missing")
    critical(level)  # refuses what is no percentage
    order = known[np.argsort(values[known], kind="stable")]
    n, (intercept, slope) = len(order), _line(values[order])
    i = _shown(n, most) + 1.0
    order, tail = order[i.astype(int) - 1], 0.5 - level / 200.0
    expected = ndtri((i - 0.375) / (n + 0.25))
    lower, upper = (ndtri(betaincinv(i, n + 1 - i, p)) for p in (tail, 1.0 - tail))
    return pd.DataFrame({
        "name": names[order], "value": values[order], "expected": expected, "line": intercept + slope * expected,
        "lower": intercept + slope * lower, "upper": intercept + slope * upper,
    })  # fmt: skip


def _line(values: np.ndarray) -> tuple[float, float]:
    """The line through the quartiles; where these are equal, that of the mean and the standard deviation."""
    low, high = np.quantile(values, [0.25, 0.75])
    if high > low:
        return float(low + high) / 2.0, float(high - low) / (2.0 * 0.6744897501960817)
    return float(values.mean()), float(values.std())


def _shown(n: int, most: int | None) -> np.ndarray:
    """The places of the sorted values that are shown: a fifth of them at each end, the others evenly spaced."""
    if most is None or n <= most:
        return np.arange(n)
    ends = most // 5
    inner = np.linspace(ends, n - ends - 1, most - 2 * ends).astype(int)
    return np.concatenate([np.arange(ends), np.unique(inner), np.arange(n - ends, n)])
