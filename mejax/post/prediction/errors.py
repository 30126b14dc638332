"""The within-group errors of linear and nonlinear models: e = sigma_e D C^1/2 z, z standard normal."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ...covstruct import AbstractCorrelation, AbstractLayout, ErrorRows, Errors, scales
from ...design import WithinGroups
from ...fitting import Estimates
from ...lmm import GroupErrors, error_variances
from ..kinds import is_integrated

_MOST_NUMBERS = 100_000_000  # rows times the rows of the largest group

Draw = Callable[[np.ndarray], np.ndarray]


def error_spread(estimates: Estimates, mean: np.ndarray) -> np.ndarray:
    """The standard deviations of the rows' errors, of which `mean` (n,) may be a covariate: (n,), or () if all are
    equal.  Call inside double precision."""
    if is_integrated(estimates):
        return _family_spread(estimates, mean)
    if estimates.names.errors is None:
        return np.sqrt(np.asarray(estimates.components[-1]))
    return np.sqrt(np.asarray(error_variances(estimates.linear, estimates.v)))


def _family_spread(estimates: Estimates, mean: np.ndarray) -> np.ndarray:
    """Of a nonlinear model's true likelihood: its errors are independent."""
    variable = estimates.design.y[2]
    logs = estimates.model.family.scale.log_scale(
        estimates.aux[1:], jnp.asarray(mean if variable is None else variable)
    )
    return np.sqrt(estimates.aux[0]) * np.exp(np.asarray(logs))


def error_draws(estimates: Estimates, generator: np.random.Generator) -> Draw:
    """A function of the mean of the rows (n,), of which the errors' variance may be one, that draws their errors (n,).

    Call inside double precision.
    """
    if is_integrated(estimates):
        return lambda mean: _family_spread(estimates, mean) * generator.standard_normal(len(mean))
    linear = estimates.linear
    residual = np.asarray(linear.variances.residual(estimates.v))
    sigma, held, errors = np.exp(residual[-1]), linear.errors, linear.variances.errors
    if held is None or errors is None:
        return lambda mean: sigma * generator.standard_normal(len(mean))
    theta, coloured = residual[:-1], _colour(estimates, residual[:-1])

    def spread(mean: np.ndarray) -> np.ndarray:
        return sigma * np.exp(np.asarray(_scales(errors, held.rows, theta, jnp.asarray(mean))))

    names = estimates.names.errors
    known = None if names is None or names.on_mean else spread(np.zeros(len(estimates.design.x)))

    def draw(mean: np.ndarray) -> np.ndarray:
        return (spread(mean) if known is None else known) * coloured(generator.standard_normal(len(mean)))

    return draw


def _colour(estimates: Estimates, theta: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """z (n,) into C^1/2 z: the rows of a group are solved for from their whitening matrix."""
    held, errors, within = estimates.linear.errors, estimates.linear.variances.errors, estimates.design.within
    assert isinstance(held, GroupErrors) and within is not None
    layout = held.rows.layout
    if errors.correlation is None or layout is None:
        return lambda z: z
    groups, place = np.asarray(within.groups), _places(within)
    n, m = len(groups), int(place.max()) + 1
    if n * m > _MOST_NUMBERS:
        raise ValueError(
            f"simulate: drawing correlated errors needs a {m:,} x {m:,} matrix for the largest group and {n * m:,} "
            f"numbers in all, more than {_MOST_NUMBERS:,}; simulate smaller groups, or a model with independent errors"
        )
    indicators = (place[:, None] == np.arange(m)).astype(float)
    blocks = np.tile(np.eye(m), (within.size, 1, 1))  # places without a row stay by themselves
    blocks[groups, place] = np.asarray(_white(layout, errors.correlation, errors.read(theta)[2], indicators))

    def coloured(z: np.ndarray) -> np.ndarray:
        table = np.zeros((within.size, m, 1))
        table[groups, place, 0] = z
        return np.linalg.solve(blocks, table)[groups, place, 0]

    return coloured


def _places(within: WithinGroups) -> np.ndarray:
    """The place of each row among those of its group."""
    groups = np.asarray(within.groups)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(within.size))
    place = np.empty(len(groups), np.int64)
    place[order] = np.arange(len(groups)) - starts[groups[order]]
    return place


@eqx.filter_jit
def _scales(errors: Errors, rows: ErrorRows, theta, mean):
    return scales(errors, rows, theta, mean)


@eqx.filter_jit
def _white(layout: AbstractLayout, correlation: AbstractCorrelation, theta, columns):
    return layout.whiten(correlation, theta, jnp.asarray(columns))[1]
