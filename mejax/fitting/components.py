"""Which variance components are printed, under which names, and how many of them are free."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..build.structures import entry_labels
from ..covstruct import AbstractCovariance, AbstractVariances, ConstrainedVariances, Fixed
from ..design import Names
from .estimates import Component


def component_info(
    variances: AbstractVariances, names: Names, values: np.ndarray, singular: Sequence[bool], residual: float
) -> tuple[Component, ...]:
    """One `Component` per element of `variances.natural`, in its order; `residual` is sigma_e^2."""
    place = iter(range(len(values)))

    def at_bound(k: int, block: AbstractCovariance, i: int, j: int) -> bool:
        value = values[next(place)]
        return singular[k] and (not all(block.traits.scales) or value < 1e-10 * residual or block.size == 1)

    out = [*block_components(names, variances.blocks, at_bound), *error_components(variances, names)]
    if isinstance(variances, ConstrainedVariances):
        out = mark_constants(variances, out, np.array([len(variances.offset) - 1]))
    return tuple(out)


def error_components(variances: AbstractVariances, names: Names) -> list[Component]:
    """What is printed of the within-group errors, `boy: var(e)` where groups have parameters of their own."""
    if variances.errors is None:
        return [Component("var(Residual)", "var", -1)]
    words, out = names.errors, []
    assert words is not None
    for group, entry, among in variances.errors.entries():
        labels = words.by if among else words.strata
        prefix = f"{labels[group]}: " if labels else ""
        out.append(Component(prefix + entry.label, entry.kind, -2 if among and not words.joint else -1))
    return out


def at_bounds(described: tuple[Component, ...], places: np.ndarray) -> tuple[Component, ...]:
    """The components with those at `places` marked as lying at a bound."""
    return tuple(replace(c, boundary=True) if k in places else c for k, c in enumerate(described))


def block_components(
    names: Names, blocks: Sequence[AbstractCovariance], at_bound: Callable[[int, AbstractCovariance, int, int], bool]
) -> list[Component]:
    """The printed variances and covariances of every equation; `at_bound(k, block, row, column)` is asked in order."""
    out = []
    for k, (effect, block) in enumerate(zip(names.effects, blocks, strict=True)):
        fixed = block.held if isinstance(block, Fixed) else (False,) * len(block.entries)
        for label, (i, j), constant in zip(entry_labels(effect, block), block.entries, fixed, strict=True):
            kind, bound = "var" if i == j else "cov", at_bound(k, block, i, j)
            out.append(Component(f"{effect.name}:{label}", kind, k, "(constrained)" if constant else "", bound))
    return out


def mark_constants(structure: Any, components: list[Component], others: np.ndarray) -> list[Component]:
    """Say "(constrained)" where a constraint leaves nothing to estimate.

    `structure` has the `basis`, `index` and `blocks` of linear constraints; `others` are the entries of the components
    that belong to no block.
    """
    constant = np.all(np.asarray(structure.basis) == 0, axis=1)
    entries = [
        cells[i][j] for cells, block in zip(structure.index, structure.blocks, strict=True) for i, j in block.entries
    ]
    return [
        Component(c.label, c.kind, c.equation, "(constrained)" if constant[e] else c.note, c.boundary)
        for c, e in zip(components, [*entries, *others.tolist()], strict=True)
    ]


def free_counts(blocks: Sequence[AbstractCovariance]) -> tuple[int, int]:
    """(variances, covariances) that are free parameters."""
    return sum(b.traits.variances for b in blocks), sum(b.traits.covariances for b in blocks)
