"""`fit.estat`: the suite's `estat` after a fit."""

from collections.abc import Mapping
from typing import Any

from .._double import computing
from ..fitting import Estimates
from ..frame import Encoding
from ..post.display import Display
from ..post.estat import estat as _estat
from ..post.estat.degrees import estat_df as _estat_df
from ..post.estat.wcorrelation import WithinCluster
from ..post.estat.wcorrelation import wcorrelation as _wcorrelation
from ..syntax import Spec


class Estat:
    """`fit.estat`: what the suite's `estat` shows; each result prints and has a `.table`."""

    def __init__(self, spec: Spec, estimates: Estimates, encoding: Encoding, level: float):
        self._spec = spec
        self._estimates = estimates
        self._encoding = encoding
        self._level = level

    def group(self) -> Display:
        """Composition of the groups."""
        return _estat.group(self._estimates)

    def df(self, *methods: str, oim: bool = False) -> Display:
        """Degrees of freedom of every coefficient, by the fit's own method or by those named: residual, repeated,
        anova, satterthwaite, kroger; `oim` takes the observed information in place of the expected one."""
        with computing():
            return _estat_df(self._estimates, methods, oim)

    def icc(self, *, level: float | None = None) -> Display:
        """Intraclass correlations of nested levels."""
        with computing():
            return _estat.icc(self._estimates, self._level if level is None else level)

    def recovariance(self, *, correlation: bool = False) -> "Matrices":
        """Covariance matrices of the random effects, one per level."""
        with computing():
            return Matrices(_estat.recovariance(self._estimates, correlation))

    def sd(self, *, level: float | None = None) -> Display:
        """Variance components as standard deviations and correlations."""
        return _estat.sd(self._estimates, self._level if level is None else level)

    def wcorrelation(
        self, *, at: Mapping[str, Any] | None = None, covariance: bool = False, list: bool = False
    ) -> WithinCluster:
        """Correlations and standard deviations of the responses within one cluster, after linear and nonlinear models.

        Args:
            at: which cluster, `{"school": 33}` or `{"school": 33, "class": 2}`; by default the first group of the
                lowest level.
            covariance: whether covariances are shown instead.
            list: whether the cluster's data are printed below.

        Returns:
            What prints as tables; `.table` is the matrix, `.sd` the standard deviations, `.data` the rows.
        """
        with computing():
            return _wcorrelation(self._spec, self._estimates, self._encoding, at, covariance=covariance, list_data=list)

    def ic(self) -> Display:
        """Information criteria."""
        return _estat.ic(self._estimates)


class Matrices(dict):
    """Matrices by level; printing shows them all."""

    def __str__(self) -> str:
        return "\n\n".join(str(display) for display in self.values())

    __repr__ = __str__
