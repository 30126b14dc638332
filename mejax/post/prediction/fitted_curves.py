"""Fitted curves of groups: the mean over one covariate with and without random effects, beside the observations."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...syntax.spec import Spec
from ..kinds import kind_of, response_of
from .predict import predict
from .request import Request
from .typical_rows import MOST_CURVES, factors_of

_POINTS = 101  # of a curve
_STATISTICS = {"linear": ("fitted", "xb"), "nonlinear": ("yhat", "yhat")}


class FittedCurves(NamedTuple):
    """`curves`: group, covariate, `fitted` (random effects at their modes), `fixed` (zero); `points`: group, covariate,
    `response`.  `x` is the covariate, `by` the grouping variables in words ("": all rows are one group)."""

    curves: pd.DataFrame
    points: pd.DataFrame
    x: str
    by: str


def fitted_curves(
    spec: Spec, estimates: Estimates, encoding: Encoding, x: str | None = None, by: Any = None, groups: Any = None
) -> FittedCurves:
    """The mean of each group over the range of its covariate `x`, the others being those of its first row.

    `by` is a grouping variable or several, by default those of the lowest level; `groups` some of their values (by
    default the first twelve).  The random effects of levels below `by` are zero.  `x` is by default the first column
    that the mean reads.  Call inside double precision.

    Raises:
        ValueError: a generalized model, columns that the model does not use, groups that the sample does not have.
    """
    kind = kind_of(estimates)
    if kind == "generalized":
        raise ValueError(
            "fitted curves beside the observations need a response with normal errors, that is a fit of `mixed` or "
            "`menl`; of a response in categories `plot.outcomes()` shows the probabilities"
        )
    table = encoding.table()
    x = _covariate(encoding, x)
    variables = _variables(spec, by)
    labels = _labels(table, variables)
    chosen = _chosen(table, variables, labels, groups)
    firsts = [int(np.argmax(labels == label)) for label in chosen]
    grids = [_grid(table[x].to_numpy(float)[labels == label]) for label in chosen]
    rows = table.iloc[np.repeat(firsts, _POINTS)].reset_index(drop=True)
    rows[x] = np.concatenate(grids)
    fitted, fixed = _STATISTICS[kind]
    level = _level_above(spec, variables)
    names = np.repeat(chosen, _POINTS)
    zero = None if kind == "linear" else "fixedonly"
    curves = pd.DataFrame({
        "group": names, x: rows[x].to_numpy(),
        "fitted": np.asarray(predict(estimates, encoding, Request(fitted, relevel=level), rows, spec.nonlinear)),
        "fixed": np.asarray(predict(estimates, encoding, Request(fixed, zero), rows, spec.nonlinear)),
    })  # fmt: skip
    shown = np.isin(labels, chosen)
    points = pd.DataFrame({
        "group": labels[shown], x: table[x].to_numpy(float)[shown], "response": response_of(estimates)[shown],
    })  # fmt: skip
    return FittedCurves(curves, points, x, ", ".join(variables))


def _grid(values: np.ndarray) -> np.ndarray:
    return np.linspace(values.min(), values.max(), _POINTS)


def _covariate(encoding: Encoding, x: str | None) -> str:
    """The covariate asked for, or the first number that the mean reads."""
    if encoding.mean is not None:
        inside = [name for coding in encoding.mean.combinations for name in coding.variables]
        known = tuple(dict.fromkeys((*encoding.mean.columns, *inside)))
    else:
        factors = factors_of(encoding)
        known = tuple(name for name in encoding.fixed.variables if name not in factors)
    known = tuple(name for name in known if encoding.columns[name].kind == "number")
    if x is None and known:
        return known[0]
    if x not in known:
        near = difflib.get_close_matches(str(x), known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known) or 'none'}"
        what = "needs a covariate that is a number" if x is None else f"`x={x!r}` is no covariate that is a number"
        raise ValueError(f"plot.fitted: {what}; {hint}")
    return str(x)


def _variables(spec: Spec, by: Any) -> tuple[str, ...]:
    """The grouping variables asked for, or those of the lowest level."""
    levels = [e.level.variables for e in spec.equations]
    known = tuple(dict.fromkeys(name for level in levels for name in level))
    if by is None:
        depth = max(map(len, levels), default=0)
        return [level for level in levels if len(level) == depth][-1] if levels else ()
    wanted = tuple(by) if isinstance(by, Iterable) and not isinstance(by, str) else (by,)
    if not wanted:
        raise ValueError(f"plot.fitted: `by` names no grouping variable; there are {', '.join(known) or 'none'}")
    for name in wanted:
        if name not in known:
            raise ValueError(
                f"plot.fitted: `by={name!r}` is no grouping variable; there are {', '.join(known) or 'none'}"
            )
    return wanted


def _level_above(spec: Spec, variables: tuple[str, ...]) -> str | None:
    """The level that the variables name, where others are nested in it."""
    levels = {e.level.variables: e.level.label for e in spec.equations}
    nested = any(len(level) > len(variables) and level[: len(variables)] == variables for level in levels)
    return levels.get(variables) if nested else None


def _labels(table: pd.DataFrame, variables: Sequence[str]) -> np.ndarray:
    """The group of every row in words: `3`, or `2, 7` of several variables."""
    if not variables:
        return np.full(len(table), "all", dtype=object)
    return np.array(
        [", ".join(map(str, values)) for values in zip(*(table[v] for v in variables), strict=True)], object
    )


def _chosen(table: pd.DataFrame, variables: Sequence[str], labels: np.ndarray, groups: Any) -> list[str]:
    """The groups to be shown, in the order given or that of their values."""
    if groups is None:
        frame = pd.DataFrame({name: table[name].to_numpy() for name in variables}).assign(
            **{"label of the group": labels}
        )
        ordered = frame.sort_values(list(variables)) if variables else frame
        return list(dict.fromkeys(ordered["label of the group"]))[:MOST_CURVES]
    listed = [groups] if isinstance(groups, str) or not isinstance(groups, Iterable) else list(groups)
    wanted = [", ".join(map(str, g)) if isinstance(g, tuple) else str(g) for g in listed]
    known = set(labels)
    if not wanted:
        raise ValueError("plot.fitted: `groups` is empty; name one group at least, or leave it out for the first ones")
    for label in wanted:
        if label not in known:
            some = ", ".join(list(dict.fromkeys(labels))[:5])
            raise ValueError(
                f"plot.fitted: the sample has no group {label!r} of {', '.join(variables)}; there are {some}"
            )
    return wanted
