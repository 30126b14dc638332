"""A variance for each category."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._errors import AbstractErrorScale, ErrorEntry


class DistinctScale(AbstractErrorScale):
    """Var(e) = sigma_v^2 of category v = 0, 1, ...; theta holds the logs of sigma_v / sigma_0.

    `labels` are those of the categories, of which there are `size`.
    """

    size: int = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)

    def init(self):
        return np.zeros(self.size - 1)

    def log_scale(self, theta, variable):
        codes = jnp.round(jnp.asarray(variable)).astype(int)
        return jnp.append(jnp.zeros(1), theta)[codes]

    def natural(self, theta, scale):
        return scale * jnp.exp(2.0 * jnp.append(jnp.zeros(1), theta))

    @property
    def entries(self):
        return tuple(ErrorEntry(f"{label}: var(e)", "var") for label in self.labels)

    @property
    def parameters(self):
        return tuple(f"/ln_ratio_{label}" for label in self.labels[1:])

    @property
    def logs(self):
        return (True,) * (self.size - 1)
