"""Functions of the estimates with their covariance matrix: what margins, contrasts and combinations are."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .tables import Lines, wald_rows


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
        """Linear combinations rows @ values, `rows` (q, k)."""
        joint = self.joint
        moved = replace(
            self, labels=labels, values=rows @ self.values, covariance=rows @ self.covariance @ rows.T, df=None,
            joint=None if joint is None else lambda more: joint(more @ rows),
        )  # fmt: skip
        if joint is None:
            return moved
        return replace(moved, df=np.array([joint(row[None])[1] for row in rows]))
