"""Which variance components are printed, under which names, and how many of them are free."""

from collections.abc import Sequence

import numpy as np

from ..build.structures import entry_labels
from ..covstruct import AbstractCovariance, AbstractVariances, ConstrainedVariances, Fixed
from ..design import Names
from .estimates import Component


def component_info(
    variances: AbstractVariances, names: Names, values: np.ndarray, singular: Sequence[bool]
) -> tuple[Component, ...]:
    """One `Component` per element of `variances.natural`, in its order."""
    out = []
    for k, (effect, block) in enumerate(zip(names.effects, variances.blocks, strict=True)):
        fixed = block.held if isinstance(block, Fixed) else (False,) * len(block.entries)
        for label, (i, j), constant in zip(entry_labels(effect, block), block.entries, fixed, strict=True):
            alone = all(block.traits.scales)
            at_bound = singular[k] and (not alone or values[len(out)] < 1e-10 * values[-1] or block.size == 1)
            kind = "var" if i == j else "cov"
            out.append(Component(f"{effect.name}:{label}", kind, k, "(constrained)" if constant else "", at_bound))
    out.append(Component("var(Residual)", "var", -1))
    if isinstance(variances, ConstrainedVariances):
        out = _mark_constants(variances, out)
    return tuple(out)


def _mark_constants(variances: ConstrainedVariances, components: list[Component]) -> list[Component]:
    """Say "(constrained)" where a constraint leaves nothing to estimate."""
    constant = np.all(np.asarray(variances.basis) == 0, axis=1)
    entries = [
        cells[i][j] for cells, block in zip(variances.index, variances.blocks, strict=True) for i, j in block.entries
    ]
    entries.append(len(constant) - 1)
    return [
        Component(c.label, c.kind, c.equation, "(constrained)" if constant[e] else c.note, c.boundary)
        for c, e in zip(components, entries, strict=True)
    ]


def free_counts(blocks: Sequence[AbstractCovariance]) -> tuple[int, int]:
    """(variances, covariances) that are free parameters."""
    return sum(b.traits.variances for b in blocks), sum(b.traits.covariances for b in blocks)
