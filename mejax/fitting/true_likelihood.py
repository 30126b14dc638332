"""Nonlinear models on the true likelihood: from the linearised fit to the maximum of the integral."""

from dataclasses import replace

import equinox as eqx
import numpy as np

from .._status import Status
from .._typing import Params
from ..design import Design, Names
from ..glmm import GeneralizedModel
from .climb_generalized import GeneralizedSettings
from .estimates import Estimates
from .generalized import fit_generalized


def fit_true(
    model: GeneralizedModel, design: Design, names: Names, settings: GeneralizedSettings, linearised: Estimates
) -> Estimates:
    """Estimates of a nonlinear model by quadrature or Laplace's approximation, started from the linearised fit.

    `design` is that of `build_true`; call inside double precision.
    """
    begin = beginning(model, linearised)
    model = eqx.tree_at(lambda m: m.beginning, model, model.vector(begin))
    settings = settings if settings.start is not None else replace(settings, start=begin)
    judged = working(design, linearised)
    found = fit_generalized(model, judged, names, settings, before=linearised.status)
    notes = found.notes
    if linearised.status is Status.NOT_CONVERGED:
        notes = (*notes, "the linearised model, from which this fit began, had not converged")
    return replace(found, notes=notes, mean=linearised.mean, design=design, working=judged)


def beginning(model: GeneralizedModel, linearised: Estimates) -> Params:
    """The parameters of the linearised fit, covariances on the absolute scale; no variance begins at zero."""
    spread = float(np.exp(2.0 * linearised.v[-1]))
    least = 1e-4 * np.mean([np.diag(s).max(initial=0.0) for s in linearised.sigmas] or [1.0])
    sigmas = [s + np.diag(np.where(np.diag(s) < least, least, 0.0)) for s in linearised.sigmas]
    random = tuple(block.nearest(sigma) for block, sigma in zip(model.blocks, sigmas, strict=True))
    shape = np.asarray(linearised.theta.residual)[:-1]
    return Params(linearised.theta.fixed, random, np.zeros(0), np.concatenate([[np.log(spread)], shape]))


def working(design: Design, linearised: Estimates) -> Design:
    """The design with the covariates of the linearised model, by which effects are judged."""
    assert linearised.working is not None
    return replace(design, x=linearised.working.x, effects=linearised.working.effects)
