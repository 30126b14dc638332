"""A fit as a model of the package marginaleffects."""

from functools import cached_property
from typing import Any

import numpy as np

try:
    import polars as pl
    from marginaleffects.classes.model import ModelAbstract, ModelVault
except ImportError:
    raise ImportError(
        "mejax.marginaleffects needs the package marginaleffects, which is not installed: "
        "pip install mejax[marginaleffects]"
    ) from None

from ..post.hypotheses.hypotheses import parameter_labels
from ..post.prediction.request import Request
from ..post.prediction.rows import Rows
from ..post.prediction.typical_rows import factors_of
from ..results import Fit
from .predictor import Predictor, predictor
from .table import RESERVED, covariates_of, others_of, sample_table, variable_types

_MANY = 1e9  # denominator degrees of freedom of an F test that is a chi-squared one


def adapt(
    fit: Fit,
    statistic: str = "",
    *,
    conditional: str | None = None,
    outcome: Any = None,
    offset: bool = True,
    lower: float | None = None,
    upper: float | None = None,
    at: float | None = None,
) -> "FitModel":
    """The fit for `marginaleffects.predictions`, `comparisons`, `slopes`, `hypotheses`, their averages and pictures.

    Predictions are those of the population: random effects are integrated out, and standard errors contain what is not
    known of their variances.  Nonlinear models are predicted with random effects of zero.

    Args:
        fit: any fit.
        statistic: as in `fit.predict`, whose defaults it has: xb after linear models, yhat after nonlinear ones, mu, pr
            (with a column `group` for the categories), eta or mean after generalized ones.
        conditional: "fixedonly" for predictions of a group whose random effects are zero.
        outcome: the category whose probability is wanted (all of them without).
        offset: whether the linear predictor includes the offset or exposure.
        lower: where the interval of pr, expected and ystar begins, after censored responses.
        upper: where it ends.
        at: the time of survival, hazard, distribution and density.

    Factor variables keep the values that they have in the table, numbers or words, and are compared level by level.
    Frequency weights count where they are named: `avg_predictions(adapt(fit), wts="w")`.  Standard errors are by finite
    differences of that package: those of slopes have about three digits, and six with its option `eps_vcov=1e-6`.
    Tests are normal; after a fit with denominator degrees of freedom they have the smallest of any coefficient.

    Raises:
        ValueError: the model has no such statistic, or a covariate a name that marginaleffects keeps for itself.
    """
    asked = Request(statistic, conditional, False, outcome, None, offset, lower, upper, at)
    return FitModel(fit, predictor(fit.estimates, fit.encoding, fit.spec.nonlinear, asked))


class NewRows:
    """Rows that are predicted again and again: they are coded when first used."""

    def __init__(self, table: pl.DataFrame, predictor: Predictor):
        self.table, self.predictor = table, predictor

    @property
    def shape(self) -> tuple[int, int]:
        return self.table.shape

    def __getitem__(self, which: slice) -> "NewRows":
        return NewRows(self.table[which], self.predictor)

    @cached_property
    def rows(self) -> Rows:
        return self.predictor.rows(self.table)


class FitModel(ModelAbstract):
    """What marginaleffects asks a model for; made by `adapt`.

    Its coefficients are all parameters on which the predictions depend, under the labels of `fit.params`.
    """

    def __init__(self, fit: Fit, predictor: Predictor):
        estimates, encoding, places = fit.estimates, fit.encoding, predictor.places
        covariates = covariates_of(encoding, predictor.asked.marginal)
        taken = sorted(RESERVED & set(covariates))
        if taken:
            raise ValueError(
                f"adapt: marginaleffects keeps the name `{taken[0]}` for its results, and it is that of a covariate; "
                "fit the model with another name"
            )
        table, response = sample_table(estimates, encoding), estimates.names.response
        self.predictor, self.covariates = predictor, covariates
        vault = ModelVault(
            coef=estimates.printed[places],
            coefnames=np.array(parameter_labels(estimates))[places],
            formula="~ " + (" + ".join(f"`{name}`" for name in covariates) or "1"),
            modeldata=table,
            package="mejax",
            vcov=estimates.covariance[np.ix_(places, places)],
            variable_names=[response, *covariates, *(name for name in others_of(encoding) if name not in covariates)],
        )
        self.types = dict(variable_types(table, factors_of(encoding), response))
        super().__init__(fit, vault)

    def validation(self) -> None:
        """Of all but the columns' types, which are known."""
        self.validate_coef()
        self.validate_response_name()
        self.validate_formula()
        self.validate_modeldata()
        self.vault.variables_type = self.types

    def find_predictors(self) -> list[str]:
        return list(self.covariates)

    def get_vcov(self, vcov: Any = True) -> np.ndarray | None:
        """The covariance matrix of the fit, or None where none is wanted."""
        if isinstance(vcov, str):
            raise ValueError(f"the covariance matrix is that of the fit; fit with `vce` instead of asking for `{vcov}`")
        return self.vault.vcov if vcov is True else None

    def get_exog(self, newdata: pl.DataFrame) -> NewRows:
        return NewRows(newdata, self.predictor)

    def get_predict(self, params: np.ndarray, newdata: Any) -> pl.DataFrame:
        """A row per row, of several outcomes one after the other in `group`."""
        rows = newdata.rows if isinstance(newdata, NewRows) else self.predictor.rows(newdata)
        found = self.predictor.at(np.asarray(params, float), rows)
        number = pl.Series(np.arange(len(found), dtype=np.int32))
        if found.ndim == 1:
            return pl.DataFrame({"rowid": number, "estimate": found})
        names = self.predictor.outcomes()
        groups = pl.Series([name for name in names for _ in range(len(found))], dtype=pl.Enum(names))
        return pl.DataFrame({"rowid": pl.concat([number] * len(names)), "group": groups, "estimate": found.T.ravel()})

    @property
    def df_resid(self) -> float:
        """Denominator degrees of freedom of all tests."""
        degrees = self.model.estimates.degrees
        return np.inf if degrees is None else float(np.nanmin(degrees.single(len(self.model.estimates.coefficients))))

    def get_df(self) -> float:
        """The same for the joint tests of `hypotheses`, which take parameters for columns of the table in their order:
        where they are not, the tests would be of something else."""
        predictors, names = self.find_predictors(), np.asarray(self.vault.coefnames).tolist()
        if names not in (predictors, ["Intercept", *predictors]):
            raise ValueError(
                f"hypotheses: `joint` needs a coefficient for each covariate, in order; the parameters are "
                f"{', '.join(names)}; use `fit.test`, which takes their names"
            )
        return min(self.df_resid, _MANY)
