"""Normal responses that are known to lie in an interval."""

from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from . import _normal
from ._base import AbstractFamily, Statistic, density_of
from ._moments import CERTAIN, PERFECT, mean_variance
from .links import AbstractLink, Identity

_FAR = 1e130  # standard deviations from eta at which distances are cut off: their squares must stay finite


class Interval(AbstractFamily):
    """y* ~ N(eta, var(e)), of which only lower <= y* <= upper is known; y is (lower, upper).

    Equal ends are a point, infinite ones open.  The density is that of the point, or the probability
    Phi{(upper - eta) / sd} - Phi{(lower - eta) / sd}.  The ancillary parameter is the variance, whose log is free.
    `word` is what the model is called: "interval" or "tobit".  `closed` says whether some intervals have two finite
    ends: what they need makes programs several times larger.
    """

    name: ClassVar[str] = "interval"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    link: AbstractLink = Identity()
    word: str = eqx.field(static=True, default="interval")
    closed: bool = eqx.field(static=True, default=True)

    @property
    def ancillary(self):
        return ("var(e)",)

    def logpdf(self, y, eta, aux):
        lower, upper = y
        point = lower == upper
        # in the branch that they do not take points are left-censored, so that no derivative becomes NaN
        ends = _standardised((jnp.where(point, -jnp.inf, lower), upper), eta, aux)
        density = jnp.where(point, -0.5 * jnp.log(2.0 * jnp.pi * aux[0]), 0.0)
        distance = jnp.where(point, ends.upper, 0.0)
        if self.closed:
            inside = _normal.log_interval_of_width(ends.lower, ends.upper, ends.width)
        else:
            inside = _normal.log_cdf(jnp.where(jnp.isinf(upper), -ends.lower, ends.upper))
        return density + jnp.where(point, -0.5 * distance * distance, inside)

    def mean(self, y, eta, aux):
        """E(y*)."""
        return jnp.asarray(eta)

    def sample(self, key, y, eta, aux):
        """y*, which nothing censors."""
        return eta + jnp.sqrt(aux[0]) * jax.random.normal(key, eta.shape, eta.dtype)

    def probability(self, y, eta, aux):
        """Pr(lower < y* < upper)."""
        lower, upper = y
        ends = _standardised((jnp.where(lower == upper, -jnp.inf, lower), upper), eta, aux)
        inside = _normal.log_interval_of_width(ends.lower, ends.upper, ends.width)
        return jnp.where(lower == upper, 0.0, jnp.exp(inside))

    def truncated_mean(self, y, eta, aux):
        """E(y* | lower < y* < upper); a point is its own mean."""
        ends = _standardised(y, eta, aux)
        beyond = _normal.mean_beyond(ends.lower, ends.upper, ends.width)
        return _nearest(y, eta, ends) + jnp.sqrt(aux[0]) * beyond

    def censored_mean(self, y, eta, aux):
        """E max{lower, min(y*, upper)}."""
        ends = _standardised(y, eta, aux)
        near, far = (_normal.mean_excess(jnp.where(z > 0, z, -z)) for z in (ends.lower, ends.upper))
        return _nearest(y, eta, ends) + jnp.sqrt(aux[0]) * (near - far)

    def printed(self, free):
        return jnp.exp(free)

    def free(self, aux):
        return np.log(aux)

    def init(self, y, weights):
        return np.log([max(mean_variance(_representative(y), weights)[1], 1e-300)])

    def start(self, y, weights):
        return mean_variance(_representative(y), weights)[0]

    def check(self, y, where):
        lower, upper = y
        for good, problem in (
            (~np.isnan(lower) & ~np.isnan(upper), "NaN cannot be an end; open ends are infinite"),
            (np.isfinite(lower) | np.isfinite(upper), "at least one end must be finite; leave the row out"),
            ((lower < np.inf) & (upper > -np.inf), "an open lower end is -inf, an open upper one inf"),
            (lower <= upper, "the lower end must not be above the upper one; exchange or correct them"),
            (
                self.closed | (lower == upper) | np.isinf(lower) | np.isinf(upper),
                "an interval with two finite ends needs a family made with closed=True",
            ),
        ):
            _require(good, y, where, problem)
        _require_variation(lower, upper)

    @property
    def null_name(self):
        return f"{self.word} model"

    @property
    def description(self):
        return "normal response, censored"

    @property
    def statistics(self):
        """pr, expected and ystar are those between two limits; the default is eta, which every family has."""
        return {
            "mu": Statistic(self.mean),
            "pr": Statistic(self.probability, reads="limits"),
            "expected": Statistic(self.truncated_mean, reads="limits"),
            "ystar": Statistic(self.censored_mean, reads="limits"),
            "density": density_of(self),
        }

    @property
    def default_statistic(self):
        return "eta"

    @property
    def variances(self):
        return (0,)

    def collapsed(self, y, aux, loglik):
        """Points are fitted exactly; or all rows are intervals, and certain."""
        lower, upper = y
        exact = aux[0] < PERFECT * mean_variance(_representative(y), None)[1]
        return bool(exact or (loglik > -CERTAIN and not np.any(lower == upper)))

    def rising(self, y):
        lower, upper = y
        return np.isinf(upper), np.isinf(lower)


class _Standardised(NamedTuple):
    """(lower - eta) / sd and (upper - eta) / sd, +-`_normal.OPEN` where they are infinite, and their distance."""

    lower: Float[Array, "..."]
    upper: Float[Array, "..."]
    width: Float[Array, "..."]


def _standardised(y, eta, aux) -> _Standardised:
    """The distance comes from the ends themselves, since eta may be much larger than it."""
    lower, upper = y
    left, right = jnp.isinf(lower), jnp.isinf(upper)
    low = jnp.where(left, jnp.where(right, 0.0, upper), lower)
    high = jnp.where(right, low, upper)
    sd = jnp.sqrt(aux[0])
    middle = jnp.clip((0.5 * low + 0.5 * high - eta) / sd, -_FAR, _FAR)
    half = (0.5 * high - 0.5 * low) / sd
    return _Standardised(
        jnp.where(left, -_normal.OPEN, middle - half),
        jnp.where(right, _normal.OPEN, middle + half),
        jnp.where(left | right, 2.0 * _normal.OPEN, 2.0 * half),
    )


def _nearest(y, eta, ends: _Standardised):
    """The point of the interval that is nearest to eta."""
    lower, upper = y
    return jnp.where(ends.lower > 0, lower, jnp.where(ends.upper > 0, eta, upper))


def _representative(y) -> np.ndarray:
    """Midpoints, and the finite ends of open intervals."""
    lower, upper = y
    low = np.where(np.isinf(lower), upper, lower)
    high = np.where(np.isinf(upper), lower, upper)
    return 0.5 * low + 0.5 * high


def _require(good: np.ndarray, y, where, problem: str) -> None:
    """Raise for the first row that is not `good`."""
    if not good.all():
        first = int(np.argmin(good))
        count = int(np.count_nonzero(~good))
        more = "" if count == 1 else f" ({count:,} such rows in all)"
        shown = f"[{y[0][first]:.10g}, {y[1][first]:.10g}]"
        raise ValueError(f"the response is {shown} in {where(first)}{more}: {problem}")


def _require_variation(lower: np.ndarray, upper: np.ndarray) -> None:
    """Raise where one value lies in all intervals: with that mean the likelihood rises for ever as the variance falls,
    or as the mean moves on where the value can be infinite."""
    lowest, highest = np.max(lower, initial=-np.inf), np.min(upper, initial=np.inf)
    if len(lower) == 0 or lowest > highest:
        return
    if np.isinf(highest):
        what, least = "all rows are right-censored", "a row with a finite upper end"
    elif np.isinf(lowest):
        what, least = "all rows are left-censored", "a row with a finite lower end"
    else:
        what, least = f"{lowest:.10g} lies in the intervals of all rows", "rows that exclude each other's values"
    raise ValueError(f"the outcome does not vary; {what}: mean and variance cannot be estimated without {least}")
