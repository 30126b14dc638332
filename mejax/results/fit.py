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
from ..post import estat as _estat
from ..post import hypotheses as _hypotheses
from ..post.display import Display
from ..post.predict import predict as _predict
from ..post.simulate import simulate as _simulate
from ..post.tables import coefficient_lines, component_lines
from ..syntax import Spec
from ..tables import render, render_html
from .report import all_lines, linear_report


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
        """`converged`, `boundary`, `not_converged`, `not_identified` or `interrupted`."""
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
        return self.estimates.model.reml

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

    @property
    def ancillary(self) -> pd.DataFrame:
        """Ancillary parameters; a linear model has none."""
        return self.fixed.iloc[:0]

    @property
    def llf(self) -> float:
        """Log likelihood, the restricted one under REML."""
        return self.estimates.llf

    @property
    def aic(self) -> float:
        return _estat.aic(self.estimates)

    @property
    def bic(self) -> float:
        return _estat.bic(self.estimates)

    @cached_property
    def wald(self) -> _hypotheses.Wald:
        """Test that all coefficients but the intercept are zero: `.chi2 .df .p`."""
        return _hypotheses.model_wald(self.estimates)

    @property
    def lr_test(self) -> Comparison | None:
        """Test against the linear model without random effects: `.stat .df .p .kind .conservative`."""
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
        return pd.DataFrame(_hypotheses.joint_vce(self.estimates), index=pd.Index(labels), columns=pd.Index(labels))

    @property
    def resid(self) -> pd.Series:
        return pd.Series(self.predict("residuals"))

    @property
    def fittedvalues(self) -> pd.Series:
        return pd.Series(self.predict("fitted"))

    # after the fit
    def predict(self, statistic: str = "xb", data: Any = None, *, relevel: str | None = None):
        """xb, stdp, fitted, residuals, rstandard, reffects or reses; see `mejax.post.predict`."""
        with computing():
            return _predict(self.estimates, self.encoding, statistic, data, relevel)

    def simulate(self, n: int = 1, *, seed: int = 0) -> pd.DataFrame:
        """`n` new responses from the fitted model, a column each."""
        with computing():
            return _simulate(self.estimates, self.encoding, n, seed)

    @property
    def estat(self) -> "Estat":
        """`group() icc() recovariance() sd() ic()`."""
        return Estat(self)

    def test(self, *hypotheses: str) -> _hypotheses.Wald:
        """Joint Wald test: `fit.test("week")`, `fit.test("week = 6", "_cons = 20")`."""
        return _hypotheses.test(self.estimates, hypotheses)

    def lincom(self, expression: str, *, level: float | None = None) -> Display:
        """A linear combination: `fit.lincom("week + 2*_cons")`."""
        return _hypotheses.lincom(self.estimates, expression, self.level if level is None else level)

    # output
    def summary(self) -> Text:
        return Text(render(self._report()))

    def _report(self):
        return linear_report(self.spec, self.estimates, self.wald, self.estimates.names.notes)

    def __str__(self) -> str:
        return str(self.summary())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return render_html(self._report())


class Estat:
    """`fit.estat`: what the suite's `estat` shows after a linear model; each result prints and has a `.table`."""

    def __init__(self, fit: Fit):
        self._fit = fit

    def group(self) -> Display:
        """Composition of the groups."""
        return _estat.group(self._fit.estimates)

    def icc(self, *, level: float | None = None) -> Display:
        """Intraclass correlations of nested levels."""
        with computing():
            return _estat.icc(self._fit.estimates, self._fit.level if level is None else level)

    def recovariance(self, *, correlation: bool = False) -> "Matrices":
        """Covariance matrices of the random effects, one per level."""
        with computing():
            return Matrices(_estat.recovariance(self._fit.estimates, correlation))

    def sd(self, *, level: float | None = None) -> Display:
        """Variance components as standard deviations and correlations."""
        return _estat.sd(self._fit.estimates, self._fit.level if level is None else level)

    def ic(self) -> Display:
        """Information criteria."""
        return _estat.ic(self._fit.estimates)


class Matrices(dict):
    """Matrices by level; printing shows them all."""

    def __str__(self) -> str:
        return "\n\n".join(str(display) for display in self.values())

    __repr__ = __str__
