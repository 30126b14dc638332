"""What is printed about a fit: `Estimates` and display options into a `Report`."""

from ..fitting import Estimates
from ..frame import Encoding
from ..lmm import LinearModel
from ..post.hypotheses import Wald
from ..syntax import Spec
from ..tables import Report
from .generalized import generalized_report
from .linear import linear_report


def report(spec: Spec, estimates: Estimates, encoding: Encoding, wald: Wald) -> Report:
    """The whole output of the command."""
    if isinstance(estimates.model, LinearModel):
        return linear_report(spec, estimates, wald)
    return generalized_report(spec, estimates, encoding, wald)
