"""Survival families: what times, late entries and censoring have to do with each other, and the tails."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from families import FAMILIES, SURVIVAL, log_density
from scipy import special, stats

from mejax.likelihoods import AbstractSurvivalFamily, _incomplete_gamma, family

each = pytest.mark.parametrize("name", SURVIVAL)
TIMES = np.array([0.02, 0.3, 0.9, 1.7, 4.0, 11.0])
ETAS = np.array([-1.3, -0.4, 0.0, 0.5, 1.1])


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def made_of(name: str) -> AbstractSurvivalFamily:
    made = FAMILIES[name].make()
    assert isinstance(made, AbstractSurvivalFamily)
    return made


@cache
def compiled(name: str):
    """Everything that the tests look at, of times, etas and cumulative hazards of one shape."""
    made = made_of(name)

    def everything(y, eta, aux, cumulative):
        time = made.time(cumulative, eta, aux)
        found = {name: s.function(y, eta, aux) for name, s in made.statistics.items()}
        slope = jax.jvp(lambda t: made.log_survival(t, eta, aux), (y[1],), (jnp.ones_like(y[1]),))[1]
        by_eta = jax.grad(lambda e: jnp.sum(made.logpdf(y, e, aux)))(eta)
        return found | {
            "logpdf": made.logpdf(y, eta, aux),
            "slope": slope,
            "by eta": by_eta,
            "log survival": made.log_survival(y[1], eta, aux),
            "time": time,
            "cumulative": -made.log_survival(time, eta, aux),
        }

    return jax.jit(everything)


def evaluate(
    name: str, exit: Any, eta: Any, *, entry: Any = 0.0, failure: Any = 1.0, cumulative: Any = 1.0, aux: Any = None
) -> dict[str, np.ndarray]:
    """Always 30 numbers, so that every family is compiled once; `eta` alone may be an axis behind the others."""
    shape = np.broadcast_shapes(*(np.shape(v) for v in (entry, exit, failure, cumulative)), np.shape(eta))
    entry, exit, failure, eta, cumulative = (
        jnp.asarray(np.resize(np.broadcast_to(np.asarray(v, float), shape), 30))
        for v in (entry, exit, failure, eta, cumulative)
    )
    aux = jnp.asarray(FAMILIES[name].aux if aux is None else aux)
    found = compiled(name)((entry, exit, failure), eta, aux, cumulative)
    return {key: np.asarray(value)[: int(np.prod(shape))].reshape(shape) for key, value in found.items()}


def frozen(name: str, eta):
    distribution = FAMILIES[name].scipy
    assert distribution is not None
    return distribution(np.exp(eta), FAMILIES[name].aux)


# ------------------------------------------------------------------------------------------------------- distributions


@each
def test_statistics_are_those_of_scipy(name):
    t, found, expected = TIMES[:, None], evaluate(name, TIMES[:, None], ETAS), frozen(name, ETAS)
    assert list(made_of(name).statistics) == ["mean", "median", "survival", "hazard", "distribution", "density"]
    for statistic, value in (
        ("survival", expected.sf(t)),
        ("distribution", expected.cdf(t)),
        ("density", expected.pdf(t)),
        ("hazard", expected.pdf(t) / expected.sf(t)),
        ("median", expected.median() + 0.0 * t),
        ("mean", expected.mean() + 0.0 * t),
    ):
        np.testing.assert_allclose(found[statistic], value, rtol=2e-11, atol=1e-15, err_msg=statistic)


@each
def test_the_hazard_is_the_slope_of_the_cumulative_hazard(name):
    found = evaluate(name, TIMES[:, None], ETAS)
    np.testing.assert_allclose(-found["slope"], found["hazard"], rtol=1e-11)
    np.testing.assert_allclose(found["density"], found["hazard"] * found["survival"], rtol=1e-13)


@each
def test_a_record_may_be_cut_anywhere(name):
    """The total of (entry, cut] and (cut, exit] is that of the whole, whether or not it ends in a failure."""
    entry, exit, failure = TIMES[:5, None] * 0.9, TIMES[1:, None], np.array([1, 0, 1, 0, 1.0])[:, None]
    cut = entry + np.array([1e-6, 0.1, 0.5, 0.9, 0.999]) * (exit - entry)
    whole = evaluate(name, exit, 0.3 + 0.0 * cut, entry=entry, failure=failure)["logpdf"]
    before = evaluate(name, cut, 0.3, entry=entry, failure=0.0)["logpdf"]
    after = evaluate(name, exit, 0.3 + 0.0 * cut, entry=cut, failure=failure)["logpdf"]
    np.testing.assert_allclose(before + after, whole, rtol=1e-12, atol=1e-13)
    expected = log_density(name, (entry, exit, failure), np.exp(0.3 + 0.0 * cut), FAMILIES[name].aux)
    np.testing.assert_allclose(whole, expected, rtol=1e-11)


@each
def test_times_at_given_cumulative_hazards(name):
    """From probabilities of failing of 1e-15 to ones of surviving of exp(-1e5)."""
    cumulative = np.array([1e-15, 1e-8, 0.01, 0.5, 0.69, 0.71, 1.0, 30.0, 800.0, 1e5])[:, None]
    found = evaluate(name, 1.0, np.array([-0.4, 0.6]), cumulative=cumulative)
    assert np.isfinite(found["time"][cumulative[:, 0] < 1000]).all()
    kept = np.log(found["time"]) < 600  # a logistic distribution gets no further in double precision
    assert kept[:8].all()
    wide = np.broadcast_to(cumulative, kept.shape)
    np.testing.assert_allclose(found["cumulative"][kept], wide[kept], rtol=1e-11)
    p = np.array([0.1, 0.5, 0.99])
    eta = jnp.full(3, 0.4)
    quantile = made_of(name).quantile(jnp.asarray(p), eta, jnp.asarray(FAMILIES[name].aux))
    np.testing.assert_allclose(quantile, frozen(name, 0.4).ppf(p), rtol=1e-11)


@each
def test_nothing_happens_at_time_zero(name):
    """S(0) = 1 exactly, and no statistic is NaN: a curve may begin there."""
    found = evaluate(name, 0.0, ETAS)
    assert (found["survival"] == 1).all() and (found["distribution"] == 0).all()
    assert not any(np.isnan(found[key]).any() for key in made_of(name).statistics)
    late = evaluate(name, 2.0, ETAS)
    assert np.array_equal(late["logpdf"], evaluate(name, 2.0, ETAS, entry=0.0)["logpdf"])


def test_nested_distributions():
    """Weibull with p = 1 and gamma with s = 1 are exponential; one Weibull has both metrics."""
    y: dict[str, Any] = {"exit": TIMES[:, None], "entry": 0.4 * TIMES[:, None]}
    y["failure"], eta = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])[:, None], ETAS
    plain = evaluate("exponential", eta=eta, **y)["logpdf"]
    one = evaluate("weibull", eta=eta, aux=np.zeros(1), **y)["logpdf"]
    np.testing.assert_allclose(one, plain, rtol=1e-14)
    for other in ("exponential aft", "weibull aft", "survival gamma"):
        found = evaluate(other, eta=-eta, aux=np.zeros(0 if other == "exponential aft" else 1), **y)["logpdf"]
        np.testing.assert_allclose(found, plain, rtol=1e-12, err_msg=other)
    p = np.exp(FAMILIES["weibull"].aux[0])
    hazards, times = evaluate("weibull", eta=eta, **y), evaluate("weibull aft", eta=-eta / p, **y)
    for key in ("logpdf", "mean", "median", "hazard"):
        np.testing.assert_allclose(times[key], hazards[key], rtol=1e-12, err_msg=key)


def test_the_loglogistic_mean_is_infinite_where_it_does_not_exist():
    for log_s, finite in ((-0.1, True), (0.0, False), (0.4, False)):
        assert np.isfinite(evaluate("loglogistic", 1.0, ETAS, aux=np.array([log_s]))["mean"]).all() == finite


# ---------------------------------------------------------------------------------------------------------------- tails


@pytest.mark.parametrize("name", [name for name in SURVIVAL if name != "loglogistic"])
def test_late_entries_hold_the_optimiser_back(name):
    """Where everybody should long have failed, having lived from 1 to 2 is next to impossible; it is no 0 - 0."""
    sign = -1.0 if made_of(name).aft else 1.0
    eta = sign * np.array([700.0, 30.0, 8.0])
    found = evaluate(name, 2.0, eta, entry=1.0, failure=0.0)
    assert (found["logpdf"] < -15).all() and (np.diff(found["logpdf"]) > 0).all()
    assert (sign * found["by eta"][1:] < -1).all()
    easy = evaluate(name, 2.0, -eta, entry=1.0, failure=0.0)
    assert (easy["logpdf"] <= 0).all() and easy["logpdf"][0] > -1e-100


def test_a_loglogistic_hazard_does_not_explode():
    """S(2) / S(1) goes to 2^(-1/s): the hazard of a logistic log time ends in 1 / (s t)."""
    s = np.exp(FAMILIES["loglogistic"].aux[0])
    found = evaluate("loglogistic", 2.0, np.array([-700.0, -30.0]), entry=1.0, failure=0.0)
    np.testing.assert_allclose(found["logpdf"], -np.log(2.0) / s, rtol=1e-12)
    np.testing.assert_allclose(found["hazard"], 0.5 / s, rtol=1e-12)


# a, v, log Q(a, a exp(v)) and its derivatives in v (first, second, third) and in log a: by mpmath 1.4 with 80 digits,
# central differences of step 1e-12
GAMMA = np.array([
    (0.001, -0.6, -4.9750838621762, -0.143682167329363, -0.0207093929304628, -0.00588163031243276, 0.852973926865736),
    (0.001, 2.302585092994046, -5.51384078335191, -0.244645936159715, -0.0576498206540257, -0.0252422809392042,
     0.753536637105108),
    (0.001, 9.680344001221918, -25.7344307680703, -16.9458755089117, -16.045634496455, -15.9665348254802,
     -15.9424713230319),
    (0.05, 2.4849066497880004, -3.7537216577324, -1.17269107931381, -0.730224273879602, -0.607416985531963,
     -0.143564652180635),
    (0.05, 8.294049640102028, -208.006996157031, -200.94531860507, -200.004614209379, -199.99551739618,
     -199.655262883733),
    (2.5, -0.6324555320336759, -0.283990124066183, -0.538311026530235, -0.920564073526851, -1.35481140117444,
     0.236560258031157),
    (2.5, 0.0006324555320336759, -0.878286484557667, -1.46862992689136, -2.1545510198867, -2.65117083235561,
     0.100360382415301),
    (30.0, -0.18257418583505536, -0.200599532738395, -1.66291380644827, -11.0903525414189, -50.8440542278156,
     0.166545194416333),
    (30.0, 5.477225575051661, -6989.24451208694, -7146.46984484552, -7175.46171591152, -7175.46989089355,
     -6981.64610283749),
    (1000.0, 0.009486832980505138, -0.973132816896969, -31.9076549860168, -713.955457252188, -6544.08482219351,
     -0.145818717005578),
    (1e6, -0.001, -0.172897625306159, -287.689252362017, -370310.561596677, -295792498.327547, 0.143916572474995),
    (1e6, 0.008, -35.102945815077, -8153.95369120702, -993707.552687821, -4299760.55474307, -32.5709734973862),
])  # fmt: skip


def test_upper_incomplete_gamma_function_with_derivatives():
    def tail(v, a):
        return _incomplete_gamma.log_tail(v[None], a)[0][0]

    first = jax.grad(tail)
    second = jax.grad(first)

    def everything(v, a):
        orders = [f(v, a) for f in (tail, first, second, jax.grad(second))]
        return jnp.stack([*orders, a * jax.grad(tail, argnums=1)(v, a)])

    a, v = (jnp.asarray(GAMMA[:, k]) for k in (0, 1))
    found = np.asarray(jax.jit(jax.vmap(everything))(v, a))
    # shapes of a thousandth have a tail of a thousandth, of which the sum with the rest leaves 1e-12
    np.testing.assert_allclose(found, GAMMA[:, 2:], rtol=1e-10, atol=1e-12)


def test_incomplete_gamma_function_far_in_both_tails():
    """Q = exp(-x) for a = 1; P from mpmath 1.4 with 50 digits, above 1e-16 from SciPy."""
    tail = jax.jit(lambda v, a: _incomplete_gamma.log_tail(v, a)[0])
    x = np.array([1e-300, 1e-10, 0.5, 0.999, 1.001, 60.0, 1e5, 1e250])
    np.testing.assert_allclose(tail(jnp.log(x), 1.0), -x, rtol=3e-13)
    for a, v, expected in (
        (30.0, -22.5, 5.51064303952481e-282),
        (400.0, -2.0, 1.3639757772864852e-199),
        (0.5, 5.0, 76.9389989525504),
    ):
        assert float(tail(jnp.full(8, v), a)[0]) == pytest.approx(-expected, rel=3e-13)
    for a in (2e-3, 0.7, 8.0, 90.0, 5e4):
        v = np.linspace(-3.0, 2.0, 8) / max(np.sqrt(a), 0.4)
        q = special.gammaincc(a, a * np.exp(v))
        kept = q > 1e-250
        np.testing.assert_allclose(tail(jnp.asarray(v), a)[kept], np.log(q[kept]), rtol=3e-11, atol=1e-13)


def test_quantiles_have_the_derivatives_of_the_root():
    """Those of the median in log s, by finite differences of SciPy's quantile (first) and of the first (second)."""
    made, eta = made_of("survival gamma"), jnp.zeros(1)

    def median(log_s):
        return made.quantile(0.5, eta, log_s[None])[0]

    evaluate = jax.jit(lambda x: jnp.stack([median(x), jax.jacfwd(median)(x), jax.jacfwd(jax.jacfwd(median))(x)]))
    at, up, down = (np.asarray(evaluate(jnp.asarray(-0.3 + h))) for h in (0.0, 1e-5, -1e-5))
    shapes = np.exp(0.6 - 2 * np.array([1e-5, -1e-5]))
    medians = special.gammaincinv(shapes, 0.5) / shapes
    assert at[1] == pytest.approx((medians[0] - medians[1]) / 2e-5, rel=1e-7)
    assert at[2] == pytest.approx((up[1] - down[1]) / 2e-5, rel=1e-7)


# ------------------------------------------------------------------------------------------ samples and starting values


@each
def test_samples_and_starting_values_with_late_entry_and_censoring(name):
    """Draws given survival to the entry have the right distribution; what was censored and truncated can be undone."""
    made, aux, draws, rng = made_of(name), jnp.asarray(FAMILIES[name].aux), 20_000, np.random.default_rng(3)
    eta, entry = 0.5, rng.uniform(0.0, 0.8, draws)
    y = (jnp.asarray(entry), None, None)
    time = np.asarray(jax.jit(made.sample)(jax.random.key(5), y, jnp.full(draws, eta), aux))
    assert (time > entry).all()
    known = frozen(name, eta)
    assert stats.kstest(known.sf(time) / known.sf(entry), "uniform").pvalue > 0.01
    end = entry + rng.exponential(1.5 * known.median(), draws)
    y = entry, np.minimum(time, end), (time <= end).astype(float)
    assert 0.25 < y[2].mean() < 0.75
    assert made.start(y, None) == pytest.approx(eta, abs=0.12)
    np.testing.assert_allclose(made.init(y, None), aux, atol=0.12)


@each
@pytest.mark.parametrize("failures", [1, 2, 3])
def test_starting_values_are_finite_with_few_failures(name, failures):
    made = made_of(name)
    exit = np.array([3.0, 3.0, 8.0, 1e-4, 2e5])
    y = np.array([0.0, 1.0, 7.5, 0.0, 0.0]), exit, (np.arange(5) < failures).astype(float)
    for weights in (None, np.array([2.0, 0.0, 1.0, 1.0, 3.0])):
        assert np.isfinite(made.start(y, weights)) and np.isfinite(made.init(y, weights)).all()
        assert (np.abs(made.init(y, weights)) <= np.log(20.0) + 1e-12).all()


# --------------------------------------------------------------------------------------------------- words and refusals


def test_what_is_known_about_survival_families():
    for name in SURVIVAL:
        made = made_of(name)
        assert made.aft == (name not in ("exponential", "weibull"))
        assert made.ratio.title == ("Time ratio" if made.aft else "Haz. ratio")
        assert made.ratio.baseline == ("" if made.aft else "hazard")
        sides = made.rising((np.zeros(3), np.ones(3), np.array([1.0, 0.0, 0.0])))
        assert sides is not None
        assert [list(side) for side in sides[:: 1 if made.aft else -1]] == [[False, True, True], [False] * 3]
        assert made.default_statistic == "mean" and made.equations == 1
        reads = {key: (s.reads, s.averaged) for key, s in made.statistics.items()}
        assert reads["mean"] == ("", True) and reads["median"] == ("", False) and reads["hazard"] == ("time", False)
        assert {reads[key] for key in ("survival", "distribution", "density")} == {("time", True)}
    names = {made_of(name).null_name for name in SURVIVAL}
    assert names == {f"{word} model" for word in ("exponential", "Weibull", "loglogistic", "lognormal", "gamma")}
    assert family("lognormal", aft=True) == family("lognormal")


@pytest.mark.parametrize(
    ("entry", "exit", "failure", "text"),
    [
        ([0, 0], [1, np.nan], [1, 1], "the response is nan in row 12: a survival time is a finite number above 0"),
        ([0, 0], [0, 2], [1, 1], "the response is 0 in row 11"),
        ([0, 2], [1, 2], [1, 1], "the record runs from 2 to 2 in row 12: a record begins at time 0 or later and ends"),
        ([-1, -2], [1, 2], [1, 1], r"from -1 to 1 in row 11 \(2 such rows in all\)"),
        ([np.nan, 0], [1, 2], [1, 1], "from nan to 1 in row 11"),
        ([0, 0], [1, 2], [1, 2], "the failure indicator is 2 in row 12: 1 .* or 0 .* was expected"),
        ([0, 0], [1, 2], [0, 0], "does not vary; all records are censored: no finite hazard"),
    ],
)
def test_wrong_records_are_refused(entry, exit, failure, text):
    y = tuple(np.array(part, float) for part in (entry, exit, failure))
    with pytest.raises(ValueError, match=text):
        made_of("weibull").check(y, lambda i: f"row {i + 11}")
