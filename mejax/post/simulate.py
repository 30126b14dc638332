"""New responses from a fitted linear mixed model."""

import numpy as np
import pandas as pd

from ..fitting import Estimates
from ..frame import Encoding
from .predict import contribution


def simulate(estimates: Estimates, encoding: Encoding, n: int, seed: int) -> pd.DataFrame:
    """`n` responses drawn from the model at its estimates: new random effects, new errors, the same design.

    A row per row of the data (NaN outside the sample), a column per draw; the same `seed` gives the same draws.
    """
    if not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"simulate: `n` is the number of draws, a whole number of at least 1; got {n}")
    generator = np.random.default_rng(seed)
    design = estimates.design
    mean = design.x @ estimates.coefficients + (0.0 if design.offset is None else design.offset)
    roots = [_root(sigma) for sigma in estimates.sigmas]
    draws = np.full((len(encoding.sample), n), np.nan)
    for column in range(n):
        value = mean + np.sqrt(estimates.components[-1]) * generator.standard_normal(len(mean))
        for effect, root in zip(design.effects, roots, strict=True):
            value = value + contribution(effect, generator.standard_normal((effect.size, len(root))) @ root.T)
        draws[encoding.sample, column] = value
    index = encoding.index if encoding.index is not None else pd.RangeIndex(len(encoding.sample))
    return pd.DataFrame(draws, index=index, columns=pd.Index([f"sim{k + 1}" for k in range(n)]))


def _root(sigma: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(sigma)
    return vectors * np.sqrt(np.maximum(values, 0.0))
