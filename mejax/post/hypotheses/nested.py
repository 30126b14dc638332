"""Is one model a special case of another?  What labels and columns can tell; what they cannot is taken on trust."""

import numpy as np

from ...design import FixedColumn
from ...fitting import Estimates
from ..kinds import is_nonlinear

_ORDERS = frozenset({"ar", "ma", "exchangeable", "exponential"})  # correlations none of which contains another


def fixed_nested(small: Estimates, large: Estimates) -> bool:
    """Do the columns of the larger model's fixed part, under its constraints, span those of the smaller one's?"""
    known = {_name(c) for c in large.names.estimated}
    missing = [c.index for c in small.names.estimated if _name(c) not in known]
    if is_nonlinear(small) or (not missing and not large.constraints):
        return not missing
    if small.constraints or large.constraints:
        return _constrained_nested(small, large)
    x, wide = np.asarray(small.design.x, float), np.asarray(large.design.x, float)
    if any(label.startswith("/cut") for label in large.ancillary_labels):
        wide = np.column_stack([wide, np.ones(len(wide))])  # cut points are a constant
    return _spanned(x[:, sorted({place % x.shape[1] for place in missing})], wide)


def _constrained_nested(small: Estimates, large: Estimates) -> bool:
    """Are the linear predictors that the smaller model's constraints allow among those of the larger one's?"""
    if set(small.names.equations) != set(large.names.equations):
        return False
    start, allowed = _predictors(small)
    other, wide = _predictors(large)
    if any(label.startswith("/cut") for label in large.ancillary_labels):
        wide = np.column_stack([wide, np.ones(len(wide))])
    if np.linalg.norm(start - other) > 1e-10 * np.linalg.norm(start):
        allowed = np.column_stack([allowed, start - other])
    return _spanned(allowed, wide)


def _predictors(estimates: Estimates) -> tuple[np.ndarray, np.ndarray]:
    """Linear predictors X (offset + basis g), those of several equations below one another: X offset and X basis."""
    x = np.asarray(estimates.design.x, float)
    basis, offset = np.asarray(estimates.model.basis, float), np.asarray(estimates.model.offset, float)
    count = x.shape[1]
    order = {name: place for place, name in enumerate(estimates.names.equations)}
    blocks = [slice(order[name] * count, (order[name] + 1) * count) for name in sorted(order)] or [slice(None)]
    return np.concatenate([x @ offset[b] for b in blocks]), np.vstack([x @ basis[b] for b in blocks])


def random_nested(small: Estimates, large: Estimates) -> bool:
    """Has the larger model, for every random effect of the smaller one, random effects of the same groups whose
    covariates span its own?"""
    if not variances(small) - variances(large):
        return True
    for effect in small.design.effects:
        groups = _first_rows(effect)
        same = [np.asarray(e.z, float) for e in large.design.effects if np.array_equal(_first_rows(e), groups)]
        if not same or not _spanned(np.asarray(effect.z, float), np.column_stack(same)):
            return False
    return True


def errors_nested(small: Estimates, large: Estimates) -> bool:
    """Can the correlation of the smaller model's errors be one of the larger model's?"""
    kinds = [None if e.names.errors is None else e.names.errors.correlation for e in (small, large)]
    return kinds[0] == kinds[1] or not {*kinds} <= _ORDERS


def variances(estimates: Estimates) -> set[str]:
    """Labels of the random effects that have a variance; one that only the larger model has is zero in the smaller."""
    effects, found = estimates.names.effects, set()
    for component in estimates.component_info:
        if component.kind == "var" and component.equation >= 0:
            effect = effects[component.equation]
            whole = effect.path == "_all" and effect.factor is not None  # `_all: R.id` is `id:`
            found.add(f"{effect.factor}:var(_cons)" if whole else f"{effect.path}:{component.label.split(':', 1)[1]}")
    return found


def same_restricted_columns(first: Estimates, second: Estimates) -> bool:
    """Are the free columns of the fixed part the same?  A restricted likelihood depends on them."""
    one, two = _free_columns(first), _free_columns(second)
    if one.keys() != two.keys() or not all(np.array_equal(one[name], two[name]) for name in one):
        return False
    return _rank(first) == _rank(second)


def _free_columns(estimates: Estimates) -> dict[str, np.ndarray]:
    free, x = np.diag(estimates.coefficient_vce) > 0, np.asarray(estimates.design.x)
    return {_name(c): x[:, c.index] for c in estimates.names.estimated if free[c.index]}


def _rank(estimates: Estimates) -> int:
    """The number of coefficients that constraints leave free."""
    scale = np.sqrt(np.diag(estimates.coefficient_vce))
    scale = np.where(scale > 0, scale, 1.0)
    return int(np.linalg.matrix_rank(estimates.coefficient_vce / np.outer(scale, scale), tol=1e-9, hermitian=True))


def _name(column: FixedColumn) -> str:
    """`_cons` and `Intercept` are the same column."""
    return f"{column.equation}:_cons" if column.constant else column.label


def _first_rows(effect) -> np.ndarray:
    """For every row the first row of its group: the groups whatever their numbers."""
    codes = np.asarray(effect.codes)
    first = np.full(effect.size, len(codes))
    np.minimum.at(first, codes, np.arange(len(codes)))
    return first[codes]


def _spanned(columns: np.ndarray, by: np.ndarray) -> bool:
    """Are all columns linear combinations of the others?"""
    sizes = np.linalg.norm(by, axis=0)
    by = by / np.where(sizes > 0, sizes, 1.0)
    left = columns - by @ np.linalg.lstsq(by, columns, rcond=None)[0]
    return bool(np.all(np.linalg.norm(left, axis=0) <= 1e-7 * np.linalg.norm(columns, axis=0)))
