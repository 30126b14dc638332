"""The mean of a nonlinear model, and what is defined in it, on rows of the sample or of new data."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ...build.nonlinear import program_of
from ...design import MeanRows
from ...fitting import Estimates
from ...menl import Mean
from ...syntax.spec import Nonlinear
from ..kinds import is_integrated
from .linear_prediction import conditional_modes
from .random_effects import posterior, resolve_conditional
from .request import Request
from .rows import Rows, equations_above


def value(mean: Mean, fixed: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """f(beta, u) of every row (n,), `effects` (n, Q) being those of the rows; call inside double precision."""
    return np.asarray(_value(mean, jnp.asarray(fixed), jnp.asarray(effects)))


@eqx.filter_jit
def _value(mean: Mean, fixed, effects):
    return mean(fixed, effects)


def mean_over(estimates: Estimates, rows: MeanRows | None) -> Mean:
    """The model's mean on other rows."""
    assert rows is not None
    return eqx.tree_at(lambda m: m.rows, estimates.mean, rows, is_leaf=lambda x: isinstance(x, MeanRows))


def defined(estimates: Estimates, nonlinear: Nonlinear, name: str, mean: Mean) -> Mean:
    """What the model defines under a name, as a function of the same parameters and random effects as its mean."""
    body, lone = program_of(nonlinear, estimates.names, name)
    return Mean(body, mean.rows, mean.slopes, lone, mean.scalars)


def effects_of_rows(estimates: Estimates, rows: Rows, asked: Request) -> np.ndarray:
    """Random effects of every row (n, Q), equation by equation; 0 in groups never seen and below the level named."""
    kept = equations_above(estimates, asked.relevel)
    if is_integrated(estimates) and estimates.names.effects:
        modes = posterior(estimates, resolve_conditional(estimates, asked.conditional))[0]
    else:
        modes = conditional_modes(estimates) if estimates.names.effects else ()
    parts = [np.zeros((len(rows.x), 0))]
    for k, (effect, values) in enumerate(zip(rows.effects, modes, strict=True)):
        padded = np.vstack([values, np.zeros(values.shape[1])])
        found = padded[np.asarray(effect.codes)]
        parts.append(found if k in kept else np.zeros_like(found))
    return np.column_stack(parts)


def no_effects(estimates: Estimates, n: int) -> np.ndarray:
    """Random effects of zero (n, Q)."""
    return np.zeros((n, sum(len(e.columns) for e in estimates.names.effects)))


def at_zero(estimates: Estimates, fixed: np.ndarray) -> np.ndarray:
    """The mean of the sample's rows where all random effects are zero (n,)."""
    return value(estimates.mean, fixed, no_effects(estimates, len(estimates.design.x)))


def covariates_at_modes(estimates: Estimates) -> tuple[np.ndarray, ...]:
    """df/du of the sample's rows at the estimates, (n, q) for each equation: the z of the model's linearization."""
    assert estimates.working is not None
    return tuple(np.asarray(effect.z) for effect in estimates.working.effects)
