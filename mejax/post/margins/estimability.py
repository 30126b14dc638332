"""Which averages of rows the coefficients that were estimated can tell."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...fitting import Estimates
from ...frame import Encoding
from ...frame.formula import FormulaCoding
from ...frame.table import open_table
from ...frame.terms import Cell, Part
from ...frame.varlist import VarlistCoding
from .tables import Sampled

_CLOSE = 1e-6  # of a column's largest value


class Estimability:
    """Columns that were left out as combinations of others (or as empty) must be the same combinations in a margin.

    Over the sample a dropped column is d = X c; over other rows the coefficients say something about them only if
    their average has d = x'c too.
    """

    def __init__(self, estimates: Estimates, encoding: Encoding):
        self.encoding = encoding
        self.dropped = _dropped(encoding)
        self.shares = None
        if self.dropped is not None:
            columns = self._columns(encoding.table())
            largest = np.abs(columns).max(axis=0)
            self.scale = np.where(largest > 0, largest, 1.0)
            self.shares = np.linalg.lstsq(np.asarray(estimates.design.x), columns, rcond=1e-10)[0]

    def left(self, sampled: Sampled, mean_columns: Callable[[Sampled], np.ndarray]) -> np.ndarray:
        """d - x'c of the average of these rows, in units of the columns; empty where nothing was left out."""
        if self.shares is None:
            return np.zeros(0)
        weights = sampled.weights / np.sum(sampled.weights)
        return (weights @ self._columns(sampled.table) - mean_columns(sampled) @ self.shares) / self.scale

    @staticmethod
    def vanishes(left: np.ndarray) -> bool:
        """Is it zero, so that the average can be told?"""
        return bool(np.all(np.abs(left) <= _CLOSE))

    def _columns(self, table) -> np.ndarray:
        assert self.dropped is not None
        return self.dropped.matrix(open_table(table))


def _dropped(encoding: Encoding) -> VarlistCoding | FormulaCoding | None:
    """The coding of the columns that were left out, bases aside; None where there are none."""
    coding = encoding.fixed
    if encoding.mean is not None:
        return None
    if isinstance(coding, FormulaCoding):
        plain = coding.model_spec is None
        count = len(coding.variables) if plain else len(coding.model_spec.column_names) - coding.constant
        others = tuple(j for j in range(count) if j not in coding.keep)
        return replace(coding, keep=others, intercept=False) if others else None
    labels = dict.fromkeys(
        c.label.removeprefix(f"{c.equation}:") for c in encoding.names.fixed if c.index < 0 and c.status != "base"
    )
    cells = [cell for cell in (_cell(label, coding) for label in labels) if cell is not None]
    return replace(coding, cells=tuple(cells), constant=False) if cells else None


def _cell(label: str, coding: VarlistCoding) -> Cell | None:
    """The product that a label stands for; None where it names a level that the sample does not have."""
    parts = []
    for text in label.split("#"):
        level, _, name = text.rpartition(".")
        if name in coding.levels and level in coding.levels[name]:
            parts.append(Part(name, coding.levels[name].index(level)))
        elif level in ("", "c"):
            parts.append(Part(name if level else text))
        else:
            return None
    return Cell(tuple(parts), label, "", label, label)
