"""Differences of log gamma functions without the cancellation of their large parts.

By Stirling's series log Gamma(s) = (s - 1/2) log s - s + log(2 pi)/2 + c(s) for s >= 8; smaller arguments are shifted
by Gamma(s) = Gamma(s + 8) / (s (s + 1) ... (s + 7)).  Only logarithms and rational functions: any derivative is cheap.
"""

import math

import jax.numpy as jnp

SHIFT = 8
_PAIRS = (6.0, 10.0, 12.0)  # (x + k)(x + 7 - k) = x (x + 7) + k (7 - k), k = 1, 2, 3
_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
# B_2k / (2k (2k - 1)), k = 1, 2, ...: c(s) = sum of coefficient_k / s^(2k - 1), to 1e-15 for s >= 8
_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)


def _correction(s):
    """c(s)."""
    inverse = 1.0 / s
    square = inverse * inverse
    total = jnp.full_like(s, _SERIES[-1])
    for coefficient in reversed(_SERIES[:-1]):
        total = total * square + coefficient
    return total * inverse


def log_factorial(y):
    """log y! = log Gamma(y + 1), several times faster than the library function."""
    s = y + float(SHIFT + 1)
    ends = (y + 1.0) * (y + float(SHIFT))
    product = ends
    for pair in _PAIRS:
        product = product * (ends + pair)
    return (s - 0.5) * jnp.log(s) - s + _HALF_LOG_TWO_PI + _correction(s) - jnp.log(product)


def log_rising(y, r):
    """log Gamma(y + r) - log Gamma(r) - y log r for y >= 0: the sum of log(1 + j / r) over j < y if y is whole.

    Accurate to the last digits for r from exp(-50) to exp(50); it goes to 0 as r grows.
    """
    s = r + float(SHIFT)
    # (y + r) ... (y + r + 7) over r ... (r + 7), two factors at a time
    ends, growth = r * (r + (SHIFT - 1.0)), y * (y + 2.0 * r + (SHIFT - 1.0))
    product = 1.0 + growth / ends
    for pair in _PAIRS:
        product = product * (1.0 + growth / (ends + pair))
    main = (y + s - 0.5) * jnp.log1p(y / s) - y + y * jnp.log1p(SHIFT / r)
    return main + _correction(y + s) - _correction(s) - jnp.log(product)


def log_stirling_ratio(a):
    """log(a^a exp(-a) / Gamma(a)) of a scalar a > 0; about log(a / (2 pi)) / 2 where a is large."""
    s = a + float(SHIFT)
    factors = jnp.sum(jnp.log1p(jnp.arange(float(SHIFT), dtype=jnp.result_type(a)) / a))
    # log Gamma(a) = log Gamma(s) - SHIFT log a - factors
    main = -a * jnp.log1p(SHIFT / a) + SHIFT - (SHIFT - 0.5) * jnp.log(s) + SHIFT * jnp.log(a)
    return main - _HALF_LOG_TWO_PI - _correction(s) + factors
