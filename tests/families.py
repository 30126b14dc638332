"""The registry of families: one entry per family and link, with parameters and what SciPy calls the distribution."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mejax.likelihoods import AbstractFamily, family

CUTS = np.array([-1.2, 0.1, 0.9, 2.0])
TRIALS = np.array([1.0, 7.0, 20.0])
BASE = 1  # of the outcomes without order


@dataclass(frozen=True)
class Example:
    """A family with its arguments, a value of `aux`, and a function of (mu, aux) to the frozen SciPy distribution.

    `support` are all values with probability above rounding at moderate eta; None for densities.  For binomial counts
    mu is the probability and every value comes with 20 trials.  mu = exp(eta) for survival times, whose distribution is
    that of the time from the start.
    """

    make: Callable[[], AbstractFamily]
    aux: np.ndarray
    scipy: Callable[[Any, np.ndarray], Any] | None
    support: np.ndarray | None


def _stats():
    from scipy import stats

    return stats


def _nbinomial(mu, size):
    return _stats().nbinom(size, size / (size + mu))


NONE, COUNTS = np.zeros(0), np.arange(0.0, 400.0)
FAMILIES: dict[str, Example] = {
    "gaussian": Example(
        lambda: family("gaussian"), np.array([0.7]), lambda mu, a: _stats().norm(mu, np.sqrt(a[0])), None
    ),
    "gaussian log": Example(
        lambda: family("gaussian", "log"), np.array([0.7]), lambda mu, a: _stats().norm(mu, np.sqrt(a[0])), None
    ),
    "gamma": Example(
        lambda: family("gamma"),
        np.array([-0.4]),
        lambda mu, a: _stats().gamma(np.exp(-2 * a[0]), scale=mu * np.exp(2 * a[0])),
        None,
    ),
    "poisson": Example(lambda: family("poisson"), NONE, lambda mu, a: _stats().poisson(mu), COUNTS),
    "nbinomial": Example(
        lambda: family("nbinomial"), np.array([-0.6]), lambda mu, a: _nbinomial(mu, np.exp(-a[0])), COUNTS
    ),
    "nbinomial constant": Example(
        lambda: family("nbinomial", dispersion="constant"),
        np.array([0.3]),
        lambda mu, a: _nbinomial(mu, mu * np.exp(-a[0])),
        COUNTS,
    ),
}
# the distribution of a time of failure, by mu = exp(eta)
_TIMES: dict[str, tuple[list[float], Callable[[Any, np.ndarray], Any]]] = {
    "exponential": ([], lambda mu, a: _stats().expon(scale=1 / mu)),
    "exponential aft": ([], lambda mu, a: _stats().expon(scale=mu)),
    "weibull": ([0.4], lambda mu, a: _stats().weibull_min(np.exp(a[0]), scale=mu ** -np.exp(-a[0]))),
    "weibull aft": ([0.4], lambda mu, a: _stats().weibull_min(np.exp(a[0]), scale=mu)),
    "loglogistic": ([-1.0], lambda mu, a: _stats().fisk(np.exp(-a[0]), scale=mu)),
    "lognormal": ([-0.5], lambda mu, a: _stats().lognorm(np.exp(a[0]), scale=mu)),
    "survival gamma": (
        [-0.4],
        lambda mu, a: _stats().gamma(np.exp(-2 * a[0]), scale=mu * np.exp(2 * a[0])),
    ),
}
SURVIVAL = tuple(_TIMES)
for _name, (_aux, _distribution) in _TIMES.items():
    _details: dict[str, Any] = {"aft": True} if _name.endswith(" aft") else {}
    FAMILIES[_name] = Example(
        lambda name=_name.removesuffix(" aft"), details=_details: family(name, **details),
        np.array(_aux),
        _distribution,
        None,
    )
FAMILIES["interval"] = Example(
    lambda: family("interval"), np.array([0.7]), lambda mu, a: _stats().norm(mu, np.sqrt(a[0])), None
)
FAMILIES["multinomial"] = Example(
    lambda: family("multinomial", categories=("a", "b", "c"), base=BASE), NONE, None, np.arange(3.0)
)
for _link in ("logit", "probit", "cloglog"):
    FAMILIES[f"bernoulli {_link}"] = Example(
        lambda link=_link: family("bernoulli", link), NONE, lambda mu, a: _stats().bernoulli(mu), np.arange(2.0)
    )
    FAMILIES[f"binomial {_link}"] = Example(
        lambda link=_link: family("binomial", link), NONE, lambda mu, a: _stats().binom(20, mu), np.arange(21.0)
    )
    FAMILIES[f"ordinal {_link}"] = Example(
        lambda link=_link: family("ordinal", link, categories=range(1, 6)), CUTS, None, np.arange(5.0)
    )


def response(name: str, values: np.ndarray) -> Any:
    """The values as the family takes them, fully observed: binomial counts get their 20 trials."""
    if name in SURVIVAL:
        return np.zeros_like(values), values, np.ones_like(values)
    if name == "interval":
        return values, values
    return (values, np.full_like(values, 20.0)) if name.startswith("binomial") else values


def some_values(name: str) -> np.ndarray:
    """A few values that the family allows, rare ones among them."""
    if name.startswith("gaussian") or name == "interval":
        return np.array([-2.5, 0.0, 1.3, 4.0])
    if name.startswith("gamma"):
        return np.array([0.01, 0.6, 2.0, 9.0])
    if name in SURVIVAL:
        return np.array([0.01, 0.6, 2.0, 9.0, 9.0])
    support = FAMILIES[name].support
    assert support is not None
    return support if len(support) < 10 else np.array([0.0, 1.0, 4.0, 20.0])


def some_response(name: str) -> Any:
    """A few responses, partly observed ones among them: censored records, late entries, intervals."""
    values = some_values(name)
    if name in SURVIVAL:
        return np.array([0.0, 0.5, 0.0, 8.99, 1e-3]), values, np.array([1.0, 1.0, 0.0, 1.0, 0.0])
    if name == "interval":
        return np.array([-2.5, -np.inf, 1.3, 3.9]), np.array([-2.5, 0.0, np.inf, 4.0])
    return response(name, values)


def linear_predictors(name: str, eta: Any) -> Any:
    """eta, or one for each equation along a first axis where they are stacked."""
    made = FAMILIES[name].make()
    each = [(1.0 - 0.6 * k) * np.asarray(eta) + 0.2 * k for k in range(made.equations)]
    return np.stack(each) if made.stacked else eta


def log_density(name: str, y: Any, mu: Any, aux: np.ndarray) -> np.ndarray:
    """SciPy's log p(y | mu)."""
    distribution = FAMILIES[name].scipy
    assert distribution is not None
    frozen = distribution(mu, aux)
    if name in SURVIVAL:
        entry, exit, failure = y
        return np.where(failure == 1, frozen.logpdf(exit), frozen.logsf(exit)) - frozen.logsf(entry)
    if name == "interval":
        lower, upper = y
        with np.errstate(divide="ignore"):  # a point has no probability
            right, left = frozen.sf(lower) - frozen.sf(upper), frozen.cdf(upper) - frozen.cdf(lower)
            return np.where(lower == upper, frozen.logpdf(upper), np.log(np.where(lower > mu, right, left)))
    y = y[0] if isinstance(y, tuple) else y
    return frozen.logpdf(y) if FAMILIES[name].support is None else frozen.logpmf(y)
