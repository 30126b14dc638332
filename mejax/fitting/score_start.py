"""Variances to start from, out of the scores of the model without random effects.

At variances of zero the slopes e_i of the log densities have mean 0 and variance w_i, minus their second derivatives
(vectors and matrices where a response has several linear predictors).
With small variances v_b their products over the groups g of a random effect a have the expectation

    E sum_g (sum_i z_ia e_i)^2 = sum_i w_i z_ia^2 + sum_b v_b sum_cells (sum_i w_i z_ia z_ib)^2,

summed over the cells where a group of a meets one of b: linear equations in the variances (a method of moments,
as MINQUE(0) is in linear models).
"""

from typing import NamedTuple

import numpy as np

from .._tree import to_host
from ..design import Design
from ..elimination import unique_cells
from ..glmm import GeneralizedModel, row_slopes

SMALLEST, LARGEST = 0.01, 10.0


class _Column(NamedTuple):
    codes: np.ndarray
    size: int
    z: np.ndarray  # (E, n)
    block: int


def score_variances(model: GeneralizedModel, design: Design, null: np.ndarray) -> list[np.ndarray]:
    """The variances of every equation's random effects, between `SMALLEST` and `LARGEST`; `null` is the maximum without
    random effects."""
    slope, weight = (np.asarray(a) for a in to_host(row_slopes(model, null)))
    columns = [
        _Column(np.asarray(effect.codes), effect.size, z, k)
        for k, effect in enumerate(design.effects)
        for z in np.moveaxis(effect.columns(model.family.equations), 2, 0)
    ]
    count = len(columns)
    right, matrix = np.zeros(count), np.zeros((count, count))
    for a, one in enumerate(columns):
        sums = np.bincount(one.codes, weights=np.sum(one.z * slope, axis=0), minlength=one.size)
        right[a] = sums @ sums - np.sum(_between(one.z, weight, one.z))
        for b, other in enumerate(columns[: a + 1]):
            cell = unique_cells(one.codes.astype(np.int64) * other.size + other.codes)[1]
            total = np.bincount(cell, weights=_between(one.z, weight, other.z))
            matrix[a, b] = matrix[b, a] = total @ total
    found = np.linalg.lstsq(matrix, right, rcond=1e-10)[0]
    blocks = np.array([c.block for c in columns])
    return [np.clip(found[blocks == k], SMALLEST, LARGEST) for k in range(len(design.effects))]


def _between(left: np.ndarray, weight: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left_i' w_i right_i of every row."""
    return np.einsum("en,efn,fn->n", left, weight, right)
