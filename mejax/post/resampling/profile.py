"""Profile-likelihood intervals: where the likelihood, maximised over everything else, falls by half a chi-squared
quantile.

For a parameter theta, zeta(c) = sign(c - estimate) sqrt(2 {log L - max log L with theta = c}); the interval ends where
zeta is -z and z (Venzon and Moolgavkar 1988, Applied Statistics 37: 87-94).  It does not depend on the scale on which
theta is looked at, so that the interval of a standard deviation is the root of that of the variance.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...fitting import Curve, Estimates, profile_curve
from ..hypotheses.hypotheses import parameter_labels
from ..hypotheses.lrtest import restricted
from ..kinds import is_integrated, is_nonlinear
from ..normal import critical

_SHARES = (0.25, 0.5, 0.75, 1.0, 1.3)  # of the critical value, where points of a curve are computed


@dataclass(frozen=True)
class ProfileFound:
    """`table` has `estimate lower upper` for each parameter, `curves` the points `parameter value zeta`; `notes` say
    what could not be found."""

    table: pd.DataFrame
    curves: pd.DataFrame
    level: float
    notes: tuple[str, ...]


def profile(
    estimates: Estimates, parameters: Sequence[str] | None, level: float, report: Callable[[str], None]
) -> ProfileFound:
    """The profiles of the parameters named, of all that have a standard error by default; call inside double precision.

    An interruption (Ctrl-C) leaves the parameters that are done; before the first is, it goes through.

    Raises:
        ValueError: the objective is no likelihood (robust standard errors, linearization), a restricted likelihood is
            asked about coefficients, an unknown label, a parameter without standard error.
    """
    _check(estimates)
    labels = parameter_labels(estimates)
    fixed = len(estimates.coefficients)
    if parameters is None:
        spread = np.nan_to_num(np.diag(estimates.covariance))
        first = fixed if restricted(estimates) else 0
        chosen = [k for k in range(first, len(labels)) if spread[k] > 0]
    else:
        chosen = [_place(labels, name) for name in ([parameters] if isinstance(parameters, str) else parameters)]
    if restricted(estimates) and any(k < fixed for k in chosen):
        raise ValueError(
            "profile: restricted likelihoods with a coefficient held and free cannot be compared; fit the model by "
            "maximum likelihood (without reml)"
        )
    rows, points, notes = {}, [], []
    try:
        for k in chosen:
            report(labels[k])
            row, way = _followed(profile_curve(estimates, k, labels[k]), critical(level))
            if np.isnan(row).any():
                notes.append(f"{labels[k]}: the search for a limit of the interval did not end")
            points += way
            rows[labels[k]] = row
    except KeyboardInterrupt:
        if not rows:
            raise
        notes.append(f"interrupted; {len(rows)} of {len(chosen)} parameters were done")
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "lower", "upper"])
    curves = pd.DataFrame([p for p in points if p[0] in rows], columns=["parameter", "value", "zeta"])
    order = {label: i for i, label in enumerate(rows)}
    curves = curves.sort_values(["parameter", "value"], key=lambda c: c.map(order) if c.name == "parameter" else c)
    return ProfileFound(frame, curves.reset_index(drop=True), level, tuple(notes))


def _followed(curve: Curve, z: float) -> tuple[tuple[float, float, float], list[tuple[str, float, float]]]:
    """(estimate, lower and upper limit; the points on the way to the limits)."""
    points: list[tuple[str, float, float]] = []
    lower, upper = (_end(curve, side, z, points) for side in (-1.0, 1.0))
    return (curve.estimate, lower, upper), points


def _end(curve: Curve, side: float, z: float, points: list) -> float:
    """A limit of the interval; the points on the way to it are kept."""
    if side < 0:
        points.append((curve.label, curve.estimate, 0.0))
    limit = np.nan
    for share in _SHARES:
        value = curve.limit(side * share * z)
        if share == 1.0:
            limit = value
        if not np.isfinite(value) or (curve.log and value == 0.0):
            break
        points.append((curve.label, value, side * share * z))
    else:
        return limit
    return limit if np.isfinite(limit) else value


def _place(labels: list[str], name: str) -> int:
    if name in labels:
        return labels.index(name)
    near = difflib.get_close_matches(str(name), labels, n=2)
    hint = f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else f"parameters are {', '.join(labels)}"
    raise ValueError(f"profile: there is no parameter `{name}`; {hint}")


def _check(estimates: Estimates) -> None:
    if not estimates.status.ok:
        raise ValueError(f"profile: the fit ended as `{estimates.status}`, so that its log likelihood is no maximum")
    if estimates.vce != "oim":
        raise ValueError("profile: the objective of a fit with robust standard errors is compared with no chi-squared")
    if is_nonlinear(estimates) and not is_integrated(estimates):
        raise ValueError(
            "profile: alternation ends at a fixed point of the linearised model, whose likelihood has no profile; fit "
            'the true likelihood, intmethod="mcaghermite" or "laplace"'
        )
