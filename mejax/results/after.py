"""What can be asked after a fit: predictions, simulations, tests, pictures."""

import os
from typing import Any

import pandas as pd

from .._double import computing
from ..post.display import Display
from ..post.hypotheses import hypotheses as _hypotheses
from ..post.hypotheses.nonlinear_combinations import NonlinearCombinations
from ..post.hypotheses.nonlinear_combinations import nlcom as _nlcom
from ..post.hypotheses.testparm import testparm as _testparm
from ..post.kinds import kind_of
from ..post.prediction.predict import predict as _predict
from ..post.prediction.request import Request
from ..post.prediction.simulate import simulate as _simulate
from ..saving import save_fit
from .estat import Estat
from .held import Held
from .plot import Plot


class AfterFit(Held):
    """Methods of a fit that compute something new."""

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
            A row per row of the table, NaN where nothing can be predicted; `mejax.post.prediction` has formulas.
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
        """Pictures with matplotlib: `fitted() effects() residuals() qq() check() survival() hazard() outcomes()`."""
        return Plot(self.spec, self.estimates, self.encoding)

    @property
    def estat(self) -> Estat:
        """`group() df() icc() recovariance() sd() wcorrelation() ic()`."""
        return Estat(self.spec, self.estimates, self.encoding, self.level)

    def test(self, *hypotheses: str, small: bool = False) -> _hypotheses.Wald:
        """Joint Wald test: `fit.test("week")`, `fit.test("week = 6", "_cons = 20")`.

        With `small` an F test of coefficients, with the degrees of freedom of the fit's `dfmethod`.
        """
        with computing():
            return _hypotheses.test(self.estimates, hypotheses, small=small)

    def testparm(self, *terms: str, equal: bool = False, small: bool = False) -> _hypotheses.Wald:
        """Joint test of all coefficients of terms: `fit.testparm("i.thatch", "nitrogen#thatch", "week*")`.

        They are zero or, with `equal`, the same; `small` is that of `test`.  A term is written in the suite's way, as
        in the formula, or as a label; of a response in several equations it has coefficients in all of them, `2:age`
        in one.
        """
        with computing():
            return _testparm(self.estimates, terms, equal=equal, small=small)

    def lincom(
        self, expression: str, *, level: float | None = None, eform: bool = False, small: bool = False
    ) -> Display:
        """A linear combination: `fit.lincom("week + 2*_cons")`, `fit.lincom("/b2 - /b3")`.

        `eform` shows exp of it: odds, incidence-rate, hazard ratios.  With `small` it is referred to Student's t with
        the degrees of freedom of the fit's `dfmethod`.
        """
        with computing():
            return _hypotheses.lincom(self.estimates, expression, self._level(level), eform=eform, small=small)

    def nlcom(self, *expressions: str, level: float | None = None) -> NonlinearCombinations:
        """Nonlinear combinations by the delta method: `fit.nlcom("exp(_b[week])", "ratio: _b[week]/_b[_cons]")`.

        Args:
            expressions: of the labels of `fit.params`, in `_b[]` or bare, with `+ - * / ^`, exp, ln, log, sqrt, abs,
                sin, cos, tan, atan, tanh, invlogit, logit, normal, min, max and the other functions of a nonlinear
                mean; `name:` in front names one.
            level: the confidence level in per cent.

        Returns:
            What prints as a table; `.table` is a frame, `.covariance` the covariance matrix of the combinations.
        """
        with computing():
            return _nlcom(self.estimates, expressions, self._level(level))

    def save(self, path: str | os.PathLike) -> None:
        """Write the fit to a file, which `me.load` reads: `fit.save("growth.mejax")`; an existing file is replaced.

        The file holds the columns of the table that the model and its conditions use: treat it as the data themselves.
        Loading it runs nothing that it holds, so that files of others are safe to load.  A nonlinear model whose mean
        is a Python function cannot be saved.
        """
        save_fit(path, self.spec, self.estimates, self.encoding)

    @property
    def resid(self) -> pd.Series:
        return pd.Series(self.predict("residuals"))

    @property
    def fittedvalues(self) -> pd.Series | pd.DataFrame:
        """Fitted values with the random effects: means, or probabilities of each category."""
        return self.predict("fitted" if kind_of(self.estimates) == "linear" else "")
