"""The protocol of a model: what every pipeline, ours and other people's, may call."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._typing import Params


class AbstractModel(eqx.Module):
    """Data and structure of one model; its log likelihood is a pure function of a parameter pytree.

    Every method can be put under `jax.jit`, `grad`, `hessian` and `vmap`.  Double precision is required: call inside
    `with jax.enable_x64(True):` or set `jax.config.update("jax_enable_x64", True)` at start.
    """

    # the identity of the object: `jax.jit(model.loglik)` needs a hash, and arrays have none
    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    @abc.abstractmethod
    def init(self) -> Params:
        """Parameters to start from: unit variances, fixed effects of the model without random effects."""

    @abc.abstractmethod
    def loglik(self, params: Params, nodes=None) -> Float[Array, ""]:
        """The log likelihood in all parameters (under REML the restricted one, in the variance parameters alone)."""

    @abc.abstractmethod
    def profile(self, params: Params) -> Float[Array, ""]:
        """The log likelihood maximised over whatever has a closed form."""

    @abc.abstractmethod
    def contributions(self, params: Params, nodes=None) -> Float[Array, " J"]:
        """The log likelihood of each top-level cluster."""

    @abc.abstractmethod
    def modes(self, params: Params) -> tuple[Float[Array, "J q"], ...]:
        """Conditional modes of the random effects, one array per random-effects equation."""

    @abc.abstractmethod
    def natural(self, params: Params) -> Float[Array, " k"]:
        """The printed quantities in printed order."""


def require_double() -> None:
    """Raise the error that names the remedy when JAX would silently compute in single precision."""
    if jnp.zeros(0).dtype != np.float64:
        raise TypeError(
            "mejax log likelihoods need double precision, but JAX is set to single precision here. Call them inside "
            '`with jax.enable_x64(True):`, or put `jax.config.update("jax_enable_x64", True)` at the start of the '
            "program."
        )


def check_params(params: object, shapes: Params) -> None:
    """Raise an error where `params` is not a `Params` of arrays of the shapes given."""
    if not isinstance(params, Params):
        raise TypeError(
            f"the log likelihood takes `fit.theta` (a `Params` of unconstrained reals), got {type(params).__name__}; "
            "`fit.params` and `fit.fixed` hold printed quantities"
        )
    found = jax.tree.map(jnp.shape, params)
    if found != shapes:
        raise ValueError(f"`params` do not belong to this model: expected shapes {shapes}, got {found}")
