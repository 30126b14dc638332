"""New responses from a fitted mixed model."""

from collections.abc import Callable

import jax
import numpy as np
import pandas as pd

from ..fitting import Estimates
from ..frame import Encoding
from ..lmm import LinearModel
from .average import predictors
from .response import observed_values
from .rows import contribution, read_rows


def simulate(estimates: Estimates, encoding: Encoding, n: int, seed: int) -> pd.DataFrame:
    """`n` responses drawn from the model at its estimates: new random effects, new outcomes, the same design.

    A row per row of the data (NaN outside the sample), a column per draw; the same `seed` gives the same draws.
    Binomial responses are counts, those in categories the categories' values.  Survival times are times of failure,
    drawn given survival to the record's entry; nothing censors them.  After metobit a draw beyond a limit is the limit,
    as it would be observed; after meintreg draws are the latent values.  Call inside double precision.
    """
    if not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"simulate: `n` is the number of draws, a whole number of at least 1; got {n}")
    generator = np.random.default_rng(seed)
    design = estimates.design
    mean = read_rows(estimates, encoding, None, "none").linear(estimates.coefficients)
    roots = [_root(sigma) for sigma in estimates.sigmas]
    linear = isinstance(estimates.model, LinearModel)
    draw = _errors(estimates, generator) if linear else _outcomes(estimates, encoding, seed)
    columns = []
    for column in range(n):
        value = mean
        for effect, root in zip(design.effects, roots, strict=True):
            value = value + contribution(effect, generator.standard_normal((effect.size, len(root))) @ root.T)
        columns.append(draw(value, column))
    draws = pd.DataFrame(dict(zip((f"sim{k + 1}" for k in range(n)), columns, strict=True)))
    index = encoding.index if encoding.index is not None else pd.RangeIndex(len(encoding.sample))
    draws.index = index[np.flatnonzero(encoding.sample)]
    return draws if encoding.sample.all() else _with_gaps(draws, encoding.sample, index)


def _errors(estimates: Estimates, generator: np.random.Generator) -> Callable[[np.ndarray, int], np.ndarray]:
    """Adds normal errors."""
    sd = np.sqrt(estimates.components[-1])
    return lambda value, column: value + sd * generator.standard_normal(len(value))


def _outcomes(estimates: Estimates, encoding: Encoding, seed: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Draws from the family at a linear predictor."""
    family, key = estimates.model.family, jax.random.key(seed)

    def draw(eta: np.ndarray, column: int) -> np.ndarray:
        stacked = predictors(family, eta)
        drawn = family.sample(jax.random.fold_in(key, column), estimates.design.y, stacked, estimates.aux)
        return observed_values(encoding, np.asarray(drawn))

    return draw


def _with_gaps(draws: pd.DataFrame, sample: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """The rows of the sample at their places in the table, nothing in the others."""
    full = draws.reset_index(drop=True).reindex(np.where(sample, np.cumsum(sample) - 1, -1))
    full.index = index
    return full


def _root(sigma: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(sigma)
    return vectors * np.sqrt(np.maximum(values, 0.0))
