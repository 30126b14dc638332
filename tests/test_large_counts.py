"""Posteriors far narrower than the prior: held nodes leave the information as a difference of large numbers."""

import numpy as np
import pandas as pd
import pytest

from mejax import me


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(40), 10)
    u, x = rng.normal(0, 0.7, 40), rng.normal(size=400)
    return pd.DataFrame({"y": rng.poisson(np.exp(14 + 0.3 * x + u[g])), "x": x, "g": g})


@pytest.mark.parametrize("vce", ["oim", "robust"])
def test_standard_errors_of_large_counts(table, vce):
    """With such counts the random effects are known: their mean and variance have the errors of 40 observations."""
    found = me.mepoisson("y x || g:", table, vce=vce, nolog=True)
    exact = me.mepoisson("y x || g:", table, vce=vce, intmethod="laplace", nolog=True)
    assert found.converged
    np.testing.assert_allclose(found.bse, exact.bse, rtol=1e-5)
    if vce == "oim":
        variance = found.random.loc["g:var(_cons)", "estimate"]
        assert float(found.fixed["se"].iloc[-1]) == pytest.approx(np.sqrt(variance / 40), rel=1e-3)
        assert float(found.random["se"].iloc[0]) == pytest.approx(variance * np.sqrt(2 / 40), rel=1e-3)


def test_ordinary_data_keep_the_nodes_held():
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(30), 5)
    data = pd.DataFrame({"y": rng.poisson(np.exp(1 + rng.normal(size=30)[g])), "g": g})
    assert not me.mepoisson("y || g:", data, nolog=True).model.exact
