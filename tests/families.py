"""The registry of families: one entry per family and link, with parameters and what SciPy calls the distribution."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mejax.likelihoods import AbstractFamily, family

CUTS = np.array([-1.2, 0.1, 0.9, 2.0])
TRIALS = np.array([1.0, 7.0, 20.0])


@dataclass(frozen=True)
class Example:
    """A family with its arguments, a value of `aux`, and a function of (mu, aux) to the frozen SciPy distribution.

    `support` are all values with probability above rounding at moderate eta; None for densities.  For binomial counts
    mu is the probability and every value comes with 20 trials.
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
    """The values as the family takes them: binomial counts get their 20 trials."""
    return (values, np.full_like(values, 20.0)) if name.startswith("binomial") else values


def some_values(name: str) -> np.ndarray:
    """A few values that the family allows, rare ones among them."""
    if name.startswith("gaussian"):
        return np.array([-2.5, 0.0, 1.3, 4.0])
    if name.startswith("gamma"):
        return np.array([0.01, 0.6, 2.0, 9.0])
    support = FAMILIES[name].support
    assert support is not None
    return support if len(support) < 10 else np.array([0.0, 1.0, 4.0, 20.0])
