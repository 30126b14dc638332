"""`estat wcorrelation`: the marginal covariance matrix of the responses of one cluster, V = Z Sigma Z' + R."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...lmm import error_covariance
from ...syntax.spec import Spec
from ...tables import render_matrix
from ..kinds import is_generalized, is_integrated, is_nonlinear
from ..prediction.nonlinear_mean import covariates_at_modes

_MOST_ROWS = 1000


@dataclass(frozen=True)
class WithinCluster:
    """Correlations (or covariances) of the responses of one cluster: `table` with a row and a column for each of its
    rows, their standard deviations `sd`, and the `data` of these rows; `print` shows them."""

    table: pd.DataFrame
    sd: pd.Series
    data: pd.DataFrame
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table.to_html(float_format=lambda value: f"{value:.3f}")


def wcorrelation(
    spec: Spec,
    estimates: Estimates,
    encoding: Encoding,
    at: Mapping[str, Any] | None = None,
    *,
    covariance: bool = False,
    list_data: bool = False,
) -> WithinCluster:
    """Correlations and standard deviations of the responses of one cluster, at its own covariates.

    The cluster is that in which the grouping variables have the values `at`, `{"school": 33}`, or all rows of the first
    group of the lowest level (the first with two rows, if there is one).  In a nonlinear model Z are the derivatives of
    the mean in the random effects, at the estimates and at their modes.  Call inside double precision.
    """
    if is_generalized(estimates):
        raise ValueError(
            "estat wcorrelation: the correlations are those of responses with normal errors; those of a generalized "
            "model depend on its mean. After binary, ordinal and censored models `estat.icc()` has those behind them"
        )
    if is_integrated(estimates):
        raise ValueError(
            "estat wcorrelation: on a nonlinear model's true likelihood the responses are not jointly normal; the "
            "correlations are those of its linearization: fit it without intmethod() and intpoints()"
        )
    table = encoding.table()
    chosen, where = _cluster(spec, table, at)
    if len(chosen) > _MOST_ROWS:
        raise ValueError(
            f"estat wcorrelation: the cluster{where} has {len(chosen):,} rows, whose matrix nobody can read; choose a "
            "smaller one by `at`"
        )
    chosen = _by_time(estimates, chosen)
    v = _covariance(estimates, chosen)
    sd = np.sqrt(np.diag(v))
    matrix = v if covariance else v / np.outer(sd, sd)
    data = pd.DataFrame(table.iloc[chosen])
    frame = pd.DataFrame(matrix, index=data.index, columns=data.index)
    text = _text(matrix, None if covariance else sd, where)
    if list_data:
        text += "\n\nData:\n\n" + data.set_axis([str(k + 1) for k in range(len(data))]).to_string()
    return WithinCluster(frame, pd.Series(sd, data.index, name="sd"), data, text)


def _text(matrix: np.ndarray, sd: np.ndarray | None, where: str) -> str:
    labels = [str(k + 1) for k in range(len(matrix))]
    drawn = render_matrix("", labels, labels, matrix, symmetric=True, decimals=3, corner="obs")
    if sd is None:
        return f"Covariances{where}:\n\n{drawn}"
    errors = render_matrix("", ["sd"], labels, sd[None, :], symmetric=False, decimals=3, corner="obs")
    return (
        f"Standard deviations and correlations{where}:\n\nStandard deviations:\n\n{errors}\n\nCorrelations:\n\n{drawn}"
    )


def _cluster(spec: Spec, table: pd.DataFrame, at: Mapping[str, Any] | None) -> tuple[np.ndarray, str]:
    """The rows of the cluster among those of the sample, and what it is called."""
    if at is not None:
        return _named_cluster(spec, table, at)
    levels = [e.level.variables for e in spec.equations]
    depth = max(map(len, levels), default=0)
    if depth == 0:
        return np.arange(len(table)), ""
    variables = [level for level in levels if len(level) == depth][-1]
    codes = table.groupby([table[name] for name in variables], sort=False, observed=True).ngroup().to_numpy()
    several = np.flatnonzero(np.bincount(codes)[codes] > 1)
    first = int(several[0]) if len(several) else 0
    values = {name: table[name].iloc[first] for name in variables}
    return np.flatnonzero(codes == codes[first]), _words(values)


def _named_cluster(spec: Spec, table: pd.DataFrame, at: Mapping[str, Any]) -> tuple[np.ndarray, str]:
    known = list(dict.fromkeys(name for e in spec.equations for name in (*e.level.variables, e.factor) if name))
    chosen = np.ones(len(table), bool)
    if not isinstance(at, Mapping) or not at:
        raise ValueError(f'estat wcorrelation: `at` is a mapping such as {{"{(known or ["id"])[0]}": 1}}; got {at!r}')
    for name, value in at.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"they are {', '.join(known) or 'none'}"
            raise ValueError(f"estat wcorrelation: `{name}` is no grouping variable of this model; {hint}")
        found = np.asarray(table[name] == value, bool)
        if not found.any():
            some = ", ".join(str(v) for v in list(dict.fromkeys(table[name]))[:5])
            raise ValueError(
                f"estat wcorrelation: no row of the sample has `{name}` = {value!r}; there are {some}, ..."
            )
        chosen &= found
    if not chosen.any():
        raise ValueError(f"estat wcorrelation: no row of the sample has{_words(at).removeprefix(' for')}")
    return np.flatnonzero(chosen), _words(at)


def _words(values: Mapping[str, Any]) -> str:
    return " for " + ", ".join(f"{name} = {value}" for name, value in values.items())


def _by_time(estimates: Estimates, chosen: np.ndarray) -> np.ndarray:
    """The rows group by group in the order of their times, where the errors have times."""
    within = estimates.design.within
    if within is None or within.times is None:
        return chosen
    times, groups = np.asarray(within.times)[chosen], np.asarray(within.groups)[chosen]
    return chosen[np.lexsort((times, groups))]


def _covariance(estimates: Estimates, chosen: np.ndarray) -> np.ndarray:
    """V of these rows."""
    effects = estimates.design.effects
    z = covariates_at_modes(estimates) if is_nonlinear(estimates) else tuple(np.asarray(e.z) for e in effects)
    v = _errors(estimates, chosen)
    for effect, columns, sigma in zip(effects, z, estimates.sigmas, strict=True):
        codes, own = np.asarray(effect.codes)[chosen], columns[chosen]
        v = v + (codes[:, None] == codes[None, :]) * (own @ sigma @ own.T)
    return v


def _errors(estimates: Estimates, chosen: np.ndarray) -> np.ndarray:
    """The errors' covariance matrix: that of all rows of their groups, of which the chosen ones are taken."""
    within = estimates.design.within
    rows = chosen
    if within is not None:
        groups = np.asarray(within.groups)
        rows = np.flatnonzero(np.isin(groups, groups[chosen]))
    if len(rows) > _MOST_ROWS:
        raise ValueError(
            f"estat wcorrelation: the rows chosen belong to groups of {len(rows):,} rows in all, whose errors are "
            "correlated; choose fewer by `at`"
        )
    indicators = np.zeros((len(estimates.design.x), len(rows)))
    indicators[rows, np.arange(len(rows))] = 1.0
    places = np.searchsorted(rows, chosen)
    return np.asarray(error_covariance(estimates.linear, estimates.v, indicators))[np.ix_(places, places)]
