"""Constraints that covariance structures imply, as texts."""

from collections.abc import Hashable, Iterator

import numpy as np

from ...covstruct import AbstractCovariance, Exchangeable, Fixed, Identity, Pattern
from ...fitting import Estimates
from ...syntax.constraints import Constraint, canonical
from ..scales import structures


def implied_constraints(estimates: Estimates) -> tuple[str, ...]:
    """`[/]var(1.x[g]) - [/]var(3.x[g]) = 0` for entries that are equal, `[/]var(x[g]) = 1` for those held at a value.

    Within one equation the entries are taken column by column of the lower triangle, and each that shares a parameter
    is set equal to the last that does.
    """
    texts: list[str] = []
    start = 0
    for k, block in enumerate(structures(estimates)):
        stop = start + len(block.entries)
        labels = [c.label for c in estimates.component_info[start:stop]]
        found = _of_block(block, labels, estimates.components[start:stop])
        texts += (canonical(constraint, estimates.names.response, estimates.names.equations) for constraint in found)
        assert all(c.equation == k for c in estimates.component_info[start:stop])
        start = stop
    return tuple(texts)


def _of_block(block: AbstractCovariance, labels: list[str], values: np.ndarray) -> Iterator[Constraint]:
    places = {(max(cell), min(cell)): place for place, cell in enumerate(block.entries)}
    owners = _owners(block)
    last = {owners[cell]: place for cell, place in _by_columns(places) if cell in owners}
    held = isinstance(block, Fixed)
    for cell, place in _by_columns(places):
        if held and block.held[place]:
            yield Constraint("", ((1.0, labels[place]),), float(f"{values[place]:.7g}"))  # printed digits
        elif cell in owners and last[owners[cell]] != place:
            yield Constraint("", ((1.0, labels[place]), (-1.0, labels[last[owners[cell]]])), 0.0)


def _by_columns(places: dict[tuple[int, int], int]) -> list[tuple[tuple[int, int], int]]:
    return sorted(places.items(), key=lambda item: item[0][::-1])


def _owners(block: AbstractCovariance) -> dict[tuple[int, int], Hashable]:
    """Which parameter each (row, column) of the lower triangle is, for structures whose entries share some."""
    if isinstance(block, Identity | Exchangeable):
        return {(max(cell), min(cell)): cell[0] == cell[1] for cell in block.entries}
    if isinstance(block, Pattern):
        form = block.form
        return dict(zip(zip(form.rows, form.columns, strict=True), form.which, strict=True))
    return {}
