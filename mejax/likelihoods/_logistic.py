"""Logistic probabilities and their logarithms; one exponential serves them all."""

import jax
import jax.numpy as jnp

# log(1 + e) = 2 artanh(s), s = e / (2 + e), and artanh(s) / s is a polynomial in s^2 to within 3e-16 for s <= 1/3: the
# Chebyshev series of degree 11, computed with 50 digits and written in powers, the highest first.  XLA's log1p, which
# its elementwise loops on the CPU do not vectorise, takes three times as long.
_COEFFICIENTS = (
    0.0825023113760152,
    0.03486479334050364,
    0.054892875595345746,
    0.05857491529678071,
    0.06668451885304172,
    0.07692222730162525,
    0.09090911741739748,
    0.11111111058827622,
    0.14285714286321494,
    0.19999999999996362,
    0.3333333333333334,
    1.0,
)


@jax.custom_jvp
def probabilities(x):
    """F(x) = 1 / (1 + exp(-x)) and 1 - F(x), each accurate where it is small."""
    decay = jnp.exp(-jnp.abs(x))
    large = 1.0 / (1.0 + decay)
    small = decay * large
    return jnp.where(x < 0, small, large), jnp.where(x < 0, large, small)


@probabilities.defjvp
def _probabilities_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    p, q = probabilities(x)
    slope = p * q * dx
    return (p, q), (slope, -slope)


@jax.custom_jvp
def softplus(x):
    """log(1 + exp(x)) = -log F(-x)."""
    decay = jnp.exp(-jnp.abs(x))
    s = decay / (2.0 + decay)
    square = s * s
    total = jnp.full_like(s, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        total = total * square + coefficient
    return jnp.maximum(x, 0.0) + 2.0 * s * total


@softplus.defjvp
def _softplus_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return softplus(x), probabilities(x)[0] * dx
