"""Normal responses around a nonlinear mean, as a family of generalized models: the true likelihood."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..covstruct import AbstractErrorScale
from ..likelihoods import AbstractFamily, Identity, Statistic, density_of
from .mean import Function, Written

FAR = 1e130  # means beyond this are cut off: their squares must stay finite


class NonlinearNormal(AbstractFamily):
    """Normal with mean f and standard deviation sigma_e times a scale.

    The linear predictors, the first axis of eta, are those of the mean's body: `predictors` of them, then `lone` random
    effects that it reads by themselves.  y is (response, columns of the table that the mean reads, covariate of the
    scale or None: the mean).  The ancillary parameters are sigma_e^2 and those of the scale.
    """

    name: ClassVar[str] = "nonlinear normal"
    links: ClassVar[tuple[str, ...]] = ("identity",)
    body: Written | Function
    scale: AbstractErrorScale
    predictors: int = eqx.field(static=True)
    lone: int = eqx.field(static=True)
    link: Identity = Identity()

    @property
    def equations(self):
        return self.predictors + self.lone

    @property
    def stacked(self):
        return True

    @property
    def ancillary(self):
        return ("var(e)", *self.scale.parameters)

    def _moments(self, y, eta, aux):
        """Mean and log standard deviation."""
        _, columns, variable = y
        mean = self.body(columns, list(eta[: self.predictors]), list(eta[self.predictors :]))
        mean = jnp.clip(jnp.broadcast_to(mean, eta.shape[1:]), -FAR, FAR)
        logs = self.scale.log_scale(aux[1:], mean if variable is None else variable)
        return mean, 0.5 * jnp.log(aux[0]) + logs

    def logpdf(self, y, eta, aux):
        mean, logs = self._moments(y, eta, aux)
        return -0.5 * ((y[0] - mean) * jnp.exp(-logs)) ** 2 - logs - 0.5 * jnp.log(2.0 * jnp.pi)

    def information(self, y, eta, aux):
        def moments(e):
            return jnp.stack(self._moments(y, e, aux))

        units = jnp.eye(len(eta)).reshape(len(eta), len(eta), *(1,) * (eta.ndim - 1))
        along = lambda unit: jax.jvp(moments, (eta,), (jnp.broadcast_to(unit, eta.shape),))[1]
        means, logs = jnp.moveaxis(jax.vmap(along)(units), 1, 0)
        means = means * jnp.exp(-self._moments(y, eta, aux)[1])[None]
        return means[:, None] * means[None] + 2.0 * logs[:, None] * logs[None]

    def mean(self, y, eta, aux):
        return self._moments(y, eta, aux)[0]

    def sample(self, key, y, eta, aux):
        mean, logs = self._moments(y, eta, aux)
        return mean + jnp.exp(logs) * jax.random.normal(key, mean.shape, mean.dtype)

    def printed(self, free):
        return jnp.concatenate([jnp.exp(free[:1]), free[1:]])

    def free(self, aux):
        return np.concatenate([np.log(aux[:1]), aux[1:]])

    def init(self, y, weights):
        return np.concatenate([np.log([np.var(y[0])]), self.scale.init()])

    def start(self, y, weights):
        return np.zeros(self.equations)

    def check(self, y, where):
        """What the table holds has been looked at where it was read."""

    @property
    def null_name(self):
        return "nonlinear model"

    @property
    def variances(self):
        return (0,)

    @property
    def description(self):
        return f"{self.name}, {self.body!r}, {sorted(self.ancillary)}"

    @property
    def statistics(self):
        return {"yhat": Statistic(self.mean, reads="response"), "density": density_of(self)}

    def precision(self, aux):
        return float(1.0 / aux[0])

    def residual_label(self, response):
        return "var(Residual)"
