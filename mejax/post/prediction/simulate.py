"""New responses from a fitted mixed model."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ..kinds import is_generalized, is_nonlinear
from .average import predictors
from .errors import error_draws
from .nonlinear_mean import value
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
    drawn = draws(estimates, encoding, seed)
    columns = [observed_values(encoding, drawn(column)) for column in range(n)]
    frame = pd.DataFrame(dict(zip((f"sim{k + 1}" for k in range(n)), columns, strict=True)))
    index = encoding.index if encoding.index is not None else pd.RangeIndex(len(encoding.sample))
    frame.index = index[np.flatnonzero(encoding.sample)]
    return frame if encoding.sample.all() else _with_gaps(frame, encoding.sample, index)


def checked_seed(seed: Any, what: str) -> int:
    """A seed that can be used: a whole number from 0 on."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"{what}: `seed` is a whole number from 0 on; got {seed!r}")
    return int(seed)


def draws(estimates: Estimates, encoding: Encoding, seed: int) -> Callable[[int], np.ndarray]:
    """A function that gives one draw after the other, asked for by its number; categories are numbers, and nothing is
    censored."""
    seed = checked_seed(seed, "simulate")
    generator = np.random.default_rng(seed)
    mean = _means(estimates, encoding, generator)
    draw = _outcomes(estimates, seed) if is_generalized(estimates) else _errors(estimates, generator)
    return lambda column: draw(mean(), column)


def _means(estimates: Estimates, encoding: Encoding, generator: np.random.Generator) -> Callable[[], np.ndarray]:
    """Draws random effects; gives the mean, or the linear predictor, of the rows with them."""
    effects, roots = estimates.design.effects, [_root(sigma) for sigma in estimates.sigmas]

    def drawn() -> list[np.ndarray]:
        pairs = zip(effects, roots, strict=True)
        return [generator.standard_normal((effect.size, len(root))) @ root.T for effect, root in pairs]

    if is_nonlinear(estimates):
        none = np.zeros((len(estimates.design.x), 0))

        def nonlinear() -> np.ndarray:
            of_rows = [u[np.asarray(effect.codes)] for u, effect in zip(drawn(), effects, strict=True)]
            return value(estimates.mean, estimates.theta.fixed, np.column_stack([none, *of_rows]))

        return nonlinear
    fixed = read_rows(estimates, encoding, None, "none").linear(estimates.coefficients)
    return lambda: sum((contribution(e, u) for e, u in zip(effects, drawn(), strict=True)), start=fixed)


def _errors(estimates: Estimates, generator: np.random.Generator) -> Callable[[np.ndarray, int], np.ndarray]:
    """Adds normal errors."""
    draw = error_draws(estimates, generator)
    return lambda mean, column: mean + draw(mean)


def _outcomes(estimates: Estimates, seed: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Draws from the family at a linear predictor."""
    family, key = estimates.model.family, jax.random.key(seed)

    def draw(eta: np.ndarray, column: int) -> np.ndarray:
        stacked = predictors(family, eta)
        return np.asarray(family.sample(jax.random.fold_in(key, column), estimates.design.y, stacked, estimates.aux))

    return draw


def _with_gaps(draws: pd.DataFrame, sample: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """The rows of the sample at their places in the table, nothing in the others."""
    full = draws.reset_index(drop=True).reindex(np.where(sample, np.cumsum(sample) - 1, -1))
    full.index = index
    return full


def _root(sigma: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(sigma)
    return vectors * np.sqrt(np.maximum(values, 0.0))
