"""Cluster-robust covariance matrices of generalized models: the joint sandwich over top-level clusters."""

import numpy as np

from .._tree import to_host
from ..design import Design, Names
from ..glmm import GeneralizedModel, cluster_scores
from ..inference import sandwich
from .climb_generalized import Climb, GeneralizedSettings
from .robust import cluster_of_groups


def top_groups(model: GeneralizedModel, design: Design, settings: GeneralizedSettings) -> np.ndarray | None:
    """The cluster of each top-level group for vce(cluster g), or None where the groups themselves are the clusters.

    Raises:
        ValueError: the model has no or one cluster, or a group lies in several.
    """
    if not model.plan.terms:
        raise ValueError("robust standard errors are those of clusters, and a model without random effects has none")
    top = model.plan.terms[-1]
    if (model.plan.crossed or top.size == 1) and settings.kind == "pweight":
        raise ValueError(
            "sampling weights need at least two independent top-level clusters for their standard errors; this model "
            "has one (crossed effects or _all). Fit it without the weights"
        )
    if model.plan.crossed or top.size == 1:
        raise ValueError(
            "robust standard errors need at least two independent top-level clusters; this model has one (crossed "
            'effects or _all). Use vce="oim".'
        )
    return cluster_of_groups(top, design, settings.clusters)


def robust_covariance(
    model: GeneralizedModel, ended: Climb, bread: np.ndarray, groups: np.ndarray | None, kind: str | None
) -> np.ndarray:
    """bread (sum over clusters of s s') bread M / (M - 1), s the scores in v.

    Frequency weights of the clusters say how many equal ones each stands for.
    """
    scores = np.asarray(to_host(cluster_scores(model, np.asarray(ended.found.at.v), ended.state)))
    return sandwich(bread, scores, groups, _repeats(model) if kind == "fweight" else None)


def _repeats(model: GeneralizedModel) -> np.ndarray | None:
    tree = model.batches.tree
    weights = None if tree is None else tree.weights[-1]
    return None if weights is None else np.asarray(to_host(model.gather(weights, len(model.plan.terms) - 1)))


def cluster_label(model: GeneralizedModel, names: Names, settings: GeneralizedSettings) -> tuple[str, int] | None:
    """The clusters' variable and number, for the header."""
    if settings.vce == "oim":
        return None
    if settings.clusters is not None:
        return settings.clusters[0], len(np.unique(settings.clusters[1]))
    top, repeats = model.plan.terms[-1], _repeats(model) if settings.kind == "fweight" else None
    return names.effects[top.blocks[0]].name, top.size if repeats is None else int(np.sum(repeats))
