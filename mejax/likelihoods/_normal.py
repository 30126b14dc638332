"""Logarithms of normal probabilities, accurate with all their derivatives however far in the tail.

Everything stands on the excess e(z) = phi(z) / Phi(-z) - z >= 0 of the hazard over its asymptote, z >= 0: where Phi is
tiny, differences such as x + phi(x) / Phi(x) are then known to full precision instead of being what rounding left over.
"""

import math

import jax
import jax.numpy as jnp

# e(z) (z + 3.5) is a polynomial in t = (z - 3.5) / (z + 3.5) to within 6e-16 for all z >= 0: the Chebyshev series of
# degree 24, computed with 60 digits and written in powers of t, the highest first.
_SCALE = 3.5
_COEFFICIENTS = (
    -7.665294832106207e-08,
    5.436006651299007e-08,
    9.049905055026607e-07,
    -4.855515189017926e-07,
    -5.78133137656462e-06,
    1.9250043983939845e-06,
    2.7205582095375212e-05,
    -3.504963053939132e-06,
    -0.00010702603855924166,
    -4.407588148197393e-06,
    0.0003761649589763652,
    5.557911525009608e-05,
    -0.0012315975639602139,
    -0.00020438995789887694,
    0.0038677981312048183,
    0.0002721706886635439,
    -0.01186264295934581,
    0.0020298814180186426,
    0.035587516161854925,
    -0.022180098761475267,
    -0.10078958422195869,
    0.15371368344032244,
    0.2106962463446275,
    -1.0299783886096383,
    1.7597388540038985,
)
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)
_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)
OPEN = 1e150  # stands for infinity in intervals: its square is finite, and no derivative becomes NaN
_NARROW = 0.05  # half a width times the distance from zero (or 1) below which a series takes over


def _excess(z):
    """e(z) for z >= 0."""
    inverse = 1.0 / (z + _SCALE)
    t = 1.0 - 2.0 * _SCALE * inverse
    total = jnp.full_like(z, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        total = total * t + coefficient
    return total * inverse


def _mills(z):
    """Phi(-z) / phi(z) for z >= 0."""
    return 1.0 / (z + _excess(z))


@jax.custom_jvp
def log_cdf(x):
    """log Phi(x).

    -x^2/2 + log(R(-x) / sqrt(2 pi)) below zero, log(1 - R(x) phi(x)) above, with the Mills ratio R.
    """
    z = jnp.abs(x)
    ratio = _mills(z) / _ROOT_TWO_PI
    square = 0.5 * z * z
    left = x < 0
    return jnp.where(left, -square, 0.0) + jnp.log1p(jnp.where(left, ratio - 1.0, -ratio * jnp.exp(-square)))


@log_cdf.defjvp
def _log_cdf_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return log_cdf(x), hazard(x) * dx


@jax.custom_jvp
def hazard(x):
    """phi(x) / Phi(x), the derivative of log Phi."""
    z = jnp.abs(x)
    rate = z + _excess(z)
    density = jnp.exp(-0.5 * z * z) / _ROOT_TWO_PI
    return jnp.where(x < 0, rate, density / (1.0 - density / rate))


@hazard.defjvp
def _hazard_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    rate = hazard(x)
    return rate, -rate * _above(x) * dx


@jax.custom_jvp
def _above(x):
    """x + phi(x) / Phi(x) > 0."""
    return jnp.where(x < 0, _excess(jnp.abs(x)), x + hazard(x))


@_above.defjvp
def _above_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    above = _above(x)
    return above, (1.0 - hazard(x) * above) * dx


def log_interval(lower, upper):
    """log(Phi(upper) - Phi(lower)) for lower < upper."""
    return _log_interval(lower, upper, upper - lower)


def log_interval_of_width(lower, upper, width):
    """log(Phi(upper) - Phi(lower)) with all its derivatives where `width` = upper - lower is known by itself.

    However narrow the interval, nothing is a difference of large numbers.  An end at +-`OPEN` is open.
    """
    narrow, (middle, half), ends = _branches(lower, upper, width)
    near_point = jnp.log(2.0 * half) - _LOG_ROOT_TWO_PI - 0.5 * middle * middle + jnp.log1p(_spread(middle, half))
    return jnp.where(narrow, near_point, _log_interval(*ends))


def mean_beyond(lower, upper, width):
    """E(z | lower < z < upper) of a standard normal z, measured from the point of the interval that is nearest to 0.

    That point is `lower` where it is positive, `upper` where that is not, and otherwise 0.  Widths of 0 are points.
    """
    narrow, (middle, half), ends = _branches(lower, upper, width)
    left, right = _end_densities(*ends)
    above_lower, below_upper = _distances(*ends)
    wide = jnp.where(ends[0] > 0, above_lower, jnp.where(ends[1] > 0, left - right, -below_upper))
    tilt = jax.jvp(lambda m: jnp.log1p(_spread(m, half)), (middle,), (jnp.ones_like(middle),))[1]
    near_point = jnp.where(lower > 0, half, jnp.where(upper > 0, middle, -half)) - tilt
    return jnp.where(narrow, near_point, wide)


@jax.custom_jvp
def mean_excess(x):
    """E max(z - x, 0) = phi(x) - x Phi(-x) of a standard normal z, for x >= 0."""
    excess = _excess(x)
    return jnp.exp(-0.5 * x * x) / _ROOT_TWO_PI * (excess / (x + excess))


@mean_excess.defjvp
def _mean_excess_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return mean_excess(x), -jnp.exp(log_cdf(-x)) * dx


def _branches(lower, upper, width):
    """Where an interval is narrow; (middle, half a width) of narrow ones; (lower, upper, width) of the others.

    Intervals of the other kind are replaced by harmless ones, so that no derivative becomes NaN.
    """
    middle, half = 0.5 * (lower + upper), 0.5 * width
    narrow = half * jnp.maximum(jnp.abs(middle), 1.0) < _NARROW
    ends = (jnp.where(narrow, -1.0, lower), jnp.where(narrow, 1.0, upper), jnp.where(narrow, 2.0, width))
    return narrow, (jnp.where(narrow, middle, 0.0), jnp.minimum(half, _NARROW)), ends


def _spread(middle, half):
    """(Phi(m + h) - Phi(m - h)) / (2 h phi(m)) - 1 = sum over k >= 1 of h^(2k) He_2k(m) / (2k + 1)!, for small h |m|.

    That is the integral of phi(m + s) / phi(m) = sum over j of (-s)^j He_j(m) / j! for s from -h to h.
    """
    q, product = half * half, half * middle
    w = product * product
    first = (w - q) / 6.0
    second = (w * (w - 6.0 * q) + 3.0 * q * q) / 120.0
    third = (w * (w * (w - 15.0 * q) + 45.0 * q * q) - 15.0 * q * q * q) / 5040.0
    fourth = (w * (w * (w * (w - 28.0 * q) + 210.0 * q * q) - 420.0 * q * q * q) + 105.0 * q * q * q * q) / 362880.0
    return first + second + third + fourth


@jax.custom_jvp
def _log_interval(lower, upper, width):
    near, _, _, scaled = _interval(lower, upper, width)
    return jnp.log(scaled) - _LOG_ROOT_TWO_PI - jnp.where(_in_one_tail(lower, upper), 0.5 * near * near, 0.0)


@_log_interval.defjvp
def _log_interval_jvp(primals, tangents):
    dl, du, _ = tangents
    left, right = _end_densities(*primals)
    return _log_interval(*primals), right * du - left * dl


@jax.custom_jvp
def _end_densities(lower, upper, width):
    """phi(lower) / p and phi(upper) / p with p = Phi(upper) - Phi(lower)."""
    _, at_near, at_far, scaled = _interval(lower, upper, width)
    upper_is_near = jnp.abs(upper) < jnp.abs(lower)
    near, far = at_near / scaled, at_far / scaled
    return jnp.where(upper_is_near, far, near), jnp.where(upper_is_near, near, far)


@_end_densities.defjvp
def _end_densities_jvp(primals, tangents):
    # with the mean m = left - right: left - lower = (m - lower) + right and right + upper = (upper - m) + left
    dl, du, dw = tangents
    left, right = _end_densities(*primals)
    above_lower, below_upper = _distances(*primals)
    return (left, right), (left * (above_lower * dl - right * dw), -right * (below_upper * du + left * dw))


@jax.custom_jvp
def _distances(lower, upper, width):
    """How far the mean E(z | lower < z < upper) is above `lower` and below `upper`."""
    near, at_near, at_far, scaled = _interval(lower, upper, width)
    far = jnp.maximum(jnp.abs(lower), jnp.abs(upper))
    # 1 - x R(x) = R(x) e(x) leaves no difference of large numbers in a tail
    in_tail = _mills(near) * _excess(near) - at_far * _mills(far) * (_excess(far) + width)
    closer = jnp.where(_in_one_tail(lower, upper), in_tail, at_near - at_far + near * scaled) / scaled
    upper_is_near = jnp.abs(upper) < jnp.abs(lower)
    return jnp.where(upper_is_near, width - closer, closer), jnp.where(upper_is_near, closer, width - closer)


@_distances.defjvp
def _distances_jvp(primals, tangents):
    dl, du, _ = tangents
    left, right = _end_densities(*primals)
    above_lower, below_upper = _distances(*primals)
    mean = left * above_lower * dl + right * below_upper * du
    return (above_lower, below_upper), (mean - dl, du - mean)


def _in_one_tail(lower, upper):
    return (lower > 0) == (upper > 0)


def _interval(lower, upper, width):
    """What an interval is made of: the distance `near` of the closer end from zero; densities at both ends; p.

    Densities and p are multiplied by sqrt(2 pi), and by exp(near^2 / 2) where both ends lie in one tail, so that
    nothing underflows:  p = R(near) - R(far) exp(-(far - near)(far + near) / 2) in a tail,
    sqrt(2 pi) - exp(-near^2 / 2) R(near) - exp(-far^2 / 2) R(far) across zero.
    """
    a, b = jnp.abs(lower), jnp.abs(upper)
    near, far = jnp.minimum(a, b), jnp.maximum(a, b)
    tail = _in_one_tail(lower, upper)
    at_near = jnp.where(tail, 1.0, jnp.exp(-0.5 * near * near))
    at_far = jnp.exp(-0.5 * jnp.where(tail, width * (far + near), far * far))
    inside = at_near * _mills(near)
    return near, at_near, at_far, jnp.where(tail, inside, _ROOT_TWO_PI - inside) - at_far * _mills(far)
