"""The margins of one term by the levels of its factors."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from .found import MarginsFound


@dataclass(frozen=True)
class MarginGrid:
    """Where the margin of every combination of levels stands among those found, -1 for one that is not there.

    The axes of `index` are `names`: the factors of `term`, then whatever else tells margins apart (`_at`, `over`,
    `dydx`, `outcome`).  `levels` are the texts of their levels, `words` what is shown for them and `values` the numbers
    that they stand for; `bases` are the model's base levels by factor.
    """

    term: tuple[str, ...]
    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    words: tuple[tuple[str, ...], ...]
    values: tuple[tuple[float, ...], ...]
    index: np.ndarray
    bases: Mapping[str, str] = field(default_factory=dict)

    def ordered(self, names: tuple[str, ...]) -> "MarginGrid":
        """With its axes in another order."""
        axes = [self.names.index(name) for name in names]
        levels, words, values = (tuple(each[k] for k in axes) for each in (self.levels, self.words, self.values))
        return replace(self, names=names, levels=levels, words=words, values=values, index=self.index.transpose(axes))

    def cell(self, place: int) -> str:
        """`thatch = 5, nitrogen = Urea` of a place in the flattened index."""
        places = np.unravel_index(place, self.index.shape)
        pairs = zip(self.names, self.words, places, strict=True)
        return ", ".join(f"{name} = {texts[k]}" for name, texts, k in pairs if len(texts) > 1 or name in self.term)


def margin_factors(found: MarginsFound) -> tuple[str, ...]:
    """The factors of the terms, in the order of their first mention."""
    return tuple(dict.fromkeys(factor for term in found.terms for factor in term))


def margin_settings(found: MarginsFound) -> tuple[str, ...]:
    """What else tells margins apart: `_at`, the variables of `over`, `dydx`, `outcome`."""
    return tuple(str(name) for name in found.cells.columns if name not in margin_factors(found))


def margin_grid(found: MarginsFound, wanted: Collection[str]) -> MarginGrid:
    """The margins of the smallest term that has all `wanted` factors.

    Raises:
        ValueError: if there is none.
    """
    factors = [name for name in wanted if name not in margin_settings(found)]
    terms = sorted((term for term in found.terms if set(factors) <= set(term)), key=len)
    if not terms:
        known = ", ".join("#".join(term) for term in found.terms if term) or "no factor"
        raise ValueError(
            f"there are no margins of {'#'.join(factors)}, the terms are {known}. Ask margins for "
            f'"{"#".join(factors)}" as well'
        )
    return _grid(found, terms[0])


def _grid(found: MarginsFound, term: tuple[str, ...]) -> MarginGrid:
    cells = found.cells.astype(str)
    chosen = np.ones(len(cells), bool)
    for factor in margin_factors(found):
        chosen &= (cells[factor].to_numpy() != "") == (factor in term)
    names = (*term, *margin_settings(found))
    levels = [found.levels[f] if f in term else tuple(dict.fromkeys(cells.loc[chosen, f])) for f in names]
    values = [found.values[f] if f in term else _numbers(texts) for f, texts in zip(names, levels, strict=True)]
    words = [found.labels.get(name, texts) for name, texts in zip(names, levels, strict=True)]
    index = np.full([len(texts) for texts in levels], -1)
    known = np.isfinite(found.functions.values)
    for row in np.flatnonzero(chosen & known):
        index[tuple(texts.index(cells[name].iloc[row]) for name, texts in zip(names, levels, strict=True))] = row
    return MarginGrid(term, names, tuple(levels), tuple(words), tuple(values), index, found.bases)


def _numbers(texts: tuple[str, ...]) -> tuple[float, ...]:
    try:
        return tuple(float(text) for text in texts)
    except ValueError:
        return tuple(float(k) for k in range(len(texts)))
