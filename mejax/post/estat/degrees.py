"""`estat df`: degrees of freedom of the coefficients after a linear model, by any method."""

import numpy as np
import pandas as pd

from ...fitting import AbstractDegrees, Estimates, degrees_by
from ...tables import Column, render_simple
from ..display import Display
from ..kinds import kind_of

METHODS = ("residual", "repeated", "anova", "satterthwaite", "kroger")
TITLES = {"residual": "Residual", "repeated": "Repeated", "anova": "ANOVA", "satterthwaite": "Satterthwaite",
          "kroger": "Kenward–Roger"}  # fmt: skip


def estat_df(estimates: Estimates, methods: tuple[str, ...], observed: bool) -> Display:
    """A column of degrees of freedom for each method; call inside double precision.

    Raises:
        ValueError: another model than a linear one, a method that it does not have.
    """
    if kind_of(estimates) != "linear":
        raise ValueError("estat df: degrees of freedom are those of the t statistics of `mixed`; this is another model")
    found = {method: _degrees(estimates, method, observed) for method in methods} or _own(estimates)
    labels = [c.label for c in estimates.names.estimated]
    frame = pd.DataFrame({method: d.single(len(labels)) for method, d in found.items()}, index=pd.Index(labels))
    columns = [Column(TITLES[method], gap=3) for method in found]
    rows = [(label, tuple(row)) for label, row in zip(labels, frame.to_numpy(), strict=True)]
    return Display(frame, render_simple(columns, rows, title="Degrees of freedom", stub=estimates.names.response))


def _own(estimates: Estimates) -> dict[str, AbstractDegrees]:
    if estimates.degrees is None:
        raise ValueError(
            "estat df: the model was fitted without a method for degrees of freedom; name one, "
            'estat.df("satterthwaite")'
        )
    return {estimates.degrees.method: estimates.degrees}


def _degrees(estimates: Estimates, method: str, observed: bool) -> AbstractDegrees:
    own = estimates.degrees
    if own is not None and own.method == method and method != "satterthwaite":
        return own
    if method not in METHODS:
        raise ValueError(f"estat df: there is no method `{method}`; methods are {', '.join(METHODS)}")
    if method in METHODS[3:] and not estimates.model.reml:
        raise ValueError(f"estat df: {method} is derived for restricted maximum likelihood; fit the model with `reml`")
    if estimates.vce != "oim" or estimates.names.weight is not None:
        raise ValueError("estat df: degrees of freedom are not defined with weights or robust standard errors")
    return degrees_by(estimates.model, estimates.design, estimates.names, np.asarray(estimates.v), (method, observed))
