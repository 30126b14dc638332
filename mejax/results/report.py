"""What is printed about a fit: `Estimates` and display options into a `Report`."""

from ..fitting import Estimates
from ..frame import Encoding
from ..post.hypotheses.hypotheses import model_wald
from ..post.kinds import kind_of
from ..syntax import Spec
from ..tables import Report
from .generalized import generalized_report
from .linear import linear_report
from .nonlinear import nonlinear_report


def report(spec: Spec, estimates: Estimates, encoding: Encoding) -> Report:
    """The whole output of the command."""
    kind = kind_of(estimates)
    if kind == "linear":
        return linear_report(spec, estimates, model_wald(estimates))
    if kind == "nonlinear":
        return nonlinear_report(spec, estimates)
    return generalized_report(spec, estimates, encoding, model_wald(estimates))
