"""Robust and cluster-robust covariance matrices of a linear model: which groups are the clusters."""

import numpy as np

from .._tree import to_host
from ..design import Design, Names
from ..elimination import Term
from ..inference import cluster_scores, sandwich
from ..lmm import LinearModel


def top_clusters(
    model: LinearModel, design: Design, clusters: tuple[str, np.ndarray] | None, *, sampled: bool = False
) -> np.ndarray | None:
    """Cluster of each top-level group for vce(cluster g), or None where the groups themselves are the clusters.

    Raises:
        ValueError: the model has a single cluster, or a group lies in several.
    """
    if not model.plan.terms:
        raise ValueError("robust standard errors are those of clusters, and a model without random effects has none")
    if model.cluster_totals is None and sampled:
        raise ValueError(
            "sampling weights need at least two independent top-level clusters for their standard errors; this model "
            "has one (crossed effects or _all), or too many columns for sums by cluster. Fit it without the weights"
        )
    if model.cluster_totals is None:
        raise ValueError(
            "robust standard errors need at least two independent top-level clusters; this model has one (crossed "
            'effects or _all), or too many columns for sums by cluster. Use vce="oim".'
        )
    return cluster_of_groups(model.plan.terms[model.plan.chain[-1].term], design, clusters)


def cluster_of_groups(top: Term, design: Design, clusters: tuple[str, np.ndarray] | None) -> np.ndarray | None:
    """The cluster of each group of the top level; None where the groups themselves are the clusters.

    `clusters` are the variable's name and the observations' cluster numbers.

    Raises:
        ValueError: there is a single cluster, or a group lies in several.
    """
    if clusters is None:
        return None
    variable, numbers = clusters
    codes = np.asarray(design.effects[top.blocks[0]].codes)
    groups = np.zeros(top.size, np.int64)
    groups[codes] = numbers
    if not np.array_equal(groups[codes], numbers):
        raise ValueError(
            f"vce(cluster {variable}): a top-level group of the model meets several values of {variable}; clusters "
            "must contain whole groups"
        )
    found = np.unique(groups, return_inverse=True)[1]
    if found.max() == 0:
        raise ValueError(f"vce(cluster {variable}): there is a single cluster; robust errors need at least two")
    return found


def robust_vce(
    model: LinearModel,
    fixed: np.ndarray,
    v: np.ndarray,
    bread: tuple[np.ndarray, np.ndarray],
    groups: np.ndarray | None,
    *,
    repeated: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Sandwiches of the coefficients and of the variance parameters, each with its own bread (blockwise).

    `repeated` says that the groups' weights are numbers of equal ones.
    """
    scores = to_host(cluster_scores(model, fixed, v))
    repeats = None if model.products.own is None or not repeated else np.asarray(model.products.own[-1])
    found = (sandwich(b, s, groups, repeats) for b, s in zip(bread, scores, strict=True))
    of_fixed, of_variances = found
    return of_fixed, of_variances


def cluster_name(
    model: LinearModel, names: Names, vce: str, clusters: tuple[str, np.ndarray] | None
) -> tuple[str, int] | None:
    """The clusters' variable and number, for the header."""
    if vce == "oim":
        return None
    if clusters is not None:
        return clusters[0], len(np.unique(clusters[1]))
    top = model.plan.terms[model.plan.chain[-1].term]
    return names.effects[top.blocks[0]].name, top.size
