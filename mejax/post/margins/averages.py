"""Averages of a statistic over rows of a table, with their derivatives in everything that is printed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...frame.encoding import NewDesign
from ..prediction.arguments import argument_of
from ..prediction.random_effects import predictor_root, total_variance
from ..prediction.request import Request
from ..prediction.rows import Rows, equations_of
from ..scales import structures
from .row_statistics import Arguments, Partials, Slope, Statistic, lower_cells, numerics, partials
from .slopes import Extent, column_slopes, extent_of
from .tables import Sampled

CHUNK = 2**14  # rows that are worked on at once


class Average(NamedTuple):
    """Averages (K,) and their derivatives (K, P) in coefficients, ancillary parameters and components."""

    values: np.ndarray
    jacobian: np.ndarray


class Averager:
    """Averages of one statistic, or of its slopes, of a linear or generalized model.

    The derivatives follow from those of each row's statistic in its linear predictor and in that one's variance, which
    are linear in the coefficients and in the components: their cost does not grow with the number of parameters.
    """

    def __init__(self, estimates: Estimates, encoding: Encoding, of: Statistic, asked: Request, slope: Slope = "dydx"):
        self.estimates, self.encoding, self.of, self.asked = estimates, encoding, of, asked
        self.slope: Slope = slope
        self.random = of.effects != "zero"
        self.extents: dict[str, Extent] = {}  # of covariates in the sample

    def average(self, sampled: Sampled, variable: str | None = None) -> Average:
        """The weighted average over the rows, of the statistic or of its slope in a covariate."""
        sums, weight = None, float(np.sum(sampled.weights))
        for table, weights in _chunks(sampled):
            found = self._sums(table, weights / weight, sampled.pooled, variable)
            sums = found if sums is None else Average(*(a + b for a, b in zip(sums, found, strict=True)))
        assert sums is not None
        return sums

    def mean_columns(self, sampled: Sampled) -> np.ndarray:
        """The average fixed columns (p,)."""
        weight = float(np.sum(sampled.weights))
        parts = (w @ self.encoding.replay(t, random="none").x / weight for t, w in _chunks(sampled))
        return sum(parts, start=np.zeros(self.estimates.design.x.shape[1]))

    def _sums(self, table: pd.DataFrame, weights: np.ndarray, pooled: bool, variable: str | None) -> Average:
        new = self.encoding.replay(table, random="columns" if self.random else "none")
        if new.missing.any():
            raise ValueError(
                "margins: a covariate has no value at these settings (a transformation of it is undefined)"
            )
        along = None if variable is None else self._slopes(table, variable)
        x = None if variable is None else table[variable].to_numpy(float)
        if pooled:
            new, along = _pooled(new, weights), None if along is None else _pooled(along, weights)
            x, weights = None if x is None else np.array([weights @ x]), np.ones(1)
        rows = self._rows(new)
        slopes = None if along is None else self._rows(along)
        found = self._partials(rows, slopes, x)
        if not all(np.all(np.isfinite(part)) for part in found):
            raise ValueError(
                f"margins: {self.of.name} or its derivative is no finite number at these settings; choose other values "
                "by `at` or `time`"
            )
        return Average(weights @ found.value, self._jacobian(found, rows, slopes, weights))

    def _slopes(self, table: pd.DataFrame, variable: str) -> NewDesign:
        if variable not in self.extents:
            self.extents[variable] = extent_of(self.encoding.table()[variable])
        return column_slopes(self.encoding, table, variable, self.extents[variable], random=self.random)

    def _rows(self, new: NewDesign) -> Rows:
        index = pd.RangeIndex(len(new.x))
        return Rows(new.x, new.offset, new.effects, index, None, None, new.extras, equations_of(self.estimates))

    def _partials(self, rows: Rows, slopes: Rows | None, x: np.ndarray | None) -> Partials:
        estimates, asked = self.estimates, self.asked
        family = self.of.family
        reads = "" if family is None else family.statistics[self.of.name].reads
        y = argument_of(reads, estimates, self.encoding, rows, asked) if self.of.name != "median" else None
        eta = rows.linear(estimates.coefficients, asked.offset)
        total = self._total(rows)
        along = None if slopes is None else slopes.linear(estimates.coefficients, asked.offset)
        spread = None if slopes is None else self._moved(rows, slopes)
        data = Arguments(y, eta, total, along, spread, x)
        root = predictor_root(estimates, rows) if self.of.effects == "nodes" else None
        held = numerics(self.of, data, root, estimates.aux)
        return partials(self.of, data, estimates.aux, held, None if slopes is None else self.slope)

    def _total(self, rows: Rows, sigmas: tuple[np.ndarray, ...] | None = None) -> np.ndarray:
        """The covariance matrices (n, E, E) of the linear predictors; zeros where no statistic looks at them."""
        equations = rows.equations
        if not self.random:
            return np.zeros((len(rows.x), equations, equations))
        estimates = self.estimates if sigmas is None else replace(self.estimates, sigmas=sigmas)
        return total_variance(estimates, rows).reshape(-1, equations, equations)

    def _moved(self, rows: Rows, slopes: Rows, sigmas: tuple[np.ndarray, ...] | None = None) -> np.ndarray:
        """The derivative of `_total`, a quadratic function of the covariates: half the difference at z + z', z - z'."""
        if not self.random:
            return np.zeros((len(rows.x), rows.equations, rows.equations))

        def at(sign: float) -> Rows:
            pairs = zip(rows.effects, slopes.effects, strict=True)
            return replace(rows, effects=tuple(replace(e, z=e.z + sign * s.z) for e, s in pairs))

        return 0.5 * (self._total(at(1.0), sigmas) - self._total(at(-1.0), sigmas))

    def _jacobian(
        self, found: Partials, rows: Rows, slopes: Rows | None, weights: np.ndarray
    ) -> np.ndarray:  # fmt: skip
        """Derivatives (K, P) of the weighted sum of the rows' statistics."""
        eta = np.asarray(found.eta) * weights[:, None, None]
        fixed = np.einsum("nke,np->kep", eta, rows.x)
        if slopes is not None:
            fixed += np.einsum("nke,np->kep", np.asarray(found.along) * weights[:, None, None], slopes.x)
        aux = np.einsum("nka,n->ka", np.asarray(found.aux), weights)
        return np.column_stack(
            [fixed.reshape(len(fixed), -1), *self._of_aux(aux, self._of_components(found, rows, slopes, weights))]
        )

    def _of_components(
        self, found: Partials, rows: Rows, slopes: Rows | None, weights: np.ndarray
    ) -> np.ndarray:  # fmt: skip
        """Derivatives (K, m) in the variance components of the random effects; those of the errors are zero."""
        out = np.zeros((found.value.shape[1], len(self.estimates.components)))
        if not self.random:
            return out
        cells = lower_cells(rows.equations)
        for place, sigmas in _units(self.estimates):
            parts = [(found.total, self._total(rows, sigmas))]
            if slopes is not None:
                parts.append((found.spread, self._moved(rows, slopes, sigmas)))
            for partial, moved in parts:
                columns = np.stack([moved[:, a, b] for a, b in cells], axis=1)
                out[:, place] += np.einsum("nks,ns,n->k", np.asarray(partial), columns, weights)
        return out

    def _of_aux(self, aux: np.ndarray, components: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives in the ancillary parameters and in the components, those of the response's own variance too."""
        family = self.estimates.model.family if aux.shape[1] else None
        own = () if family is None else family.variances
        ancillary = [j for j in range(aux.shape[1]) if j not in own]
        for place, j in enumerate(own):
            components[:, components.shape[1] - len(own) + place] += aux[:, j]
        return aux[:, ancillary], components


def _chunks(sampled: Sampled) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Some rows at a time; what is pooled has to be seen at once."""
    n = len(sampled.table)
    size = n if sampled.pooled else CHUNK
    for start in range(0, n, max(size, 1)):
        rows = np.arange(start, min(start + size, n))
        weights = np.zeros(n if sampled.pooled else _bucket(len(rows)))
        weights[: len(rows)] = sampled.weights[rows]
        # rows of weight zero make up the numbers, so that few sizes are compiled
        places = np.append(rows, np.full(len(weights) - len(rows), rows[-1])) if len(rows) else rows
        yield sampled.table.iloc[places], weights


def _bucket(count: int) -> int:
    """The next power of two, at most `CHUNK`."""
    return min(CHUNK, 1 << max(count - 1, 15).bit_length())


def _pooled(new: NewDesign, weights: np.ndarray) -> NewDesign:
    """The average row."""
    mean = lambda values: np.atleast_1d(weights @ values)
    effects = tuple(replace(e, codes=np.array([-1]), z=(weights @ e.z)[None], keys=()) for e in new.effects)
    extras = {name: mean(values) for name, values in new.extras.items() if values.dtype.kind == "f"}
    offset = None if new.offset is None else mean(new.offset)
    return NewDesign((weights @ new.x)[None], offset, effects, np.zeros(1, bool), extras)


def _units(estimates: Estimates) -> Iterator[tuple[int, tuple[np.ndarray, ...]]]:
    """Every component of the random effects with the covariance matrices that it alone makes up, at 1."""
    place = 0
    for k, block in enumerate(structures(estimates)):
        for i, j in block.entries:
            sigmas = [np.zeros_like(sigma) for sigma in estimates.sigmas]
            sigmas[k][i, j] = sigmas[k][j, i] = 1.0
            yield place, tuple(sigmas)
            place += 1
