"""The parameters on which predictions depend, as one vector, and estimates at other values of them."""

from dataclasses import replace

import numpy as np

from ..fitting import Estimates
from ..post.kinds import is_generalized
from ..post.scales import structures


def free_places(estimates: Estimates, marginal: bool) -> np.ndarray:
    """Places in `Estimates.printed` of what predictions depend on and has a standard error.

    These are the coefficients; of generalized models the ancillary parameters and the variance of the response too,
    and all variance components where the random effects are integrated out.  Left out, and held at their estimates, are
    constants and components at a boundary.  What a fit without a proper maximum could not tell stays, with a covariance
    of NaN, so that nothing computed from it has a standard error.
    """
    variances, first = np.diag(estimates.covariance), len(estimates.coefficients) + len(estimates.ancillary)
    wanted = np.zeros(len(variances), bool)
    wanted[: len(estimates.coefficients)] = True
    if is_generalized(estimates):
        wanted[:first] = True
        wanted[first:] = [marginal or component.equation < 0 for component in estimates.component_info]
    unknown = np.isnan(variances)
    unknown[:first] &= estimates.status.ok
    return np.flatnonzero(wanted & ~unknown & (variances != 0))


def moved(estimates: Estimates, places: np.ndarray, values: np.ndarray) -> Estimates:
    """The estimates with `values` in place of the parameters at `places`; nothing that needs another fit is right."""
    printed = estimates.printed
    printed[places] = values
    ends = np.cumsum([len(estimates.coefficients), len(estimates.ancillary)])
    coefficients, ancillary, components = np.split(printed, ends)
    found = replace(estimates, coefficients=coefficients, ancillary=ancillary, components=components)
    return replace(found, aux=_aux(found), sigmas=_sigmas(found)) if is_generalized(estimates) else found


def _aux(estimates: Estimates) -> np.ndarray:
    """The family's parameters: ancillary ones, and a variance that is printed with the components, at their end."""
    own = list(estimates.model.family.variances)
    aux = np.zeros(len(estimates.aux))
    aux[own] = estimates.components[len(estimates.components) - len(own) :]
    aux[[k for k in range(len(aux)) if k not in own]] = estimates.ancillary
    return aux


def _sigmas(estimates: Estimates) -> tuple[np.ndarray, ...]:
    """The covariance matrices of the random effects, of whose entries the components are one after another."""
    found, start = [], 0
    for block, sigma in zip(structures(estimates), estimates.sigmas, strict=True):
        sigma = np.array(sigma, float)
        for place, (row, column) in enumerate(block.entries, start):
            sigma[row, column] = sigma[column, row] = estimates.components[place]
        start += len(block.entries)
        found.append(sigma)
    return tuple(found)
