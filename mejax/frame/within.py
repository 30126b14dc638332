"""Structured errors: their groups, the groups and covariates of their parameters, their names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..design import ErrorNames, WithinGroups
from ..elimination import nesting
from ..syntax.problem import SyntaxProblem
from ..syntax.spec import Residuals, Span, Spec
from .column import CONTENTS, Column, as_numbers
from .effects import Read
from .error_times import Categories, categories_of, group_text, read_times
from .groups import Grouping, everything, group
from .sample import Sample, first_row, table_row
from .table import Source
from .varlist import finite

_MEAN = "_yhat"  # the predicted mean of a nonlinear model
_STRUCTURES = {
    "identity": "Independent", "exchangeable": "Exchangeable", "ar": "AR", "ma": "MA", "toeplitz": "Toeplitz",
    "banded": "Banded", "unstructured": "Unstructured", "exponential": "Exponential", "ctar1": "CTAR1",
}  # fmt: skip


@dataclass(frozen=True)
class ReadErrors:
    """The arrays of structured errors, and their names."""

    within: WithinGroups
    names: ErrorNames


def error_variables(spec: Spec) -> Iterator[tuple[str, Span]]:
    """The columns of the table that the errors use."""
    if spec.residuals is None:
        return
    residuals = spec.residuals
    variable = None if _on_mean(spec, residuals) else residuals.variable
    for name in (residuals.time, residuals.by, residuals.strata, residuals.index, residuals.group, variable):
        if name is not None:
            yield name, residuals.span


def read_errors(spec: Spec, source: Source, sample: Sample, reads: Sequence[Read]) -> ReadErrors | None:
    """The errors' part of a design; None where they are independent with one variance.  `reads` are the equations."""
    residuals = spec.residuals
    if residuals is None:
        return None
    groups = _error_groups(spec, source, sample, reads)
    by = categories_of(residuals.by, source, sample)
    strata = by if residuals.joint else categories_of(residuals.strata, source, sample)
    if by is not None and residuals.correlation != "identity":
        _require_constant(by, groups, sample)
    variable, indices = _variable(spec, residuals, source, sample)
    for found in (strata, indices):
        _require_two(found)
    if indices is not None:
        _require_all_indices(indices, strata)
    times = read_times(residuals, source, sample, groups, by)
    within = WithinGroups(groups.codes, times.values, _codes(by), _codes(strata), variable, groups.size)
    names = ErrorNames(
        residuals.variance, residuals.correlation, times.order, residuals.constant, residuals.joint,
        _on_mean(spec, residuals), _headings(residuals, times.order), _labels(strata), _labels(by), times.labels,
        _labels(indices),
    )  # fmt: skip
    return ReadErrors(within, names)


def _codes(found: Categories | None) -> np.ndarray | None:
    return None if found is None else found.codes


def _labels(found: Categories | None) -> tuple[str, ...]:
    return () if found is None else found.labels


def _on_mean(spec: Spec, residuals: Residuals) -> bool:
    return residuals.variable == _MEAN and spec.nonlinear is not None


def _error_groups(spec: Spec, source: Source, sample: Sample, reads: Sequence[Read]) -> Grouping:
    """Those named, or the groups of the lowest level, the last one with the most variables; without any all rows are
    one group."""
    if spec.residuals is not None and spec.residuals.group is not None:
        return _named_groups(spec, source, sample, reads)
    if not spec.equations:
        return everything(sample.n)
    depth = max(len(equation.level.variables) for equation in spec.equations)
    variables = [e.level.variables for e in spec.equations if len(e.level.variables) == depth][-1]
    known = [read.coding.grouping for read in reads if read.coding.variables == variables]
    return known[0] if known else group(variables, source, sample, {})


def _named_groups(spec: Spec, source: Source, sample: Sample, reads: Sequence[Read]) -> Grouping:
    """The groups of `group()`, which must lie within those of every level."""
    assert spec.residuals is not None and spec.residuals.group is not None
    name = spec.residuals.group
    found = group((name,), source, sample, {})
    for read in reads:
        if nesting(found.codes, found.size, np.asarray(read.effects.codes)) is None:
            raise SyntaxProblem(f"a group of `{name}` lies in several groups of {read.names.path}", spec.text,
                                spec.residuals.span, "Errors that depend on each other share their random effects: "
                                "name the groups of the lowest level, or smaller ones.")  # fmt: skip
    return found


def _require_constant(by: Categories, groups: Grouping, sample: Sample) -> None:
    """A group has one correlation matrix."""
    first = np.zeros(groups.size, np.int64)
    first[groups.codes[::-1]] = np.arange(len(groups.codes))[::-1]
    varying = by.codes[first][groups.codes] != by.codes
    if varying.any():
        row = int(np.flatnonzero(varying)[0])
        other = int(first[groups.codes[row]])
        told = [f"{by.labels[by.codes[place]]} in row {table_row(sample.mask, place)}" for place in (other, row)]
        raise ValueError(f"`{by.name}` is not constant within {group_text(groups, groups.codes[row])} "
                         f"({' and '.join(told)}): each of its groups has a correlation of its own, so that the errors "
                         "of a group cannot belong to two")  # fmt: skip


def _variable(
    spec: Spec, residuals: Residuals, source: Source, sample: Sample
) -> tuple[np.ndarray | None, Categories | None]:
    """The covariate of the variances; of `distinct` the numbers of the categories, and these."""
    if residuals.variance == "identity" or _on_mean(spec, residuals):
        return None, None
    name = residuals.index if residuals.variance == "distinct" else residuals.variable
    if name is None:
        needed = "index(x)" if residuals.variance == "distinct" else "a covariate"
        raise SyntaxProblem(f"the {residuals.variance} variance of the errors needs {needed}", spec.text,
                            residuals.span, "Name a column of the table.")  # fmt: skip
    if residuals.variance == "distinct":
        indices = categories_of(name, source, sample)
        assert indices is not None
        return indices.codes.astype(np.float64), indices
    values = _numbers(source.column(name, residuals.span), spec, residuals, sample)
    _require_variance(name, values, residuals, sample)
    return values, None


def _numbers(column: Column, spec: Spec, residuals: Residuals, sample: Sample) -> np.ndarray:
    if column.kind != "number":
        message = (
            f"the variance of the errors depends on `{column.name}`, which holds {CONTENTS[column.kind]}, not numbers"
        )
        raise SyntaxProblem(message, spec.text, residuals.span, as_numbers(column))
    return finite(column, sample)


def _require_variance(name: str, values: np.ndarray, residuals: Residuals, sample: Sample) -> None:
    """Raise where the variance would not be positive."""
    if residuals.variance == "linear" and np.any(values <= 0):
        wrong, rule = values <= 0, "a variance that is linear in it needs positive values"
    elif residuals.variance == "power" and not residuals.constant and np.any(values == 0):
        wrong, rule = values == 0, "a power of it without a constant gives that error no variance; let it have one"
    else:
        return
    raise ValueError(f"`{name}` is {values[wrong][0]:g} in row {first_row(wrong, sample)}: {rule}")


def _require_two(found: Categories | None) -> None:
    """A variance of its own takes more than one observation."""
    if found is None:
        return
    counts = np.bincount(found.codes, minlength=len(found.labels))
    if counts.min() < 2:
        label = found.labels[int(np.argmin(counts))]
        raise ValueError(f"`{found.name}` {label} has a single observation, too little for a variance of its own; join "
                         "categories, or leave such rows out")  # fmt: skip


def _require_all_indices(indices: Categories, strata: Categories | None) -> None:
    """Every stratum has a variance for each value of the index."""
    if strata is None:
        return
    seen = np.zeros((len(strata.labels), len(indices.labels)), bool)
    seen[strata.codes, indices.codes] = True
    if not seen.all():
        stratum, index = np.argwhere(~seen)[0]
        raise ValueError(f"no observation has `{indices.name}` {indices.labels[index]} where `{strata.name}` is "
                         f"{strata.labels[stratum]}: its variance cannot be estimated; join categories, or leave the "
                         "strata out")  # fmt: skip


def _headings(residuals: Residuals, order: int | None) -> tuple[str, str]:
    """What stands above the printed parameters."""
    by = f", by {residuals.by}" if residuals.by is not None else ""
    structure = _STRUCTURES[residuals.correlation] + (f"({order})" if order is not None else "")
    if residuals.joint:
        return f"Residual: {structure}{by}", ""
    strata = f", by {residuals.strata}" if residuals.strata is not None else ""
    words = [
        residuals.variance.capitalize(),
        residuals.index if residuals.variance == "distinct" else residuals.variable,
    ]
    variance = " ".join(word for word in words if word is not None)
    return (
        f"Residual variance: {variance}{strata}" if residuals.variance != "identity" or strata else "",
        f"Residual correlation: {structure}{by}" if residuals.correlation != "identity" else "",
    )
