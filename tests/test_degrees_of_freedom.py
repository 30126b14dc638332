"""Degrees of freedom of linear models: against lmerTest and pbkrtest, the textbook formulas by n x n matrices, the
analysis of variance of balanced designs, and counts by hand.

Satterthwaite's and Kenward and Roger's degrees of freedom depend on the data through the variances only, so that the
matrices are compared at any variances, and nothing has to be fitted for that.
"""

import functools
import json
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from brute import dense_of
from brute_menl import errors_matrix, gradient, hessian, loglik, printed
from references import FOLDER, data
from scipy import stats

from mejax import datasets, me
from mejax._double import computing
from mejax._tree import to_device
from mejax.build import build_linear
from mejax.fitting import degrees_by
from mejax.fitting.counted_degrees import counted
from mejax.fitting.small_sample import Satterthwaite, small_sample
from mejax.frame import read
from mejax.results import Fit
from mejax.syntax import parse

# what lmerTest and pbkrtest have is in ddf.json, with the script that wrote it
MODELS = {
    "sleepstudy_un": ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
    "cake_lin": ("angle ~ recipe + temp + (1 | recipe:replicate)", "cake"),
    "machines_unbal": ("score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", "machines"),
}


@functools.cache
def stored() -> dict[str, Any]:
    return json.loads((FOLDER / "ddf.json").read_text(encoding="utf-8"))["cases"]


def table_of(case: str) -> pd.DataFrame:
    table = data(MODELS[case][1])
    return table if case != "machines_unbal" else table.drop(index=[row - 1 for row in (2, 3, 6, 10, 19, 20, 44)])


@functools.cache
def fitted(case: str, method: str = "satterthwaite, oim") -> Any:
    return me.mixed(MODELS[case][0], table_of(case), reml=True, dfmethod=method, nolog=True)


@functools.cache
def degrees(case: str, method: str, observed: bool = False) -> Any:
    estimates = fitted(case).estimates
    with computing():
        return degrees_by(estimates.model, estimates.design, estimates.names, estimates.v, (method, observed))


# other software


@pytest.mark.parametrize("case", MODELS)
def test_satterthwaite_is_lmertest_s(case):
    """lmerTest has the observed information, by differences at an optimum that it reaches to about 1e-7."""
    expected, fit = stored()[case]["satterthwaite"], fitted(case)
    assert fit.llf == pytest.approx(stored()[case]["logLik"], abs=1e-7)
    np.testing.assert_allclose(fit.estimates.degrees.single(len(expected["df"])), expected["df"], rtol=1e-6)
    np.testing.assert_allclose(fit.bse[: len(expected["se"])], expected["se"], rtol=1e-6)
    joint = stored()[case]["anova_satterthwaite"]
    for name, statistic, ddf in zip(joint["terms"], joint["F"], joint["DenDF"], strict=True):
        rows = np.array(joint["L"][name], float)
        scale, found = fit.estimates.degrees.joint(rows)
        assert scale == 1.0
        assert found == pytest.approx(ddf, rel=1e-6)
        assert f_statistic(fit.estimates.coefficients, fit.estimates.degrees.phi, rows) == pytest.approx(
            statistic, rel=1e-6
        )


@pytest.mark.parametrize("case", MODELS)
def test_kenward_and_roger_s_are_pbkrtest_s(case):
    """The adjusted covariance matrix, degrees of freedom, and joint tests with their scale."""
    found, expected = degrees(case, "kroger"), stored()[case]
    size = np.sqrt(np.outer(*[np.diag(expected["kr_vcov_adj"])] * 2))
    np.testing.assert_allclose(found.phi / size, expected["vcov"] / size, atol=1e-6)
    np.testing.assert_allclose(found.adjusted / size, expected["kr_vcov_adj"] / size, atol=1e-6)
    np.testing.assert_allclose(found.single(len(size)), expected["kenward_roger"]["df"], rtol=1e-6)
    joint = expected["anova_kenward_roger"]
    for name, statistic, ddf in zip(joint["terms"], joint["F"], joint["DenDF"], strict=True):
        rows = np.array(joint["L"][name], float)
        scale, denominator = found.joint(rows)
        assert denominator == pytest.approx(ddf, rel=1e-6)
        value = f_statistic(fitted(case).estimates.coefficients, found.adjusted, rows)
        assert scale * value == pytest.approx(statistic, rel=1e-6)


def f_statistic(coefficients: np.ndarray, vce: np.ndarray, rows: np.ndarray) -> float:
    values = rows @ coefficients
    return float(values @ np.linalg.solve(rows @ vce @ rows.T, values)) / len(rows)


def test_a_fit_by_kenward_and_roger():
    """It has the adjusted standard errors, and t and F tests by its degrees of freedom."""
    fit, alone = fitted("machines_unbal", "kroger"), degrees("machines_unbal", "kroger")
    np.testing.assert_allclose(fit.estimates.coefficient_vce, alone.adjusted, rtol=1e-9)
    expected = stored()["machines_unbal"]["kenward_roger"]
    np.testing.assert_allclose(fit.bse[:3], expected["se"], rtol=1e-6)
    df, t = np.array(expected["df"]), fit.fixed["estimate"] / fit.fixed["se"]
    np.testing.assert_allclose(fit.fixed["p"], 2 * stats.t.sf(np.abs(t), df), rtol=1e-5)
    half = stats.t.ppf(0.975, df) * fit.fixed["se"]
    np.testing.assert_allclose(fit.fixed["upper"] - fit.fixed["estimate"], half, rtol=1e-6)
    joint = stored()["machines_unbal"]["anova_kenward_roger"]
    test = fit.test("Machine[T.B]", "Machine[T.C]", small=True)
    assert test.F == pytest.approx(joint["F"][0], rel=1e-6) and test.ddf == pytest.approx(joint["DenDF"][0], rel=1e-6)
    assert test.p == pytest.approx(stats.f.sf(joint["F"][0], 2, joint["DenDF"][0]), rel=1e-4)
    assert fit.wald.F == pytest.approx(test.F, rel=1e-12)
    assert "DF method: Kenward–Roger" in str(fit)


def test_observed_information_of_the_dense_likelihood():
    """Satterthwaite's with the observed information, its derivatives by hand, at our own optimum."""
    fit = fitted("machines_unbal")
    twin = dense_of(fit)
    theta = fit.estimates.components
    book = Textbook(twin.x, twin.parts, theta)
    w = np.linalg.inv(twin.information(theta))
    found: Any = fit.estimates.degrees
    for row in (*np.eye(3), np.array([1.0, 0.3, -2.0])):
        assert found.of(row) == pytest.approx(book.satterthwaite(row, w), rel=1e-7)


# the formulas by n x n matrices


@dataclass(frozen=True)
class Textbook:
    """Kenward and Roger (1997), Satterthwaite and Fai and Cornelius (1996), V = sum_k theta_k A_k."""

    x: np.ndarray
    parts: tuple[np.ndarray, ...]
    theta: np.ndarray

    @functools.cached_property
    def inverse(self) -> np.ndarray:
        return np.linalg.inv(np.tensordot(self.theta, np.stack(self.parts), 1))

    @functools.cached_property
    def phi(self) -> np.ndarray:
        return np.linalg.inv(self.x.T @ self.inverse @ self.x)

    @functools.cached_property
    def p(self) -> list[np.ndarray]:
        vx = self.inverse @ self.x
        return [-vx.T @ a @ vx for a in self.parts]

    @functools.cached_property
    def q(self) -> list[list[np.ndarray]]:
        vx = self.inverse @ self.x
        return [[vx.T @ a @ self.inverse @ b @ vx for b in self.parts] for a in self.parts]

    @functools.cached_property
    def w(self) -> np.ndarray:
        """The inverse of the expected information."""
        v, phi, count = self.inverse, self.phi, len(self.parts)
        information = np.zeros((count, count))
        for i in range(count):
            for j in range(count):
                trace = np.trace(v @ self.parts[i] @ v @ self.parts[j]) - 2 * np.trace(phi @ self.q[i][j])
                information[i, j] = 0.5 * (trace + np.trace(phi @ self.p[i] @ phi @ self.p[j]))
        return np.linalg.inv(information)

    @functools.cached_property
    def adjusted(self) -> np.ndarray:
        middle, places = np.zeros_like(self.phi), range(len(self.parts))
        for i in places:
            for j in places:
                middle += self.w[i, j] * (self.q[i][j] - self.p[i] @ self.phi @ self.p[j])
        return self.phi + 2 * self.phi @ middle @ self.phi

    def satterthwaite(self, row: np.ndarray, w: np.ndarray | None = None) -> Any:
        slope = np.array([-row @ self.phi @ p @ self.phi @ row for p in self.p])
        return 2 * (row @ self.phi @ row) ** 2 / (slope @ (self.w if w is None else w) @ slope)

    def fai_cornelius(self, rows: np.ndarray) -> float:
        _, vectors = np.linalg.eigh(rows @ self.phi @ rows.T)
        found = np.array([self.satterthwaite(row) for row in vectors.T @ rows])
        e = np.sum((found / (found - 2))[found > 2])
        return 2 * e / (e - len(rows))

    def kenward_roger(self, rows: np.ndarray) -> tuple[float, float]:
        """(lambda, m) of their section 3: lambda F is referred to F(l, m)."""
        l, phi = len(rows), self.phi
        theta = rows.T @ np.linalg.solve(rows @ phi @ rows.T, rows)
        moved = [theta @ phi @ p @ phi for p in self.p]
        a1 = sum(self.w[i, j] * np.trace(a) * np.trace(b) for i, a in enumerate(moved) for j, b in enumerate(moved))
        a2 = sum(self.w[i, j] * np.trace(a @ b) for i, a in enumerate(moved) for j, b in enumerate(moved))
        b = (a1 + 6 * a2) / (2 * l)
        g = ((l + 1) * a1 - (l + 4) * a2) / ((l + 2) * a2)
        d = 3 * l + 2 * (1 - g)
        c1, c2, c3 = g / d, (l - g) / d, (l + 2 - g) / d
        mean = 1 / (1 - a2 / l)
        variance = 2 / l * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        rho = variance / (2 * mean**2)
        m = 4 + (l + 2) / (l * rho - 1)
        return m / (mean * (m - 2)), m


ROWS = 46
TEXTS = {
    "three levels": "mixed y x w || s: x, covariance(unstructured) || g:",
    "crossed": "mixed y x w || _all: R.h || g: x, covariance(independent)",
    "equal variances": "mixed y x w || s: x, covariance(identity) || g: x, covariance(exchangeable)",
    "errors by group": "mixed y x w || g:, residuals(independent, by(sex))",
    "unstructured errors": "mixed y x w || g:, nocons residuals(unstructured, t(t))",
}


@functools.cache
def table() -> pd.DataFrame:
    """Groups of unequal size in four larger ones, crossed with five others; times of which some are missing."""
    rng = np.random.default_rng(11)
    rows = [(g, t) for g in range(1, 15) for t in range(1, 5)]
    found = pd.DataFrame(rows, columns=["g", "t"]).sample(ROWS, random_state=4).sort_values(["g", "t"])
    found = found.reset_index(drop=True).assign(s=lambda d: (d["g"] - 1) // 3, h=rng.integers(0, 5, ROWS))
    found["sex"] = np.where(found["g"] % 2, "boy", "girl")
    found["x"], found["w"] = rng.normal(1, 1, ROWS), rng.normal(size=15)[found["g"]]
    own = rng.normal(size=15)[found["g"]] + rng.normal(size=5)[found["h"]]
    return found.assign(y=1 + found["x"] + own + rng.normal(size=ROWS))


@functools.cache
def built(name: str) -> tuple[Any, Any, Any]:
    design, encoding = read(parse(TEXTS[name]), table())
    with computing():
        return to_device(build_linear(design, encoding.names, reml=True)), design, encoding.names


def same(column: str) -> np.ndarray:
    values = table()[column].to_numpy()
    return (values[:, None] == values[None, :]).astype(float)


def textbook(name: str, values: dict[str, float]) -> Textbook:
    """The matrices A_k with their theta, those parameters once that are equal."""
    x, eye, every = table()["x"].to_numpy(), np.eye(ROWS), np.ones((ROWS, ROWS))
    slope, both = np.outer(x, x), np.add.outer(x, x)
    boy = np.diag((table()["sex"] == "boy").to_numpy(float))
    of = {label: eye for label in ("var(Residual)",)}
    of |= {f"{level}:{label}": same(level) * a for level in "sg"
           for label, a in (("var(x)", slope), ("var(_cons)", every), ("cov(x,_cons)", both))}  # fmt: skip
    of |= {"_all:var(R.h)": same("h"), "boy: var(e)": boy, "girl: var(e)": eye - boy}
    if name == "unstructured errors":
        of |= {label: errors_matrix("unstructured", {label: 1.0}, table().rename(columns={"g": "id"}))
               for label in values if "(e" in label}  # fmt: skip
    if name == "equal variances":
        of |= {f"{level}:var(_cons)": same(level) * (slope + every) for level in "sg"}
        values = {label: value for label, value in values.items() if "var(x)" not in label}
    x = np.column_stack([table()[["x", "w"]], np.ones(ROWS)])
    return Textbook(x, tuple(of[label] for label in values), np.array(list(values.values())))


@eqx.filter_jit
def natural(model: Any, v: Any):
    return model.variances.natural(jnp.asarray(v))


ROWS_TESTED = np.array([[1.0, 0.0, 0.0], [0.4, 1.0, -2.0]])


@pytest.mark.parametrize("name", TEXTS)
def test_the_formulas_by_matrices_of_all_rows(name):
    """Both methods with the expected information, away from any optimum."""
    model, _, names = built(name)
    start = np.asarray(model.variances.init())
    v = start + 0.3 * np.random.default_rng(2).normal(size=len(start))
    with computing():
        book = textbook(name, printed(model, names, np.asarray(natural(model, v))))
        found: Any = small_sample(model, v, np.zeros(0), "kroger", observed=False)
    np.testing.assert_allclose(found.phi, book.phi, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.adjusted, book.adjusted, rtol=1e-7, atol=1e-12)
    for rows in (*ROWS_TESTED[:, None], ROWS_TESTED, np.eye(3)):
        np.testing.assert_allclose(found.joint(rows), book.kenward_roger(rows), rtol=1e-7)
    assert found.of(ROWS_TESTED[1]) == pytest.approx(book.satterthwaite(ROWS_TESTED[1]), rel=1e-7)  # the same for one


def test_satterthwaite_with_the_expected_information():
    name = "three levels"
    model, _, names = built(name)
    v = np.asarray(model.variances.init()) + 0.1
    with computing():
        book = textbook(name, printed(model, names, np.asarray(natural(model, v))))
        found = small_sample(model, v, np.zeros(0), "satterthwaite", observed=False)
    for row in (*np.eye(3), ROWS_TESTED[1]):
        assert found.of(row) == pytest.approx(book.satterthwaite(row), rel=1e-7)
    for rows in (ROWS_TESTED, np.eye(3)):
        assert found.joint(rows) == pytest.approx((1.0, book.fai_cornelius(rows)), rel=1e-7)


def test_few_degrees_of_freedom_of_a_joint_test():
    """Contrasts with two or fewer have no mean of F and count for nothing; the test itself has two at least."""
    found = Satterthwaite("satterthwaite", np.diag([1.0, 2.0]), np.array([np.eye(2), np.diag([0.1, 0])]), np.eye(2))
    first, second = (found.of(row) for row in np.eye(2))
    assert first == pytest.approx(2 / 1.01) and second == pytest.approx(8)
    assert found.joint(np.eye(2)) == (1.0, 2.0)
    with_large = Satterthwaite("satterthwaite", np.diag([1.0, 2.0]), np.array([np.diag([0.0, 1.0])]), np.eye(1))
    assert with_large.of(np.array([1.0, 0.0])) == np.inf
    assert with_large.joint(np.eye(2))[1] == pytest.approx(2 * (1 + 8 / 6) / (1 + 8 / 6 - 2))
    assert with_large.joint(np.array([[2.0, 0.0]])) == (1.0, np.inf)


# a correlation is no parameter in which V is linear


@functools.cache
def autoregression() -> Any:
    text = "y x w || g:, residuals(ar 1, t(t))"
    return me.mixed(text, table(), reml=True, dfmethod="satterthwaite, oim", nolog=True)


def test_an_autoregression_by_differences():
    """Curvature and slopes of the dense restricted likelihood in the printed parameters, by differences."""
    fit = autoregression()
    labels = [c.label for c in fit.estimates.component_info]
    x, y, rows = np.asarray(fit.estimates.design.x), np.asarray(fit.estimates.design.y), table()
    rows = rows.rename(columns={"g": "id"})

    def covariance(theta: np.ndarray) -> np.ndarray:
        values = dict(zip(labels, theta, strict=True))
        return values["g:var(_cons)"] * same("g") + errors_matrix("ar 1", values, rows)

    theta = fit.estimates.components
    assert fit.llf == pytest.approx(loglik(y, covariance(theta), x), abs=1e-8)
    w = np.linalg.inv(-hessian(lambda at: loglik(y, covariance(at), x), theta))
    phi = lambda at: np.linalg.inv(x.T @ np.linalg.solve(covariance(at), x))
    for k, df in enumerate(fit.estimates.degrees.single(3)):
        slope = gradient(lambda at, k=k: phi(at)[k, k], theta)
        assert df == pytest.approx(2 * phi(theta)[k, k] ** 2 / (slope @ w @ slope), rel=1e-5)


def test_a_correlation_is_refused():
    """What cannot be had is refused before the fit, and after one without it."""
    command = "y x w || g:, residuals(ar 1, t(t))"
    fit = autoregression()
    for method in ("satterthwaite", "kroger"):
        with pytest.raises(ValueError, match=r"follow from others \(.*\); use dfmethod\(satterthwaite, oim\)"):
            me.mixed(command, table(), reml=True, dfmethod=method, nolog=True)
        with pytest.raises(ValueError, match=r"use dfmethod\(satterthwaite, oim\)"):
            fit.estat.df(method)
    np.testing.assert_allclose(fit.estat.df("satterthwaite", oim=True).table["satterthwaite"],
                               autoregression().estimates.degrees.single(3), rtol=1e-9)  # fmt: skip


# balanced designs


def test_a_growth_curve_of_a_balanced_design():
    """Eighteen subjects leave 17 by every method that looks at them."""
    with computing():
        for method in ("satterthwaite", "kroger"):
            np.testing.assert_allclose(degrees("sleepstudy_un", method).single(2), 17, rtol=1e-7)
    np.testing.assert_allclose(degrees("sleepstudy_un", "kroger").adjusted, degrees("sleepstudy_un", "kroger").phi)


@functools.cache
def split_plot() -> Any:
    text = "chlorophyll ~ C(nitrogen) * C(thatch) + C(block) + (1 | nitrogen:block)"
    return me.mixed(text, datasets.load("clippings"), reml=True, dfmethod="satterthwaite", nolog=True)


def effect(labels: list[str], term: str) -> np.ndarray:
    """Rows of the main effect of a factor, the other one's levels in equal parts, or those of the interaction."""
    other = {"nitrogen": ("thatch", 3), "thatch": ("nitrogen", 4)}
    mine = [label for label in labels if term in label and (":" in label) == (term == "nitrogen:thatch")] or [
        label for label in labels if label.count(":") == 1
    ]
    rows = []
    for label in mine:
        row = np.zeros(len(labels))
        row[labels.index(label)] = 1.0
        if term in other:
            row[[k for k, name in enumerate(labels) if ":" in name and label in name]] = 1.0 / other[term][1]
        rows.append(row)
    return np.array(rows)


def mean_square(table: pd.DataFrame, keys: list[str]) -> np.ndarray:
    return table.groupby(keys)["chlorophyll"].transform("mean").to_numpy()


def test_a_split_plot():
    """The analysis of variance's F: whole plots against nitrogen x block (3), the others against the residual (8)."""
    fit, t = split_plot(), datasets.load("clippings")
    labels, y = [c.label for c in fit.estimates.names.estimated], t["chlorophyll"].to_numpy()
    n, h, b = (mean_square(t, [key]) - y.mean() for key in ("nitrogen", "thatch", "block"))
    nh = mean_square(t, ["nitrogen", "thatch"]) - y.mean() - n - h
    nb = mean_square(t, ["nitrogen", "block"]) - y.mean() - n - b
    residual = y - y.mean() - n - h - b - nh - nb
    whole, split = nb @ nb / 3, residual @ residual / 8
    expected = {"nitrogen": (n @ n / 3 / whole, 3), "block": (b @ b / whole, 3), "thatch": (h @ h / 2 / split, 8),
                "nitrogen:thatch": (nh @ nh / 6 / split, 8)}  # fmt: skip
    own = fit.estimates
    found = own.degrees
    for term, (statistic, ddf) in expected.items():
        rows = effect(labels, term)
        scale, denominator = found.joint(rows)
        assert scale == pytest.approx(1, rel=1e-9) and denominator == pytest.approx(ddf, rel=1e-6)
        assert f_statistic(own.coefficients, own.coefficient_vce, rows) == pytest.approx(statistic, rel=1e-6)
    test = fit.test("C(block)[T.2]", small=True)
    assert test.F == pytest.approx(expected["block"][0], rel=1e-6) and test.ddf == pytest.approx(3, rel=1e-6)


def test_a_variance_of_zero_counts_as_none():
    """Workers are moved to a common mean: the rest is the model without them."""
    table = table_of("machines_unbal")
    table["score"] -= table.groupby("Worker")["score"].transform("mean")
    fit = me.mixed(MODELS["machines_unbal"][0], table, reml=True, dfmethod="kroger", nolog=True)
    estimates: Any = fit.estimates
    twin = dense_of(fit)
    assert estimates.components[0] == 0.0 and fit.status == "boundary"
    book = Textbook(twin.x, twin.parts[1:], estimates.components[1:])
    np.testing.assert_allclose(estimates.degrees.adjusted, book.adjusted, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(estimates.degrees.joint(np.eye(3)[1:]), book.kenward_roger(np.eye(3)[1:]), rtol=1e-7)
    frame = fit.estat.df("satterthwaite").table
    np.testing.assert_allclose(frame["satterthwaite"], [book.satterthwaite(row) for row in np.eye(3)], rtol=1e-7)


# counted


@functools.cache
def count(text: str, method: str) -> np.ndarray:
    design, encoding = read(parse(f"mixed {text}"), table())
    return counted(design, encoding.names, method).single(design.x.shape[1])


def test_residual_degrees():
    np.testing.assert_array_equal(count("y x w || g:", "residual"), [ROWS - 3] * 3)


def test_repeated_degrees():
    """w and the constant are the groups': 14 of them less 2; x has what is left of n - p."""
    np.testing.assert_array_equal(count("y x w || g: x", "repeated"), [ROWS - 3 - 12, 12, 12])


def test_anova_degrees():
    """Columns of random equations have their groups less one, the smallest; others n - rank [X Z]."""
    np.testing.assert_array_equal(count("y x w || g:", "anova"), [ROWS - 15, ROWS - 15, 13])
    z = pd.get_dummies(table()["g"]).to_numpy(float)
    rank = np.linalg.matrix_rank(np.column_stack([table()[["x", "w"]], z, z * table()[["x"]].to_numpy()]))
    sizes = table()["s"].nunique(), table()["g"].nunique()
    assert sizes == (5, 14)
    np.testing.assert_array_equal(count("y x w || s: || g: x", "anova"), [13, ROWS - rank, 4])


def test_a_combination_has_the_smallest_number():
    design, encoding = read(parse("mixed y x w || g: x"), table())
    found = counted(design, encoding.names, "repeated")
    assert found.of(np.array([1.0, -1.0, 0.0])) == 12 and found.joint(np.eye(3)[:1]) == (1.0, ROWS - 15.0)
    assert found.joint(np.eye(3)[[0, 1]]) == (1.0, 12)


@pytest.mark.parametrize(
    "text, method, message",
    [
        ("y x || s: || g:", "repeated", "is for two levels, observations in groups, and this model has several"),
        ("y x", "repeated", "this model has none"),
        ("y x i.g || g:", "repeated", "leaves -?[01] degrees of freedom for a coefficient"),
    ],
)
def test_counts_that_there_are_not(text, method, message):
    with pytest.raises(ValueError, match=message):
        count(text, method)


# what is printed and refused

HEADER = """\
DF method: Satterthwaite                             DF:          min =   8.66
                                                                  avg =   9.62
                                                                  max =  10.13

                                                     F(2, 10.08)      =  20.33
Log restricted-likelihood = -98.378315               Prob > F         = 0.0003

------------------------------------------------------------------------------
       score | Coefficient  Std. err.      t    P>|t|     [95% conf. interval]
-------------+----------------------------------------------------------------
   Intercept |   52.22567   2.509724    20.81   0.000      46.5141    57.93723
Machine[T.B] |   8.262031   2.219272     3.72   0.004     3.325859     13.1982
Machine[T.C] |   14.06467   2.216218     6.35   0.000     9.131908    18.99744
------------------------------------------------------------------------------
"""


def test_the_printed_header():
    assert HEADER in str(fitted("machines_unbal"))


PRINTED_TEST = """\
 ( 1)  Machine[T.B] = Machine[T.C]

         F(1, 10.04) =   6.87
            Prob > F = 0.0255"""


def test_the_printed_test():
    text = str(fitted("machines_unbal").test("Machine[T.B] = Machine[T.C]", small=True))
    assert text == PRINTED_TEST


def test_the_table_of_degrees():
    shown = fitted("sleepstudy_un").estat.df("residual", "repeated", "anova", "satterthwaite", oim=True)
    assert shown.table.columns.tolist() == ["residual", "repeated", "anova", "satterthwaite"]
    np.testing.assert_allclose(shown.table.loc["Days"], [178, 161, 17, 17], rtol=1e-6)
    assert list(fitted("sleepstudy_un").estat.df().table) == ["satterthwaite"]


REFUSED = {
    "no reml": ({"dfmethod": "kroger"}, "derived for restricted maximum likelihood; add `reml`"),
    "robust": ({"dfmethod": "residual", "vce": "robust"}, r"does not go with vce\(robust\)"),
    "weights": ({"dfmethod": "residual", "fweight": "t"}, "does not go with weights"),
    "suboption": ({"reml": True, "dfmethod": "kroger, robust"}, "may stand after the comma is `eim` or `oim`"),
    "counted": ({"reml": True, "dfmethod": "residual, oim"}, "of the methods satterthwaite and kroger"),
    "unknown": ({"reml": True, "dfmethod": "betwithin"}, "betwithin"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        me.mixed("y x || g:", table(), nolog=True, **options)


def test_refused_after_the_fit():
    fit = split_plot()
    with pytest.raises(ValueError, match="there is no method `betwithin`; methods are residual"):
        fit.estat.df("betwithin")
    with pytest.raises(ValueError, match="is for two levels|leaves"):
        fitted("machines_unbal").estat.df("repeated")
    with pytest.raises(ValueError, match="denominator degrees of freedom belong to coefficients"):
        fit.test("var(Residual)", small=True)
    plain = me.mixed(MODELS["machines_unbal"][0], table_of("machines_unbal"), reml=True, nolog=True)
    with pytest.raises(ValueError, match="small=True needs the denominator degrees of freedom"):
        plain.test("Intercept", small=True)
    with pytest.raises(ValueError, match="fitted without a method for degrees of freedom; name one"):
        plain.estat.df()
    np.testing.assert_array_equal(plain.estat.df("residual").table, [[44]] * 3)
    likelihood = replace(plain.estimates, model=replace(plain.model, reml=False))
    with pytest.raises(ValueError, match="kroger is derived for restricted maximum likelihood"):
        Fit(plain.spec, likelihood, plain.encoding).estat.df("kroger")
