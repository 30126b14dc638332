"""Random effects whose variances the design confounds with something else, whatever the response."""

from typing import NamedTuple

import numpy as np

from ..design import Design, Names
from ..lmm import LinearModel


class Confounded(NamedTuple):
    """What is wrong, in words, and the equations whose components it concerns (-1: the residual variance)."""

    text: str
    equations: frozenset[int]


def confounded(model: LinearModel, design: Design, names: Names) -> list[Confounded]:
    """Every such case that the design alone shows."""
    return _single_observations(design, names) + _same_groups(model, design, names) + _absorbed(model, design, names)


def _single_observations(design: Design, names: Names) -> list[Confounded]:
    """Levels with one observation in each group."""
    found = []
    for k, (effect, name) in enumerate(zip(design.effects, names.effects, strict=True)):
        if effect.size != len(design.x):
            continue
        if effect.z.shape[1] == 1 and np.ptp(effect.z[:, 0]) == 0:
            text = (
                f"each group of {name.path} holds a single observation, so its random intercept cannot be told apart "
                f"from the residual error; drop the level {name.path}"
            )
        elif effect.z.shape[1] == 1:
            continue  # a slope alone makes the errors' variance depend on its covariate, which can be estimated
        else:
            text = (
                f"each group of {name.path} holds a single observation, too few for its random effects beside the "
                "residual error; drop them or use a coarser level"
            )
        found.append(Confounded(text, frozenset({k, -1})))
    return found


def _same_groups(model: LinearModel, design: Design, names: Names) -> list[Confounded]:
    """Equations with the same groups whose columns are linearly dependent."""
    found = []
    for term in model.plan.terms:
        if len(term.blocks) < 2:
            continue
        z = np.concatenate([design.effects[b].z for b in term.blocks], axis=1)
        norms = np.sqrt(np.einsum("ij,ij->j", z, z))
        if np.linalg.eigvalsh(z.T @ z / np.outer(norms, norms))[0] < 1e-10:
            paths = list(dict.fromkeys(names.effects[b].path for b in term.blocks))
            which = f"{' and '.join(paths)} form the same groups" if len(paths) > 1 else f"two equations of {paths[0]}"
            text = f"{which} and have the same or dependent random effects; drop one of them"
            found.append(Confounded(text, frozenset(term.blocks)))
    return found


def _absorbed(model: LinearModel, design: Design, names: Names) -> list[Confounded]:
    """Under REML, random effects that the fixed effects reproduce: the restricted likelihood does not contain them."""
    if not model.reml or design.x.shape[1] == 0:
        return []
    found = []
    x = design.x @ np.asarray(model.basis) @ np.asarray(model.unroot)
    weights = np.ones(len(x)) if design.weights is None else design.weights
    for k, (effect, name) in enumerate(zip(design.effects, names.effects, strict=True)):
        for column, z in zip(name.columns, effect.z.T, strict=False):
            sums = [np.bincount(effect.codes, weights=z * weights * q, minlength=effect.size) for q in x.T]
            total = float(z * weights @ z)
            if total - float(np.sum(np.square(sums))) < 1e-9 * total:
                text = (
                    f"the fixed effects reproduce the random effects {column} of {name.path} (a dummy for every group, "
                    "or a single group), so that REML says nothing about their variance; drop the one or the other"
                )
                found.append(Confounded(text, frozenset({k})))
    return found
