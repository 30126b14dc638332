"""`Fit`: estimates with everything that can be asked of them."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .._status import Status
from .._typing import Params
from ..fitting import Comparison
from ..likelihoods import AbstractFamily
from ..post.estat import estat as _estat
from ..post.hypotheses import hypotheses as _hypotheses
from ..post.hypotheses.lrtest import restricted
from ..post.kinds import is_generalized, is_nonlinear
from ..post.tables import ancillary_lines, coefficient_lines, component_lines, exponentiated
from ..syntax import equation_text
from ..tables import render, render_html
from .after import AfterFit
from .margin_methods import MarginMethods
from .monte_carlo import MonteCarloErrors
from .report import report
from .resampling import ResamplingMethods
from .statsmodels_names import StatsmodelsNames


class Text(str):
    """A string that shows itself as it is, also at the prompt and in notebooks."""

    def __repr__(self) -> str:
        return str(self)


class Fit(AfterFit, MarginMethods, ResamplingMethods, StatsmodelsNames):
    """A fitted model; `print(fit)` is the whole output.

    Attributes:
        estimates: the numbers and the model behind everything below.
        spec: the model as it was understood.
        model: the model object, `model.loglik(params)` under `jit`, `grad`, `hessian`, `vmap`.
        theta: its parameter pytree at the optimum.
    """

    # what the model is
    @property
    def model(self) -> Any:
        return self.estimates.model

    @property
    def theta(self) -> Params:
        return self.estimates.theta

    @property
    def status(self) -> Status:
        """`converged`, `boundary`, `not_converged`, `not_identified`, `separated` or `interrupted`."""
        return self.estimates.status

    @property
    def converged(self) -> bool:
        return self.status.ok

    @property
    def history(self) -> pd.DataFrame:
        """The iteration log: `iteration llf gradient remark`.

        `gradient` is the gradient's length in standard errors, sqrt(g' (-H)^-1 g), which is zero at the maximum; where
        the Hessian H is not negative definite, with its eigenvalues' absolute values.  In an alternation it is that of
        the variances as a turn begins.
        """
        rows = [(s.iteration, s.value, s.gradient, s.remark) for s in self.estimates.history]
        return pd.DataFrame(rows, columns=["iteration", "llf", "gradient", "remark"]).astype({"gradient": float})

    @property
    def reml(self) -> bool:
        """Is the log likelihood the restricted one?"""
        return restricted(self.estimates)

    @property
    def family(self) -> AbstractFamily | None:
        """The response's distribution given the random effects; None where it is normal around the mean."""
        return self.model.family if is_generalized(self.estimates) else None

    @property
    def equation(self) -> str | None:
        """The mean of a nonlinear model, written out; None of other models."""
        nonlinear = self.spec.nonlinear
        return None if nonlinear is None else equation_text(nonlinear, self.estimates.names.response)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped, omitted or went wrong, in words."""
        return self.estimates.names.notes + self.estimates.notes

    # sample
    @property
    def nobs(self) -> int | float:
        """Number of observations (the sum of the frequency weights)."""
        return int(self.estimates.nobs) if float(self.estimates.nobs).is_integer() else self.estimates.nobs

    @property
    def sample(self) -> np.ndarray:
        """Which rows of the table were used."""
        return self.encoding.sample

    @property
    def groups(self) -> pd.Series:
        """Number of groups of every level, `fit.groups["id"]`; their sizes are in `fit.estat.group()`."""
        return pd.Series(_estat.group(self.estimates).table["groups"])

    # estimates
    @cached_property
    def fixed(self) -> pd.DataFrame:
        """Coefficients: `estimate se z p lower upper`."""
        return _estat.lines_frame(coefficient_lines(self.estimates, self.level))

    @cached_property
    def random(self) -> pd.DataFrame:
        """Variance components on the variance scale: `estimate se z p lower upper`."""
        return _estat.lines_frame(component_lines(self.estimates, self.level))

    @cached_property
    def ancillary(self) -> pd.DataFrame:
        """Cut points, logs of dispersions and scales: `estimate se z p lower upper`; after generalized models only."""
        return _estat.lines_frame(ancillary_lines(self.estimates, self.level))

    def eform(self) -> pd.DataFrame:
        """exp(b) of the coefficients (odds, incidence-rate, hazard, time, relative-risk ratios); columns as of `fixed`.

        Standard errors are exp(b) x se(b), z and p those of b, limits the exponentials of b's.
        """
        return _estat.lines_frame(exponentiated(coefficient_lines(self.estimates, self.level)))

    @property
    def llf(self) -> float:
        """Log likelihood, the restricted one under REML; of a nonlinear model that of its linearization."""
        return self.estimates.llf

    @property
    def aic(self) -> float:
        return _estat.aic(self.estimates)

    @property
    def bic(self) -> float:
        return _estat.bic(self.estimates)

    @cached_property
    def wald(self) -> _hypotheses.Wald | None:
        """Test that all coefficients but the intercept are zero: `.chi2 .df .p`; None where there are none.

        A nonlinear model has none: zero is no natural value of its parameters, which `fit.test` tests against others.
        """
        if is_nonlinear(self.estimates):
            return None
        found = _hypotheses.model_wald(self.estimates)
        return found if found.df else None

    @property
    def lr_test(self) -> Comparison | None:
        """Test against the model without random effects: `.stat .df .p .kind .conservative`."""
        return None if self.estimates.vce != "oim" else self.estimates.null_test

    @property
    def monte_carlo(self) -> MonteCarloErrors | None:
        """Monte Carlo errors of a fit by solver(iterative), `.llf .probes .table`; None where a fit is exact."""
        found = self.estimates.monte_carlo
        if found is None:
            return None
        table = pd.DataFrame({"estimate": self.params, "se": self.bse})
        return MonteCarloErrors(found.llf, found.probes, table.assign(error=found.errors))

    # output
    def summary(self) -> Text:
        return Text(render(self._report()))

    def _report(self):
        return report(self.spec, self.estimates, self.encoding)

    def __str__(self) -> str:
        return str(self.summary())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return render_html(self._report())
