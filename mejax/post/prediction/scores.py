"""Scores of generalized models."""

import numpy as np
import pandas as pd

from ..._tree import to_host
from ...fitting import Estimates
from ...glmm import cluster_scores, evaluate, start_state
from ..hypotheses.hypotheses import parameter_labels


def scores(estimates: Estimates) -> pd.DataFrame:
    """Derivatives of each top-level cluster's log likelihood in everything printed, a row per cluster.

    The optimiser's own parameters v are mapped by the chain rule: with J the derivatives of everything printed in v,
    dl/dv = dl/dprinted J, solved by the generalised inverse of J (where several printed values are one parameter, they
    share its score).  Columns sum to zero at a maximum.  What a constraint holds, and a variance at its boundary, has
    no score (NaN).  Call inside double precision.
    """
    model, v = estimates.model, estimates.v
    _, state = evaluate(model, v, start_state(model, v))
    free = np.asarray(to_host(cluster_scores(model, v, state)))
    jacobian = estimates.printed_jacobian
    assert jacobian is not None
    values = free @ np.linalg.pinv(jacobian)
    size = np.linalg.norm(jacobian, axis=1)
    first = len(jacobian) - len(estimates.component_info)
    without = size < 1e-12 * size.max(initial=0.0)
    without[first:] |= [component.boundary or component.note != "" for component in estimates.component_info]
    values[:, without] = np.nan
    return pd.DataFrame(values, index=_clusters(estimates, len(values)), columns=pd.Index(parameter_labels(estimates)))


def _clusters(estimates: Estimates, count: int) -> pd.Index:
    """The top-level groups by their own names, where the model has such groups."""
    tops = [e for e in estimates.names.effects if len(e.variables) == 1 and len(e.groups[0]) == count]
    if not tops:
        return pd.RangeIndex(count)
    return pd.Index(tops[0].groups[0], name=tops[0].variables[0])
