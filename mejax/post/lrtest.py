"""Likelihood-ratio tests of two fits."""

from dataclasses import dataclass

import jax
import numpy as np

from ..fitting import Comparison, Estimates, boundary_test, upper_tail
from ..lmm import LinearModel


@dataclass(frozen=True)
class LikelihoodRatio(Comparison):
    """A likelihood-ratio test; `print` shows it."""

    def __str__(self) -> str:
        name = self.kind.split("(")[0]
        sign = ">=" if name == "chibar2" else ">"
        lines = [f"Likelihood-ratio test: {self.kind} = {self.stat:.2f}   Prob {sign} {name} = {self.p:.4f}"]
        if self.conservative:
            lines.append("Note: the test is conservative, since variances are at the boundary under the smaller model.")
        return "\n".join(lines)


def lrtest(a, b) -> LikelihoodRatio:
    """Likelihood-ratio test of two nested fits, in either order; an exponential model is nested in a Weibull one.

    Variances that the smaller model sets to zero lie on the boundary: with one of them the statistic is a 50:50 mixture
    of chi-squareds, with several the p-value of the full chi-squared is an upper bound (Self and Liang 1987).

    Raises:
        ValueError: fits of different samples or responses, of REML with different fixed effects, of pseudolikelihoods,
            or with the same number of parameters.
    """
    for each in (a, b):
        if not isinstance(getattr(each, "estimates", None), Estimates):
            raise TypeError(f"lrtest: compares two fits, as `me.mixed` returns them; got {type(each).__name__}")
    first, second = a.estimates, b.estimates
    _check_comparable(a, b)
    small, large = sorted((first, second), key=lambda e: e.parameters)
    df = large.parameters - small.parameters
    if df == 0:
        raise ValueError("lrtest: both fits have the same number of parameters, so neither is nested in the other")
    stat = 2 * (large.llf - small.llf)
    if stat < -1e-6 * (1 + abs(large.llf)):
        raise ValueError(
            f"lrtest: the larger model has the smaller log likelihood ({large.llf:.6f} against {small.llf:.6f}); the "
            "models are not nested, or the larger fit has not converged"
        )
    stat = max(stat, 0.0)
    fixed = len(large.coefficients) - len(small.coefficients)
    new = _variances(large) - _variances(small)
    if not new or small.constraints or large.constraints:
        return LikelihoodRatio(stat, df, upper_tail(stat, df), f"chi2({df})", False)
    # with a variance, the covariances beside it vanish too: all parameters of the random part count as bounded
    result = boundary_test(stat, df - fixed, fixed) if df > fixed else None
    if result is None:
        raise ValueError("lrtest: the models are not nested: one has more coefficients, the other more variances")
    return LikelihoodRatio(result.stat, result.df, result.p, result.kind, result.conservative)


def _variances(estimates: Estimates) -> set[str]:
    """Labels of the random effects that have a variance; one that only the larger model has is zero in the smaller."""
    paths = [e.path for e in estimates.names.effects]
    kinds = [c for c in estimates.component_info if c.kind == "var" and c.equation >= 0]
    return {f"{paths[c.equation]}:{c.label.split(':', 1)[1]}" for c in kinds}


def _same(a, b) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def _same_level_weights(first: Estimates, second: Estimates) -> bool:
    """The weights of the levels that both fits have, by the level's label."""
    one, two = (
        {e.path: w for e, w in zip(x.names.effects, x.design.level_weights, strict=False)} for x in (first, second)
    )
    return all(_same(one[path], two[path]) for path in one.keys() & two.keys())


def _same_response(first: Estimates, second: Estimates) -> bool:
    leaves = [jax.tree.leaves(e.design.y) for e in (first, second)]
    return len(leaves[0]) == len(leaves[1]) and all(np.array_equal(a, b) for a, b in zip(*leaves, strict=True))


def restricted(estimates: Estimates) -> bool:
    """Is the log likelihood a restricted one?"""
    return isinstance(estimates.model, LinearModel) and estimates.model.reml


def _check_methods(first: Estimates, second: Estimates) -> None:
    """The same likelihood: linear or generalized, the same family and link, the same approximation of the integral."""
    if restricted(first) != restricted(second):
        raise ValueError("lrtest: one fit is by ML, the other by REML; fit both by the same method")
    kinds = [_response_kind(e) for e in (first, second)]
    if kinds[0] != kinds[1] and not (_contains(first, second) or _contains(second, first)):
        raise ValueError(
            f"lrtest: the fits assume different responses ({kinds[0]} and {kinds[1]}); a likelihood-ratio test takes "
            "fits of one distribution (hold its shape by a constraint). Compare their information criteria"
        )
    methods = [_integration(e) for e in (first, second)]
    if all(methods) and methods[0] != methods[1]:
        raise ValueError(
            f"lrtest: the log likelihoods are approximated in different ways ({methods[0]} and {methods[1]}); fit both "
            "models by the same `intmethod` and `intpoints`"
        )


def _response_kind(estimates: Estimates) -> str:
    """What the coefficients and the likelihood are of."""
    if isinstance(estimates.model, LinearModel):
        return "linear model"
    return estimates.model.family.description


def _contains(large: Estimates, small: Estimates) -> bool:
    """Does the distribution of one become that of the other at a value of its ancillary parameter?"""
    if isinstance(small.model, LinearModel) or isinstance(large.model, LinearModel):
        return False
    return large.model.family.description in small.model.family.contained_in


def _integration(estimates: Estimates) -> str:
    """Method and points; "" where there is nothing to integrate, or no approximation."""
    if isinstance(estimates.model, LinearModel) or not estimates.names.effects:
        return ""
    return f"{estimates.model.method} with {estimates.model.points} points"


def _check_comparable(a, b) -> None:
    first, second = a.estimates, b.estimates
    for each in (first, second):
        if not each.status.ok:
            raise ValueError(f"lrtest: a fit ended as `{each.status}`, so its log likelihood is no maximum to compare")
    if first.vce != "oim" or second.vce != "oim":
        raise ValueError("lrtest: fits with robust standard errors are no likelihood fits to compare; use vce(oim)")
    _check_methods(first, second)
    if first.nobs != second.nobs or not np.array_equal(a.sample, b.sample):
        raise ValueError(f"lrtest: the fits use different samples ({first.nobs:g} and {second.nobs:g} observations)")
    if first.names.response != second.names.response or not _same_response(first, second):
        raise ValueError("lrtest: the fits have different responses")
    same_weights = _same(first.design.weights, second.design.weights) and _same_level_weights(first, second)
    if not (_same(first.design.offset, second.design.offset) and same_weights):
        raise ValueError("lrtest: the fits have different offsets or weights")
    labels = [tuple(c.label for c in e.names.estimated) for e in (first, second)]
    if restricted(first) and set(labels[0]) != set(labels[1]):
        raise ValueError(
            "lrtest: restricted likelihoods of models with different fixed effects cannot be compared; fit both by ML"
        )
