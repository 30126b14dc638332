"""Covariance structures: what every one of them promises, run over the registry `helpers.COVSTRUCTS`."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import BANDED, COVSTRUCTS, PARTLY

from mejax import covstruct
from mejax.build.structures import entry_labels, structure
from mejax.covstruct import (
    AbstractCovariance,
    Exchangeable,
    Fixed,
    FreeVariances,
    Identity,
    Independent,
    Pattern,
    Unstructured,
)
from mejax.design import EffectNames

each = pytest.mark.parametrize("name", COVSTRUCTS)
CHOSEN = {"identity", "independent", "exchangeable", "unstructured"}  # whose factor is smooth at zero variance
LOWER, COLUMN = np.tril_indices(3)


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def points(name: str, count: int = 20) -> list:
    """Random parameters; matrices with free entries get modest ones, so that most of them are positive definite."""
    block, rng = COVSTRUCTS[name](), np.random.default_rng(4)
    size = 1.0 if name in CHOSEN | {"pooled"} else 0.2
    return [jnp.asarray(block.init() + size * rng.normal(size=len(block.init()))) for _ in range(count)]


def written_out(name: str, theta) -> np.ndarray:
    """Sigma of the two structures whose entries are parameters: logs of variances, covariances as they are."""
    v, c, *rest = np.exp(theta[0]), *theta[1:]
    if name == "fixed":
        return np.array([[v, 0.0, c], [0.0, 2.0, 0.1], [c, 0.1, 0.5]])
    return np.array([[v, c, rest[0]], [c, v, c], [rest[0], c, v]])


def vech(block, theta):
    return block.covariance(theta)[LOWER, COLUMN]


@each
def test_positive_semidefinite_or_nan(name):
    """A factor exists where Sigma is a covariance matrix; elsewhere, where that can happen, everything is NaN."""
    block = COVSTRUCTS[name]()
    found = 0
    for theta in points(name):
        sigma = np.asarray(block.covariance(theta))
        if np.isnan(sigma).any():
            assert isinstance(block, Fixed | Pattern)
            assert np.linalg.eigvalsh(written_out(name, theta))[0] < 0
            continue
        found += 1
        if isinstance(block, Fixed | Pattern):
            np.testing.assert_allclose(sigma, written_out(name, theta), atol=1e-14)
        np.testing.assert_array_equal(sigma, sigma.T)
        assert np.linalg.eigvalsh(sigma)[0] >= -1e-12 * np.trace(sigma)
        factor = np.asarray(block.cholesky(theta))
        np.testing.assert_allclose(factor @ factor.T, sigma, atol=1e-14)
        if not isinstance(block, Exchangeable):
            assert (np.triu(factor, 1) == 0).all()
    assert found >= 10


@each
def test_every_parameter_matters(name):
    """The Jacobian of vech(L L') has full rank: no two parameters do the same."""
    block, theta = COVSTRUCTS[name](), points(name)[0]
    jacobian = np.asarray(jax.jacfwd(lambda t: vech(block, t))(theta))
    assert jacobian.shape == (6, len(block.init()))
    assert np.linalg.matrix_rank(jacobian, tol=1e-6) == len(block.init())


@each
def test_derivatives_against_finite_differences(name):
    block, theta = COVSTRUCTS[name](), points(name)[0]
    jacobian = np.asarray(jax.jacrev(lambda t: vech(block, t))(theta))
    step = 1e-6
    for k in range(len(theta)):
        up, down = vech(block, theta.at[k].add(step)), vech(block, theta.at[k].add(-step))
        np.testing.assert_allclose(jacobian[:, k], np.asarray(up - down) / (2 * step), rtol=1e-6, atol=1e-8)


@each
def test_the_start_is_a_matrix_of_full_rank(name):
    """Zero variances are stationary points: a climb must not begin there."""
    block = COVSTRUCTS[name]()
    assert isinstance(block.init(), np.ndarray) and block.init().dtype == np.float64
    sigma = np.asarray(block.covariance(jnp.asarray(block.init())))
    assert np.linalg.eigvalsh(sigma)[0] > 0.1
    if name != "fixed":
        np.testing.assert_allclose(sigma, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("name", sorted(CHOSEN))
def test_zero_variance_is_an_interior_point(name):
    """Values and two derivatives are finite there, and the sign of a factor makes no difference."""
    block = COVSTRUCTS[name]()
    zero = jnp.zeros(len(block.init()))
    assert (block.covariance(zero) == 0).all()
    assert np.isfinite(jax.jacfwd(jax.jacfwd(lambda t: vech(block, t)))(zero)).all()
    theta = points(name)[0]
    np.testing.assert_allclose(block.covariance(-theta), block.covariance(theta), rtol=1e-14)


@each
def test_printed_entries(name):
    """Each once, variances first, and `natural` is Sigma there times the scale; the names are unique."""
    block, theta = COVSTRUCTS[name](), points(name)[0]
    assert len(set(block.entries)) == len(block.entries)
    variances = [i == j for i, j in block.entries]
    assert variances == sorted(variances, reverse=True)
    sigma = 2.5 * np.asarray(block.covariance(theta))
    natural = np.asarray(block.natural(theta, jnp.asarray(2.5)))
    np.testing.assert_allclose(natural, [sigma[i, j] for i, j in block.entries], rtol=1e-14)
    # every entry of Sigma that is not printed is zero, held at a value, or equal to one that is
    shown = set(block.entries) | {(j, i) for i, j in block.entries}
    rest = [sigma[i, j] for i in range(3) for j in range(3) if (i, j) not in shown]
    assert all(np.isclose(value, [0.0, *natural]).any() for value in rest)
    columns, factor = (("R.h",), "h") if name == "pooled" else (("a", "b", "_cons"), None)
    effect = EffectNames("g", "g", columns, name, ("g",), (np.arange(2),), factor=factor)
    labels = entry_labels(effect, block)
    assert len(set(labels)) == len(labels) == len(block.entries)
    assert labels[0] == ("var(R.h)" if name == "pooled" else "var(a)")


@each
def test_traits(name):
    """The sign of a scale does not matter, of no other parameter alone; variances and covariances are all there is."""
    block, theta = COVSTRUCTS[name](), points(name)[0]
    traits = block.traits
    assert len(traits.scales) == len(theta) == traits.variances + traits.covariances
    for k, scale in enumerate(traits.scales):
        flipped = block.covariance(theta.at[k].multiply(-1.0))
        assert not scale or np.array_equal(flipped, block.covariance(theta))
    assert sum(traits.scales) in (0, len(theta))
    # `own`: every diagonal entry can be moved without the others
    diagonal = np.asarray(jax.jacfwd(lambda t: jnp.diagonal(block.covariance(t)))(theta))
    assert (np.linalg.matrix_rank(diagonal, tol=1e-6) == 3) == traits.own
    if traits.any_basis:
        turn = np.random.default_rng(1).normal(size=(3, 3))
        sigma = turn @ np.asarray(block.covariance(theta)) @ turn.T
        np.testing.assert_allclose(block.covariance(jnp.asarray(block.nearest(sigma))), sigma, atol=1e-10)


@each
def test_nearest_is_a_projection(name):
    block = COVSTRUCTS[name]()
    for theta in points(name):
        sigma = np.asarray(block.covariance(theta))
        if np.isnan(sigma).any():
            continue
        again = block.nearest(sigma)
        assert again.shape == theta.shape
        np.testing.assert_allclose(block.covariance(jnp.asarray(again)), sigma, atol=1e-9 * np.trace(sigma))


@each
@pytest.mark.parametrize("matrix", ["zero", "rank one", "one tiny variance", "random"])
def test_nearest_takes_any_covariance_matrix(name, matrix):
    """Starting values must be usable even where the moments are not."""
    block = COVSTRUCTS[name]()
    vector = np.array([1.0, -2.0, 0.5])
    square = np.random.default_rng(2).normal(size=(3, 3))
    sigma = {
        "zero": np.zeros((3, 3)),
        "rank one": np.outer(vector, vector),
        "one tiny variance": np.diag([1.0, 1e-12, 1.0]),
        "random": square @ square.T,
    }[matrix]
    theta = block.nearest(sigma)
    assert np.isfinite(theta).all()
    found = np.asarray(block.covariance(jnp.asarray(theta)))
    assert np.isfinite(found).all()
    if name == "unstructured":
        np.testing.assert_allclose(found, sigma, atol=1e-9)


@each
def test_structures_are_static_pytrees(name):
    """Equal structures compile to one program, and the flattening can be undone."""
    block, theta = COVSTRUCTS[name](), points(name)[0]
    leaves, shape = jax.tree.flatten(block)
    again = jax.tree.unflatten(shape, leaves)
    assert shape == jax.tree.structure(COVSTRUCTS[name]())
    np.testing.assert_array_equal(again.covariance(theta), block.covariance(theta))
    together = jax.vmap(block.covariance)(jnp.stack([theta, theta]))
    np.testing.assert_allclose(eqx.filter_jit(block.covariance)(theta), together[1], rtol=1e-12)


# ------------------------------------------------------------------------------------------- one inside another


def lower(sigma: np.ndarray) -> np.ndarray:
    return np.linalg.cholesky(sigma)[LOWER, COLUMN]


@each
def test_unstructured_holds_every_other(name):
    block, theta = COVSTRUCTS[name](), points(name)[0]
    sigma = np.asarray(block.covariance(theta))
    found = Unstructured(3).covariance(jnp.asarray(Unstructured(3).nearest(sigma)))
    np.testing.assert_allclose(found, sigma, atol=1e-12)


def test_equal_parameters_give_the_narrower_structure():
    theta = jnp.array([0.7, 0.7])
    np.testing.assert_allclose(Exchangeable(3).covariance(theta), Identity(3).covariance(theta[:1]), atol=1e-15)
    np.testing.assert_allclose(Independent(3).covariance(jnp.full(3, 0.7)), Identity(3).covariance(theta[:1]))
    np.testing.assert_array_equal(
        Exchangeable(3, pooled=True).covariance(theta + 0.1), Exchangeable(3).covariance(theta + 0.1)
    )


def test_exchangeable_is_unstructured_at_equal_variances_and_covariances():
    sigma = np.full((3, 3), -0.3) + np.diag([1.3, 1.3, 1.3])  # covariance -0.3: near the bound of -0.5
    exchangeable = Exchangeable(3).covariance(jnp.asarray(Exchangeable(3).nearest(sigma)))
    np.testing.assert_allclose(exchangeable, sigma, atol=1e-14)
    np.testing.assert_allclose(Unstructured(3).covariance(jnp.asarray(lower(sigma))), sigma, atol=1e-14)


def test_patterns_of_numbers():
    free = np.full((3, 3), np.nan)
    sigma = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.2], [0.1, -0.2, 3.0]])
    for block in (Pattern(free), Fixed(free)):
        assert len(block.init()) == 6
        np.testing.assert_allclose(block.covariance(jnp.asarray(block.nearest(sigma))), sigma, atol=1e-12)
    exchangeable = np.full((3, 3), 9.0) - 8 * np.eye(3)
    assert len(Pattern(exchangeable).init()) == 2
    banded = Pattern(BANDED)
    theta = jnp.array([np.log(2.0), 0.3, -0.1])
    expected = [[2.0, 0.3, -0.1], [0.3, 2.0, 0.3], [-0.1, 0.3, 2.0]]
    np.testing.assert_allclose(banded.covariance(theta), expected, atol=1e-14)


def test_fixed_entries_stay():
    block = Fixed(PARTLY)
    for theta in points("fixed"):
        sigma = np.asarray(block.covariance(theta))
        given = ~np.isnan(PARTLY) & np.tri(3, dtype=bool)
        np.testing.assert_allclose(sigma[given], PARTLY[given], atol=1e-12)
    assert block.entries == ((0, 0), (1, 1), (2, 2), (0, 2), (1, 2))  # the covariance held at zero is not printed
    assert block.held == (False, True, True, False, True)
    assert not block.relative and all(b().relative for n, b in COVSTRUCTS.items() if n != "fixed")
    nothing_free = Fixed(np.diag([1.0, 2.0, 3.0]))
    assert len(nothing_free.init()) == 0
    np.testing.assert_allclose(nothing_free.covariance(jnp.zeros(0)), np.diag([1.0, 2.0, 3.0]), rtol=1e-14)


def test_what_is_not_positive_definite_has_no_likelihood():
    pattern = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert np.isnan(Pattern(pattern).covariance(jnp.array([0.0, 1.5]))).any()
    assert np.isfinite(Pattern(pattern).covariance(jnp.array([0.0, 0.99]))).all()


# ---------------------------------------------------------------------------------------------- names and numbers


def test_exported_and_registered():
    """A structure that falls out of the registry would leave the suite green."""
    final = {
        value
        for value in vars(covstruct).values()
        if inspect.isclass(value) and issubclass(value, AbstractCovariance) and not inspect.isabstract(value)
    }
    assert final == {type(make()) for make in COVSTRUCTS.values()}
    assert final == set(AbstractCovariance.__subclasses__())


@pytest.mark.parametrize(
    ("size", "covariance", "factor", "expected"),
    [
        (1, "independent", None, Identity),
        (1, "unstructured", None, Identity),
        (3, "identity", None, Identity),
        (3, "independent", None, Independent),
        (3, "unstructured", None, Unstructured),
        (3, "exchangeable", None, Exchangeable),
        (3, "exchangeable", "h", Exchangeable),
    ],
)
def test_names_of_structures(size, covariance, factor, expected):
    """A single random effect is Identity, whatever was asked for."""
    columns = tuple("abc"[:size])
    effect = EffectNames("g", "g", columns, covariance, ("g",), (np.arange(2),), factor=factor)
    block = structure(effect, size)
    assert type(block) is expected and block.size == size
    if isinstance(block, Exchangeable):
        assert block.pooled == (factor is not None)


def test_several_blocks_together():
    """v is the blocks' parameters one after the other, then log sigma_e; what is printed follows the same order."""
    variances = FreeVariances([Unstructured(2), Identity(1), Independent(2)])
    v = jnp.asarray(np.random.default_rng(0).normal(size=7))
    random, residual = variances.params(np.asarray(v))
    assert [len(r) for r in random] == [3, 1, 2] and len(residual) == 1
    again = jnp.asarray(variances.vector(random, residual))
    np.testing.assert_allclose(variances.natural(again), variances.natural(v), rtol=1e-12)  # signs may differ
    np.testing.assert_array_equal(variances.params(np.asarray(again))[0][2], np.abs(v[4:6]))
    scale = np.exp(2 * v[-1])
    natural = np.asarray(variances.natural(v))
    sigma = scale * np.asarray(Unstructured(2).covariance(v[:3]))
    expected = [sigma[0, 0], sigma[1, 1], sigma[0, 1], scale * v[3] ** 2, scale * v[4] ** 2, scale * v[5] ** 2, scale]
    np.testing.assert_allclose(natural, expected, rtol=1e-12)
    matrices = [sigma, np.array([[expected[3]]]), np.diag(expected[4:6])]
    near = jnp.asarray(variances.nearest(matrices, float(scale)))
    np.testing.assert_allclose(variances.natural(near), natural, rtol=1e-9)
    assert variances.profiled and not FreeVariances([Fixed(np.array([[2.0]])), Identity(1)]).profiled


def test_absolute_values_do_not_move_with_the_residual_variance():
    variances = FreeVariances([Fixed(np.array([[2.0]]))])
    for log_sigma in (-1.0, 0.5):
        assert float(variances.natural(jnp.array([log_sigma]))[0]) == pytest.approx(2.0, rel=1e-14)
