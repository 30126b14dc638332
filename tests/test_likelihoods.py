"""Families and links: what every one of them promises, run over the registry `families.FAMILIES`."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from families import CUTS, FAMILIES, SURVIVAL, linear_predictors, log_density, response, some_response, some_values
from scipy import integrate, special

from mejax import likelihoods
from mejax.likelihoods import (
    LINKS,
    AbstractFamily,
    AbstractMeanFamily,
    AbstractSurvivalFamily,
    Bernoulli,
    Binomial,
    Cloglog,
    Identity,
    Interval,
    Log,
    Logit,
    Multinomial,
    NegativeBinomialMean,
    Ordinal,
    Poisson,
    Probit,
    family,
)

each = pytest.mark.parametrize("name", FAMILIES)
SCIPY = [name for name, example in FAMILIES.items() if example.scipy is not None]
MEAN = [name for name in SCIPY if name not in (*SURVIVAL, "interval")]
each_mean = pytest.mark.parametrize("name", MEAN)
ETAS = np.array([-2.0, -0.7, 0.0, 0.4, 1.6])
PROBABILITY = {"logit": Logit(), "probit": Probit(), "cloglog": Cloglog()}
each_link = pytest.mark.parametrize("link", PROBABILITY.values(), ids=list(PROBABILITY))


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def grid(name: str, etas=ETAS):
    """Every value against every eta: y of shape (m, 1), eta of shape (m, number of etas) per equation, aux."""
    y = jax.tree.map(lambda leaf: jnp.asarray(leaf)[:, None], some_response(name))
    eta = np.tile(etas, (len(jax.tree.leaves(y)[0]), 1))
    return y, jnp.asarray(linear_predictors(name, eta)), jnp.asarray(FAMILIES[name].aux)


def row_name(i: int) -> str:
    return f"row {i + 11}"


# ------------------------------------------------------------------------------------------------------- distributions


@pytest.mark.parametrize("name", SCIPY)
def test_logpdf_is_that_of_scipy(name):
    made, (y, eta, aux) = FAMILIES[name].make(), grid(name)
    mean = np.asarray(made.link.mean(eta))
    expected = log_density(name, jax.tree.map(np.asarray, y), mean, np.asarray(aux))
    np.testing.assert_allclose(jax.jit(made.logpdf)(y, eta, aux), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("link", PROBABILITY)
def test_ordinal_logpdf_is_the_difference_of_two_probabilities(link):
    y, eta, aux = grid(f"ordinal {link}")
    ends = np.concatenate([[-np.inf], CUTS, [np.inf]])
    category = np.asarray(y, int)[:, 0]
    survival = {
        "logit": lambda x: special.expit(-x),
        "probit": lambda x: special.ndtr(-x),
        "cloglog": lambda x: np.exp(-np.exp(x)),
    }[link]
    expected = survival(ends[category][:, None] - eta) - survival(ends[category + 1][:, None] - eta)
    found = FAMILIES[f"ordinal {link}"].make().logpdf(y, eta, aux)
    np.testing.assert_allclose(found, np.log(expected), rtol=1e-11)


@each
def test_sums_or_integrates_to_one(name):
    example, made = FAMILIES[name], FAMILIES[name].make()
    aux = jnp.asarray(example.aux)
    density = jax.jit(lambda y, eta: jnp.exp(made.logpdf(y, eta, aux)))
    for eta in (-1.0, 0.8):
        if example.support is not None:
            y = jax.tree.map(jnp.asarray, response(name, example.support))
            etas = jnp.asarray(linear_predictors(name, np.full(example.support.shape, eta)))
            assert float(jnp.sum(density(y, etas))) == pytest.approx(1.0, abs=1e-12)
        else:
            log = name == "gamma" or name in SURVIVAL

            def integrand(x, eta=eta, log=log):
                value = np.exp(x) if log else np.asarray(x)
                return float(density(response(name, value), jnp.asarray(eta))) * (value if log else 1.0)

            total, _ = integrate.quad(integrand, -30.0, 30.0, limit=200)
            assert total == pytest.approx(1.0, abs=1e-8)


@each
def test_derivatives_against_finite_differences(name):
    """First and second ones, in eta and in every ancillary parameter."""
    made, (y, eta, aux) = FAMILIES[name].make(), grid(name)
    point = jnp.concatenate([jnp.zeros(1), aux])  # a shift of all etas, then aux

    def values(v):
        return made.logpdf(y, eta + v[0], v[1:]).ravel()

    everything = jax.jit(lambda v: (values(v), jax.jacfwd(values)(v), jax.jacfwd(jax.jacrev(values))(v)))
    _, jacobian, second = everything(point)
    step = 1e-5
    for k in range(len(point)):
        up, down = everything(point.at[k].add(step)), everything(point.at[k].add(-step))
        np.testing.assert_allclose(jacobian[:, k], (up[0] - down[0]) / (2 * step), rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(second[:, :, k], (up[1] - down[1]) / (2 * step), rtol=1e-7, atol=1e-8)


@each
def test_finite_far_from_the_data_with_three_derivatives(name):
    """No density underflows, and no derivative is NaN: an optimiser may pass through such points."""
    made, (y, eta, aux) = FAMILIES[name].make(), grid(name, np.array([-700.0, -30.0, 30.0, 700.0]))

    def along(t):
        return made.logpdf(y, eta + t, aux + t * jnp.arange(1.0, len(aux) + 1.0))

    derivatives = [along]
    for _ in range(3):
        derivatives.append(lambda t, f=derivatives[-1]: jax.jvp(f, (t,), (1.0,))[1])
    found = jax.jit(lambda t: [f(t) for f in derivatives])(0.0)
    for order, values in enumerate(found):
        assert np.isfinite(values).all(), f"derivative {order}"
    gradients = jax.jit(jax.grad(lambda e, a: jnp.sum(made.logpdf(y, e, a)), argnums=(0, 1)))(eta, aux)
    assert all(np.isfinite(g).all() for g in gradients)


@each
def test_samples_have_the_mean_and_the_probabilities(name):
    example, made, draws = FAMILIES[name], FAMILIES[name].make(), 40_000
    aux = jnp.asarray(example.aux)
    for eta in (-0.8, 0.6):
        etas = jnp.asarray(linear_predictors(name, np.full(draws, eta)))
        y = jax.tree.map(jnp.asarray, response(name, np.zeros(draws)))
        drawn = np.asarray(made.sample(jax.random.key(7), y, etas, aux))
        assert drawn.shape == (draws,) and drawn.dtype == np.float64
        mean = float(made.mean(y, etas, aux)[0])
        assert abs(drawn.mean() - mean) < 4 * drawn.std() / np.sqrt(draws)
        if example.support is not None:
            support = example.support[example.support < 5]
            share = np.array([(drawn == value).mean() for value in support])
            y = jax.tree.map(jnp.asarray, response(name, support))
            p = np.exp(made.logpdf(y, etas[..., : len(support)], aux))
            assert (np.abs(share - p) < 4.5 * np.sqrt(p * (1 - p) / draws) + 1e-12).all()


@each
def test_jit_and_vmap_give_the_same(name):
    made, (y, eta, aux) = FAMILIES[name].make(), grid(name)
    expected = np.asarray(made.logpdf(y, eta, aux))
    np.testing.assert_allclose(jax.jit(made.logpdf)(y, eta, aux), expected, rtol=1e-13, atol=1e-14)
    by_row = jax.jit(jax.vmap(made.logpdf, in_axes=(0, eta.ndim - 2, None)))(y, eta, aux)
    np.testing.assert_allclose(by_row, expected, rtol=1e-13, atol=1e-14)


@each
def test_equal_families_are_equal_pytrees_without_leaves(name):
    """The family is static: two fits with the same one share a compiled program."""
    leaves, shape = jax.tree.flatten(FAMILIES[name].make())
    assert leaves == [] and shape == jax.tree.structure(FAMILIES[name].make())


@each
def test_free_and_printed_are_inverse_to_each_other(name):
    made, aux = FAMILIES[name].make(), FAMILIES[name].aux
    free = made.free(aux)
    assert isinstance(free, np.ndarray) and free.shape == aux.shape == (len(made.ancillary),)
    np.testing.assert_allclose(made.printed(jnp.asarray(free)), aux, rtol=1e-13, atol=1e-15)
    if len(aux):
        jacobian = np.asarray(jax.jacfwd(made.printed)(jnp.asarray(free)))
        assert np.linalg.matrix_rank(jacobian) == len(aux)


def test_cut_points_are_in_order_wherever_the_optimiser_goes():
    made = FAMILIES["ordinal logit"].make()
    for free in np.random.default_rng(0).normal(scale=3.0, size=(20, 4)):
        assert (np.diff(made.printed(jnp.asarray(free))) > 0).all()


@each
def test_starting_values_fit_the_marginal_distribution(name):
    """With eta constant at the start, mean and ancillary parameters are those of the sample it was drawn from."""
    example, made, draws = FAMILIES[name], FAMILIES[name].make(), 40_000
    eta = 0.0 if name.startswith("ordinal") else 0.5
    blank = jax.tree.map(jnp.asarray, response(name, np.zeros(draws)))
    etas = linear_predictors(name, np.full(draws, eta))
    drawn = np.asarray(made.sample(jax.random.key(1), blank, jnp.asarray(etas), jnp.asarray(example.aux)))
    y, weights = response(name, drawn), np.ones(draws)
    assert made.start(y, None) == pytest.approx(etas[..., 0], abs=0.06)
    np.testing.assert_allclose(made.printed(jnp.asarray(made.init(y, None))), example.aux, atol=0.1)
    assert made.start(y, weights) == pytest.approx(made.start(y, None))
    np.testing.assert_allclose(made.init(y, weights), made.init(y, None), rtol=1e-12)
    half = jax.tree.map(lambda leaf: leaf[: draws // 2], y)
    weights[draws // 2 :] = 0.0
    assert made.start(y, weights) == pytest.approx(made.start(half, None))
    np.testing.assert_allclose(made.init(y, weights), made.init(half, None), rtol=1e-9)


@pytest.mark.parametrize("name", ["bernoulli logit", "binomial cloglog", "poisson", "gaussian log"])
def test_the_start_is_finite_where_the_mean_is_at_its_edge(name):
    made = FAMILIES[name].make()
    values = np.full(5, -2.0) if name == "gaussian log" else np.zeros(5)
    assert np.isfinite(made.start(response(name, values), None))


# ------------------------------------------------------------------------------------------------ families among others


@pytest.mark.parametrize("link", PROBABILITY)
def test_two_ordered_categories_are_a_yes_or_no_response(link):
    """Pr(y = 1) = 1 - F(cut - eta): for symmetric F that of a Bernoulli response with eta - cut."""
    eta, y = jnp.linspace(-30.0, 30.0, 61), jnp.tile(jnp.arange(2.0), 61)[:61]
    two = Ordinal(PROBABILITY[link], ("no", "yes")).logpdf(y, eta, jnp.array([0.4]))
    sign, outcome = (1.0, 1.0 - y) if link == "cloglog" else (-1.0, y)
    bernoulli = Bernoulli(PROBABILITY[link]).logpdf(outcome, sign * (0.4 - eta), jnp.zeros(0))
    np.testing.assert_allclose(two, bernoulli, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("link", PROBABILITY)
def test_one_trial_is_a_yes_or_no_response(link):
    eta, y = jnp.linspace(-30.0, 30.0, 61), jnp.tile(jnp.arange(2.0), 61)[:61]
    one = family("binomial", link).logpdf((y, jnp.ones(61)), eta, jnp.zeros(0))
    np.testing.assert_allclose(one, family("bernoulli", link).logpdf(y, eta, jnp.zeros(0)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dispersion", ["mean", "constant"])
@pytest.mark.parametrize("log", [-23.025850929940457, -30.0, -60.0, -1000.0])
def test_little_overdispersion_is_none(dispersion, log):
    """For small alpha the log density is Poisson's plus alpha {(y - mu)^2 - y} / 2; alpha is delta / mu."""
    y, eta, alpha = jnp.array([[0.0], [3.0], [60.0]]), jnp.array([[-1.0, 2.0, 4.0]] * 3), np.exp(log)
    mu = np.exp(eta)
    poisson = np.asarray(Poisson().logpdf(y, eta, jnp.zeros(0)))
    found = np.asarray(family("nbinomial", dispersion=dispersion).logpdf(y, eta, jnp.array([log])))
    change = alpha * ((y - mu) ** 2 - y) / 2 / (1.0 if dispersion == "mean" else mu)
    np.testing.assert_allclose(found - poisson, change, rtol=0, atol=3e-13)


def test_dispersion_has_a_stable_derivative_near_zero():
    """It is alpha {(y - mu)^2 - y} / 2 for small alpha; differences of log gammas would leave noise of 1e-5."""
    y, eta = jnp.array([0.0, 3.0, 60.0]), jnp.array([2.0, 1.0, 4.0])
    slope = jax.jacfwd(lambda a: NegativeBinomialMean().logpdf(y, eta, a))(jnp.array([np.log(1e-10)]))[:, 0]
    np.testing.assert_allclose(slope, 1e-10 * ((y - np.exp(eta)) ** 2 - y) / 2, rtol=1e-3, atol=1e-13)


def test_log_gamma_functions_against_scipy():
    from mejax.likelihoods import _gamma_function

    y = np.array([0.0, 1.0, 2.0, 7.0, 30.0, 1e4])
    np.testing.assert_allclose(_gamma_function.log_factorial(jnp.asarray(y)), special.gammaln(y + 1), atol=1e-10)
    for r in (1e-8, 0.3, 2.0, 11.0, 400.0):
        expected = special.gammaln(y + r) - special.gammaln(r) - y * np.log(r)
        found = _gamma_function.log_rising(jnp.asarray(y), jnp.asarray(r))
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)
        ratio = r * np.log(r) - r - special.gammaln(r)
        assert float(_gamma_function.log_stirling_ratio(jnp.asarray(r))) == pytest.approx(ratio, abs=1e-11)


# ---------------------------------------------------------------------------------------------------------------- links


@pytest.mark.parametrize("link", LINKS.values(), ids=list(LINKS))
def test_links_and_their_inverses(link):
    assert LINKS[link.name] is link
    for eta in (-2.0, 0.3, 1.9):
        assert link().linear(float(link().mean(jnp.asarray(eta)))) == pytest.approx(eta, abs=1e-12)


@each_link
def test_logarithms_of_probabilities(link):
    """F + (1 - F) = 1, the quantile is the inverse, and both outcomes are the two logarithms."""
    x = jnp.linspace(-6.0, 3.0, 40)
    p, q = np.exp(link.log_probability(x)), np.exp(link.log_complement(x))
    np.testing.assert_allclose(p + q, 1.0, atol=1e-15)
    np.testing.assert_allclose(link.mean(x), p, rtol=1e-13)
    np.testing.assert_allclose(link.quantile(p), x, rtol=1e-9, atol=1e-12)
    for y, expected in ((1.0, link.log_probability(x)), (0.0, link.log_complement(x))):
        np.testing.assert_allclose(link.log_outcome(jnp.full(40, y), x), expected, rtol=1e-15)
    counts = link.log_counts(jnp.full(40, 3.0), jnp.full(40, 5.0), x)
    np.testing.assert_allclose(counts, 3 * link.log_probability(x) + 5 * link.log_complement(x), rtol=1e-14)


def test_logistic_and_extreme_value_probabilities_in_the_tails():
    """To the last digits of numbers as small as 1e-14, where 1 - p has lost them all."""
    x = np.linspace(-32.0, 32.0, 500)
    np.testing.assert_allclose(Logit().log_probability(jnp.asarray(x)), special.log_expit(x), rtol=1e-15)
    slope = jax.vmap(jax.grad(Logit().log_probability))(jnp.asarray(x))
    np.testing.assert_allclose(slope, special.expit(-x), rtol=1e-15)
    second = jax.vmap(jax.grad(jax.grad(Logit().log_probability)))(jnp.asarray(x))
    np.testing.assert_allclose(second, -special.expit(-x) * special.expit(x), rtol=2e-15)
    x = np.concatenate([np.linspace(-700.0, -30.0, 30), np.linspace(-30.0, 4.0, 100)])
    t = np.exp(x)
    expected = np.where(t < 1e-8, x - t / 2, np.log(-np.expm1(-np.maximum(t, 1e-8))))
    np.testing.assert_allclose(Cloglog().log_probability(jnp.asarray(x)), expected, rtol=1e-14)
    slope = jax.vmap(jax.grad(Cloglog().log_probability))(jnp.asarray(x))
    np.testing.assert_allclose(slope, t / np.expm1(t), rtol=1e-14)


def test_normal_probabilities_in_the_tails():
    """Against SciPy's, and the hazard x + 1/x - 2/x^3 + 10/x^5 - 74/x^7 of a far tail."""
    x = np.concatenate([np.linspace(-40.0, 8.0, 400), [-700.0]])
    np.testing.assert_allclose(Probit().log_probability(jnp.asarray(x)), special.log_ndtr(x), rtol=1e-13)
    slope = jax.vmap(jax.grad(Probit().log_probability))
    far = np.array([-100.0, -400.0, -700.0])
    t = -far
    series = t + 1 / t - 2 / t**3 + 10 / t**5 - 74 / t**7
    np.testing.assert_allclose(slope(jnp.asarray(far)), series, rtol=1e-15)
    second = jax.vmap(jax.grad(jax.grad(Probit().log_probability)))(jnp.asarray(far))
    np.testing.assert_allclose(second, -1 + 1 / t**2 - 6 / t**4 + 50 / t**6, rtol=1e-13)
    third = jax.vmap(jax.grad(jax.grad(jax.grad(Probit().log_probability))))(jnp.asarray(far[:1]))
    np.testing.assert_allclose(third, 2 / t[:1] ** 3 - 24 / t[:1] ** 5 + 300 / t[:1] ** 7, rtol=1e-8)


def log_difference_on_the_host(link, lower, upper):
    """log F(upper) + log(1 - F(lower) / F(upper)) with SciPy's logarithms, in the tail where that is accurate."""

    def logs(x):
        if link.name == "probit":
            return special.log_ndtr(x), special.log_ndtr(-x)
        if link.name == "logit":
            return special.log_expit(x), special.log_expit(-x)
        # log(1 - exp(-e^x)) = x + log((1 - exp(-t)) / t)
        return np.log(-np.expm1(-np.exp(x))), -np.exp(x)

    (p_low, q_low), (p_high, q_high) = logs(lower), logs(upper)
    left = p_high + np.log(-np.expm1(p_low - p_high))
    right = q_low + np.log(-np.expm1(q_high - q_low))
    return np.where(lower + upper > 0, right, left)


@each_link
def test_differences_of_probabilities(link):
    lower = np.array([-30.0, -30.0, -8.0, -3.0, -0.3, 0.5, 2.0, 2.5])
    upper = lower + np.array([0.5, 7.0, 6.0, 6.5, 0.5, 0.01, 1.0, 0.4])
    expected = log_difference_on_the_host(link, lower, upper)
    lower, upper = jnp.asarray(lower), jnp.asarray(upper)
    np.testing.assert_allclose(link.log_difference(lower, upper), expected, rtol=1e-12, atol=1e-13)
    given = link.log_difference(lower, upper, likelihoods.links.log_gap(upper - lower))
    np.testing.assert_allclose(given, expected, rtol=1e-12, atol=1e-13)


@each_link
def test_mirrored_normal_and_logistic_intervals_are_equal(link):
    lower, upper = jnp.array([-30.0, -5.0, -2.0, 7.0]), jnp.array([-29.0, 1.0, 6.0, 7.5])
    there, back = link.log_difference(lower, upper), link.log_difference(-upper, -lower)
    if link.name == "cloglog":  # the only one that is not symmetric
        assert not np.allclose(there, back)
    else:
        np.testing.assert_allclose(there, back, rtol=1e-14)


@each_link
def test_open_intervals_are_probabilities(link):
    """An end at FAR changes nothing in the value or its three derivatives."""
    x, far = jnp.array([-30.0, -2.0, 0.1, 3.0, 6.0]), jnp.full(5, likelihoods.links.FAR)
    pairs = (
        (lambda z: link.log_difference(-far, z), link.log_probability),
        (lambda z: link.log_difference(z, far), link.log_complement),
    )
    for one, other in pairs:
        for _ in range(4):
            np.testing.assert_allclose(one(x), other(x), rtol=1e-9, atol=1e-10)
            one, other = (lambda z, f=f: jax.jvp(f, (z,), (jnp.ones(5),))[1] for f in (one, other))


def test_probabilities_of_categories():
    made, eta = Ordinal(Probit(), ("1", "2", "3", "4", "5")), jnp.array([[-1.0, 0.0], [0.5, 30.0]])
    p = np.asarray(made.probabilities(eta, jnp.asarray(CUTS)))
    assert p.shape == (2, 2, 5)
    np.testing.assert_allclose(p.sum(-1), 1.0, atol=1e-14)
    np.testing.assert_allclose(p.cumsum(-1)[..., :-1], special.ndtr(CUTS - np.asarray(eta)[..., None]), atol=1e-14)
    np.testing.assert_allclose(made.mean(None, eta, jnp.asarray(CUTS)), p @ np.arange(5.0), rtol=1e-13)
    bernoulli, binomial = (made.probabilities(eta, jnp.zeros(0)) for made in (Bernoulli(), Binomial()))
    np.testing.assert_allclose(bernoulli, special.expit(eta), rtol=1e-14)
    np.testing.assert_array_equal(bernoulli, binomial)


# ------------------------------------------------------------------------------------------------------------ residuals


def mean_family(name: str) -> AbstractMeanFamily:
    made = FAMILIES[name].make()
    assert isinstance(made, AbstractMeanFamily)
    return made


def residual_case(name: str):
    values = some_values(name)
    mu = np.array([0.3, 0.45, 0.8, 0.9, 0.6])[: len(values)] * (20.0 if name.startswith("binomial") else 1.0)
    return response(name, values), values, mu, FAMILIES[name].aux


@each_mean
def test_variance_function(name):
    """That of the distribution; without the scale for normal and gamma responses."""
    frozen, made = FAMILIES[name].scipy, mean_family(name)
    assert frozen is not None
    y, _, mu, aux = residual_case(name)
    scale = {"gaussian": 0.7, "gaussian log": 0.7, "gamma": np.exp(2 * aux[0]) if len(aux) else 1.0}.get(name, 1.0)
    parameter = mu / 20.0 if name.startswith("binomial") else mu
    np.testing.assert_allclose(made.variance(y, mu, aux) * scale, frozen(parameter, aux).var(), rtol=1e-12)


@each_mean
def test_anscombe_and_deviance_are_integrals_of_the_variance_function(name):
    made = mean_family(name)
    y, values, mu, aux = residual_case(name)
    anscombe, deviance = made.anscombe(y, mu, aux), made.deviance(y, mu, aux)
    for i, (value, mean) in enumerate(zip(values, mu, strict=True)):
        one = jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], y)

        def variance(t, one=one):
            return float(made.variance(one, np.array([t]), aux)[0])

        area, _ = integrate.quad(lambda t: variance(t) ** (-1 / 3), mean, value, limit=200)
        assert anscombe[i] == pytest.approx(area / variance(mean) ** (1 / 6), rel=2e-6)
        area, _ = integrate.quad(lambda t, v=value: 2 * (v - t) / variance(t), mean, value, limit=200)
        assert deviance[i] == pytest.approx(area, rel=1e-6, abs=1e-12)


# not `nbinomial constant`, whose mean is in the shape parameter: it is no exponential family
@pytest.mark.parametrize("name", sorted(set(MEAN) - {"nbinomial constant"}))
def test_deviance_is_twice_the_loss_of_log_likelihood(name):
    """Of the model against a mean equal to y itself, but for the scale."""
    made = mean_family(name)
    y, values, mu, aux = residual_case(name)
    if name == "gaussian log":
        y, mu = np.abs(y), np.abs(mu)  # negative means have no eta
    trials = 20.0 if name.startswith("binomial") else 1.0
    top = trials * (1 - 1e-9) if made.name in ("bernoulli", "binomial") else np.inf
    own = values if name == "gaussian" else np.clip(np.abs(values), 1e-9, top)
    scale = {"gaussian": 0.7, "gamma": np.exp(2 * aux[0]) if len(aux) else 1.0}.get(made.name, 1.0)
    etas = [jnp.asarray([made.link.linear(float(m / trials)) for m in means]) for means in (own, mu)]
    saturated, model = (np.asarray(made.logpdf(jax.tree.map(jnp.asarray, y), e, jnp.asarray(aux))) for e in etas)
    np.testing.assert_allclose(made.deviance(y, mu, aux), 2 * scale * (saturated - model), atol=1e-4)


@each_mean
def test_residuals_are_finite_at_the_edge(name):
    """A fitted mean of 0, or a probability of 1, is rounding."""
    made = mean_family(name)
    y, values, _, aux = residual_case(name)
    top = {"bernoulli": 1.0, "binomial": 20.0}.get(made.name, 1e30)
    for mu in (np.zeros(len(values)), np.full(len(values), top)):
        assert np.isfinite(made.deviance(y, mu, aux)).all()
        assert np.isfinite(made.anscombe(y, mu, aux)).all()


# ----------------------------------------------------------------------------------------------------- registry, errors


def test_every_family_is_registered():
    final = {
        cls
        for cls in vars(likelihoods).values()
        if inspect.isclass(cls) and issubclass(cls, AbstractFamily) and not inspect.isabstract(cls)
    }
    assert final == set(likelihoods.FAMILIES.values())
    made = [example.make() for example in FAMILIES.values()]
    assert {type(one) for one in made} == final
    assert {(type(one), one.link.name) for one in made} == {(cls, link) for cls in final for link in cls.links}
    assert {link for cls in final for link in cls.links} == set(LINKS)
    others = {Ordinal, Multinomial, Interval}
    residual = {cls for cls in final - others if not issubclass(cls, AbstractSurvivalFamily)}
    assert {type(one) for one in made if isinstance(one, AbstractMeanFamily)} == residual


@pytest.mark.parametrize("name", likelihoods.FAMILIES)
def test_the_default_link_is_the_first_one(name):
    made = family(name, categories=(1, 2, 3)) if name in ("ordinal", "multinomial") else family(name)
    assert type(made) is likelihoods.FAMILIES[name] and made.link.name == made.links[0]
    assert made.name == name.removesuffix(" constant")
    assert isinstance(made.link, Identity | Log | Logit)


def test_labels_of_ancillary_parameters():
    labels = {name: example.make().ancillary for name, example in FAMILIES.items()}
    assert labels["ordinal probit"] == ("/cut1", "/cut2", "/cut3", "/cut4")
    assert labels["nbinomial"] == ("/lnalpha",) and labels["nbinomial constant"] == ("/lndelta",)
    assert labels["gamma"] == ("/logs",) and labels["gaussian log"] == ("var(e)",)
    assert labels["poisson"] == labels["binomial cloglog"] == labels["exponential"] == labels["multinomial"] == ()
    assert labels["weibull"] == labels["weibull aft"] == ("/ln_p",) and labels["interval"] == ("var(e)",)
    assert {labels[name] for name in ("loglogistic", "lognormal", "survival gamma")} == {("/logs",)}


@pytest.mark.parametrize(
    ("arguments", "details", "text"),
    [
        (("cauchy",), {}, "`cauchy` is no family: use bernoulli, binomial, exponential, gamma"),
        (("weibull", "logit"), {}, "family weibull has no link `logit`: use log$"),
        (("lognormal",), {"aft": False}, "family lognormal has no proportional hazards: leave `aft` out"),
        (("multinomial",), {}, "family multinomial needs `categories`"),
        (("multinomial",), {"aft": True}, "multinomial has no `aft`: it takes only `categories` or `base`"),
        (("poisson", "logit"), {}, "family poisson has no link `logit`: use log$"),
        (("ordinal", "log"), {"categories": (1, 2)}, "family ordinal has no link `log`: use logit, probit or cloglog"),
        (("gaussian", "probit"), {}, "family gaussian has no link `probit`: use identity or log"),
        (("ordinal",), {}, "needs `categories`"),
        (("nbinomial",), {"dispersion": "both"}, "`both` is no dispersion of family nbinomial: use mean or constant"),
        (("nbinomial",), {"categories": (1, 2)}, "family nbinomial has no `categories`: it takes only `dispersion`"),
        (("poisson",), {"dispersion": "mean"}, "family poisson has no `dispersion`: it takes no details"),
    ],
)
def test_wrong_combinations_are_refused(arguments, details, text):
    with pytest.raises(ValueError, match=text):
        family(*arguments, **details)


def made_of(name):
    return FAMILIES[name].make()


@pytest.mark.parametrize(
    ("name", "y", "text"),
    [
        ("bernoulli logit", [0, 1, 2.5, 1], "the response is 2.5 in row 13: a Bernoulli response is 0 or 1"),
        ("bernoulli probit", [0, 1, 3, 3], r"is 3 in row 13 \(2 such rows in all\)"),
        ("bernoulli logit", [0, np.nan], "is nan in row 12"),
        ("bernoulli cloglog", [1, 1, 1], "the outcome does not vary; all are 1: there is nothing to model"),
        ("poisson", [0, 1, -1], "is -1 in row 13: a Poisson response counts events"),
        ("poisson", [0, 1.5, 2], "is 1.5 in row 12: .*whole numbers from 0"),
        ("poisson", [0, np.inf], "is inf in row 12"),
        ("poisson", [0, 0], "does not vary; all are 0: no finite rate"),
        ("nbinomial", [0, 1e-3], "is 0.001 in row 12: a negative binomial response counts events"),
        ("nbinomial constant", [-2, 1], "is -2 in row 11: a negative binomial"),
        ("gamma", [1, 0.0], "is 0 in row 12: a gamma response is positive"),
        ("gamma", [2, 2], "does not vary; all are 2: the scale of a gamma"),
        ("gaussian", [1, np.inf], "is inf in row 12: a finite number was expected"),
        ("gaussian log", [4, 4], "does not vary; all are 4: the variance of a normal"),
        ("ordinal logit", [0, 5], "is 5 in row 12: category numbers from 0 to 4"),
        ("ordinal logit", [3, 3], "does not vary; all are 4: an ordinal model needs at least two"),
    ],
)
def test_wrong_responses_are_refused(name, y, text):
    with pytest.raises(ValueError, match=text):
        made_of(name).check(np.array(y, float), row_name)


@pytest.mark.parametrize(
    ("count", "trials", "text"),
    [
        ([1, 2], [3, 0], "the number of trials is 0 in row 12: .*1 or more, in every row"),
        ([1, 2], [3, 2.5], "the number of trials is 2.5 in row 12"),
        ([1, -2], [3, 2], "the response is -2 in row 12: a binomial response counts successes"),
        ([0.5, 2], [3, 2], "the response is 0.5 in row 11"),
        ([1, 4, 2], [3, 3, 2], "the response is 4 in row 12, more than its 3 trials: check"),
        ([0, 0], [3, 2], "does not vary; all trials are failures"),
        ([3, 2], [3, 2], "does not vary; all trials are successes"),
    ],
)
def test_wrong_counts_of_trials_are_refused(count, trials, text):
    with pytest.raises(ValueError, match=text):
        family("binomial").check((np.array(count, float), np.array(trials, float)), row_name)


@each
def test_right_responses_are_accepted(name):
    made_of(name).check(some_response(name), row_name)
