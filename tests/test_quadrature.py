"""Rules, nodes and integrals over nested groups, without any family."""

from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from mejax.quadrature import (
    MOST_POINTS,
    Nodes,
    Tree,
    adapt,
    conditional,
    integrate,
    joint,
    line_rule,
    linear_predictor,
    place,
    product_rule,
    standard_nodes,
    tilt,
    triangular_root,
)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def moment(degree: int, mean: float, sd: float) -> float:
    """E X^degree of a normal variable."""
    even = range(0, degree + 1, 2)
    return sum(float(special.comb(degree, k)) * mean ** (degree - k) * sd**k * prod(range(1, k, 2)) for k in even)


@pytest.mark.parametrize("points", [1, 2, 3, 7, 12])
def test_a_rule_is_exact_to_its_degree_and_not_beyond(points):
    """Polynomials off the centre of symmetry, so that odd degrees count."""
    nodes, log_weights = line_rule(points)
    mean, sd = 0.4, 0.7
    found = [float(np.sum(np.exp(log_weights) * (mean + sd * nodes) ** d)) for d in range(2 * points + 1)]
    expected = [moment(d, mean, sd) for d in range(2 * points + 1)]
    np.testing.assert_allclose(found[:-1], expected[:-1], rtol=1e-11)
    # the error at degree 2K is K! sd^2K
    assert expected[-1] - found[-1] == pytest.approx(special.factorial(points) * sd ** (2 * points), rel=1e-6)


@pytest.mark.parametrize("points", [1, 2, 5, 20, 64, 151, MOST_POINTS])
def test_rules_equal_those_of_scipy(points):
    nodes, log_weights = line_rule(points)
    theirs, weights = special.roots_hermitenorm(points)
    np.testing.assert_allclose(nodes, theirs, rtol=1e-11, atol=1e-13)
    assert np.sum(np.exp(log_weights)) == pytest.approx(1.0, abs=1e-12)
    heavy = weights > 1e-200
    np.testing.assert_allclose(log_weights[heavy], np.log(weights[heavy] / np.sqrt(2 * np.pi)), rtol=1e-9, atol=1e-9)
    assert np.all(np.isfinite(log_weights))


@pytest.mark.parametrize("points", [0, -3, MOST_POINTS + 1])
def test_numbers_of_points_that_are_refused(points):
    with pytest.raises(ValueError, match=f"integration points must be 1 to 195; got {points}"):
        line_rule(points)


def test_the_product_rule_is_the_product():
    rule = product_rule(3, 2)
    weights = np.exp(rule.log_weights)
    assert rule.points.shape == (9, 2)
    for a in range(6):
        for b in range(6):
            found = np.sum(weights * rule.points[:, 0] ** a * rule.points[:, 1] ** b)
            assert found == pytest.approx(moment(a, 0, 1) * moment(b, 0, 1), abs=1e-12)
    assert np.array_equal(rule.points[:3, 0], np.full(3, rule.points[0, 0]))


CODES = np.array([0, 0, 1, 2, 2, 2, 3, 4, 4], np.int32)
PARENTS = np.array([0, 0, 1, 1, 1], np.int32)
TREE = Tree((CODES, PARENTS[CODES]), (PARENTS,), (None, None), (5, 2))
Y = np.array([1.0, -0.5, 0.3, 2.0, 1.1, 0.2, -1.0, 0.4, 0.9])
Z = (np.column_stack([np.ones(9), np.linspace(-1, 1, 9)]) @ np.array([[0.8, 0.0], [0.3, 0.6]]), 0.9 * np.ones((9, 1)))
NOISE = 0.7


def marginal(y=Y, z=Z) -> np.ndarray:
    """The exact log density of each top-level cluster of y ~ N(0, ZZ' + NOISE^2 I)."""
    lower = CODES[:, None] == CODES
    upper = PARENTS[CODES][:, None] == PARENTS[CODES]
    covariance = lower * (z[0] @ z[0].T) + upper * (z[1] @ z[1].T) + NOISE**2 * np.eye(9)
    top = PARENTS[CODES]
    return np.array(
        [stats.multivariate_normal(None, covariance[np.ix_(top == c, top == c)]).logpdf(y[top == c]) for c in (0, 1)]
    )


def densities(placed, y=Y, z=Z):
    eta = linear_predictor(TREE, placed, jnp.zeros((1, 9)), tuple(own[None] for own in z))[0]
    return jax.scipy.stats.norm.logpdf(y.reshape(9, 1, 1), eta, NOISE)


RULES = [product_rule(4, 2), product_rule(3, 1)]


def begun() -> Nodes:
    return standard_nodes(TREE, (2, 1), tuple(len(r.log_weights) for r in RULES))


def test_adapted_nodes_are_exact_on_a_gaussian_integrand():
    """The moments of a Gaussian posterior are found from two points on, and integrals then have no error."""

    def integral(nodes):
        placed = place(RULES, nodes)
        return integrate(TREE, placed, densities(placed))

    unmoved, moved = jax.jit(lambda n: (integral(n), integral(adapt(TREE, RULES, n, densities, 1e-12))))(begun())
    np.testing.assert_allclose(moved, marginal(), rtol=1e-12)
    assert np.max(np.abs(unmoved - marginal())) > 1e-3


def test_adaptation_follows_shifts_and_scales():
    """A response far from zero, which a wide random effect follows; the nodes begin near it, at another scale."""
    z, y = (Z[0], np.full((9, 1), 5.0)), Y + 60.0
    zero = begun()
    start = Nodes((zero.means[0], zero.means[1] + 12.0), (zero.factors[0], 0.2 * zero.factors[1]))
    nodes = adapt(TREE, RULES, start, lambda placed: densities(placed, y, z), 1e-12)
    placed = place(RULES, nodes)
    np.testing.assert_allclose(integrate(TREE, placed, densities(placed, y, z)), marginal(y, z), rtol=1e-11)


def test_posterior_weights():
    """Conditional weights sum to one over a level's nodes, joint ones over all; scaled ones carry groups' weights."""
    placed = place(RULES, begun())
    weights = conditional(tilt(TREE, placed, densities(placed)))
    for found in weights:
        np.testing.assert_allclose(jnp.sum(found, -1), 1.0, rtol=1e-13)
    lower, upper = joint(TREE, weights, scaled=False)
    np.testing.assert_allclose(jnp.sum(lower, (1, 2)), 1.0, rtol=1e-13)
    np.testing.assert_allclose(jnp.sum(lower, 2), upper[PARENTS], rtol=1e-13)
    own, above = np.array([1.0, 2.0, 1.0, 3.0, 1.0]), np.array([2.0, 1.0])
    heavy = Tree(TREE.codes, TREE.parents, (own, above), TREE.sizes)
    np.testing.assert_allclose(jnp.sum(joint(heavy, weights, scaled=True)[0], (1, 2)), own * above[PARENTS], rtol=1e-13)


def test_groups_between_the_nodes_keep_what_they_had():
    """A posterior far narrower than the grid has no finite moments there; the others adapt all the same."""
    z = (np.where((CODES == 1)[:, None], 1e4, 1.0) * Z[0], Z[1])
    nodes = adapt(TREE, RULES, begun(), lambda placed: densities(placed, z=z))
    for part in jax.tree.leaves(nodes):
        assert np.all(np.isfinite(part))
    assert float(jnp.max(jnp.abs(nodes.means[0][0] - begun().means[0][0]))) > 0.01


@pytest.mark.parametrize("q", [1, 2, 3, 4])
def test_triangular_roots(q):
    a = np.random.default_rng(q).normal(size=(5, q, q + 2))
    matrices = a @ np.swapaxes(a, 1, 2)
    np.testing.assert_allclose(triangular_root(jnp.asarray(matrices)), np.linalg.cholesky(matrices), atol=1e-12)
    assert np.all(np.isnan(np.asarray(triangular_root(-jnp.asarray(matrices)))[:, 0, 0]))
