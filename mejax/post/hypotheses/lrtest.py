"""Likelihood-ratio tests of two fits."""

from dataclasses import dataclass

import jax
import numpy as np

from ..._double import computing
from ...fitting import Comparison, Estimates, boundary_test, upper_tail
from ..kinds import is_generalized, is_integrated, is_nonlinear, kind_of, response_of
from ..prediction.nonlinear_mean import at_zero
from .nested import errors_nested, fixed_nested, random_nested, same_restricted_columns, variances

_NOT_NESTED = (
    "lrtest: the models are not nested: each has coefficients, variances or parameters of the errors that the other "
    "has not"
)


@dataclass(frozen=True, repr=False)
class LikelihoodRatio(Comparison):
    """A likelihood-ratio test; `print` shows it.

    `noise` is the Monte Carlo standard error of the statistic where a fit is by solver(iterative), for random vectors
    that differ between the fits; with the same ones (equal rseed and probes, the default) the error is smaller.
    """

    noise: float = 0.0

    def __str__(self) -> str:
        name = self.kind.split("(")[0]
        sign = ">=" if name == "chibar2" else ">"
        lines = [f"Likelihood-ratio test: {self.kind} = {self.stat:.2f}   Prob {sign} {name} = {self.p:.4f}"]
        if self.conservative:
            lines.append("Note: the test is conservative, since variances are at the boundary under the smaller model.")
        if self.noise:
            lines.append(
                f"Note: the statistic has a Monte Carlo std. err. of up to {self.noise:.2g}; see `fit.monte_carlo`."
            )
        return "\n".join(lines)

    __repr__ = __str__


def lrtest(a, b) -> LikelihoodRatio:
    """Likelihood-ratio test of two nested fits, in either order; an exponential model is nested in a Weibull one.

    That the columns of one fit are combinations of the other's, under the constraints of both, is checked, and that its
    random effects are; whether a covariance structure lies within another is not.

    After `menl` the log likelihoods compared are those of the linearizations, each around its own estimates.

    Variances that the smaller model sets to zero lie on the boundary: with one of them the statistic is a 50:50 mixture
    of chi-squareds, with several the p-value of the full chi-squared is an upper bound (Self and Liang 1987).

    Raises:
        ValueError: fits of different samples or responses, of REML with different fixed effects, of pseudolikelihoods,
            of nonlinear models with different means, that are not nested, or with the same number of parameters.
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
    stat = _statistic(small, large)
    result = _reference(small, large, stat, df)
    errors = [each.monte_carlo.llf for each in (first, second) if each.monte_carlo is not None]
    noise = 2.0 * float(np.linalg.norm(errors))
    return LikelihoodRatio(result.stat, result.df, result.p, result.kind, result.conservative, noise)


def _reference(small: Estimates, large: Estimates, stat: float, df: int) -> Comparison:
    """The statistic with its distribution."""
    new = variances(large) - variances(small)
    if set(small.constraints) != set(large.constraints):
        if not fixed_nested(small, large):
            raise ValueError(_NOT_NESTED)
        # what constraints hold is not known here; with a variance of one model only the p-value is an upper bound
        return Comparison(stat, df, upper_tail(stat, df), f"chi2({df})", bool(new))
    others = _of_others(large) - _of_others(small)
    unbounded = len(large.coefficients) - len(small.coefficients) + others
    if not _nested(small, large, df, others, unbounded) or (new and unbounded >= df):
        raise ValueError(_NOT_NESTED)
    # with a variance, the covariances beside it vanish too: all parameters of the random part count as bounded
    result = boundary_test(stat, df - unbounded, unbounded) if new else boundary_test(stat, 0, df)
    assert result is not None
    return result


def _nested(small: Estimates, large: Estimates, df: int, others: int, unbounded: int) -> bool:
    """`others` parameters beside coefficients and variances, and `unbounded` with the coefficients, are added."""
    if min(others, unbounded - others) < 0 or not fixed_nested(small, large) or not errors_nested(small, large):
        return False
    # errors may stand for random effects: an intercept for equal correlations
    return others > 0 or (unbounded <= df and random_nested(small, large))


def _statistic(small: Estimates, large: Estimates) -> float:
    stat = 2 * (large.llf - small.llf)
    if stat < -1e-6 * (1 + abs(large.llf)):
        raise ValueError(
            f"lrtest: the larger model has the smaller log likelihood ({large.llf:.6f} against {small.llf:.6f}); the "
            "models are not nested, or the larger fit has not converged"
        )
    return max(stat, 0.0)


def _of_others(estimates: Estimates) -> int:
    """Number of ancillary parameters, and of parameters of structured errors beside their variance."""
    if is_integrated(estimates):
        return len(estimates.ancillary)
    if estimates.linear.variances.errors is None:
        return 0
    return estimates.linear.variances.errors.count


def _same(a, b) -> bool:
    return a is b or (a is not None and b is not None and np.array_equal(a, b))


def _same_level_weights(first: Estimates, second: Estimates) -> bool:
    """The weights of the levels that both fits have, by the level's label."""
    one, two = (
        {e.path: w for e, w in zip(x.names.effects, x.design.level_weights, strict=False)} for x in (first, second)
    )
    return all(_same(one[path], two[path]) for path in one.keys() & two.keys())


def _same_response(first: Estimates, second: Estimates) -> bool:
    if not (is_generalized(first) or is_generalized(second)):
        return np.array_equal(response_of(first), response_of(second))
    leaves = [jax.tree.leaves(e.design.y) for e in (first, second)]
    return len(leaves[0]) == len(leaves[1]) and all(np.array_equal(a, b) for a, b in zip(*leaves, strict=True))


def restricted(estimates: Estimates) -> bool:
    """Is the log likelihood a restricted one?"""
    return not is_integrated(estimates) and estimates.model.reml


def _check_methods(first: Estimates, second: Estimates) -> None:
    """The same likelihood: linear or generalized, the same family and link, the same approximation of the integral."""
    if is_nonlinear(first) != is_nonlinear(second):
        raise ValueError(
            "lrtest: one fit is that of a nonlinear model, whose log likelihood is that of its linearization, the "
            "other is not; fit both by `menl` in the same way"
        )
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
    kind = kind_of(estimates)
    return estimates.model.family.description if kind == "generalized" else f"{kind} model"


def _contains(large: Estimates, small: Estimates) -> bool:
    """Does the distribution of one become that of the other at a value of its ancillary parameter?"""
    if not (is_generalized(small) and is_generalized(large)):
        return False
    return large.model.family.description in small.model.family.contained_in


def _integration(estimates: Estimates) -> str:
    """Method and points; "" where there is nothing to integrate, or no approximation."""
    if not estimates.names.effects or kind_of(estimates) == "linear":
        return ""
    if not is_integrated(estimates):
        return "linearization"
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
    if restricted(first) and not same_restricted_columns(first, second):
        raise ValueError(
            "lrtest: restricted likelihoods of models with different fixed effects cannot be compared; fit both by ML"
        )
    if set(labels[0]) == set(labels[1]) and is_nonlinear(first) and not _same_means(first, second):
        raise ValueError(
            "lrtest: the fits have the same coefficients in different means, so neither is nested in the other; "
            "compare their information criteria"
        )


def _same_means(first: Estimates, second: Estimates) -> bool:
    """Do two nonlinear means agree where the random effects are zero?"""
    labels = [[c.label for c in e.names.estimated] for e in (first, second)]
    order = [labels[0].index(label) for label in labels[1]]
    with computing():
        return all(
            np.allclose(at_zero(first, b), at_zero(second, b[order]), rtol=1e-8, equal_nan=True)
            for b in (first.coefficients, 1.01 * first.coefficients)
        )
