"""The extreme-value distribution F(x) = 1 - exp(-exp(x)), and exponentials that stay finite."""

import jax
import jax.numpy as jnp

LARGEST = 650.0  # exp(LARGEST), times anything that occurs with it, is finite
_CERTAIN = 5.0  # 1 - F(5) = exp(-148)
_LINEAR = -37.0  # below it log F(x) = x in double precision


def exponential(x):
    """exp(x), constant above exp(650): an infinity there would make the derivatives NaN (infinity times zero)."""
    return jnp.exp(jnp.minimum(x, LARGEST))


@jax.custom_jvp
def log_cdf(x):
    """log F(x) = log(1 - exp(-exp(x)))."""
    t = jnp.exp(jnp.clip(x, _LINEAR, _CERTAIN))
    return jnp.log(-jnp.expm1(-t)) + jnp.minimum(x - _LINEAR, 0.0)


@log_cdf.defjvp
def _log_cdf_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    # t / (exp(t) - 1), which unlike t exp(-t) / (1 - exp(-t)) can be differentiated again without cancellation
    t = jnp.exp(jnp.clip(x, _LINEAR, _CERTAIN))
    slope = jnp.where(x > _CERTAIN, 0.0, t / jnp.expm1(t))
    return log_cdf(x), slope * dx
