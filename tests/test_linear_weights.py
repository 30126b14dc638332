"""Weights of observations and of groups in linear models: repetition, the pseudolikelihood written out, scaling."""

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from brute_menl import gradient, hessian

from mejax import me

FREQUENCIES = "y x [fweight=f1] || s:, fweight(f3) || g: x, covariance(unstructured) fweight(f2)"
SAMPLED = "y x [pweight=p1] || s:, pweight(p3) || g: x, covariance(unstructured) pweight(p2)"
PLAIN = "y x || s: || g: x, covariance(unstructured)"
TWO = "y x [pweight=p1] || s:, pweight(p3)"
GROUPS = "y x || s:, pweight(own)"


@functools.cache
def table() -> pd.DataFrame:
    """Nine groups of two or three smaller ones, of unequal size, with integer and real weights at every level."""
    rng = np.random.default_rng(5)
    sizes = [(s, g, size) for s in range(9) for g, size in enumerate(rng.integers(2, 7, 2 + s % 2))]
    out = pd.DataFrame([(s, 10 * s + g) for s, g, size in sizes for _ in range(size)], columns=["s", "g"])
    code = np.unique(out["g"], return_inverse=True)[1]
    out["x"], own = rng.normal(size=len(out)), rng.normal(size=(code.max() + 1, 2))
    out["y"] = 2 + out["x"] * (1 + 0.7 * own[code, 0]) + own[code, 1] + rng.normal(size=9)[out["s"]]
    out["y"] += rng.normal(size=len(out))
    out["f1"], out["p1"] = rng.integers(1, 4, len(out)), rng.uniform(0.3, 2.5, len(out))
    out["f2"], out["p2"] = rng.integers(1, 3, len(own))[code], rng.uniform(0.5, 2, len(own))[code]
    out["f3"], out["p3"] = rng.integers(1, 4, 9)[out["s"]], rng.uniform(0.5, 3, 9)[out["s"]]
    out["h"] = np.arange(len(out)) % 4
    return out


@functools.cache
def repeated() -> pd.DataFrame:
    """Every row and group as often as its frequency says, groups under new names; `row` is where they come from."""
    rows = []
    values = table()[["s", "g", "x", "y", "f1", "f2", "f3"]].to_numpy()
    for row, (s, g, x, y, f1, f2, f3) in enumerate(values):
        for third in range(int(f3)):
            for second in range(int(f2)):
                rows += [(f"{s:g}-{third}", f"{g:g}-{third}-{second}", x, y, row)] * int(f1)
    return pd.DataFrame(rows, columns=["s", "g", "x", "y", "row"])


@functools.cache
def fit(text: str, **options: Any) -> Any:
    return me.mixed(text, repeated() if text == PLAIN else table(), nolog=True, **options)


def test_frequencies_at_every_level_are_repetitions():
    weighted, expanded = fit(FREQUENCIES), fit(PLAIN)
    assert weighted.nobs == expanded.nobs == len(repeated()) > 3 * len(table())
    assert weighted.llf == pytest.approx(expanded.llf, rel=1e-11)
    np.testing.assert_allclose(weighted.params, expanded.params, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(weighted.bse, expanded.bse, rtol=1e-5)
    for statistic in ("reffects", "reses"):
        ours, theirs = (np.asarray(found.predict(statistic)) for found in (weighted, expanded))
        np.testing.assert_allclose(ours[repeated()["row"]], theirs, rtol=1e-5, atol=1e-7)


def test_robust_errors_of_repeated_clusters():
    weighted, expanded = fit(FREQUENCIES, vce="robust"), fit(PLAIN, vce="robust")
    np.testing.assert_allclose(weighted.bse, expanded.bse, rtol=1e-5)


# the pseudolikelihood, its random effects integrated out in closed form


@functools.cache
def clusters() -> list[tuple[float, list[tuple]]]:
    """Of every group of the top level its weight, and z, y, weights of rows and the weight of each group in it."""
    found = []
    for _, cluster in table().groupby("s"):
        groups = [rows for _, rows in cluster.groupby("g")]
        z = [np.column_stack([rows["x"], np.ones(len(rows))]) for rows in groups]
        parts = [(a, r["y"].to_numpy(), r["p1"].to_numpy(), r["p2"].iloc[0]) for a, r in zip(z, groups, strict=True)]
        found.append((cluster["p3"].iloc[0], parts))
    return found


def contributions(natural: np.ndarray) -> np.ndarray:
    """Of every group of the top level, its weight included; (beta_x, beta_cons, var of s, var(x), var(_cons), cov of g,
    residual variance), in the order in which they are printed."""
    beta, tau, sigma2 = natural[:2], natural[2], natural[6]
    sigma = np.array([[natural[3], natural[5]], [natural[5], natural[4]]])
    found = []
    for weight, groups in clusters():
        value = a = b = 0.0
        for z, y, w, own in groups:
            r, wz = y - z @ beta, z * w[:, None] / sigma2
            inner = np.eye(2) + z.T @ wz @ sigma
            m = np.diag(w) / sigma2 - wz @ sigma @ np.linalg.solve(inner, wz.T)
            constant = w.sum() * np.log(2 * np.pi * sigma2) + np.linalg.slogdet(inner)[1]
            value += own * -0.5 * (constant + r @ m @ r)
            a, b = a + own * m.sum(), b + own * (m @ r).sum()
        value += -0.5 * np.log1p(tau * a) + 0.5 * tau * b**2 / (1 + tau * a)
        found.append(weight * value)
    return np.array(found)


def test_the_pseudolikelihood():
    found = fit(SAMPLED)
    natural = found.params.to_numpy()
    total = lambda at: contributions(at).sum()
    assert found.llf == pytest.approx(total(natural), rel=1e-11)
    slopes, errors = gradient(total, natural), found.bse.to_numpy()
    assert np.max(np.abs(slopes * errors)) < 1e-4
    assert found.nobs == len(table()) and found.estimates.vce == "robust"
    assert "pseudolikelihood" in str(found)


def test_blockwise_sandwiches():
    """The bread: the coefficients' block of the information; the variances' with the coefficients profiled out."""
    found = fit(SAMPLED)
    natural = found.params.to_numpy()
    information = -hessian(lambda at: contributions(at).sum(), natural)
    ff, fv, vv = information[:2, :2], information[:2, 2:], information[2:, 2:]
    bread = np.linalg.inv(ff), np.linalg.inv(vv - fv.T @ np.linalg.solve(ff, fv))
    scores = gradient(contributions, natural)
    count = scores.shape[1]
    for block, at in zip(bread, (slice(0, 2), slice(2, 7)), strict=True):
        middle = scores[at] @ scores[at].T * count / (count - 1)
        np.testing.assert_allclose(found.bse.to_numpy()[at], np.sqrt(np.diag(block @ middle @ block)), rtol=1e-5)


# scales


def alike(one: Any, other: Any, llf: float = 1.0) -> None:
    assert one.llf == pytest.approx(llf * other.llf, rel=1e-11)
    np.testing.assert_allclose(one.params, other.params, rtol=1e-6)
    np.testing.assert_allclose(one.bse, other.bse, rtol=1e-5)


def test_the_scale_of_group_weights_does_not_matter():
    """Only the log pseudolikelihood is multiplied."""
    scaled = me.mixed(TWO, table().assign(p3=3.7 * table()["p3"]), nolog=True)
    alike(scaled, fit(TWO), llf=3.7)
    np.testing.assert_allclose(scaled.predict("reffects"), fit(TWO).predict("reffects"), rtol=1e-5)


def test_the_scale_of_observations_weights_does():
    scaled = me.mixed(TWO, table().assign(p1=2 * table()["p1"]), nolog=True)
    assert abs(scaled.params["s:var(_cons)"] / fit(TWO).params["s:var(_cons)"] - 1) > 0.01


def by_hand(method: str) -> pd.DataFrame:
    t = table()
    w, groups = t["p1"], t["s"]
    sums = w.groupby(groups).transform("sum")
    if method == "size":
        return t.assign(p1=w * groups.groupby(groups).transform("size") / sums)
    return t.assign(p1=w * sums / (w**2).groupby(groups).transform("sum"))


@pytest.mark.parametrize("method", ["size", "effective"])
def test_weights_scaled_by_hand(method):
    alike(fit(TWO, pwscale=method), me.mixed(TWO, by_hand(method), nolog=True))


def test_graubard_and_korn_s_weights_by_hand():
    """The groups have the means of the products, the observations none."""
    products = (table()["p1"] * table()["p3"]).groupby(table()["s"]).transform("mean")
    alike(fit(TWO, pwscale="gk"), me.mixed(GROUPS, table().assign(own=products), nolog=True))


def test_scaled_weights_do_not_depend_on_the_scale():
    other = table().assign(p1=table()["p1"] * np.exp(table()["s"] / 5))
    for method in ("size", "effective"):
        alike(me.mixed(TWO, other, pwscale=method, nolog=True), fit(TWO, pwscale=method))


REFUSED = {
    "crossed": ("y x [pweight=p1] || _all: R.h || s:, pweight(p3)", {}, "crossed"),
    "reml": (TWO, {"reml": True}, "maximum likelihood only"),
    "reml of frequencies of groups": ("y x || s:, fweight(f3)", {"reml": True}, "maximum likelihood only"),
    "errors": (TWO.replace("|| s:,", "|| s:, residuals(exchangeable)"), {}, "residuals|errors"),
    "em": ("y x || s:, fweight(f3)", {"emiterate": 3}, "EM steps"),
    "oim": (TWO, {"vce": "oim"}, "no likelihood; use vce"),
    "iweight": ("y x [iweight=p1] || s:", {}, "iweight|importance"),
    "kinds": ("y x [fweight=f1] || s:, pweight(p3)", {}, "one kind of weights"),
    "scale of none": ("y x || s:", {"pwscale": "size"}, "there are none"),
    "scale of frequencies": ("y x [fweight=f1] || s:", {"pwscale": "gk"}, "there are none"),
    "scale of three levels": (SAMPLED, {"pwscale": "size"}, "defined for two levels.*this model has 3"),
    "unknown scale": (TWO, {"pwscale": "mean"}, "mean"),
    "two of a level": ("y x || s:, fweight(f3) || s: x, fweight(f1)", {}, "two weights for the level"),
    "varying": ("y x || s:, pweight(p1)", {}, "are not constant within the group"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    text, options, message = REFUSED[case]
    with pytest.raises((ValueError, NotImplementedError), match=message):
        me.mixed(text, table(), nolog=True, **options)
