"""Entries held at given values."""

import equinox as eqx
import numpy as np

from ._base import AbstractCovariance, triangle
from ._entries import Entries, entries


class Fixed(AbstractCovariance):
    """Entries of `matrix` are held at their values, those that are NaN are free (lower triangle).

    Free variances are estimated as logs, free covariances as they are.  The values are absolute, so that the residual
    variance cannot be profiled out.
    """

    size: int = eqx.field(static=True)
    form: Entries
    values: tuple[float, ...] = eqx.field(static=True)  # those held, 0 for free entries
    relative: bool = eqx.field(static=True)

    def __init__(self, matrix: np.ndarray):
        matrix = np.asarray(matrix, float)
        self.size = len(matrix)
        self.relative = False
        free = [(i, j) for i in range(self.size) for j in range(i + 1) if np.isnan(matrix[i, j])]
        self.form = entries(self.size, {cell: k for k, cell in enumerate(free)}, matrix)
        self.values = tuple(np.asarray(self.form.constant).tolist())

    @property
    def entries(self):
        held = zip(self.form.rows, self.form.columns, self.form.which, self.values, strict=True)
        zero = {(j, i) for i, j, k, value in held if k < 0 and value == 0.0 and i != j}
        return tuple(cell for cell in triangle(self.size) if cell not in zero)

    @property
    def held(self) -> tuple[bool, ...]:
        """For each printed entry: is it fixed?"""
        which = dict(zip(zip(self.form.columns, self.form.rows, strict=True), self.form.which, strict=True))
        return tuple(which[cell] < 0 for cell in self.entries)

    @property
    def traits(self):
        return self.form.traits

    def init(self):
        return self.form.init()

    def cholesky(self, theta):
        return self.form.factor(theta)

    def nearest(self, sigma):
        return self.form.nearest(sigma)
