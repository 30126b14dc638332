"""How the values of a response are coded: what its family takes, and what the codes stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .column import Column, level_text
from .levels import compress


@dataclass(frozen=True)
class ResponseCoding:
    """A family in words, and what the numbers of the response stand for.

    `details` are what the family is made with besides its link: `dispersion` ("mean" or "constant") of the negative
    binomial, `categories` (their texts) of the ordinal and the multinomial one, `base` (the place of the base outcome)
    of the latter, `aft` and `delayed` of survival times, `word` and `closed` of intervals.
    `trials` is the text of a binomial's number of trials.
    `values` holds what the codes 0, 1, ... of the response stand for (the categories in their order; Bernoulli: the
    negative and the positive outcome), `labels` the same as text, value labels applied.
    `equations` names the linear predictors where there are several: the outcomes other than the base, in labels.

    `facts` are counts, and texts, that a header shows, with their words.  `limits` are the lower and the upper limit of
    a tobit response (None: absent, or a column), `limit_words` the same for the header.
    """

    family: str
    link: str
    details: Mapping[str, Any] = field(default_factory=dict)
    trials: str | None = None
    values: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    equations: tuple[str, ...] = ()
    facts: tuple[tuple[str, int | float | str], ...] = ()
    limits: tuple[float | None, float | None] = (None, None)
    limit_words: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CodedResponse:
    """`y` for `Design.y`, an array or a tuple of arrays; how it is coded; notes."""

    y: Any
    coding: ResponseCoding | None = None
    notes: tuple[str, ...] = ()

    def keep(self, rows: np.ndarray) -> "CodedResponse":
        """The rows where the mask over the sample is True."""
        return replace(self, y=tuple(part[rows] for part in self.y) if isinstance(self.y, tuple) else self.y[rows])


def categories(values: np.ndarray, column: Column | None) -> tuple[np.ndarray, tuple[Any, ...], tuple[str, ...]]:
    """Codes 0, 1, ... of the values that occur, those values in their order, and their texts.

    `values` are numbers, or codes into the levels of `column`.
    """
    levels = None if column is None or column.kind == "number" else column.levels
    whole = levels is not None or bool(np.all(values == np.floor(values)) and np.all(np.abs(values) < 2**53))
    codes, distinct = compress(values.astype(np.int64) if whole else values)
    if levels is not None:
        distinct = levels[distinct]
    held = tuple(value.item() if isinstance(value, np.generic) else value for value in distinct)
    return codes, held, value_labels(held, column)


def value_labels(values: tuple[Any, ...], column: Column | None) -> tuple[str, ...]:
    """The texts of values, value labels applied."""
    labels = (column.labels if column is not None else None) or {}
    return tuple(labels.get(value, level_text(value)) for value in values)


def total(mask: np.ndarray, frequencies: np.ndarray | None) -> int:
    """How many observations a mask holds, each counted as often as its frequency weight says."""
    return int(np.count_nonzero(mask) if frequencies is None else frequencies[mask].sum())
