"""Censored and survival fits against exact integrals and other software.

Values of `brute` in reference/other_software.json are maxima of exact marginal likelihoods (R, trapezoid rule).
"""

import numpy as np
import pytest
from references import data, other

from mejax import me


def compare(fit, case: str, estimates: np.ndarray, errors: np.ndarray) -> None:
    reference = other("brute", case)
    assert fit.llf == pytest.approx(reference["logLik"], abs=1e-6)
    np.testing.assert_allclose(estimates, reference["par"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(errors, reference["se"], rtol=1e-4)


def log_sd(fit) -> tuple[np.ndarray, np.ndarray]:
    """Logs of the standard deviations among the components, and their standard errors."""
    variance, se = fit.random["estimate"].to_numpy(), fit.random["se"].to_numpy()
    return 0.5 * np.log(variance), 0.5 * se / variance


def test_weibull_frailty_is_the_exact_maximum():
    table = data("kidney").assign(female=lambda found: (found.sex == 2).astype(float))
    fit = me.mestreg("age female || id:, time(time) failure(status) distribution(weibull) intpoints(25) nolog", table)
    order = ["_cons", "age", "female"]
    (sd,), (sd_se,) = log_sd(fit)
    shape = fit.ancillary.loc["/ln_p"]
    compare(
        fit, "kidney_weibull_ph", np.array([*fit.fixed.loc[order, "estimate"], sd, shape["estimate"]]),
        np.array([*fit.fixed.loc[order, "se"], sd_se, shape["se"]]),
    )  # fmt: skip


def test_tobit_is_the_exact_maximum():
    fit = me.metobit("y x z || id:, ll(0) ul(2.5) intpoints(25) nolog", data("tobit_sim"))
    order = ["_cons", "x", "z"]
    sd, sd_se = log_sd(fit)
    estimates = np.array([*fit.fixed.loc[order, "estimate"], *sd])
    compare(fit, "tobit_ri", estimates, np.array([*fit.fixed.loc[order, "se"], *sd_se]))


def test_catheter_against_plain_quadrature():
    """The log likelihood at the optimum by 61 nodes that are not adapted, written out here."""
    table = data("catheter")
    fit = me.mestreg(
        "age female || patient:, distribution(weibull) time(time) failure(infect) intpoints(15) nolog", table
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    b, sd = fit.fixed["estimate"], np.sqrt(fit.random["estimate"].iloc[0])
    age, female, time, infect, patient = (
        table[name].to_numpy(float) for name in ("age", "female", "time", "infect", "patient")
    )
    eta = (b["age"] * age + b["female"] * female + b["_cons"])[:, None] + sd * nodes
    times, p = time[:, None], np.exp(fit.ancillary["estimate"].iloc[0])
    rows = infect[:, None] * (np.log(p) + (p - 1) * np.log(times) + eta) - times**p * np.exp(eta)
    groups = np.stack([rows[patient == k].sum(axis=0) for k in np.unique(patient)])
    total = np.log(np.sum(np.exp(groups) * weights / np.sqrt(2 * np.pi), axis=1)).sum()
    assert fit.llf == pytest.approx(total, abs=1e-6)
    assert list(fit.groups) == [38] and fit.nobs == 76
