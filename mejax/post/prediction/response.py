"""Responses in the user's terms: outcomes, the columns of several predictors, values as they would be observed."""

from typing import Any

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ..kinds import is_generalized
from .arguments import has_limits, own_limit


def has_categories(encoding: Encoding) -> bool:
    """Is the response one of several categories, so that its mean says nothing?"""
    return encoding.response is not None and "categories" in encoding.response.details


def has_outcomes(encoding: Encoding) -> bool:
    """Does a probability belong to one of the response's values?"""
    return encoding.response is not None and len(encoding.response.values) > 0


def has_normal_errors(estimates: Estimates) -> bool:
    """Is the response, or what is behind it, its mean plus a normal error with the variance var(e)?"""
    if not is_generalized(estimates):
        return True
    family = estimates.model.family
    return len(family.variances) == 1 and family.link.name == "identity"


def probability_of(encoding: Encoding, outcome: Any, found: np.ndarray) -> np.ndarray:
    """Of all probabilities the one asked for (n,); without an outcome they stay as they are.

    Those of categories are (n, k); of a yes-or-no response there is one, that of yes.
    """
    if outcome is None:
        return found
    place = place_of_outcome(encoding, outcome)
    if found.ndim > 1:
        return found[:, place]
    return found if place == 1 else 1.0 - found


def place_of_outcome(encoding: Encoding, outcome: Any) -> int:
    """Which category an outcome is, given as its value or its label."""
    assert encoding.response is not None
    coding = encoding.response
    for known in (coding.values, coding.labels):
        for place, value in enumerate(known):
            if isinstance(outcome, bool) == isinstance(value, bool) and value == outcome:
                return place
    raise ValueError(f"predict: there is no `outcome={outcome!r}`; the outcomes are {', '.join(coding.labels)}")


def outcome_columns(encoding: Encoding) -> pd.Index:
    """The categories of the response as column names."""
    assert encoding.response is not None
    return pd.Index(encoding.response.values, name="outcome")


def predictor_columns(estimates: Estimates, encoding: Encoding) -> pd.Index:
    """The outcomes that have linear predictors, as column names: all but the base outcome."""
    assert encoding.response is not None
    values = list(encoding.response.values)
    del values[encoding.response.details["base"]]
    assert len(values) == estimates.model.family.equations
    return pd.Index(values, name="outcome")


def observed_values(encoding: Encoding, y: np.ndarray) -> np.ndarray:
    """Responses as they stand in the table: categories' own values for their numbers, what limits leave to be seen."""
    if has_categories(encoding):
        assert encoding.response is not None
        return np.asarray(encoding.response.values)[y.astype(np.int64)]
    if not has_limits(encoding):
        return y
    return np.clip(y, *(own_limit(encoding, encoding.extras, side) for side in (0, 1)))


def drawn_response(estimates: Estimates, encoding: Encoding, drawn: np.ndarray) -> Any:
    """`Design.y` of a response that was drawn, observed in the same way as the one that was fitted.

    Raises:
        ValueError: how a draw would have been observed is not known.
    """
    if not is_generalized(estimates):
        return drawn
    y, reads = estimates.design.y, {s.reads for s in estimates.model.family.statistics.values()}
    if "trials" in reads and isinstance(y, tuple):
        return drawn.astype(float), np.asarray(y[1], float)
    if not isinstance(y, tuple):
        return drawn.astype(np.asarray(y).dtype)
    if "limits" in reads and has_limits(encoding):
        low, high = (own_limit(encoding, encoding.extras, side) for side in (0, 1))
        below, above = drawn <= low, drawn >= high
        lower = np.where(below, -np.inf, np.where(above, high, drawn))
        return lower, np.where(below, low, np.where(above, np.inf, drawn))
    raise ValueError(
        "a response of this model cannot be drawn as it was observed: which values would have been censored, and "
        'where, is not known. Resample the clusters instead: kind="cluster"'
    )
