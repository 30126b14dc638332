"""Within-group errors: what every structure promises, run over the registry `error_registry.ERRORS`."""

import functools
import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from error_registry import CORRELATIONS, ERRORS, LABELS, SCALES, SPAN, grid, rows_of, sequence, unequal_groups

from mejax import covstruct
from mejax.covstruct import (
    AbstractCorrelation,
    AbstractErrorScale,
    AbstractLayout,
    AbstractMarkovCorrelation,
    Autoregressive,
    Banded,
    BandedCorrelation,
    DistinctScale,
    ExchangeableErrors,
    Exponential,
    ExponentialScale,
    FirstOrder,
    MovingAverage,
    PowerScale,
    ToeplitzErrors,
    scales,
    whiten,
)
from mejax.covstruct.within import error_diagonal

TIMES = np.arange(float(SPAN))
each = pytest.mark.parametrize("name", CORRELATIONS)
each_scale = pytest.mark.parametrize("name", SCALES)
each_errors = pytest.mark.parametrize("name", ERRORS)
HAS_BOUND = {"exchangeable", "toeplitz2"}  # not positive definite everywhere


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def near(count: int, seed: int = 0, size: float = 0.5) -> np.ndarray:
    return size * np.random.default_rng(seed).normal(size=count)


@eqx.filter_jit
def compiled(correlation: AbstractCorrelation, theta, times):
    return correlation.matrix(theta, times)


def matrix(correlation: AbstractCorrelation, theta, times=TIMES) -> np.ndarray:
    return np.asarray(compiled(correlation, jnp.asarray(theta, float), jnp.asarray(times, float)))


@eqx.filter_jit
def printed(correlation: AbstractCorrelation, theta, scale):
    """(what a table prints, the correlations printed apart, the Jacobian of the former)."""
    jacobian = jax.jacfwd(lambda t: correlation.natural(t[:-1], t[-1]))(jnp.append(theta, scale))
    return correlation.natural(theta, scale), correlation.correlations(theta), jacobian


# ----------------------------------------------------------------------------------------------- one correlation


@each
def test_a_correlation_is_a_matrix_relative_to_the_first_variance(name):
    """Symmetric, with 1 in the corner, positive definite; any selection of times is that part of it."""
    correlation = CORRELATIONS[name]()
    found = 0
    for seed in range(10):
        theta = near(len(correlation.init()), seed)
        R = matrix(correlation, theta)
        assert R[0, 0] == pytest.approx(1.0, abs=1e-15)
        np.testing.assert_allclose(R, R.T, atol=1e-15)
        lowest = np.linalg.eigvalsh(R)[0]
        assert lowest > 0 or name in HAS_BOUND
        found += lowest > 0
    assert found >= 3
    chosen = np.array([4, 1, 2])
    R = matrix(correlation, theta)
    np.testing.assert_allclose(matrix(correlation, theta, TIMES[chosen]), R[np.ix_(chosen, chosen)], atol=1e-15)
    if not isinstance(correlation, Banded):
        np.testing.assert_allclose(np.diag(R), 1.0, atol=1e-15)


@each
def test_the_start_is_nearly_independent_and_not_stationary(name):
    correlation = CORRELATIONS[name]()
    start = correlation.init()
    assert isinstance(start, np.ndarray) and start.dtype == np.float64
    R = matrix(correlation, start)
    np.testing.assert_allclose(np.diag(R), 1.0, atol=1e-12)
    assert np.abs(R - np.diag(np.diag(R))).max() <= 0.5
    jacobian = jax.jit(jax.jacfwd(correlation.matrix))(jnp.asarray(start), jnp.asarray(TIMES)).reshape(-1, len(start))
    assert np.linalg.matrix_rank(np.asarray(jacobian), tol=1e-6) == len(start)


@each
def test_structures_are_static_pytrees(name):
    """Equal structures compile to one program, and the flattening can be undone."""
    correlation = CORRELATIONS[name]()
    leaves, shape = jax.tree.flatten(correlation)
    again = jax.tree.unflatten(shape, leaves)
    assert shape == jax.tree.structure(CORRELATIONS[name]())
    theta = near(len(correlation.init()))
    np.testing.assert_array_equal(matrix(again, theta), matrix(correlation, theta))


@each
def test_what_is_printed_of_a_correlation(name):
    """The variance is the scale; correlations printed apart are those of the matrix, or do not depend on the scale."""
    correlation = CORRELATIONS[name]()
    theta = jnp.asarray(near(len(correlation.init())))
    joint, apart = correlation.entries(joint=True), correlation.entries(joint=False)
    natural, correlations, jacobian = map(np.asarray, printed(correlation, theta, jnp.asarray(2.5)))
    assert natural.shape == (len(joint),) and correlations.shape == (len(apart),)
    for entries in (joint, apart):
        assert len({e.label for e in entries}) == len(entries)
        assert {e.kind for e in entries} <= {"var", "cov", "corr", "share"}
    variances = [k for k, e in enumerate(joint) if e.kind == "var"]
    assert natural[variances[0]] == 2.5 and not any(e.kind == "var" for e in apart)
    # as many numbers as theta and sigma_e^2 together, and no two of them do the same
    assert np.linalg.matrix_rank(jacobian, tol=1e-6) == len(joint) == len(theta) + 1


def test_labels():
    def labels(correlation, joint):
        return [e.label for e in correlation.entries(joint)]

    assert labels(ExchangeableErrors(), True) == ["var(e)", "cov(e)"]
    assert labels(ExchangeableErrors(), False) == ["corr"]
    assert labels(FirstOrder(), True) == labels(Exponential(1.0), True) == ["rho", "var(e)"]
    assert labels(Autoregressive(2, SPAN), True) == ["phi1", "phi2", "var(e)"]
    assert labels(MovingAverage(2), False) == ["theta1", "theta2"]
    assert labels(ToeplitzErrors(2), False) == ["rho1", "rho2"]
    variances = ["var(e8)", "var(e10)", "var(e12)"]
    assert labels(Banded(3, 2, LABELS[:3]), True) == [*variances, "cov(e8,e10)", "cov(e8,e12)", "cov(e10,e12)"]
    assert labels(Banded(3, 1, LABELS[:3]), False) == ["corr(e8,e10)", "corr(e10,e12)"]
    assert [e.label for e in DistinctScale(2, ("8", "10")).entries] == ["8: var(e)", "10: var(e)"]
    assert [e.kind for e in PowerScale(constant=True).entries] == ["var", "cov", "var"]


# ---------------------------------------------------------------------------------- against other ways to say it


@pytest.mark.parametrize("order", [1, 3])
def test_autoregressive_correlations_solve_the_yule_walker_equations(order):
    correlation, theta = Autoregressive(order, 9), near(order, order, size=1.0)
    phi = np.asarray(correlation.natural(jnp.asarray(theta), jnp.ones(())))[:-1]
    assert np.abs(np.roots([1.0, *-phi])).max() < 1  # stationary
    row = matrix(correlation, theta, np.arange(9.0))[0]
    for lag in range(1, 9):
        assert row[lag] == pytest.approx(sum(phi[k - 1] * row[abs(lag - k)] for k in range(1, order + 1)), abs=1e-14)
    # the partial autocorrelation at each lag is the last coefficient of the regression on that many
    for lag in range(1, order + 1):
        toeplitz = row[np.abs(np.subtract.outer(np.arange(lag), np.arange(lag)))]
        last = np.linalg.solve(toeplitz, row[1 : lag + 1])[-1]
        assert last == pytest.approx(np.tanh(theta[lag - 1]), abs=1e-10)


@pytest.mark.parametrize("order", [1, 3])
def test_moving_averages_are_sums_of_weights_and_invertible(order):
    correlation, theta = MovingAverage(order), near(order, order, size=1.0)
    weights = np.append(1.0, np.asarray(correlation.natural(jnp.asarray(theta), jnp.ones(())))[:-1])
    assert np.abs(np.roots(weights)).max() < 1
    # each error as a combination of innovations
    combine = np.array([np.concatenate([np.zeros(i), weights[::-1], np.zeros(8 - i)]) for i in range(9)])
    expected = combine @ combine.T / (weights @ weights)
    np.testing.assert_allclose(matrix(correlation, theta, np.arange(9.0)), expected, atol=1e-14)
    assert np.sign(weights[1]) == np.sign(theta[0]) or order > 1


def test_toeplitz_and_exchangeable_entries():
    R = matrix(ToeplitzErrors(2), np.arctanh([0.4, -0.2]))
    np.testing.assert_allclose(R[2], [-0.2, 0.4, 1.0, 0.4, -0.2, 0.0], atol=1e-15)
    R = matrix(ExchangeableErrors(), np.arctanh([-0.19]))
    np.testing.assert_allclose(R, 1.19 * np.eye(SPAN) - 0.19, atol=1e-15)


def test_first_order_powers():
    """Values and derivatives of rho^d, also where rho is zero or negative, and for gaps beyond counting."""
    rho, gaps = np.array([-0.7, 0.0, 0.4, 0.99]), np.array([0.0, 1.0, 2.0, 3.0, 4.0, 11.0, 500.0, 1e7])

    def derivatives(theta):
        """In both directions: each can be NaN where the other is not."""
        decay = functools.partial(FirstOrder().decay, gap=jnp.asarray(gaps))
        slope = jax.jacrev(decay)(theta)
        return decay(theta), slope, jax.jacrev(jax.jacrev(decay))(theta), jax.jacfwd(jax.jacrev(decay))(theta)

    theta = jnp.asarray(np.arctanh(rho)[:, None])
    decay, slope, *second = [np.asarray(d).reshape(4, 8) for d in jax.jit(jax.vmap(derivatives))(theta)]
    r, d = rho[:, None], gaps
    np.testing.assert_allclose(decay, r**d, rtol=1e-10, atol=1e-300)
    first, inner = d * r ** np.maximum(d - 1, 0), 1 - r**2  # tanh' = 1 - tanh^2
    np.testing.assert_allclose(slope, first * inner, rtol=1e-10, atol=1e-300)
    expected = d * (d - 1) * r ** np.maximum(d - 2, 0) * inner**2 - 2 * r * inner * first
    for found in second:
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("unit", [0.01, 1, 1000.0])
def test_the_exponential_start_does_not_depend_on_the_unit_of_time(unit):
    correlation = Exponential(unit)
    R = matrix(correlation, correlation.init(), unit * TIMES)
    np.testing.assert_allclose(R[0], 0.3**TIMES, rtol=1e-12)
    theta = jnp.asarray(correlation.init() + 0.3)
    rho = float(correlation.natural(theta, jnp.ones(()))[0])
    assert 0 < rho < 1
    assert float(correlation.decay(theta, jnp.asarray(2.5 * unit))) == pytest.approx(rho ** (2.5 * unit), rel=1e-9)


def test_the_first_order_start_has_a_derivative_at_the_smallest_gap():
    slope = jax.jit(jax.value_and_grad(lambda theta, gap: FirstOrder().decay(theta, gap)))
    for gap in (1, 2, 12):
        value, derivative = slope(jnp.asarray(FirstOrder(gap).init()), jnp.asarray(float(gap)))
        assert float(value) == pytest.approx(0.1) and derivative[0] > 0.05


# ------------------------------------------------------------------------------------------- one inside another


def test_first_order_three_ways():
    """AR(1), the general autoregression of that order, and the exponential one where rho is positive."""
    for rho in (-0.6, 0.0, 0.6):
        theta = np.arctanh([rho])
        expected = matrix(FirstOrder(), theta)
        np.testing.assert_allclose(matrix(Autoregressive(1, SPAN), theta), expected, atol=1e-15)
        np.testing.assert_allclose(matrix(Autoregressive(3, SPAN), np.append(theta, [0, 0])), expected, atol=1e-15)
    share = np.log(0.6**1.5 / (1 - 0.6**1.5))
    np.testing.assert_allclose(matrix(Exponential(1.5), [share]), expected, rtol=1e-13)


def test_moving_averages_are_toeplitz():
    for order in (1, 2):
        R = matrix(MovingAverage(order), near(order, 3))
        np.testing.assert_allclose(matrix(ToeplitzErrors(order), np.arctanh(R[0, 1 : order + 1])), R, atol=1e-15)


@each
def test_unstructured_holds_every_other(name):
    correlation = CORRELATIONS[name]()
    R = matrix(correlation, near(len(correlation.init()), 1, size=0.2))
    assert np.linalg.eigvalsh(R)[0] > 0
    factor = np.linalg.cholesky(R)
    below = np.tril_indices(SPAN, -1)
    theta = np.concatenate([np.log(np.diag(factor))[1:], factor[below]])
    full = Banded(SPAN, SPAN - 1, LABELS)
    np.testing.assert_allclose(matrix(full, theta), R, atol=1e-14)
    natural = np.asarray(full.natural(jnp.asarray(theta), jnp.asarray(2.0)))
    np.testing.assert_allclose(natural, 2 * np.append(np.diag(R), R[np.triu_indices(SPAN, 1)]), atol=1e-14)
    # its correlations, with the variances put elsewhere
    deviations = np.sqrt(np.diag(R))
    between = R / np.outer(deviations, deviations)
    theta = (factor / np.diag(factor)[:, None])[below]
    apart = BandedCorrelation(SPAN, SPAN - 1, LABELS)
    np.testing.assert_allclose(matrix(apart, theta), between, atol=1e-14)
    np.testing.assert_allclose(apart.correlations(jnp.asarray(theta)), between[np.triu_indices(SPAN, 1)], atol=1e-14)


def test_banded_matrices():
    """Zero beyond the bands; without bands the variances of `DistinctScale`."""
    for order in (1, 3):
        count = (order + 1) * (2 * SPAN - order) // 2 - 1
        banded = Banded(SPAN, order, LABELS)
        assert banded.init().shape == (count,)
        R = matrix(banded, near(count))
        assert (R[np.triu_indices(SPAN, order + 1)] == 0).all() and (R[np.triu_indices(SPAN)] != 0).sum() == count + 1
        correlations = np.asarray(banded.correlations(jnp.asarray(near(count))))
        expected = (R / np.sqrt(np.outer(np.diag(R), np.diag(R))))[np.triu_indices(SPAN, 1)]
        np.testing.assert_allclose(correlations, expected[expected != 0], rtol=1e-13)
        narrow = matrix(BandedCorrelation(SPAN, order, LABELS), near(count - SPAN + 1))
        assert (narrow[np.triu_indices(SPAN, order + 1)] == 0).all()
    theta = near(SPAN - 1)
    logs = DistinctScale(SPAN, LABELS).log_scale(jnp.asarray(theta), jnp.asarray(TIMES))
    R = matrix(Banded(SPAN, 0, LABELS), theta)
    np.testing.assert_allclose(R, np.diag(np.exp(2 * np.asarray(logs))), atol=1e-15)


# -------------------------------------------------------------------------------------------------------- scales


@each_scale
def test_scales(name):
    """Formulas, lengths and kinds of what is printed; what is printed and the variances say the same."""
    scale = SCALES[name]()
    theta, v = near(len(scale.init()), 2), TIMES if name == "distinct" else np.array([0.2, 1.0, 3.0])
    logs = np.asarray(scale.log_scale(jnp.asarray(theta), jnp.asarray(v)))
    printed = np.asarray(scale.natural(jnp.asarray(theta), jnp.asarray(2.5)))
    assert printed.shape == (len(scale.entries),) == (len(theta) + 1,) and printed[0] == 2.5
    expected = {
        "equal": lambda s: s * np.ones(3),
        "linear": lambda s: s * v,
        "power": lambda s, delta, c: s * (c + v**delta) ** 2,
        "pure power": lambda s, delta: s * v ** (2 * delta),
        "exponential": lambda s, gamma: s * np.exp(2 * gamma * v),
        "distinct": lambda *s: np.array(s),
    }[name](*printed)
    np.testing.assert_allclose(2.5 * np.exp(2 * logs), expected, rtol=1e-13)


@pytest.mark.parametrize("constant", [True, False])
def test_powers_at_zero_and_below(constant):
    """The sign of v does not matter, and v = 0 leaves every derivative of every row without NaN."""
    logs, v = PowerScale(constant).log_scale, jnp.array([0.0, -2.0, 2.0])
    delta = np.array([0.7, 0.0, -0.4])
    theta = jnp.asarray(np.stack([delta, np.full(3, -0.3)], axis=1)[:, : 1 + constant])

    @jax.jit
    @jax.vmap
    def derivatives(theta):
        by_theta = jax.jacfwd(logs)(theta, v), jax.jacrev(logs)(theta, v), jax.hessian(logs)(theta, v)
        return logs(theta, v), by_theta, (jax.jacfwd(logs, 1)(theta, v), jax.jacrev(logs, 1)(theta, v))

    found, by_theta, by_v = derivatives(theta)
    with np.errstate(divide="ignore"):
        expected = np.log(np.exp(-0.3) * constant + np.abs(v) ** delta[:, None])
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)
    for derivative in (*by_theta, *by_v):
        assert np.isfinite(derivative).all()


def test_nested_scales():
    v = jnp.array([0.2, 1.0, 3.0])
    half, one = jnp.array([0.5]), jnp.array([0.7])
    np.testing.assert_allclose(
        PowerScale(constant=False).log_scale(half, v), SCALES["linear"]().log_scale(half[:0], v), rtol=1e-14
    )
    np.testing.assert_allclose(
        ExponentialScale().log_scale(one, jnp.log(v)), PowerScale(constant=False).log_scale(one, v), rtol=1e-13
    )
    small = PowerScale(constant=True).log_scale(jnp.array([0.7, -40.0]), v)
    np.testing.assert_allclose(small, PowerScale(constant=False).log_scale(one, v), atol=1e-14)


# ------------------------------------------------------------------------------------------------------- all rows


STEP = 1e-5


@eqx.filter_jit
def evaluate(errors, rows, points, columns):
    """(logs of scales, diagonal of R), log|R|, W' R^-1 W, and the gradient of log|R| + trace(W' R^-1 W)."""

    @functools.partial(jax.value_and_grad, has_aux=True)
    def total(theta):
        logs, white = whiten(errors, rows, theta, columns)
        logdet, products = 2 * jnp.sum(logs), white.T @ white
        return logdet + jnp.trace(products), (logdet, products)

    def one(theta):
        (_, parts), gradient = total(theta)
        return (scales(errors, rows, theta), error_diagonal(errors, rows, theta)), *parts, gradient

    return jax.lax.map(one, points)


@functools.cache
def laid_out(name):
    """The rows, and `evaluate` in each layout near zero, at zero, and a small step from either in each parameter."""
    errors, rng = ERRORS[name](), np.random.default_rng(8)
    groups, times = unequal_groups(rng)
    by = groups % errors.by
    columns = rng.normal(size=(len(groups), 3))
    layouts: list[AbstractLayout | None] = [None if errors.correlation is None else grid(groups, times, by)]
    if isinstance(errors.correlation, AbstractMarkovCorrelation):
        layouts.append(sequence(groups, times, by))
    centres = np.stack([near(errors.count, 2, size=0.2), np.zeros(errors.count)])
    steps = STEP * np.concatenate([np.zeros((1, errors.count)), np.eye(errors.count), -np.eye(errors.count)])
    points = np.concatenate([centre + steps for centre in centres])
    found = [
        jax.tree.map(np.asarray, evaluate(errors, rows_of(errors, groups, layout), points, jnp.asarray(columns)))
        for layout in layouts
    ]
    return errors, (groups, times, by, columns), points, found


@each_errors
def test_whitened_rows_against_the_whole_matrix(name):
    """Groups of unequal size, rows in any order, gaps in time, groups with parameters of their own, padded places."""
    errors, (groups, times, by, columns), points, found = laid_out(name)
    _, _, correlations = errors.read(points[0])
    for (logs, variances), logdet, products, _ in found:
        R = np.eye(len(groups))
        if errors.correlation is not None:
            for at in (np.flatnonzero(groups == g) for g in np.unique(groups)):
                every = matrix(errors.correlation, correlations[by[at[0]]])
                R[np.ix_(at, at)] = every[np.ix_(times[at].astype(int), times[at].astype(int))]
        R *= np.exp(np.add.outer(logs[0], logs[0]))
        np.testing.assert_allclose(variances[0], np.diag(R), rtol=1e-13)
        np.testing.assert_allclose(logdet[0], np.linalg.slogdet(R)[1], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(products[0], columns.T @ np.linalg.solve(R, columns), rtol=1e-12, atol=1e-12)


@each_errors
def test_derivatives_against_finite_differences(name):
    errors, _, points, found = laid_out(name)
    for _, logdet, products, gradient in found:
        values = (logdet + np.trace(products, axis1=1, axis2=2)).reshape(2, -1)
        up, down = values[:, 1 : 1 + errors.count], values[:, 1 + errors.count :]
        at = gradient[:: len(gradient) // 2]
        np.testing.assert_allclose(at, (up - down) / (2 * STEP), rtol=1e-5, atol=1e-6)


@each_errors
def test_entries_of_all_errors(name):
    """As many labels as numbers, as many numbers as parameters, sigma_e among them; the groups each in their turn."""
    errors = ERRORS[name]()
    theta, log_sigma = jnp.asarray(near(errors.count)), jnp.asarray(0.4)
    natural, entries = np.asarray(errors.natural(theta, log_sigma)), errors.entries()
    assert natural.shape == (len(entries),) == (errors.count + 1,)
    assert len({(group, entry.label, among) for group, entry, among in entries}) == len(entries)
    assert {group for group, _, among in entries if among} <= set(range(errors.by))
    first = next(k for k, (_, entry, _) in enumerate(entries) if entry.kind == "var")
    assert natural[first] == pytest.approx(np.exp(0.8), rel=1e-14)


def test_a_matrix_that_is_not_positive_definite_has_no_likelihood():
    errors, rng = ERRORS["exchangeable"](), np.random.default_rng(8)
    groups, times = unequal_groups(rng)
    rows = rows_of(errors, groups, grid(groups, times, 0 * groups))
    points = np.resize(np.arctanh([-0.21, -0.19]), (6, 1))  # the largest group has six rows: the bound is -0.2
    _, logdet, _, _ = evaluate(errors, rows, points, jnp.ones((len(groups), 3)))
    assert np.isnan(logdet[::2]).all() and np.isfinite(logdet[1::2]).all()


def test_exported_and_registered():
    """A structure that falls out of the registry would leave the suite green."""
    for kind, registry in ((AbstractCorrelation, CORRELATIONS), (AbstractErrorScale, SCALES)):
        final = {
            value
            for value in vars(covstruct).values()
            if inspect.isclass(value) and issubclass(value, kind) and not inspect.isabstract(value)
        }
        assert final == {type(make()) for make in registry.values()}
        below = {*kind.__subclasses__(), *AbstractMarkovCorrelation.__subclasses__()}
        assert final == {c for c in below if issubclass(c, kind) and not inspect.isabstract(c)}
