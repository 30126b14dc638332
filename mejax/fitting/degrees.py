"""Denominator degrees of freedom of tests about the coefficients of a linear model: what every method has."""

import abc
from dataclasses import dataclass

import numpy as np


class NoDegrees(ValueError):
    """A method for degrees of freedom that is not for this model; the message says why."""


@dataclass(frozen=True)
class AbstractDegrees(abc.ABC):
    """Degrees of freedom by one `method`: "residual", "repeated", "anova", "satterthwaite", "kroger"."""

    method: str

    @abc.abstractmethod
    def of(self, row: np.ndarray) -> float:
        """Those of the t statistic of row @ coefficients; `row` is (k,)."""

    @abc.abstractmethod
    def joint(self, rows: np.ndarray) -> tuple[float, float]:
        """(scale, degrees of freedom) of the test that rows @ coefficients (q, k) are zero, rows of full rank: the
        statistic scale * W / q, W the Wald statistic with the covariance matrix of the fit, is referred to F(q, df)."""

    def single(self, count: int) -> np.ndarray:
        """Those of each of `count` coefficients."""
        return np.array([self.of(row) for row in np.eye(count)])
