"""`mixed, residuals()` against other software in full precision: nlme, polished without it (reference/nonlinear.json).

Correlations and ratios of standard deviations stand there where we print covariances and variances; ours are translated
and their standard errors with them.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from references import data, exact, polished

from mejax.commands import fit_command
from mejax.syntax import parse

TIMES = ("8", "10", "12", "14")
COLUMNS = {
    "(Intercept)": "_cons",
    "female": "1.female",
    "female:age": "1.female#c.age",
    "Diet2": "2.Diet",
    "Diet3": "3.Diet",
    "Time:Diet2": "2.Diet#c.Time",
    "Time:Diet3": "3.Diet#c.Time",
}


@functools.cache
def table(name: str) -> pd.DataFrame:
    found = data(name)
    group = {"ovary": "mare", "orthodont": "Subject", "bodyweight": "Rat"}[name]
    found["occasion"] = found.groupby(group).cumcount() + 1
    return found.assign(female=found["Sex"] == "Female").astype({"female": int}) if name == "orthodont" else found


@functools.cache
def fit(case: str) -> Any:
    stored = polished("errors", case)
    return fit_command(parse(stored["command"], nolog=True), table(stored["data"]))


def same(theta: pd.Series) -> pd.Series:
    """Our labels as the stored ones, and nothing else."""
    return theta.rename(lambda label: {"var(e)": "sigma2"}.get(label, label.replace("_cons", "(Intercept)")))


def shares(theta: pd.Series) -> pd.Series:
    """Of exchangeable errors the correlation."""
    return pd.Series({"sigma2": theta["var(e)"], "rho": theta["cov(e)"] / theta["var(e)"]})


def by_sex(theta: pd.Series) -> pd.Series:
    ratio = np.sqrt(theta["1: var(e)"] / theta["0: var(e)"])
    labels = ["sigma2", "Male: rho", "Female: rho", "sd ratio Female"]
    return pd.Series([theta["0: var(e)"], theta["0: rho"], theta["1: rho"], ratio], labels)


def matrix(theta: pd.Series) -> pd.Series:
    """Of a whole covariance matrix the first variance, the correlations, and the ratios of standard deviations."""
    sd = [np.sqrt(theta[f"var(e{k})"]) for k in range(1, 5)]
    pairs = [tuple(map(int, re.findall(r"\d+", label))) for label in map(str, theta.index) if label.startswith("cov")]
    found = {f"corr({j},{i})": theta[f"cov(e{i},e{j})"] / (sd[i - 1] * sd[j - 1]) for i, j in pairs}
    ratios = {f"sd ratio {time}": s / sd[0] for time, s in zip(TIMES[1:], sd[1:], strict=True)}
    return pd.Series({"sigma2": sd[0] ** 2, **found, **ratios})


def slopes(theta: pd.Series) -> pd.Series:
    return same(theta).rename({"Rat:cov(Time,(Intercept))": "Rat:cov((Intercept),Time)"})


CASES: dict[str, Callable[[pd.Series], pd.Series]] = {
    "ovary_ar2_reml": same,
    "ovary_ma2_ml": same,
    "bodyweight_exponential_reml": slopes,
    "orthodont_exchangeable_reml": shares,
    "orthodont_unstructured_ml": matrix,
    "orthodont_banded1_ml": matrix,
    "orthodont_toeplitz3_reml": same,
    "orthodont_ar1_by_sex_ml": by_sex,
}


def translated(found: Any, translate: Callable[[pd.Series], pd.Series]) -> tuple[pd.Series, pd.Series]:
    """(estimates, standard errors) of functions of the variance parameters: complex steps would not pass `Series`."""
    theta = found.random["estimate"]
    vce = found.cov_params().loc[theta.index, theta.index].to_numpy()
    steps = 1e-5 * np.maximum(np.abs(theta), 1e-2)
    slopes = [
        (translate(theta + step * unit) - translate(theta - step * unit)) / (2 * step)
        for step, unit in zip(steps, np.eye(len(theta)), strict=True)
    ]
    jacobian = np.column_stack(slopes)
    value = translate(theta)
    return value, pd.Series(np.sqrt(np.diag(jacobian @ vce @ jacobian.T)), value.index)


@pytest.mark.parametrize("case", CASES)
def test_log_likelihood_and_coefficients(case):
    stored, found = polished("errors", case), fit(case)
    assert found.converged and found.nobs == stored["n"]
    assert found.llf == pytest.approx(stored["logLik"], abs=1e-6)
    labels = [COLUMNS.get(label, label) for label in stored["fixef"]]
    np.testing.assert_allclose(found.fixed.loc[labels, "estimate"], list(stored["fixef"].values()), rtol=1e-6)
    np.testing.assert_allclose(found.fixed.loc[labels, "se"], list(stored["se_unadjusted"].values()), rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_variance_parameters(case):
    stored = polished("errors", case)
    values, errors = translated(fit(case), CASES[case])
    assert set(values.index) == set(stored["vc"])
    for label, value in stored["vc"].items():
        assert values.to_dict()[label] == pytest.approx(value, rel=1e-5), label
        assert errors.to_dict()[label] == pytest.approx(stored["vc_se"][label], rel=1e-4), label


def test_published_output_of_an_autoregression_of_second_order():
    """The mares, with the order of the observations as the time.

    The printed estimates are 5e-6 of their standard errors off the maximum, which the dense polish finds where we do.
    """
    found = fit("ovary_ar2_reml")
    shown = found.random.loc[["phi1", "phi2", "var(e)"]]
    exact([found.llf], [-772.59855], digits=8)
    assert np.max(np.abs(shown["estimate"] - [0.5386104, 0.144671, 14.25104]) / shown["se"]) < 1e-5
    np.testing.assert_allclose(shown["se"], [0.0624899, 0.0632041, 2.435238], rtol=1e-5)
    test = found.lr_test
    assert (test.kind, f"{test.stat:.2f}") == ("chi2(3)", "251.67")
