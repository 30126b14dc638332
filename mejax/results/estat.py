"""`fit.estat`: the suite's `estat` after a fit."""

from .._double import computing
from ..fitting import Estimates
from ..post import estat as _estat
from ..post.display import Display


class Estat:
    """`fit.estat`: what the suite's `estat` shows; each result prints and has a `.table`."""

    def __init__(self, estimates: Estimates, level: float):
        self._estimates = estimates
        self._level = level

    def group(self) -> Display:
        """Composition of the groups."""
        return _estat.group(self._estimates)

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

    def ic(self) -> Display:
        """Information criteria."""
        return _estat.ic(self._estimates)


class Matrices(dict):
    """Matrices by level; printing shows them all."""

    def __str__(self) -> str:
        return "\n\n".join(str(display) for display in self.values())

    __repr__ = __str__
