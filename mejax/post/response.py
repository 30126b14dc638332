"""Responses of generalized models in the user's terms: means, probabilities of outcomes, categories, trials."""

from typing import Any

import numpy as np
import pandas as pd

from ..fitting import Estimates
from ..frame import Encoding
from .rows import Rows


def response_of(estimates: Estimates, encoding: Encoding, rows: Rows) -> Any:
    """What the family takes as y: the sample's response; for new data only what does not depend on the outcome."""
    if rows.keep is not None:
        return estimates.design.y
    if estimates.model.family.name != "binomial":
        return None
    trials = rows.extras.get("binomial")
    if trials is None:
        assert encoding.response is not None
        raise ValueError(
            f"predict: mu of a binomial response is trials x probability, and the new data do not give the trials "
            f"`{encoding.response.trials}`; add the column, or predict `pr`"
        )
    return np.zeros(len(rows.x)), np.broadcast_to(np.asarray(trials, float), len(rows.x))


def mean_of(family, y: Any, eta: np.ndarray, aux: np.ndarray) -> np.ndarray:
    """E(y given eta) (n,).

    Raises:
        ValueError: an ordinal response, which has probabilities but no mean.
    """
    if family.name == "ordinal":
        raise ValueError("predict: the categories of an ordinal response have no mean; predict `pr`")
    return np.asarray(family.mean(y, eta, aux))


def probabilities_of(family, encoding: Encoding, outcome: Any, eta: np.ndarray, aux: np.ndarray) -> np.ndarray:
    """Pr(y = outcome given eta) (n,); (n, k) for all k categories of an ordinal response without an outcome."""
    if family.name not in ("bernoulli", "binomial", "ordinal"):
        raise ValueError(f"predict: `pr` is for binary and ordinal responses; a {family.name} response has mu")
    found = np.asarray(family.probabilities(eta, aux))
    if family.name == "binomial":
        if outcome is not None:
            raise ValueError("predict: `outcome` says nothing about a binomial response; pr is that of a success")
        return found
    if outcome is None:
        return found
    place = _place(encoding, outcome)
    if family.name == "bernoulli":
        return found if place == 1 else 1.0 - found
    return found[:, place]


def _place(encoding: Encoding, outcome: Any) -> int:
    """Which category an outcome is, given as its value or its label."""
    assert encoding.response is not None
    coding = encoding.response
    for known in (coding.values, coding.labels):
        for place, value in enumerate(known):
            if type(outcome) is not bool and value == outcome:
                return place
    raise ValueError(f"predict: there is no `outcome={outcome!r}`; the outcomes are {', '.join(coding.labels)}")


def outcome_columns(encoding: Encoding) -> pd.Index:
    """The categories of an ordinal response as column names."""
    assert encoding.response is not None
    return pd.Index(encoding.response.values, name="outcome")


def observed_values(family, encoding: Encoding, y: np.ndarray) -> np.ndarray:
    """Responses as they stand in the table: the categories' own values in place of their numbers."""
    if family.name != "ordinal":
        return y
    assert encoding.response is not None
    values = np.asarray(encoding.response.values)
    return values[y.astype(np.int64)]
