"""Columns in the suite's spelling: from cells to arrays, for the sample and for new data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ..design import FixedColumn
from ..syntax.spec import Term
from .collinear import independent
from .column import Column
from .levels import Factor, match_levels
from .sample import Sample, first_row
from .table import Source
from .terms import Cell, Part, cells_of, expand_terms, factors_of

_MOST_VALUES = 5e8  # of one design matrix: 4 GB
_MOST_COLUMNS = 20_000
_BLOCK = 4096


@dataclass(frozen=True)
class VarlistCoding:
    """How to make the columns again: `cells` in the order of the matrix, then the constant.

    `levels` holds the texts of every factor's levels in the estimation sample.
    """

    cells: tuple[Cell, ...]
    constant: bool
    levels: Mapping[str, tuple[str, ...]]

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.name for cell in self.cells for part in cell.parts))

    def without_constant(self) -> "VarlistCoding":
        return replace(self, constant=False)

    def only(self, places: Sequence[int]) -> "VarlistCoding":
        """With some of the columns, counted without the constant."""
        return replace(self, cells=tuple(self.cells[place] for place in places))

    def matrix(self, source: Source) -> np.ndarray:
        """(rows of the table, columns), NaN where a covariate is missing; an unknown level is an error."""
        arrays: dict[Part, np.ndarray] = {}
        for name in self.variables:
            column = source.column(name)
            if name in self.levels and any(p.level is not None for c in self.cells for p in c.parts if p.name == name):
                arrays |= _new_indicators(column, self.levels[name])
            if any(p.level is None for c in self.cells for p in c.parts if p.name == name):
                arrays[Part(name)] = column.numbers()
        columns = [_product([arrays[part] for part in cell.parts]) for cell in self.cells]
        return stack(columns, self.constant, source.n)


@dataclass(frozen=True)
class Columns:
    """The outcome of reading one set of columns: the matrix of the sample, its rows in tables, how to replay it."""

    matrix: np.ndarray
    rows: tuple[FixedColumn, ...]
    coding: VarlistCoding
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Candidates:
    """The columns that a varlist asks for, before those that are collinear are left out; `levels` as of the coding."""

    cells: tuple[Cell, ...]
    constant: bool
    levels: Mapping[str, tuple[str, ...]]

    @property
    def estimable(self) -> tuple[Cell, ...]:
        """Without bases, empty cells and repeats."""
        return tuple(cell for cell in self.cells if not cell.status)

    @property
    def place(self) -> int | None:
        """Of the constant among all estimable columns and it."""
        return len(self.estimable) if self.constant else None

    @property
    def coding(self) -> VarlistCoding:
        """Makes all estimable columns, then the constant."""
        return VarlistCoding(self.estimable, self.constant, self.levels)

    def columns(self, matrix: np.ndarray, keep: np.ndarray, where: str = "") -> Columns:
        """The outcome where `keep` marks the estimable columns that `matrix` holds."""
        dropped = {cell.label for cell, kept in zip(self.estimable, keep, strict=True) if not kept}
        notes = tuple(note for cell in self.cells for note in _note(cell, dropped, where))
        rows = _rows([c for c in self.cells if "repeat" not in c.status], dropped, self.constant)
        return Columns(matrix, rows, self.coding.only(np.flatnonzero(keep).tolist()), notes)


def read_varlist(
    terms: Sequence[Term], constant: bool, source: Source, sample: Sample, *, collinear: bool = False, where: str = ""
) -> Columns:
    """The columns of a varlist over the sample.

    `collinear` keeps linear combinations; `where` ends the notes (" in the equation of id").
    """
    made, factors = varlist_candidates(terms, constant, source, sample)
    candidates = made.estimable
    arrays = _sample_arrays(candidates, source, factors, sample)
    columns = [_product([arrays[part] for part in cell.parts]) for cell in candidates]
    keep = np.ones(len(columns), bool) if collinear else independent(columns, constant)
    matrix = stack([c for c, kept in zip(columns, keep, strict=True) if kept], constant, sample.n)
    require_rows(matrix.shape[1], len(candidates) + constant, sample.n)
    return made.columns(matrix, keep, where)


def varlist_candidates(
    terms: Sequence[Term], constant: bool, source: Source, sample: Sample
) -> tuple[Candidates, dict[str, Factor]]:
    """The columns that a varlist asks for, and its factors over the sample."""
    terms = expand_terms(terms, source)
    factors = factors_of(terms, source, sample)
    _require_memory(terms, sample.n, factors)
    cells = _unrepeated(cells_of(terms, factors, source.text))
    return Candidates(tuple(cells), constant, {name: f.levels for name, f in factors.items()}), factors


def _unrepeated(cells: list[Cell]) -> list[Cell]:
    """A column named twice is collinear with itself: it keeps one row and gets a note."""
    seen: set[str] = set()
    kept = []
    for cell in cells:
        if cell.label not in seen:
            kept.append(cell)
        elif len(cell.parts) == 1 and cell.parts[0].level is None:
            kept.append(replace(cell, status="repeat"))
        seen.add(cell.label)
    return kept


def _note(cell: Cell, dropped: set[str], where: str) -> tuple[str, ...]:
    if cell.status == "empty":
        return (f"note: {cell.label} identifies no observations in the sample{where}",)
    if cell.status == "repeat" or (not cell.status and cell.label in dropped):
        return (f"note: {cell.label} omitted because of collinearity{where}",)
    return ()


def _rows(cells: Sequence[Cell], dropped: set[str], constant: bool) -> tuple[FixedColumn, ...]:
    rows, index = [], 0
    for cell in cells:
        status = cell.status or ("omitted" if cell.label in dropped else "estimated")
        place = index if status == "estimated" else -1
        rows.append(FixedColumn(cell.label, cell.term, cell.level, cell.raw_level, place, status))
        index += status == "estimated"
    if constant:
        rows.append(FixedColumn("_cons", "", "_cons", "_cons", index, constant=True))
    return tuple(rows)


def _sample_arrays(
    cells: Sequence[Cell], source: Source, factors: Mapping[str, Factor], sample: Sample
) -> dict[Part, np.ndarray]:
    arrays: dict[Part, np.ndarray] = {}
    for part in (part for cell in cells for part in cell.parts):
        if part in arrays:
            continue
        if part.level is not None:
            arrays[part] = (factors[part.name].codes == part.level).astype(np.float64)
        else:
            arrays[part] = finite(source.column(part.name), sample)
    return arrays


def finite(column: Column, sample: Sample) -> np.ndarray:
    """A covariate over the sample as float64; infinite values are refused."""
    values = sample.take(column.values).astype(np.float64)
    if column.values.dtype.kind == "f":
        require_finite(values, column.name, sample)
    return values


def require_finite(values: np.ndarray, label: str, sample: Sample) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        row, count = first_row(bad, sample), int(bad.sum())
        raise ValueError(f"`{label}` has an infinite value in row {row} ({count:,} in all): make it missing or finite")


def _new_indicators(column: Column, levels: tuple[str, ...]) -> dict[Part, np.ndarray]:
    codes = match_levels(column, levels)
    if (codes == -2).any():
        raise ValueError(f"`{column.name}` has a level in row {first_row(codes == -2)} that the estimation sample "
                         f"does not have: nothing was estimated for it (levels: {', '.join(levels[:12])}"
                         f"{', ...' if len(levels) > 12 else ''})")  # fmt: skip
    gaps = np.where(codes < 0, np.nan, 0.0)
    return {Part(column.name, level): (codes == level) + gaps for level in range(len(levels))}


def _product(arrays: Sequence[np.ndarray]) -> np.ndarray:
    result = arrays[0]
    for array in arrays[1:]:
        result = result * array
    return result


def stack(columns: Sequence[np.ndarray], constant: bool, n: int) -> np.ndarray:
    """Columns side by side, then a column of ones; row-contiguous float64.

    Filled in blocks of rows that fit into the cache: twice as fast for ten columns of a million rows.
    """
    matrix = np.empty((n, len(columns) + constant))
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        for j, column in enumerate(columns):
            matrix[rows, j] = column[rows]
    if constant:
        matrix[:, -1] = 1.0
    return matrix


def _require_memory(terms: Sequence[Term], n: int, factors: Mapping[str, Factor]) -> None:
    sizes = [[len(o.levels or factors[o.name].levels) for o in t.operands if o.kind == "factor"] for t in terms]
    count = sum(prod(term) for term in sizes)
    if count * n <= _MOST_VALUES and count <= _MOST_COLUMNS:
        return
    largest = max(factors.values(), key=lambda f: len(f.levels)) if factors else None
    culprit = f"`{largest.name}` has {len(largest.levels):,} levels" if largest else f"{count:,} columns"
    raise ValueError(f"{culprit}: {count:,} columns of {n:,} rows do not fit into memory; "
                     "a factor with so many levels belongs into a random-effects equation, "
                     f"`|| {largest.name if largest else 'group'}:`")  # fmt: skip


def require_rows(columns: int, candidates: int, n: int) -> None:
    """Raise where there are more columns, kept of so many candidates, than observations."""
    if columns > n or (candidates > n and columns == n):
        raise ValueError(f"{candidates} columns but only {n} observations: leave terms out, or use more data")
