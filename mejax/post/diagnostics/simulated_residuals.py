"""Scaled residuals: where each observed response lies among responses simulated from the model.

The residual of a row is the share of its simulated responses that lie below the observed one.  Where some are equal to
it, as counts and categories are, the residual lies at random between the share below and the share not above (Dunn and
Smyth 1996), so that it is continuous.  Whatever the model, its residuals are uniform on (0, 1) if it is right; the idea
is that of the R package DHARMa (Hartig), of which nothing else is taken.

Every simulated sample has random effects of its own, so that misfit of their distribution shows too.  Rows of a group
share them, and their residuals are then correlated: a test that takes them as independent would reject far too often.
Here the observed sample is therefore one among the simulated ones: the residuals of each are those among all others,
and p is the share of samples whose statistic is as extreme as the observed one.

The tests are conservative: the parameters were estimated from the observed responses, which they fit better than
simulated ones, and the model is not fitted again to these.  If it is right p is far from uniform and seldom small: a
small p speaks against the model, a large one hardly for it.

A response that is known in part has a residual too: it lies at random between the shares below the two ends of what is
known, for a censored time anywhere above the share of those that fail earlier.  That is uniform where the censoring has
nothing to do with the time.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...likelihoods import AbstractMeanFamily
from ...syntax.spec import Spec
from ..kinds import kind_of, response_of
from ..prediction.predict import predict
from ..prediction.request import Request
from ..prediction.response import has_categories
from ..prediction.simulate import checked_seed, simulate
from .simulated_tests import Tally, verdicts

_BLOCK = 25  # samples drawn at a time
_CHUNK = 2_000_000  # numbers compared at a time
_MOST_NUMBERS = 600_000_000


class SimulatedResiduals(NamedTuple):
    """What the simulated responses say.

    `residuals`: a row for each of the sample, `residual` in (0, 1) and `fitted`, the prediction without random effects
    (`fitted_label` says which).  `uniform`: `share` of the residuals up to `residual`, and the `lower` and `upper`
    limits between which 95 % of the simulated samples have it.  `tests`: `statistic`, what it is `expected` to be, `p`,
    the `finding` in words, and the `note` that p is conservative, of the tests called uniformity, dispersion (not of
    normal responses, whose variance is estimated), outliers and zeros (of counts only).
    """

    residuals: pd.DataFrame
    uniform: pd.DataFrame
    tests: pd.DataFrame
    fitted_label: str


def simulated_residuals(
    spec: Spec, estimates: Estimates, encoding: Encoding, n: int = 250, seed: int = 0
) -> SimulatedResiduals:
    """Compare the responses with `n` simulated samples; memory for rows x n numbers is needed once.

    Call inside double precision.

    Raises:
        ValueError: categories in no order, fewer than 20 samples, more numbers than memory is likely to hold, a seed
            that is none.
    """
    seed = checked_seed(seed, "plot.check")
    lower, upper = _known(estimates)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 20:
        raise ValueError(f"plot.check: `n` is the number of simulated samples, at least 20; got {n!r}")
    if len(lower) * n > _MOST_NUMBERS:
        fewer = max(_MOST_NUMBERS // len(lower), 20)
        raise ValueError(
            f"plot.check: {len(lower):,} rows x {n:,} samples are too many numbers at once; take n={fewer}"
        )
    draws = _samples(estimates, encoding, int(n), seed)
    generator = np.random.default_rng([seed, 1])
    residual, tally = np.empty(len(lower)), Tally.empty(int(n))
    for rows in _chunks(len(lower), int(n)):
        residual[rows] = scaled(lower[rows], upper[rows], draws[rows], generator)
        tally = tally.add((lower[rows], upper[rows]), residual[rows], draws[rows], generator)
    fitted, label = _fitted(spec, estimates, encoding)
    index = pd.RangeIndex(len(encoding.sample)) if encoding.index is None else encoding.index
    frame = pd.DataFrame({"residual": residual, "fitted": fitted}, index=index[np.asarray(encoding.sample)])
    return SimulatedResiduals(frame, tally.uniform(), verdicts(tally, _asked(estimates)), label)


def scaled(lower: np.ndarray, upper: np.ndarray, draws: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(b + v (e + 1)) / (n + 1) for each row (m,), v uniform at random.

    b of its n draws (m, n) lie below what is known of the response, that is between `lower` and `upper`, and e inside.
    If the response is one more draw, this is exactly uniform.
    """
    below = np.sum(draws < lower[:, None], axis=1)
    inside = np.sum(draws <= upper[:, None], axis=1) - below
    return (below + generator.uniform(size=len(draws)) * (inside + 1)) / (draws.shape[1] + 1)


def _chunks(rows: int, n: int) -> Iterator[slice]:
    size = max(_CHUNK // n, 1)
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _known(estimates: Estimates) -> tuple[np.ndarray, np.ndarray]:
    """Between which ends each response lies; they are equal where it is observed."""
    if kind_of(estimates) != "generalized":
        return response_of(estimates), response_of(estimates)
    family, y = estimates.model.family, estimates.design.y
    if family.name == "multinomial":
        raise ValueError(
            "plot.check: the categories of a multinomial response have no order, so that no share of simulated ones "
            "lies below the observed one; `plot.outcomes()` shows the probabilities"
        )
    if isinstance(family, AbstractMeanFamily):
        return np.asarray(family.observed(y), float), np.asarray(family.observed(y), float)
    if "survival" in family.statistics:
        return np.asarray(y[1]), np.where(np.asarray(y[2]) > 0, y[1], np.inf)
    if family.name == "interval":
        return np.asarray(y[0]), np.asarray(y[1])
    return np.asarray(y, float), np.asarray(y, float)


def _samples(estimates: Estimates, encoding: Encoding, n: int, seed: int) -> np.ndarray:
    """Simulated responses (rows, n), categories as their numbers."""
    sample = np.asarray(encoding.sample)
    found = np.empty((int(sample.sum()), n))
    seeds = np.random.SeedSequence(seed).generate_state(-(-n // _BLOCK))
    for start, own in zip(range(0, n, _BLOCK), seeds, strict=True):
        count = min(_BLOCK, n - start)
        drawn = simulate(estimates, encoding, count, int(own))
        drawn = drawn if sample.all() else drawn.loc[sample]
        found[:, start : start + count] = _numbers(encoding, drawn)
    return found


def _numbers(encoding: Encoding, drawn: pd.DataFrame) -> np.ndarray:
    if encoding.response is None or not has_categories(encoding):
        return drawn.to_numpy(float)
    places = {value: float(place) for place, value in enumerate(encoding.response.values)}
    return drawn.apply(lambda column: column.map(places)).to_numpy(float)


def _fitted(spec: Spec, estimates: Estimates, encoding: Encoding) -> tuple[np.ndarray, str]:
    """The prediction without random effects, which the responses of the rows do not enter by their groups."""
    kind = kind_of(estimates)
    if kind == "linear":
        asked, label = Request("xb"), "Fitted values"
    elif kind == "nonlinear":
        asked, label = Request("yhat", "fixedonly"), "Fitted values"
    elif isinstance(estimates.model.family, AbstractMeanFamily):
        asked, label = Request("mu", "fixedonly"), "Fitted values"
    else:
        asked, label = Request("xb"), "Linear predictor"
    return np.asarray(predict(estimates, encoding, asked, nonlinear=spec.nonlinear))[np.asarray(encoding.sample)], label


def _asked(estimates: Estimates) -> tuple[str, ...]:
    """The tests that say something about the response.

    The variance of normal errors is estimated so that their dispersion is as expected, and a 0 or 1 has no other one
    than its mean says.
    """
    if kind_of(estimates) != "generalized":
        return ("uniformity", "outliers")
    family, y = estimates.model.family, estimates.design.y
    counts = family.name in ("poisson", "nbinomial") or (family.name == "binomial" and np.max(y[1]) > 1)
    if counts:
        return ("uniformity", "dispersion", "outliers", "zeros")
    if family.name in ("bernoulli", "gaussian") or not isinstance(family, AbstractMeanFamily):
        return ("uniformity", "outliers")
    return ("uniformity", "dispersion", "outliers")
