"""The weights of groups, term by term."""

from collections.abc import Sequence

import numpy as np

from ..design import Design
from ..elimination import Term


def group_weights(design: Design, terms: Sequence[Term]) -> list[np.ndarray | None]:
    """The weights of each term's groups, None where they are all 1; equations of one level have the same."""
    found: list[np.ndarray | None] = []
    for term in terms:
        mine = None
        for block, order in zip(term.blocks, term.orders, strict=True):
            given = design.level_weights[block] if design.level_weights else None
            if given is not None and mine is None:
                mine = np.empty(term.size)
                mine[np.arange(term.size) if order is None else order] = given
        found.append(mine)
    return found
