"""Curves of the population: survival and hazard over time, probabilities of outcomes over a covariate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ..kinds import is_generalized
from .predict import predict
from .request import Request
from .response import has_categories
from .typical_rows import MOST_CURVES, factors_of, few, shown, typical_row, values_over, with_values

_POINTS = 101  # of a curve


def survival_curves(
    estimates: Estimates,
    encoding: Encoding,
    statistic: str = "survival",
    *,
    at: Mapping[str, Any] | None = None,
    times: Any = None,
    marginal: bool = True,
    conditional: str | None = None,
    over: Any = None,
) -> pd.DataFrame:
    """Survival (or "hazard") over time: a frame with the columns `time`, `curve` and the statistic.

    There is one curve for each value of `over`, a covariate or {covariate: values}; the others stand at the values
    given by `at`, or else at their means over the sample (factors at their most frequent value).  `times` are by
    default 101 between 0 (not of a hazard, which may be infinite there) and the last exit, denser at the beginning.
    Curves are those of the population, with the random effects integrated out; `conditional="fixedonly"`, or
    `marginal=False`, gives those of a group whose effects are zero.  Call inside double precision.

    Raises:
        ValueError: a model of something other than survival times, unknown covariates, negative times.
    """
    if not is_generalized(estimates) or "survival" not in estimates.model.family.statistics:
        raise ValueError(
            f"a curve over time needs survival times, that is a fit of `mestreg`; this model has no {statistic}"
        )
    times = _times(estimates, statistic, times)
    profiles, labels = _profiles(estimates, encoding, at, over)
    repeated = profiles.loc[profiles.index.repeat(len(times))].reset_index(drop=True)
    everywhere = np.tile(times, len(profiles))
    asked = _asked(statistic, marginal, conditional, at=everywhere)
    values = predict(estimates, encoding, asked, repeated)
    return pd.DataFrame(
        {"time": everywhere, "curve": np.repeat(labels, len(times)), statistic: np.asarray(values, float)}
    )


def outcome_curves(
    estimates: Estimates,
    encoding: Encoding,
    over: Any,
    *,
    at: Mapping[str, Any] | None = None,
    marginal: bool = True,
    conditional: str | None = None,
) -> pd.DataFrame:
    """Probabilities of all outcomes against a covariate: a frame with its values first, then `outcome` and `pr`.

    `over` is the covariate or {covariate: values}; by default 101 values over its range, or all that occur where they
    are few.  Everything else is as in `survival_curves`.

    Raises:
        ValueError: a response without categories, unknown covariates.
    """
    if not is_generalized(estimates) or not has_categories(encoding):
        raise ValueError("curves of outcomes need a response in categories, that is an ordinal or a multinomial model")
    name, values = values_over(encoding, over)
    if not isinstance(over, Mapping) and len(values) > MOST_CURVES and name not in factors_of(encoding):
        values = np.linspace(values[0], values[-1], _POINTS).tolist()
    table = with_values(_row_beside(estimates, encoding, at, name), name, values)
    found = pd.DataFrame(predict(estimates, encoding, _asked("pr", marginal, conditional), table))
    assert encoding.response is not None
    labels = encoding.response.labels
    return pd.DataFrame(
        {
            f"{name} (covariate)" if name in ("outcome", "pr") else name: values * len(labels),
            "outcome": np.repeat(labels, len(values)),
            "pr": found.to_numpy().T.ravel(),
        }
    )


def _asked(statistic: str, marginal: bool, conditional: str | None, at: Any = None) -> Request:
    """Curves belong to no group of the sample: they are the population's, or those of random effects of zero."""
    if conditional not in (None, "fixedonly"):
        raise ValueError(
            f"a curve belongs to no group of the sample, so that `conditional={conditional}` has no meaning; leave it "
            "out for the population, or say `fixedonly` for random effects of zero"
        )
    fixed = conditional is not None or not marginal
    return Request(statistic, "fixedonly" if fixed else None, not fixed, at=at)


def _times(estimates: Estimates, statistic: str, times: Any) -> np.ndarray:
    if times is None:
        found = float(np.max(estimates.design.y[1])) * np.linspace(0.0, 1.0, _POINTS) ** 2
        return found if statistic == "survival" else found[1:]
    found = np.atleast_1d(np.asarray(times, float))
    if found.ndim != 1 or not len(found) or not np.all(np.isfinite(found) & (found >= 0)):
        raise ValueError(f"`times` are finite numbers from 0 on; got {times!r}")
    return found


def _profiles(
    estimates: Estimates, encoding: Encoding, at: Mapping[str, Any] | None, over: Any
) -> tuple[pd.DataFrame, list[str]]:
    """One row for each curve, and what the curves are called."""
    if over is None:
        return pd.DataFrame([typical_row(estimates, encoding, at)]), [""]
    name, values = values_over(encoding, over)
    if not isinstance(over, Mapping):
        values = few(encoding, name)
    table = with_values(_row_beside(estimates, encoding, at, name), name, values)
    return table, [shown(encoding, name, value) for value in values]


def _row_beside(estimates: Estimates, encoding: Encoding, at: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    row = typical_row(estimates, encoding, at)
    if name in (at or {}):
        raise ValueError(f"`{name}` stands in `over` and in `at`; leave it out of one of them")
    return row
