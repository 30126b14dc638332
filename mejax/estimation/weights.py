"""Sampling weights of the observations rescaled within the groups of a two-level model."""

from dataclasses import replace

import numpy as np

from ..design import Design
from ..syntax import Spec


def rescaled(spec: Spec, design: Design) -> Design:
    """The design with the weights that `pwscale()` makes of those given.

    With w_ij the weight of observation i given its group j of n_j observations:

    * size: w_ij n_j / sum_i w_ij, which sum to n_j;
    * effective: w_ij sum_i w_ij / sum_i w_ij^2, which sum to the effective sample size (Pfeffermann et al. 1998, JRSS B
      60: 23-40);
    * gk: 1 at the first level, and for the group the mean over its observations of w_ij w_j (Graubard and Korn 1996).

    Raises:
        ValueError: there are no sampling weights of observations, or more than two levels.
    """
    method = spec.option("pwscale")
    if method is None:
        return design
    levels = list(dict.fromkeys(equation.level.label for equation in spec.equations))
    if not spec.weights or spec.weights[0].kind != "pweight":
        raise ValueError(
            f"pwscale({method}) rescales sampling weights of the observations, [pweight=w]; there are none"
        )
    if len(levels) != 1 or not design.effects:
        raise ValueError(
            f"pwscale({method}) is defined for two levels, observations in groups; this model has "
            f"{len(levels) + 1}. Scale the weights in the data, or leave it out"
        )
    assert design.weights is not None
    codes, size = np.asarray(design.effects[0].codes), design.effects[0].size
    given = np.asarray(design.weights, float)
    counts, sums = np.bincount(codes, minlength=size), np.bincount(codes, given, minlength=size)
    if method == "size":
        return replace(design, weights=given * (counts / sums)[codes])
    if method == "effective":
        return replace(design, weights=given * (sums / np.bincount(codes, given**2, minlength=size))[codes])
    own = design.level_weights[0] if design.level_weights and design.level_weights[0] is not None else np.ones(size)
    means = np.asarray(own) * sums / counts
    return replace(design, weights=None, level_weights=tuple(means for _ in design.effects))
