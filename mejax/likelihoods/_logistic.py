"""Logistic probabilities and their logarithms; one exponential serves them all."""

import jax
import jax.numpy as jnp


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
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@softplus.defjvp
def _softplus_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return softplus(x), probabilities(x)[0] * dx
