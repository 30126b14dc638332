"""Nonlinear mixed models: means, the linearised and the true likelihood against brute force, starts, invariances."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from brute_menl import correlations, gradient, loglik, of_group, printed, same
from references import data, polished

from mejax import me
from mejax._tree import to_device
from mejax._typing import Params
from mejax.build import Integration, build_nonlinear, build_true
from mejax.frame import read
from mejax.lmm import evaluate
from mejax.menl import OPERATIONS, columns_read, search
from mejax.menl.program import run
from mejax.syntax import nonlinear_of_function, parse

ORANGE = "circumf = ({b1}+{U1[tree]})/(1+exp(-(age-{b2})/{b3}))"
TWO_LEVELS = """y = ({a}+{U[id]})*exp(-exp({b}+{V[id]})*t/10)+{c}, covariance(U V, unstructured)
    resvariance(power _yhat, strata(sex)) rescorrelation(ar 1, t(t) by(sex))"""
THREE_LEVELS = """y = {phi: x S[school] c.x#W[school>class], noconstant}*exp(-exp({b})*t/5)+{c},
    resvariance(distinct, index(k)) rescorrelation(ctar1, t(t)) reml"""


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@functools.cache
def table() -> pd.DataFrame:
    """Six schools of two classes, each of up to five rows in random order, at times of which some are missing."""
    rng = np.random.default_rng(3)
    rows = [(school, number, t) for school in range(1, 7) for number in (1, 2) for t in range(1, 6)]
    found = pd.DataFrame(rows, columns=["school", "class", "t"]).sample(52, random_state=2).reset_index(drop=True)
    n, school = len(found), rng.normal(size=7)[found["school"]]
    found = found.assign(id=10 * found["school"] + found["class"], k=found["t"] % 3, x=rng.uniform(1.0, 3.0, n))
    found["sex"] = np.where(found["class"] == 1, "boy", "girl")
    own = 0.7 * rng.normal(size=70)[found["id"]]
    growth = (8.0 + school + own) * np.exp(-0.4 * found["t"])
    return found.assign(y=2.0 + growth + 0.5 * rng.normal(size=n), z=1 + found["x"] + school + own + rng.normal(size=n))


def read_in(text: str, rows: pd.DataFrame) -> tuple[Any, Any, Any]:
    """(what the text says, design, encoding)."""
    spec = parse(text, command="menl")
    return spec, *read(spec, rows)


@functools.cache
def built(text: str, name: str = "") -> tuple[Any, Any, Any]:
    """(model, design, names) of a command."""
    spec, design, encoding = read_in(text, data(name) if name else table())
    with jax.enable_x64(True):
        model = to_device(build_nonlinear(design, encoding.names, spec.nonlinear, reml=bool(spec.option("reml"))))
    return model, design, encoding.names


def params_of(model: Any, fixed: Any, v: Any) -> Params:
    random, residual = model.variances.params(np.asarray(v))
    return jax.tree.map(jnp.asarray, Params(np.asarray(fixed, float), random, residual, np.zeros(0)))


# ------------------------------------------------------------------------------------------------------------- the mean


PLAIN = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "negative": np.negative,
    "not": lambda a: a == 0, "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal,
    ">": np.greater, ">=": np.greater_equal, "&": np.logical_and, "|": np.logical_or, "abs": np.abs,
    "atan": np.arctan, "cond": lambda c, a, b: np.where(c != 0, a, b), "cos": np.cos, "cosh": np.cosh, "exp": np.exp,
    "floor": np.floor, "invlogit": lambda a: 1 / (1 + np.exp(-a)), "ln": np.log, "log": np.log, "log10": np.log10,
    "logit": lambda p: np.log(p / (1 - p)), "max": lambda a, b, c: np.maximum(a, np.maximum(b, c)),
    "min": lambda a, b, c: np.minimum(a, np.minimum(b, c)), "normal": None, "sign": np.sign, "sin": np.sin,
    "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh,
}  # fmt: skip
NUMBERS = np.array([[0.2, 0.71, 0.45], [0.6, 0.3, 0.8], [0.35, 0.9, 0.15]])  # one argument a row, all in (0, 1)


def test_every_operation_has_its_twin():
    assert set(PLAIN) == set(OPERATIONS)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operations_against_numpy_and_their_derivatives_against_differences(name):
    plain = PLAIN[name] or np.vectorize(lambda a: 0.5 * (1 + _erf(a / np.sqrt(2))))
    count = {"cond": 3, "max": 3, "min": 3}.get(name) or (2 if not name[0].isalpha() else 1)
    program = (name, *(("predictor", k) for k in range(count)))
    arguments = NUMBERS[:count]
    step = 1e-6
    expected = (plain(*(arguments + step)) * 1.0 - plain(*(arguments - step))) / (2 * step)
    value, slope = jax.jvp(
        lambda *a: run(program, (), a, ()), tuple(map(jnp.asarray, arguments)), (jnp.ones(3),) * count
    )
    np.testing.assert_allclose(value, plain(*arguments) * 1.0, rtol=1e-14)
    np.testing.assert_allclose(slope, expected, rtol=1e-8, atol=1e-9)


def _erf(a: float) -> float:
    """By its series."""
    term, total = a, a
    for k in range(1, 40):
        term *= -a * a / k
        total += term / (2 * k + 1)
    return 2 / np.sqrt(np.pi) * total


def test_conditions_choose():
    model, design, _ = built("y = cond(t < 3, {a}, {b}) + min({c}, x, 2) + max({c}*t, x)^2 + {U[id]}")
    t, x = table()["t"].to_numpy(), table()["x"].to_numpy()
    expected = np.where(t < 3, 1.5, -2.0) + np.minimum(np.minimum(1.7, x), 2) + np.maximum(1.7 * t, x) ** 2
    found = model.mean(jnp.array([1.5, -2.0, 1.7]), model.of_rows(model.nothing()))
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@eqx.filter_jit
def expanded(mean: Any, fixed: Any, effects: Any):
    return mean.expand(fixed, effects)


@pytest.mark.parametrize("text", [TWO_LEVELS, THREE_LEVELS])
def test_expansion_against_differences(text):
    mean, rng = built(text)[0].mean, np.random.default_rng(1)
    fixed = jnp.asarray(rng.normal(size=3))
    effects = jnp.asarray(rng.normal(size=(52, 2)))
    f, x, z = expanded(mean, fixed, effects)
    at = jax.jit(lambda b, u: mean(b, u))
    step = 1e-6
    np.testing.assert_allclose(f, at(fixed, effects), rtol=1e-13)
    for k, h in enumerate(step * np.eye(3)):
        np.testing.assert_allclose(x[:, k], (at(fixed + h, effects) - at(fixed - h, effects)) / (2 * step), atol=1e-8)
    for k, h in enumerate(step * np.eye(2)[:, None]):
        np.testing.assert_allclose(z[:, k], (at(fixed, effects + h) - at(fixed, effects - h)) / (2 * step), atol=1e-8)


def test_a_function_is_its_expression():
    def mean(b, u, x):
        return (b["b1"] + u["U1"]) / (1 + jnp.exp(-(x["age"] - b["b2"]) / b["b3"]))

    parts = ({"b1": None, "b2": None, "b3": None}, {"U1": "tree"})
    spec: Any = nonlinear_of_function(
        mean, "circumf", *parts, columns=columns_read(mean, list(parts[0]), list(parts[1]))
    )
    design, encoding = read(spec, data("orange"))
    called = to_device(build_nonlinear(design, encoding.names, spec.nonlinear, reml=False))
    written = built(ORANGE, "orange")[0]
    fixed, effects = jnp.array([180.0, 650.0, 300.0]), jnp.linspace(-20.0, 20.0, 35)[:, None]
    for a, b in zip(expanded(called.mean, fixed, effects), expanded(written.mean, fixed, effects), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


# ------------------------------------------------------------------------------------------- the linearised likelihood


def some_params(text: str) -> Params:
    """Parameters away from special values."""
    model = built(text)[0]
    start = np.asarray(model.variances.init())
    v = start + 0.1 * np.random.default_rng(7).normal(size=len(start))
    random, residual = model.variances.params(v)
    fixed = np.array([8.0, 1.2, 2.0] if text is TWO_LEVELS else [3.0, 0.5, 2.0])
    return jax.tree.map(jnp.asarray, Params(fixed, random, residual, np.zeros(0)))


def plain_mean(text: str, b: np.ndarray, u: np.ndarray) -> np.ndarray:
    t, x = table()["t"].to_numpy(), table()["x"].to_numpy()
    if text is TWO_LEVELS:
        return (b[0] + u[:, 0]) * np.exp(-np.exp(b[1] + u[:, 1]) * t / 10) + b[2]
    return (b[0] * x + u[:, 0] + x * u[:, 1]) * np.exp(-np.exp(b[1]) * t / 5) + b[2]


def slopes_of(text: str, b: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(df/db, df/du) of the rows by differences."""
    x = gradient(lambda b: plain_mean(text, b, u), b).T
    return x, gradient(lambda h: plain_mean(text, b, u + h[None]), np.zeros(2)).T


def errors_of(text: str, values: dict[str, float], f: np.ndarray) -> np.ndarray:
    """The covariance matrix of the errors of all rows where the means are f."""
    rows, out = table(), np.zeros((52, 52))
    sexes, ids, times, index = (rows[column].to_numpy() for column in ("sex", "id", "t", "k"))
    for one in np.unique(ids):
        at = np.flatnonzero(ids == one)
        own = of_group(values, sexes[at[0]])
        if text is TWO_LEVELS:
            sd = np.sqrt(own["sigma2"]) * (own["_cons"] + np.abs(f[at]) ** own["delta"])
        else:
            sd = np.sqrt([values[f"{k}: var(e)"] for k in index[at]])
        out[np.ix_(at, at)] = np.outer(sd, sd) * correlations("ar 1", own, times[at])
    return out


def random_part(text: str, values: dict[str, float], z: np.ndarray) -> np.ndarray:
    """Z Sigma Z' of all rows."""
    rows = table()
    within = same(rows["id"].to_numpy())
    if text is TWO_LEVELS:
        both = values["id:cov(U,V)"]
        return within * (z @ np.array([[values["id:var(U)"], both], [both, values["id:var(V)"]]]) @ z.T)
    schools = same(rows["school"].to_numpy()) * values["school:var(S)"] * np.outer(z[:, 0], z[:, 0])
    return schools + within * values["school>class:var(W)"] * np.outer(z[:, 1], z[:, 1])


@eqx.filter_jit
def value_of(model: Any, params: Params):
    """The log likelihood, and the modes of the rows."""
    return model.loglik(params), model.of_rows(model.modes(params))


@eqx.filter_jit
def slopes_and_parts(model: Any, params: Params):
    return jax.grad(lambda p: model.loglik(p))(params), model.contributions(params)


@eqx.filter_jit
def natural(model: Any, params: Params):
    return model.natural(params)[len(params.fixed) :]


@pytest.mark.parametrize("text", [TWO_LEVELS, THREE_LEVELS], ids=["two levels", "three levels, restricted"])
def test_linearised_loglik_against_dense_matrices(text):
    """The modes minimise the penalised squares, the errors' variances being those at the mean there; around them the
    likelihood is log N(y - f + Z u; 0, Z Sigma Z' + R)."""
    model, _, names = built(text)
    params = some_params(text)
    value, u = map(np.asarray, value_of(model, params))
    fixed, y = np.asarray(params.fixed), np.asarray(model.y)
    f, (x, z) = plain_mean(text, fixed, u), slopes_of(text, fixed, u)
    values = printed(model, names, np.asarray(natural(model, params)))
    errors, effects = errors_of(text, values, f), random_part(text, values, z)
    dense = loglik(y - f + np.sum(z * u, 1), errors + effects, x if model.reml else None)
    assert float(value) == pytest.approx(dense, rel=1e-9)
    # at the modes df/du' R^-1 (y - f) = Sigma^-1 u; here multiplied by Z Sigma
    np.testing.assert_allclose(effects @ np.linalg.solve(errors, y - f), np.sum(z * u, 1), atol=1e-6)


def test_derivatives_and_contributions_of_the_linearised_loglik():
    """The modes move with the parameters."""
    model, params = built(TWO_LEVELS)[0], some_params(TWO_LEVELS)
    slopes, parts = slopes_and_parts(model, params)
    leaves, shape = jax.tree.flatten(params)
    cuts = np.cumsum([len(leaf) for leaf in leaves])[:-1]

    def moved(theta: np.ndarray) -> float:
        there = jax.tree.unflatten(shape, [jnp.asarray(part) for part in np.split(theta, cuts)])
        return float(value_of(model, there)[0])

    found = np.concatenate(jax.tree.leaves(slopes))
    np.testing.assert_allclose(found, gradient(moved, np.concatenate(leaves)), rtol=1e-6, atol=1e-6)
    assert parts.shape == (12,)
    assert float(jnp.sum(parts)) == pytest.approx(float(value_of(model, params)[0]), rel=1e-12)


# --------------------------------------------------------------------------------------------------- a linear mean


LINEAR = {
    "one level": ("z = {b0}+{b1}*x+{U[id]}", "z x || id:", {"id:var(U)": "id:var(_cons)"}),
    "two levels, restricted, ar 1": (
        "z = {b0}+{b1}*x+{S[school]}+{W[school>class]}, rescorrelation(ar 1, t(t)) reml",
        "z x || school: || class:, residuals(ar 1, t(t)) reml",
        {"school:var(S)": "school:var(_cons)", "school>class:var(W)": "class:var(_cons)"},
    ),
}


@functools.cache
def linear_fits(name: str) -> tuple[Any, Any]:
    nonlinear, linear, _ = LINEAR[name]
    return me.menl(nonlinear, table(), nolog=True), me.mixed(linear, table(), nolog=True)


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_mean_is_that_of_mixed(name):
    """Standard errors of coefficients are sqrt(n / (n - p)) times as large; of variances they hold the coefficients."""
    ours, theirs = linear_fits(name)
    assert ours.llf == pytest.approx(theirs.llf, abs=1e-8)
    fixed = theirs.fixed.loc[["_cons", "x"]].set_axis(["/b0", "/b1"])
    np.testing.assert_allclose(ours.fixed["estimate"], fixed["estimate"], rtol=1e-7)
    np.testing.assert_allclose(ours.fixed["se"], fixed["se"] * np.sqrt(52 / 50), rtol=1e-6)
    shown = ours.random.rename(index=LINEAR[name][2]).loc[theirs.random.index]
    np.testing.assert_allclose(shown["estimate"], theirs.random["estimate"], rtol=1e-5)
    at = evaluate(theirs.model, theirs.estimates.v)
    larger = np.linalg.eigvalsh(np.asarray(at.hessian) - np.asarray(at.held))  # what is held leaves less uncertain
    assert larger.min() > -1e-8 and np.all(shown["se"] < theirs.random["se"] * (1 + 1e-9))


# ------------------------------------------------------------------------------------------------ the true likelihood


POWER = ORANGE + ", resvariance(power _yhat)"
THEOPH = """conc = (dose*{ke:}*{ka:}/({cl:}*({ka:}-{ke:})))*(exp(-{ke:}*time)-exp(-{ka:}*time)),
    define(cl: exp({b0}+{U0[subject]})) define(ka: exp({b1}+{U1[subject]})) define(ke: exp({b2}))"""


@functools.cache
def integrated(text: str, name: str, points: int) -> tuple[Any, Any]:
    """(the model of the true likelihood, names)."""
    spec, design, encoding = read_in(text, data(name) if name else table())
    with jax.enable_x64(True):
        whole = build_true(design, encoding.names, spec.nonlinear, Integration("mvaghermite", points))[0]
        return to_device(whole), encoding.names


@eqx.filter_jit
def loglik_of(model: Any, params: Params):
    return model.loglik(params)


def true_params(model: Any, fixed: Any, sigma: Any, ancillary: Any) -> Params:
    """`sigma` are the variances of the effects of the only level, `ancillary` the errors' parameters as printed."""
    random = tuple(block.nearest(np.diag(np.asarray(sigma, float))) for block in model.blocks)
    free = model.family.free(np.asarray(ancillary, float))
    return jax.tree.map(jnp.asarray, Params(np.asarray(fixed, float), random, np.zeros(0), free))


def theoph_params(at: dict[str, float], names: Any, shrink: float = 1.0) -> tuple[list[float], ...]:
    """Coefficients, variances, the variance of the errors, in the order of the model."""
    fixed = [at[column.label.removeprefix("/")] for column in names.estimated]
    return fixed, [at[f"var({name})"] * shrink for e in names.effects for name in e.columns], [at["sigma2"]]


@pytest.mark.parametrize("case", ["orange_constant_power", "theoph_diag"])
def test_the_true_likelihood_is_the_integral(case):
    """Computed by the trapezoidal rule elsewhere, at parameters that are no maximum."""
    stored = polished("exact", case)
    at = stored["parameters"]
    if case == "theoph_diag":
        model, names = integrated(THEOPH, "theoph", 21)
        params = true_params(model, *theoph_params(at, names))
    else:
        model, _ = integrated(POWER, "orange", 25)
        errors = [at["sigma2"], at["delta"], np.log(at["_cons"])]
        params = true_params(model, [at["b1"], at["b2"], at["b3"]], [at["var(U1)"]], errors)
    assert float(loglik_of(model, params)) == pytest.approx(stored["logLik"], abs=1e-6)


def test_linearised_and_true_likelihood_meet_where_effects_are_small():
    """Their difference is proportional to the variances, and is there where these are not small."""
    at = polished("exact", "theoph_diag")["parameters"]
    (true, names), linear = integrated(THEOPH, "theoph", 21), built(THEOPH, "theoph")[0]
    apart = []
    for shrink in (1.0, 1e-3, 1e-4):
        fixed, sigma, (sigma2,) = theoph_params(at, names, shrink)
        exact = float(loglik_of(true, true_params(true, fixed, sigma, [sigma2])))
        random = tuple(block.nearest(np.diag(sigma) / sigma2) for block in linear.variances.blocks)
        params = Params(np.asarray(fixed), random, np.array([0.5 * np.log(sigma2)]), np.zeros(0))
        apart.append(abs(exact - float(loglik_of(linear, jax.tree.map(jnp.asarray, params)))))
    assert apart[0] > 0.05 and apart[1] < 0.1 * apart[0]
    assert apart[2] == pytest.approx(0.1 * apart[1], rel=0.3)


def test_the_true_likelihood_of_a_linear_mean_is_that_of_the_normal_distribution():
    model, _ = integrated(LINEAR["one level"][0], "", 3)
    x, z = np.column_stack([np.ones(52), table()["x"]]), table()["z"].to_numpy()
    v = same(table()["id"].to_numpy()) * 1.7 + 0.8 * np.eye(52)
    params = true_params(model, [0.5, 1.3], [1.7], [0.8])
    assert float(loglik_of(model, params)) == pytest.approx(loglik(z - x @ [0.5, 1.3], v), rel=1e-11)


# ------------------------------------------------------------------------------------------------------------- starts


def found_by_search(text: str, rows: pd.DataFrame) -> np.ndarray:
    """The coefficients that a search proposes first, nothing being given."""
    spec, design, encoding = read_in(text, rows)
    model = to_device(build_nonlinear(design, encoding.names, spec.nonlinear, reml=False))
    p = len(model.start)
    return search(model, np.full(p, np.nan), np.ones(p, bool))[0]


CURVES = {
    "asymptotic": ("y = {a}+({r}-{a})*exp(-exp({l})*x)+{U[g]}", [101.0, -8.6, -3.2], (1.0, 25.0)),
    "two exponentials": ("y = {a}*exp(-exp({k})*x)+{b}*exp(-exp({l})*x)+{U[g]}", [2.8, 0.8, 0.5, -1.3], (0.2, 8.0)),
}


@pytest.mark.parametrize("name", CURVES)
def test_a_search_finds_the_coefficients(name):
    text, true, (low, high) = CURVES[name]
    x = np.tile(np.linspace(low, high, 12), 5)
    if name == "asymptotic":
        y = true[0] + (true[1] - true[0]) * np.exp(-np.exp(true[2]) * x)
    else:
        y = true[0] * np.exp(-np.exp(true[1]) * x) + true[2] * np.exp(-np.exp(true[3]) * x)
    y = y + 1e-4 * np.std(y) * np.random.default_rng(1).normal(size=60)
    found = found_by_search(text, pd.DataFrame({"x": x, "y": y, "g": np.repeat(np.arange(5), 12)}))
    if name == "two exponentials" and found[1] < found[3]:
        found = found[[2, 3, 0, 1]]
    np.testing.assert_allclose(found, true, rtol=2e-2)


@functools.cache
def orange(text: str = ORANGE, seed: int = 0) -> Any:
    """A fit; with a seed, of other numbers, in other rows, with other names of the trees."""
    rows = data("orange")
    if seed:
        rows["tree"] = 31 - 7 * rows["tree"]
        rows = rows.sample(frac=1, random_state=seed).reset_index(drop=True)
    return me.menl(text, rows, nolog=True)


def test_bad_starting_values_end_at_the_maximum():
    """Ones are far off: a step function at the age of one day.  Negative scales make an overflow."""
    for starts in ("{b1=1}, {b2=1}, {b3=1}", "{b1=1}, {b2=1}, {b3=-0.01}"):
        text = ORANGE
        for start in starts.split(", "):
            text = text.replace(start.split("=")[0] + "}", start)
        found = orange(text)
        assert found.converged and found.llf == pytest.approx(orange().llf, abs=1e-8)
        np.testing.assert_allclose(found.params, orange().params, rtol=1e-6)


def test_steps_to_where_the_mean_is_not_a_number_are_halved():
    """From beyond the range of the logarithm, and from where a whole step leads beyond it."""
    rng = np.random.default_rng(2)
    x, g = np.tile(np.linspace(0.05, 3.0, 10), 8), np.repeat(np.arange(8), 10)
    y = 2.0 * np.log(x + 0.02) + 0.3 * rng.normal(size=8)[g] + 0.1 * rng.normal(size=80)
    rows = pd.DataFrame({"x": x, "g": g, "y": y})
    fits = [me.menl(f"y = {{a={a}}}*log(x+{{b={b}}})+{{U[g]}}", rows, nolog=True) for a, b in ((1, -0.5), (0.1, 3.0))]
    for found in fits:
        assert found.converged
        assert found.fixed["estimate"].to_numpy() == pytest.approx([2.0, 0.02], abs=0.05)
    assert fits[0].llf == pytest.approx(fits[1].llf, abs=1e-8)


# --------------------------------------------------------------------------------------------------------- invariances


def test_rows_and_names_of_groups_may_be_permuted():
    plain, shuffled = orange(), orange(seed=3)
    assert shuffled.llf == pytest.approx(plain.llf, abs=1e-9)
    np.testing.assert_allclose(shuffled.params, plain.params, rtol=1e-7)
    np.testing.assert_allclose(shuffled.random["se"], plain.random["se"], rtol=1e-6)


def test_the_fit_is_a_maximum_of_its_likelihood_in_the_variances():
    """The public likelihood is the one reported; that of the linear model at the end is flat."""
    found = orange()
    assert float(loglik_of(found.model, found.estimates.theta)) == pytest.approx(found.llf, abs=1e-10)
    at = evaluate(found.estimates.linearised, found.estimates.v)
    np.testing.assert_allclose(at.gradient, 0.0, atol=1e-8)
    np.testing.assert_allclose(at.fixed, found.fixed["estimate"], rtol=1e-9)


def test_a_second_fit_of_the_same_shape_compiles_nothing(caplog):
    orange()
    rows = data("orange")
    other = rows.assign(circumf=rows["circumf"] + np.sin(np.arange(35)), tree=rows["tree"] * 7 + 3)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        found = me.menl(ORANGE, other, nolog=True)
    compiled = [record.getMessage() for record in caplog.records if "ompiling" in record.getMessage()]
    assert not compiled, compiled
    assert found.converged and found.llf != orange().llf
