"""Correlations that depend on the time between two errors, a whole number, alone."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike


def at_lags(correlations: Float[Array, " L"], times: Float[ArrayLike, " m"]) -> Float[Array, "m m"]:
    """R whose entries are the `correlations` at lags 0, 1, ...; zero beyond the last of them."""
    times = jnp.round(jnp.asarray(times)).astype(int)
    lags = jnp.abs(times[:, None] - times[None, :])
    return correlations.at[lags].get(mode="fill", fill_value=0.0)


def from_partial(partial: Float[Array, " p"]) -> tuple[Float[Array, " p"], Float[Array, " L"]]:
    """(coefficients phi of the autoregression with these partial autocorrelations, its correlations at lags 0 to p).

    The Durbin-Levinson recursion: any values between -1 and 1 give a stationary process, each of them once.
    """
    phi, correlations = partial[:0], jnp.ones(1)
    rest = jnp.ones(())  # the variance of the innovations of the order reached
    for last in partial:
        following = jnp.sum(phi * correlations[:0:-1]) + last * rest
        correlations = jnp.append(correlations, following)
        phi = jnp.append(phi - last * phi[::-1], last)
        rest = rest * (1.0 - last**2)
    return phi, correlations
