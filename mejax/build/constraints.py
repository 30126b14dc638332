"""Linear constraints on coefficients and on variance components, as reparameterisations."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..covstruct import AbstractCovariance, ConstrainedVariances, Exchangeable, Fixed, Identity, Pattern, Unstructured
from ..design import Names
from ..syntax.constraints import Constraint
from .structures import entry_labels


@dataclass(frozen=True)
class LinearConstraints:
    """`rows` @ beta = `values` for the coefficients; the same over the distinct variance entries."""

    rows: np.ndarray
    values: np.ndarray
    variance_rows: np.ndarray
    variance_values: np.ndarray
    cells: tuple  # per block, the entry number of each cell of Sigma

    @property
    def on_coefficients(self) -> bool:
        return len(self.rows) > 0

    @property
    def on_variances(self) -> bool:
        return len(self.variance_rows) > 0

    @staticmethod
    def read(
        constraints: Sequence[Constraint],
        names: Names,
        blocks: list[AbstractCovariance],
        others: tuple[tuple[str, ...], ...],
    ) -> "LinearConstraints":
        """`others` are the labels of the parameters that follow the entries of the blocks: the residual variance of a
        linear model, the ancillary parameters of a generalized one."""
        coefficients = {c.label: c.index for c in names.estimated}
        variances, cells, held = _variance_entries(names, blocks)
        first = 1 + max((number for rows in cells for row in rows for number in row), default=-1)
        variances |= {label: first + k for k, labels in enumerate(others) for label in labels}
        count = first + len(others)
        rows, variance_rows = [], []
        for constraint in constraints:
            kinds = {_kind(label, coefficients, variances, names, constraint) for _, label in constraint.terms}
            if len(kinds) > 1:
                raise ValueError(
                    f"constraint `{constraint.text}` mixes a coefficient with a variance or an ancillary "
                    "parameter; write constraints that hold either coefficients or the others"
                )
            where, size = (coefficients, len(coefficients)) if kinds == {"b"} else (variances, count)
            row = np.zeros(size)
            for weight, label in constraint.terms:
                row[where[label]] += weight
            (rows if kinds == {"b"} else variance_rows).append((row, constraint.constant))
        if variance_rows:
            variance_rows += [(np.eye(count)[k], value) for k, value in held.items()]
        return LinearConstraints(*_stack(rows, len(coefficients)), *_stack(variance_rows, count), cells)

    def coefficients(self, p: int) -> tuple[np.ndarray, np.ndarray]:
        """(basis, offset) with beta = offset + basis @ free."""
        if not self.on_coefficients:
            return np.eye(p), np.zeros(p)
        basis, offset, _ = solutions(self.rows, self.values)
        return basis, offset


def constrain_variances(blocks: Sequence[AbstractCovariance], linear: LinearConstraints) -> ConstrainedVariances:
    basis, offset, free = solutions(linear.variance_rows, linear.variance_values)
    diagonal = {k for cells in linear.cells for i, row in enumerate(cells) for k in [row[i]]} | {len(offset) - 1}
    is_log = tuple(k in diagonal for k in free)
    return ConstrainedVariances(
        blocks=tuple(blocks),
        basis=basis,
        offset=offset,
        index=linear.cells,
        is_log=is_log,
        free=tuple(free),
        frames=(None,) * len(blocks),
    )


def solutions(rows: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """All solutions of rows @ x = values as offset + basis @ x[free], by reduced row echelon form."""
    augmented = np.column_stack([rows, values]).astype(float)
    count = rows.shape[1]
    pivots: list[int] = []
    for column in range(count):
        r = len(pivots)
        if r == len(augmented):
            break
        best = r + int(np.argmax(np.abs(augmented[r:, column])))
        if abs(augmented[best, column]) < 1e-12:
            continue
        augmented[[r, best]] = augmented[[best, r]]
        augmented[r] /= augmented[r, column]
        others = np.arange(len(augmented)) != r
        augmented[others] -= np.outer(augmented[others, column], augmented[r])
        pivots.append(column)
    if np.any(np.abs(augmented[len(pivots) :, -1]) > 1e-9):
        raise ValueError("the constraints contradict one another; no parameter value satisfies them all")
    free = [k for k in range(count) if k not in pivots]
    basis, offset = np.zeros((count, len(free))), np.zeros(count)
    basis[free, np.arange(len(free))] = 1.0
    for r, pivot in enumerate(pivots):
        basis[pivot] = -augmented[r, free]
        offset[pivot] = augmented[r, -1]
    return basis, offset, free


def _stack(rows, size: int):
    return np.array([r for r, _ in rows]).reshape(len(rows), size), np.array([v for _, v in rows], float)


def _kind(label, coefficients, variances, names: Names, constraint: Constraint) -> str:
    if label in coefficients:
        return "b"
    if label in variances:
        return "v"
    if any(c.label == label for c in names.fixed):
        raise ValueError(f"constraint `{constraint.text}`: `{label}` is not estimated (base level or omitted)")
    known = [*coefficients, *variances]
    near = difflib.get_close_matches(label, known, n=3)
    hint = f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else f"known are {', '.join(known)}"
    raise ValueError(f"constraint `{constraint.text}`: there is no parameter `{label}`; {hint}")


def _variance_entries(names: Names, blocks):
    """Labels of the distinct entries, the cells they stand in, and the entries held fixed by `fixed(matrix)`."""
    labels: dict[str, int] = {}
    cells, held = [], {}
    count = 0
    for effect, block in zip(names.effects, blocks, strict=True):
        numbers = _cells(block, count)
        count = max(count, int(numbers.max()) + 1)
        for (i, j), label in zip(block.entries, entry_labels(effect, block), strict=True):
            for prefix in {effect.path, effect.name}:
                labels.setdefault(f"{prefix}:{label}", int(numbers[i, j]))
            if label.startswith("cov("):
                swapped = label[4:-1].split(",")
                if len(swapped) == 2:
                    labels.setdefault(f"{effect.path}:cov({swapped[1]},{swapped[0]})", int(numbers[i, j]))
        if isinstance(block, Fixed):
            which = zip(block.form.rows, block.form.columns, block.form.which, block.values, strict=True)
            held |= {int(numbers[i, j]): value for i, j, k, value in which if k < 0}
        cells.append(tuple(map(tuple, numbers.tolist())))
    return labels, tuple(cells), held


def _cells(block: AbstractCovariance, start: int) -> np.ndarray:
    q = block.size
    numbers = np.full((q, q), -1)
    if isinstance(block, Identity | Exchangeable):
        numbers[:] = start + 1 if isinstance(block, Exchangeable) else -1
        np.fill_diagonal(numbers, start)
        return numbers
    if isinstance(block, Pattern):
        for i, j, k in zip(block.form.rows, block.form.columns, block.form.which, strict=True):
            numbers[i, j] = numbers[j, i] = start + k
        return numbers
    np.fill_diagonal(numbers, start + np.arange(q))
    if isinstance(block, Unstructured | Fixed):
        rows, columns = np.tril_indices(q, -1)
        numbers[rows, columns] = numbers[columns, rows] = start + q + np.arange(len(rows))
    return numbers
