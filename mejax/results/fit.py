"""`Fit`: estimates with everything that can be asked of them."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from .._double import computing
from .._status import Status
from .._typing import Params
from ..fitting import Comparison, Estimates
from ..frame import Encoding
from ..likelihoods import AbstractFamily
from ..post import estat as _estat
from ..post import hypotheses as _hypotheses
from ..post.display import Display
from ..post.kinds import is_generalized, is_nonlinear, kind_of
from ..post.lrtest import restricted
from ..post.predict import predict as _predict
from ..post.request import Request
from ..post.simulate import simulate as _simulate
from ..post.tables import all_lines, ancillary_lines, coefficient_lines, component_lines, exponentiated
from ..syntax import Spec, equation_text
from ..tables import render, render_html
from .estat import Estat
from .plot import Plot
from .report import report


class Text(str):
    """A string that shows itself as it is, also at the prompt and in notebooks."""

    def __repr__(self) -> str:
        return str(self)


class Fit:
    """A fitted model; `print(fit)` is the whole output.

    Attributes:
        estimates: the numbers and the model behind everything below.
        spec: the model as it was understood.
        model: the model object, `model.loglik(params)` under `jit`, `grad`, `hessian`, `vmap`.
        theta: its parameter pytree at the optimum.
    """

    def __init__(self, spec: Spec, estimates: Estimates, encoding: Encoding):
        self.spec = spec
        self.estimates = estimates
        self.encoding = encoding

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
        """The iteration log."""
        steps = self.estimates.history
        return pd.DataFrame([(s.iteration, s.value, s.remark) for s in steps], columns=["iteration", "llf", "remark"])

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
    def level(self) -> float:
        """Confidence level in per cent."""
        return float(self.spec.option("level", 95.0))

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

    # names that follow statsmodels
    def _all(self, alpha: float = 0.05) -> pd.DataFrame:
        return _estat.lines_frame(all_lines(self.estimates, 100.0 * (1.0 - alpha)))

    def _column(self, name: str) -> pd.Series:
        return pd.Series(self._all()[name])

    @property
    def params(self) -> pd.Series:
        """Everything printed, on the printed scale; the likelihood takes `fit.theta` instead."""
        return self._column("estimate")

    @property
    def bse(self) -> pd.Series:
        return self._column("se")

    @property
    def tvalues(self) -> pd.Series:
        return self._column("z")

    @property
    def pvalues(self) -> pd.Series:
        return self._column("p")

    def conf_int(self, alpha: float | None = None) -> pd.DataFrame:
        """Confidence limits of everything printed, by default at the fit's `level`."""
        if alpha is None:
            alpha = 1.0 - self.level / 100.0
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"conf_int: `alpha` lies between 0 and 1 (0.05 for 95 %); got {alpha}")
        return self._all(alpha).loc[:, ["lower", "upper"]]

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of everything printed; NaN for components at a boundary."""
        labels = _hypotheses.parameter_labels(self.estimates)
        return pd.DataFrame(self.estimates.covariance, index=pd.Index(labels), columns=pd.Index(labels))

    @property
    def resid(self) -> pd.Series:
        return pd.Series(self.predict("residuals"))

    @property
    def fittedvalues(self) -> pd.Series | pd.DataFrame:
        """Fitted values with the random effects: means, or probabilities of each category."""
        return self.predict("fitted" if kind_of(self.estimates) == "linear" else "")

    # after the fit
    def predict(
        self,
        statistic: str = "",
        data: Any = None,
        *,
        conditional: str | None = None,
        marginal: bool = False,
        outcome: Any = None,
        relevel: str | None = None,
        offset: bool = True,
        lower: float | None = None,
        upper: float | None = None,
        at: Any = None,
    ) -> pd.Series | pd.DataFrame:
        """xb, stdp, reffects, reses; fitted, residuals, rstandard (linear); yhat, residuals, rstandard, and what the
        model defines, such as {phi1:} (nonlinear); mu, pr, eta, density, residuals, pearson, deviance, anscombe, scores
        (generalized); pr, expected, ystar (censored); mean, median, survival, hazard, distribution, density (survival
        times).

        Args:
            statistic: by default xb after linear models, yhat after nonlinear ones, mu after generalized ones, pr after
                ordinal and multinomial ones, eta after censored ones, mean after survival times.
            data: new rows to predict, coded as the estimation sample was; by default that sample.
            conditional: which random effects, "ebmeans" (default; after nonlinear models "ebmodes" is), "ebmodes" or
                "fixedonly" (none).
            marginal: whether to integrate the random effects out instead, which gives the statistic of the population.
            outcome: the category whose probability is wanted (all of them without).
            relevel: leave out the levels below this one.
            offset: whether the linear predictor includes the offset or exposure.
            lower: where the interval of pr, expected and ystar begins (after censored responses; by default the
                model's own limit, else -infinity).
            upper: where it ends.
            at: the time of survival, hazard, distribution and density, or one for each row; by default the time at
                which the row's record ends.

        Returns:
            A row per row of the table, NaN where nothing can be predicted; `mejax.post.predict` has the formulas.
        """
        asked = Request(statistic, conditional, marginal, outcome, relevel, offset, lower, upper, at)
        with computing():
            return _predict(self.estimates, self.encoding, asked, data, self.spec.nonlinear)

    def simulate(self, n: int = 1, *, seed: int = 0) -> pd.DataFrame:
        """`n` new responses from the fitted model, a column each."""
        with computing():
            return _simulate(self.estimates, self.encoding, n, seed)

    @property
    def plot(self) -> Plot:
        """`fitted() survival() hazard() outcomes()`: curves of groups and of the population, with matplotlib."""
        return Plot(self.spec, self.estimates, self.encoding)

    @property
    def estat(self) -> Estat:
        """`group() icc() recovariance() sd() wcorrelation() ic()`."""
        return Estat(self.spec, self.estimates, self.encoding, self.level)

    def test(self, *hypotheses: str) -> _hypotheses.Wald:
        """Joint Wald test: `fit.test("week")`, `fit.test("week = 6", "_cons = 20")`."""
        return _hypotheses.test(self.estimates, hypotheses)

    def lincom(self, expression: str, *, level: float | None = None) -> Display:
        """A linear combination: `fit.lincom("week + 2*_cons")`, `fit.lincom("/b2 - /b3")`."""
        return _hypotheses.lincom(self.estimates, expression, self.level if level is None else level)

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
