"""Residuals beside what they are drawn against: fitted values, covariates, or values from elsewhere."""

import difflib
from typing import Any

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...frame.column import level_text
from ...likelihoods import AbstractMeanFamily
from ...syntax.spec import Spec
from ..kinds import kind_of
from ..prediction.predict import predict
from ..prediction.request import Request
from ..prediction.residuals import RESIDUALS

FITTED = "fitted"
_FITTED = {"linear": "fitted", "nonlinear": "yhat", "generalized": "mu"}


def residual_kind(estimates: Estimates, kind: str | None, default: str = "pearson") -> str:
    """The residuals asked for; by default rstandard where errors are normal, and `default` of generalized models.

    Raises:
        ValueError: the response has no residuals, or none of this kind.
    """
    if kind_of(estimates) != "generalized":
        return _known(kind, ("rstandard", "residuals"), "rstandard")
    family = estimates.model.family
    if not isinstance(family, AbstractMeanFamily):
        known = "is known only in part" if family.name not in ("ordinal", "multinomial") else "has no mean"
        raise ValueError(
            f"plot: there are no residuals after this model, whose {family.name} response {known}"
            + ("" if family.name == "multinomial" else "; `plot.check()` compares it with simulated responses")
        )
    return _known(kind, RESIDUALS, default)


def _known(kind: str | None, known: tuple[str, ...], default: str) -> str:
    if kind is None or kind in known:
        return default if kind is None else kind
    near = difflib.get_close_matches(str(kind), known, n=1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    raise ValueError(f"plot: there are no residuals {kind!r} after this model; {hint}known are {', '.join(known)}")


def residual_points(
    spec: Spec,
    estimates: Estimates,
    encoding: Encoding,
    kind: str | None = None,
    *,
    against: Any = FITTED,
    by: Any = None,
    names: Any = None,
) -> pd.DataFrame:
    """A row for each of the sample: `row` (its name), `residual`, `against` and, where asked for, `by`.

    `against` holds numbers or categories; the statistics "fitted" (with the random effects) or a column of the table
    that the model uses, or values of your own, one for each row.  So does `by`, always categories, with its value
    labels.  `names` are such values too, which take the place of the rows' own names.  Call inside double precision.

    Raises:
        ValueError: no such residuals after this model, columns that the model does not use.
    """
    statistic = residual_kind(estimates, kind)
    sample = np.asarray(encoding.sample)
    index = pd.RangeIndex(len(sample)) if encoding.index is None else encoding.index
    rows = [", ".join(map(level_text, r)) if isinstance(r, tuple) else level_text(r) for r in index[sample]]
    found: dict[str, Any] = {
        "row": rows if names is None else list(_as_categories(column_values(encoding, names, "names")))
    }
    found["residual"] = np.asarray(predict(estimates, encoding, Request(statistic), nonlinear=spec.nonlinear))[sample]
    if isinstance(against, str) and against == FITTED:
        fitted = Request(_FITTED[kind_of(estimates)])
        against = np.asarray(predict(estimates, encoding, fitted, nonlinear=spec.nonlinear))
    found["against"] = column_values(encoding, against, "against")
    if by is not None:
        found["by"] = _as_categories(column_values(encoding, by, "by"))
    points = pd.DataFrame(found, index=index[sample])
    if points.dropna().empty:
        raise ValueError("plot: in no row is everything known that the picture shows; look for missing values")
    return points


def name_of(what: Any, otherwise: str) -> str:
    """What a column, or values of one's own, is called on an axis."""
    if isinstance(what, str):
        return what
    name = getattr(what, "name", None)
    return otherwise if name is None else str(name)


def column_values(encoding: Encoding, what: Any, option: str) -> Any:
    """A column of the table over the sample, by its name, or values for all its rows: numbers, or a categorical."""
    if isinstance(what, str):
        if what not in encoding.columns:
            near = difflib.get_close_matches(what, encoding.columns, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"those it uses are {', '.join(encoding.columns)}"
            raise ValueError(
                f"plot: `{option}={what!r}` is no column that the model uses; {hint} Of other columns give the values, "
                f"as in {option}=df[{what!r}]"
            )
        values = pd.Series(encoding.table()[what].array, name=what)
    else:
        values = pd.Series(what if isinstance(what, pd.Series) else np.asarray(what)).reset_index(drop=True)
        rows, used = len(encoding.sample), int(np.sum(encoding.sample))
        if len(values) not in (rows, used):
            raise ValueError(
                f"plot: `{option}` has {len(values):,} values; one for each of the {rows:,} rows is needed"
            )
        values = values[np.asarray(encoding.sample)] if len(values) == rows else values
    if np.all(pd.isna(values)):
        raise ValueError(f"plot: all values of `{option}` are missing; give values for at least some of the rows")
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        numbers = np.asarray(values, float)
        if np.isinf(numbers).any():
            raise ValueError(f"plot: `{option}` has infinite values; make them missing or finite")
        return numbers
    return pd.Categorical(values)


def _as_categories(values: Any) -> pd.Categorical:
    """Values in words, in their order."""
    found = values if isinstance(values, pd.Categorical) else pd.Categorical(values)
    return found.rename_categories([level_text(value) for value in found.categories])
