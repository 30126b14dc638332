"""Functions of the estimates with their covariance matrix: what margins, contrasts and combinations are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .tables import Lines, wald_rows

_NOISE = 1e-13  # of a variance, beside those of what is subtracted


@dataclass(frozen=True)
class Functions:
    """`values` (k,) with their `covariance` (k, k), by the delta method.

    `df` are the degrees of freedom of each value's t statistic, and `joint` gives (scale, df) of the F test that
    rows @ values are zero (see `AbstractDegrees`); None: statistics are normal and chi-squared.
    """

    labels: tuple[str, ...]
    values: np.ndarray
    covariance: np.ndarray
    df: np.ndarray | None = None
    joint: Callable[[np.ndarray], tuple[float, float]] | None = None

    @property
    def se(self) -> np.ndarray:
        """Standard errors (k,); NaN where a value does not vary."""
        variances = np.maximum(np.diag(self.covariance), 0.0)
        return np.sqrt(np.where(variances > 0, variances, np.nan))

    def lines(self, level: float) -> Lines:
        """Estimate, standard error, z (or t), p and interval of each."""
        return Lines(self.labels, wald_rows(self.values, self.se, level, self.df), self.df)

    def combined(self, labels: tuple[str, ...], rows: np.ndarray) -> "Functions":
        """Linear combinations rows @ values, `rows` (q, k), of which those that vary by rounding only are constants;
        what has no weight may be NaN."""
        used = np.any(rows != 0, axis=0)
        values, known = np.where(used, self.values, 0.0), np.where(np.outer(used, used), self.covariance, 0.0)
        covariance = rows @ known @ rows.T
        varies = np.diag(covariance) > _NOISE * (rows**2 @ np.diag(known))
        covariance = np.where(np.outer(varies, varies), covariance, 0.0)
        joint = self.joint
        if joint is None:
            return Functions(labels, rows @ values, covariance)
        df = np.array([joint(row[None])[1] if free else np.nan for row, free in zip(rows, varies, strict=True)])
        return Functions(labels, rows @ values, covariance, df, lambda more: joint(more @ rows))
