"""Unordered categories, with one linear predictor for each of them but the base."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from mejax.likelihoods.multinomial import Multinomial

NONE = np.zeros(0)
LABELS = ("bus", "car", "train", "walk")
ETAS = np.random.default_rng(4).normal(scale=2.0, size=(3, 6, 5))
Y = np.array([0.0, 1.0, 2.0, 3.0, 2.0, 0.0])[:, None]


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def made(base: int = 0) -> Multinomial:
    return Multinomial(categories=LABELS, base=base)


@functools.partial(jax.jit, static_argnums=0)
def logpdf(family: Multinomial, y, eta):
    return family.logpdf(y, eta, NONE)


def softmax(base: int) -> np.ndarray:
    return special.softmax(np.insert(ETAS, base, 0.0, axis=0), axis=0)


@pytest.mark.parametrize("base", [0, 2, 3])
def test_probabilities_are_those_of_scipy(base):
    p, expected = made(base).probabilities(jnp.asarray(ETAS), NONE), softmax(base)
    assert p.shape == (6, 5, 4)
    np.testing.assert_allclose(p, np.moveaxis(expected, 0, -1), rtol=1e-13)
    chosen = np.log(np.take_along_axis(expected, Y.astype(int)[None], axis=0)[0])
    np.testing.assert_allclose(logpdf(made(base), jnp.asarray(Y), jnp.asarray(ETAS)), chosen, rtol=1e-12)
    mean = made(base).mean(None, jnp.asarray(ETAS), NONE)
    np.testing.assert_allclose(mean, np.tensordot(np.arange(4.0), expected, 1), rtol=1e-13)


def test_two_categories_are_a_yes_or_no_response():
    eta, y = jnp.linspace(-700.0, 700.0, 57), jnp.tile(jnp.arange(2.0), 29)[:57]
    bernoulli = -np.logaddexp(0.0, np.where(y == 1, -1.0, 1.0) * eta)
    np.testing.assert_allclose(logpdf(Multinomial(), y, eta[None]), bernoulli, rtol=1e-14)
    other_base = logpdf(Multinomial(base=1), y, -eta[None])
    np.testing.assert_allclose(other_base, bernoulli, rtol=1e-14)


def test_another_base_shifts_the_linear_predictors_only():
    all_etas = np.insert(ETAS, 0, 0.0, axis=0)
    others = np.delete(all_etas - all_etas[2], 2, axis=0)
    one = logpdf(made(0), jnp.asarray(Y), jnp.asarray(ETAS))
    np.testing.assert_allclose(logpdf(made(2), jnp.asarray(Y), jnp.asarray(others)), one, rtol=1e-13)


def test_derivatives():
    """The slope is the observed outcome minus p, the curvature p p' - diag(p), the third the cumulant of a choice."""
    eta, p = jnp.asarray(ETAS[:, 0, 0]), softmax(0)[1:, 0, 0]
    functions = [lambda e, y: made().logpdf(y, e, NONE)]
    for _ in range(3):
        functions.append(jax.jacfwd(functions[-1]))
    found = jax.jit(lambda y: [f(eta, y) for f in functions[1:]])
    for y in range(4):
        slope, curvature, third = found(jnp.array(float(y)))
        np.testing.assert_allclose(slope, (np.arange(1, 4) == y) - p, atol=1e-15)
        np.testing.assert_allclose(curvature, np.outer(p, p) - np.diag(p), atol=1e-15)
    eye = np.eye(3)
    expected = -np.einsum("i,ij,ik->ijk", p, eye, eye) - 2 * np.einsum("i,j,k->ijk", p, p, p)
    for axes in ("ij,i,k->ijk", "ik,i,j->ijk", "jk,j,i->ijk"):
        expected = expected + np.einsum(axes, eye, p, p)
    np.testing.assert_allclose(third, expected, atol=1e-15)


@pytest.mark.parametrize("size", [0.0, 30.0, 700.0])
def test_finite_far_from_the_data_with_three_derivatives(size):
    """Linear predictors that are equal, as at the start, are no exception."""
    eta = size * jnp.stack(
        [jnp.array([-1.0, 1.0, 1.0, -1.0, 0.5]), jnp.ones(5), jnp.array([1.0, -1.0, 1.0, -1.0, -1.0])]
    )
    y = jnp.arange(4.0)[:, None]
    functions = [lambda t: made(1).logpdf(y, eta[:, None] + t * jnp.arange(1.0, 4.0)[:, None, None], NONE)]
    for _ in range(3):
        functions.append(lambda t, f=functions[-1]: jax.jvp(f, (t,), (1.0,))[1])
    values = [np.asarray(value) for value in jax.jit(lambda t: [f(t) for f in functions])(0.0)]
    assert values[0].shape == (4, 5) and all(np.isfinite(value).all() for value in values)
    assert (values[0] <= 0).all() and (values[2] <= 0).all()
    p = made(1).probabilities(eta, NONE)
    np.testing.assert_allclose(np.exp(values[0].T), p, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(np.sum(p, axis=-1), 1.0, rtol=1e-14)


def test_samples_have_the_probabilities():
    draws = 40_000
    eta = jnp.tile(jnp.array([0.5, -1.0, 0.2])[:, None], (1, draws))
    drawn = np.asarray(jax.jit(lambda e: made(2).sample(jax.random.key(3), None, e, NONE))(eta))
    assert drawn.shape == (draws,) and drawn.dtype == np.float64
    p = np.asarray(made(2).probabilities(eta[:, 0], NONE))
    share = np.bincount(drawn.astype(int), minlength=4) / draws
    assert (np.abs(share - p) < 4.5 * np.sqrt(p * (1 - p) / draws)).all()


def test_starting_values_are_the_log_odds_of_the_shares():
    y, weights = np.array([0.0, 1, 1, 2, 3, 3, 3]), np.array([1.0, 1, 1, 1, 0, 0.5, 0.5])
    np.testing.assert_allclose(made(1).start(y, None), np.log([1 / 2, 1 / 2, 3 / 2]))
    np.testing.assert_allclose(made().start(y, weights), np.log([2.0, 1.0, 1.0]))
    assert np.isfinite(made().start(np.ones(4), None)).all()
    assert made().init(y, weights).shape == (0,)


def test_what_is_known_about_the_family():
    one = made(2)
    assert one.equations == 3 and one.ancillary == () and one.null_name == "mlogit model"
    assert one.default_statistic == "pr" and one.statistics["density"].reads == "response"
    assert one.ratio == ("RRR", "relative-risk ratios", "relative risk")
    leaves, shape = jax.tree.flatten(one)
    assert leaves == [] and shape == jax.tree.structure(made(2)) != jax.tree.structure(made(1))
    assert one.rising(Y) is None and one.outcome(Y) is not None


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([0, 1, 4], "the response is 4 in row 13: category numbers from 0 to 3 were expected"),
        ([0, 1.5, 2], "the response is 1.5 in row 12"),
        ([0, np.nan], "is nan in row 12"),
        ([2, 2], "the outcome does not vary; all are train: a multinomial model needs at least two outcomes"),
        ([0, 1, 3], "outcome train never occurs: its coefficients have no finite estimate, so leave it out"),
    ],
)
def test_wrong_responses_are_refused(y, text):
    with pytest.raises(ValueError, match=text):
        made().check(np.array(y, float), lambda i: f"row {i + 11}")


def test_right_responses_are_accepted():
    made().check(np.arange(4.0), str)
