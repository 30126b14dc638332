"""Margins: averages of predictions at settings of the covariates, and of their slopes, with delta-method errors.

| statistic | what is averaged over the rows |
|---|---|
| default, linear models | X beta |
| default, generalized models | the statistic of `predict`, the random effects integrated out (`marginal=True` there) |
| default, nonlinear models | f(beta, 0), the mean of a group whose random effects are zero |
| `conditional="fixedonly"` | the statistic of a group whose random effects are zero |

Standard errors are those of the delta method with the whole covariance matrix of coefficients, ancillary parameters and
variance components, and with the rows as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ..functions import Functions
from .averages import Average, Averager
from .cells import Asked, Cell, base_place, cells_of, sample_weights
from .estimability import Estimability
from .found import MarginsFound
from .nonlinear_averages import NonlinearAverager
from .statistics import averager_of, expression_of, outcomes_of
from .tables import Sampled, describe, levels_of, parse_terms, settings


def margins(estimates: Estimates, encoding: Encoding, asked: Asked) -> MarginsFound:
    """The margins asked for; call inside double precision.

    Raises:
        ValueError: a factor, covariate, level or statistic that the model does not have, or one that is not that of a
            population (predictions of groups, residuals).
    """
    averager = averager_of(estimates, encoding, asked.request, asked.slope)
    terms = parse_terms(encoding, asked.terms)
    names = tuple(dict.fromkeys(name for term in terms for name in term))
    levels = {name: levels_of(encoding, name) for name in names}
    sample = Sampled(encoding.table(), sample_weights(estimates))
    settled = settings(encoding, sample, asked.at)
    average = _averages(averager, Estimability(estimates, encoding))
    places, found = [], []
    for cell in cells_of(encoding, sample, asked, settled, terms, levels):  # one table at a time: they may be large
        places.append(cell.where)
        found.append(average(cell))
    outcomes = outcomes_of(estimates, encoding, asked.request, len(found[0].values))
    frame = _frame(places, names, outcomes)
    return MarginsFound(
        functions=_functions(estimates, found, tuple(frame["_label"]), small=asked.small),
        cells=frame.drop(columns="_label"),
        terms=terms,
        levels={name: known.texts for name, known in levels.items()},
        values={name: known.numbers for name, known in levels.items()},
        title=_title(asked),
        expression=expression_of(estimates, asked.request),
        at=tuple(f"{k}._at: {describe(encoding, s)}" for k, s in enumerate(settled, 1)) if asked.at is not None else (),
        nobs=estimates.nobs,
        notes=_notes(estimates, found),
        labels={name: known.labels for name, known in levels.items()},
        bases={name: known.texts[base_place(encoding, name, known)] for name, known in levels.items()},
        quantity="Margin" if asked.variables is None else f"{asked.slope[:2]}/{asked.slope[2:]}",
        varied=_varied(settled),
    )


def _varied(settled: list[dict[str, Any]]) -> tuple[str, np.ndarray] | None:
    """The covariate that alone differs between the settings, where its values are numbers."""
    names = [name for name in settled[0] if len({repr(s.get(name)) for s in settled}) > 1]
    if len(names) != 1 or any(set(s) != set(settled[0]) for s in settled):
        return None
    values = [s[names[0]] for s in settled]
    return (names[0], np.array(values, float)) if all(isinstance(v, int | float | np.number) for v in values) else None


def _title(asked: Asked) -> str:
    """What the suite calls such margins."""
    if asked.variables is not None:
        return "Conditional marginal effects" if asked.atmeans else "Average marginal effects"
    return "Adjusted predictions" if asked.atmeans or asked.asbalanced else "Predictive margins"


def _averages(averager: Averager | NonlinearAverager, estimable: Estimability) -> Callable[[Cell], Average]:
    """A function that gives each cell's average; that at a factor's base level is computed once."""
    last: list[Any] = [None, None]

    linear = isinstance(averager, Averager) and averager.of.family is None

    def told(found: Average, *rows: Sampled) -> Average:
        """The average, or NaN where the coefficients cannot tell it: of the linear predictor only a difference has to
        be told, not what it is the difference of."""
        left = [estimable.left(one, averager.mean_columns) for one in rows]
        apart = [left[0] - left[1]] if linear and len(left) == 2 else left
        if all(estimable.vanishes(part) for part in apart):
            return found
        return Average(np.full_like(found.values, np.nan), np.full_like(found.jacobian, np.nan))

    def of_cell(cell: Cell) -> Average:
        if cell.base is None:
            found = averager.average(cell.sampled, cell.variable)
            return found if cell.variable is not None else told(found, cell.sampled)
        if cell.base is not last[0]:
            last[:] = cell.base, averager.average(cell.base)
        one, base = averager.average(cell.sampled), last[1]
        return told(Average(one.values - base.values, one.jacobian - base.jacobian), cell.sampled, cell.base)

    return of_cell


def _frame(places: list[Mapping[str, str]], names: tuple[str, ...], outcomes: tuple[str, ...]) -> pd.DataFrame:
    """What identifies each margin, outcome by outcome, and its label."""
    rows = [{**where, **({"outcome": o} if o else {})} for o in outcomes for where in places]
    known = dict.fromkeys(key for row in rows for key in row)
    over = [key for key in known if key not in (*names, "_at", "dydx", "outcome")]
    columns = [*names, *(key for key in ("_at", *over, "dydx", "outcome") if key in known)]
    frame = pd.DataFrame([{c: row.get(c, "") for c in columns} for row in rows], columns=columns)
    several = len({tuple(n for n in names if row.get(n)) for row in rows}) > 1
    frame["_label"] = [_label(row, names, over, several) for row in rows]
    return frame


def _label(row: Mapping[str, str], names: tuple[str, ...], over: Sequence[str], several: bool) -> str:
    """`2#1`; with several terms `2.thatch#1.nitrogen`; before it the slope's covariate, the outcome, `1._at`."""
    parts = [row["dydx"]] if "dydx" in row else []
    parts += [f"outcome={row['outcome']}"] if "outcome" in row else []
    parts += [f"{row['_at']}._at"] if "_at" in row else []
    parts += [row[name] for name in over]
    own = [name for name in names if name in row]
    parts += [f"{row[name]}.{name}" if several else row[name] for name in own]
    return "#".join(parts) or "_cons"


def _functions(estimates: Estimates, found: list[Average], labels: tuple[str, ...], *, small: bool) -> Functions:
    """The averages with their covariance matrix by the delta method."""
    values = np.stack([a.values for a in found], axis=1).ravel()  # outcome by outcome
    jacobian = np.stack([a.jacobian for a in found], axis=1).reshape(len(values), -1)
    covariance = np.nan_to_num(estimates.covariance, nan=0.0)
    spread = jacobian @ covariance @ jacobian.T
    plain = Functions(labels, values, spread)
    if not small:
        return plain
    degrees = estimates.degrees
    if degrees is None:
        raise ValueError(
            "margins: `small` needs degrees of freedom, and the model was fitted without; fit it with `dfmethod`, such "
            'as dfmethod="satterthwaite"'
        )
    fixed = jacobian[:, : len(estimates.coefficients)]
    df = np.array([np.nan if np.isnan(row).any() else degrees.of(row) for row in fixed])
    return replace(plain, df=df, joint=lambda rows: degrees.joint(rows @ np.nan_to_num(fixed)))


def _notes(estimates: Estimates, found: list[Average]) -> tuple[str, ...]:
    notes = []
    lost = np.isnan(np.diag(estimates.covariance))
    used = np.any([np.any(np.nan_to_num(a.jacobian[:, lost]) != 0) for a in found]) if lost.any() else False
    if used:
        notes.append("variance components without a standard error are taken as known")
    if any(np.isnan(a.values).any() for a in found):
        notes.append("(not estimable): what was left out as empty or collinear would be needed")
    return tuple(notes)
