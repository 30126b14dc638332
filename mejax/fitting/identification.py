"""Random effects whose variances the design confounds with something else, whatever the response."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..covstruct import AbstractCovariance, Fixed, FreeVariances
from ..design import Design, Names
from ..elimination import Term
from ..lmm import LinearModel


class Confounded(NamedTuple):
    """What is wrong, in words, and the equations whose components it concerns (-1: the residual variance)."""

    text: str
    equations: frozenset[int]


def confounded(model: LinearModel, design: Design, names: Names) -> list[Confounded]:
    """Every such case that the design alone shows; none where variances are held or constrained."""
    if not isinstance(model.variances, FreeVariances):
        return []
    return (
        single_observations(model.variances.blocks, design, names)
        + same_groups(model.plan.terms, model.variances.blocks, design, names)
        + _absorbed(model, design, names)
    )


def single_observations(blocks: Sequence[AbstractCovariance], design: Design, names: Names) -> list[Confounded]:
    """Levels with one observation in each group, beside a variance of the errors."""
    found = []
    for k, (effect, name) in enumerate(zip(design.effects, names.effects, strict=True)):
        if effect.size != design.count or not _all_free(blocks[k]):
            continue
        if effect.z.shape[1] == 1 and design.span(k) == 0:
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


def _all_free(block: AbstractCovariance) -> bool:
    """Has an equation no entry held at a value?"""
    return not isinstance(block, Fixed) or not any(block.held)


def same_groups(
    terms: Sequence[Term], blocks: Sequence[AbstractCovariance], design: Design, names: Names
) -> list[Confounded]:
    """Equations with the same groups that give the same covariate two variances of its own."""
    found = []
    for together in dict.fromkeys(term.blocks for term in terms):  # a term in two parts has its blocks in both
        own = [b for b in together if blocks[b].traits.own and _all_free(blocks[b])]
        for a, b in itertools.combinations(own, 2):
            if _share_a_column(design, a, b):
                paths = list(dict.fromkeys(names.effects[k].path for k in (a, b)))
                which = f"two equations of {paths[0]}"
                if len(paths) > 1:
                    which = f"{' and '.join(paths)} form the same groups and"
                text = f"{which} have a random effect in common, whose variance cannot be divided; drop one of them"
                found.append(Confounded(text, frozenset({a, b})))
    return found


def _share_a_column(design: Design, a: int, b: int) -> bool:
    """Is a column of one equation a multiple of a column of the other?"""
    lengths = np.sqrt(np.outer(np.diag(design.squares(a, a)), np.diag(design.squares(b, b))))
    return bool(np.any(np.abs(design.squares(a, b)) > (1 - 1e-12) * lengths))


def _absorbed(model: LinearModel, design: Design, names: Names) -> list[Confounded]:
    """Under REML, random effects that the fixed effects reproduce: the restricted likelihood does not contain them."""
    if not model.reml or design.x.shape[1] == 0:
        return []
    found = []
    for k, name in enumerate(names.effects):
        for column, share in zip(name.columns, _unexplained(model, design, k), strict=False):
            if share < 1e-9:
                text = (
                    f"the fixed effects reproduce the random effects {column} of {name.path} (a dummy for every group, "
                    "or a single group), so that REML says nothing about their variance; drop the one or the other"
                )
                found.append(Confounded(text, frozenset({k})))
    return found


def _unexplained(model: LinearModel, design: Design, equation: int) -> np.ndarray:
    """The share of each column's sum of squares, as a column of the whole table for every group, that the fixed columns
    leave."""
    if design.summary is not None:
        return design.summary.unexplained[design.columns_of(equation)]
    effect = design.effects[equation]
    x = design.x @ np.asarray(model.basis) @ np.asarray(model.unroot)
    weights = np.ones(len(x)) if design.weights is None else design.weights
    shares = []
    for z in effect.z.T:
        sums = [np.bincount(effect.codes, weights=z * weights * q, minlength=effect.size) for q in x.T]
        total = float(z * weights @ z)
        shares.append((total - float(np.sum(np.square(sums)))) / total if total > 0 else 1.0)
    return np.array(shares)
