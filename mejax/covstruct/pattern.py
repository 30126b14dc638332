"""Entries that are equal to one another."""

import equinox as eqx
import numpy as np

from ._base import AbstractCovariance, triangle
from ._entries import Entries, entries


class Pattern(AbstractCovariance):
    """Entries of Sigma where `matrix` has equal numbers are equal; a NaN is a parameter of its own (lower triangle)."""

    size: int = eqx.field(static=True)
    form: Entries
    relative: bool = eqx.field(static=True)

    def __init__(self, matrix: np.ndarray):
        matrix = np.asarray(matrix, float)
        seen: dict = {}
        groups = {}
        for i in range(len(matrix)):
            for j in range(i + 1):
                key = (i, j) if np.isnan(matrix[i, j]) else matrix[i, j]
                groups[i, j] = seen.setdefault(key, len(seen))
        self.size = len(matrix)
        self.relative = True
        self.form = entries(self.size, groups, np.zeros_like(matrix))

    @property
    def entries(self):
        return triangle(self.size)

    @property
    def traits(self):
        return self.form.traits

    def init(self):
        return self.form.init()

    def cholesky(self, theta):
        return self.form.factor(theta)

    def nearest(self, sigma):
        return self.form.nearest(sigma)
