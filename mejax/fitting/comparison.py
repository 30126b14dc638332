"""Likelihood-ratio tests, their distributions at the boundary (Self and Liang 1987; Stram and Lee 1994)."""

import math

import numpy as np

from .estimates import Comparison


def boundary_test(stat: float, variances: int, others: int) -> Comparison | None:
    """Test that `variances` variances and `others` unbounded parameters are zero.

    One variance: the 50:50 mixture of chi-squared with `others` and `others` + 1 degrees of freedom.  Several:
    chi-squared with all degrees of freedom, an upper bound of the tail probability.
    """
    stat = max(float(stat), 0.0)
    df = variances + others
    if df == 0:
        return None
    if variances == 0:
        return Comparison(stat, df, upper_tail(stat, df), f"chi2({df})", False)
    if variances == 1:
        p = 1.0 if stat < 1e-6 else 0.5 * (upper_tail(stat, others) + upper_tail(stat, others + 1))
        return Comparison(stat, df, p, f"chibar2({others}{'' if others == 0 else '_'}{others + 1})", False)
    return Comparison(stat, df, upper_tail(stat, df), f"chi2({df})", True)


def upper_tail(stat: float, df: int) -> float:
    """P(chi-squared > stat) for whole degrees of freedom, by the finite series (Abramowitz and Stegun 26.4.4-5)."""
    if df == 0:
        return float(stat <= 0)
    half = 0.5 * stat
    if half <= 0:
        return 1.0
    start = math.erfc(math.sqrt(half)) if df % 2 else 0.0
    powers = [k + 0.5 * (df % 2) for k in range(df // 2)]
    return min(start + sum(math.exp(p * math.log(half) - half - math.lgamma(p + 1)) for p in powers), 1.0)


def linear_llf(rss: float, count: float, p: int, logdet_x: float, reml: bool) -> float:
    """Log likelihood of the linear model without random effects (restricted under REML)."""
    degrees = count - p if reml else count
    value = degrees * (np.log(2 * np.pi * rss / degrees) + 1)
    return -0.5 * float(value + (logdet_x if reml else 0.0))
