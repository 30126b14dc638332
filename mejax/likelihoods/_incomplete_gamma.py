"""The upper tail of a gamma distribution, on both sides, with derivatives in the quantile and in the shape.

With x = a exp(v), and d = x^a exp(-x) / Gamma(a) the density of v, the regularised incomplete gamma functions are

    Q(a, x) = d J(x, a, 1)                                                                        for x > a,
    P(a, x) = (d / a) {1 + x/(a+1) + ... + x^m/((a+1)...(a+m-1)) J(x, a + m, -1)} = 1 - Q(a, x)    for x <= a

with m = 4 and the integrals over r > 0

    J(x, b, s) = integral of exp{-k(s r)},  k(w) = x {exp(w) - 1} - b w.

k(s r) rises from 0 and is convex, so that the integral up to where it is 38 has all digits by a Gauss-Legendre rule of
24 points: at shapes from 1e-3 to 1e6 log Q is within 1e-12 of numbers computed with 60 digits, its first three
derivatives within 4e-11 (of 1 or of their size).  All terms are positive; the shape of the lower integral is raised by
m because k is slow to rise where b is small.  Nothing is iterated but the end of the range, of which no derivative is
needed, so that everything can be differentiated as often as one likes.
"""

import jax
import jax.numpy as jnp
import numpy as np

from . import _extreme, _gamma_function

_RAISED = 4  # m
_FALL = 38.0  # exp(-38) is rounding
_SMALLEST = 0.1  # least x of the upper integral, whose exponent has a bend where x is tiny: Q is not small there
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NODES = 0.5 * (_POINTS + 1.0)
_STEPS = 10  # of Newton's method for quantiles: 9 are enough for any shape, 6 for those from 1e-3 to 1e6


def log_tail(v, a):
    """(log Q(a, a exp(v)), log of its hazard d / Q) for a scalar a."""
    density = log_density(v, a)
    x = a * _bounded_exponential(v)
    upper = x > jnp.maximum(a, _SMALLEST)
    reach, height = _integral(x, jnp.where(upper, a, a + float(_RAISED)), jnp.where(upper, 1.0, -1.0))
    # in the branch that it does not take each side has values of no account, which stay finite with their derivatives
    total = 1.0 + x * reach * height
    for j in range(_RAISED - 1, 0, -1):
        total = 1.0 + jnp.where(upper, 0.0, x / (a + float(j))) * total
    below = jnp.log1p(-jnp.exp(jnp.where(upper, -jnp.inf, density - jnp.log(a))) * total)
    log_integral = jnp.log(reach) + jnp.log(height)
    return jnp.where(upper, density + log_integral, below), jnp.where(upper, -log_integral, density - below)


def log_density(v, a):
    """log d = log{a^a exp(-a) / Gamma(a)} - a {exp(v) - 1 - v}."""
    return _gamma_function.log_stirling_ratio(a) - a * (jnp.expm1(jnp.minimum(v, _extreme.LARGEST)) - v)


def quantile(cumulative, a):
    """v at which -log Q(a, a exp(v)) = `cumulative` > 0.

    Newton's method for log(-log Q), which as a function of v is concave for a > 1 and convex for a < 1: from a lower or
    an upper bound it goes straight to the root.
    """
    target, shape = jax.lax.stop_gradient((cumulative, a))
    lower, upper = _bounds(target, shape)

    def step(_, v):
        return jnp.clip(_newton(v, target, shape), lower, upper)

    start = jnp.where(shape > 1.0, lower, upper)
    v = jax.lax.stop_gradient(jax.lax.fori_loop(0, _STEPS, step, start))
    for _ in range(2):  # steps of no length, but with the derivatives of the root, up to the third
        v = _newton(v, cumulative, a)
    return v


def _newton(v, cumulative, a):
    log_q, log_hazard = log_tail(v, a)
    log_cumulative = jnp.log(-log_q)
    return v + (jnp.log(cumulative) - log_cumulative) * jnp.exp(log_cumulative - log_hazard)


def _bounds(cumulative, a):
    """Of the quantile, by Chernoff's bounds: -log of the smaller tail is at least a {exp(v) - 1 - v}.

    That is at least a v^2 / 2 above 0, and a v^2 / (2 - v) below it.
    """
    right, left = cumulative / a, -jnp.log(-jnp.expm1(-cumulative)) / a
    return -0.5 * left - jnp.sqrt(0.25 * left**2 + 2.0 * left), jnp.log1p(right + jnp.sqrt(2.0 * right))


def _integral(x, shape, side):
    """Length of the range and mean height of J(x, shape, side), whose own square may be too small for a number."""
    reach = _reach(*jax.lax.stop_gradient((x, shape, side)))
    w = (side * reach)[..., None] * _along(_NODES, reach)
    fall = x[..., None] * jnp.expm1(w) - shape[..., None] * w
    return reach, jnp.sum(_along(0.5 * _WEIGHTS, reach) * jnp.exp(-fall), axis=-1)


def _along(values, like):
    """Values along a new last axis of `like`."""
    return jnp.asarray(values, like.dtype).reshape((1,) * like.ndim + (-1,))


def _reach(x, shape, side):
    """Where k is 38: an upper bound, from which Newton's method comes down.

    k(r) >= (x - b) r + x r^2 / 2 on the upper side; k(-r) >= {(b - x) r + b r^2 / 2} / (1 + r / 2) on the lower one.
    """
    upper = side > 0
    scale = jnp.where(upper, x, shape)
    slope = jnp.where(upper, x - shape, shape - x - 0.5 * _FALL) / scale
    r = 2.0 * _FALL / scale / (slope + jnp.sqrt(slope**2 + 2.0 * _FALL / scale))
    r = jnp.where(upper, jnp.minimum(r, jnp.log1p((_FALL + shape * r) / x)), r)
    for _ in range(3):
        height = x * jnp.expm1(side * r) - side * shape * r
        r = r - (height - _FALL) / (side * (x * jnp.exp(side * r) - shape))
    return r


def _bounded_exponential(v):
    """exp(v), neither 0 nor infinite."""
    return jnp.exp(jnp.clip(v, -_extreme.LARGEST, _extreme.LARGEST))
