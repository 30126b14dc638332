"""Compact letter displays: margins that share a letter do not differ."""

from itertools import combinations
from string import ascii_lowercase, ascii_uppercase

import numpy as np

_ALPHABET = ascii_uppercase + ascii_lowercase


def compact_letters(different: np.ndarray, order: np.ndarray) -> list[str]:
    """Letters such that two margins share one exactly where they do not differ, by insertion and absorption (Piepho
    2004, Journal of Computational and Graphical Statistics 13: 456-466).

    Args:
        different: whether the margins of each pair differ, pairs in the order (0, 1), (0, 2), ..., (1, 2), ...
        order: the order of the margins in print, by which letters are given out.
    """
    count = len(order)
    groups = [frozenset(range(count))]
    for pair, apart in zip(combinations(range(count), 2), different, strict=True):
        if apart:
            split = [group - {k} for group in groups if group >= set(pair) for k in pair]
            whole = [group for group in groups if not group >= set(pair)]
            groups = _maximal([*whole, *split])
    rank = np.argsort(order)
    groups = sorted(groups, key=lambda group: sorted(rank[list(group)]))
    return ["".join(_letter(k) for k, group in enumerate(groups) if i in group) for i in range(count)]


def _maximal(groups: list[frozenset[int]]) -> list[frozenset[int]]:
    """Without those that another contains."""
    different = list(dict.fromkeys(groups))
    return [group for group in different if not any(group < other for other in different)]


def _letter(place: int) -> str:
    """A ... Z a ... z A1 ..."""
    turn, within = divmod(place, len(_ALPHABET))
    return _ALPHABET[within] + (str(turn) if turn else "")
