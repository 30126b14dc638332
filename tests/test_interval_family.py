"""Normal responses known to lie in an interval: densities, derivatives, and what is predicted between two limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from mejax.likelihoods.interval import Interval

INF, VARIANCE = np.inf, 0.49
SD = np.sqrt(VARIANCE)
# a point, left- and right-censored rows, intervals that hold eta, lie in a tail, or are narrow
LOWER = np.array([0.7, -INF, -1.0, -1.2, 1.1, -4.0, 0.3])
UPPER = np.array([0.7, 0.4, INF, 2.0, 1.9, -3.5, 0.3001])
ETAS = np.array([-1.3, -0.2, 0.0, 0.6, 2.1])

# With 60 digits and more by mpmath 1.4: log{Phi(m + w/2) - Phi(m - w/2)} with its three derivatives in m, and how far
# the mean of the normal distribution truncated to that interval is above the lower end.
NARROW = np.array([
    (0.4, 1e-1, -3.3018735798673826, -0.39966678664463643, -0.99916701101034234, -3.329737e-7, 0.04966678664464),
    (-1.7, 1e-1, -4.665736747695503, 1.698584486742329, -0.99916814605413539, 1.412078e-6, 0.05141551325767),
    (2.5, 4e-2, -7.26246441322834, -2.4996667399779752, -0.99986674040771145, -5.328291e-8, 0.01966673997798),
    (30.0, 1e-2, -455.5203657068147, -29.999750375028005, -0.99999170406058134, -2.482203e-9, 0.004750375028005),
    (0.4, 1e-4, -10.209278905530855, -0.39999999966666669, -0.99999999916666667, -3.333333e-19, 4.999966666667e-05),
    (-1.7, 1e-7, -18.48203418416299, 1.6999999999999985, -0.99999999999999917, 1.416667e-30, 5.000000141667e-08),
    (700.0, 1e-6, -245014.73444907076, -699.99999999994167, -0.99999999999991667, -5.833333e-24, 4.999416666671e-07),
    (700.0, 1e-2, -245003.97093855115, -699.99641944880836, -0.99999805053250505, -4.915692e-9, 0.001419448808356),
    (2.5, 1e-10, -27.06978946314513, -2.5, -1.0, -2.083333e-42, 4.999999999792e-11),
    (1e8, 1e-12, -5000000000000028.0, -1e8, -1.0, -8.333333e-43, 4.999916666667e-13),
    (1e8, 3e-9, -5000000000000020.0, -1e8, -1.0, -6.702013e-29, 1.42511225947e-09),
    (1e8, 2.0, -4999999900000020.0, -99999999.00000001, -0.9999999999999999, -2.000000e-24, 1.00000001e-08),
])  # fmt: skip


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def grid(etas=ETAS):
    """Every row against every eta, one after the other: (lower, upper), eta."""
    lower, upper, eta = (np.ravel(a) for a in np.broadcast_arrays(LOWER[:, None], UPPER[:, None], etas))
    return (lower, upper), eta


@jax.jit
def compiled(y, eta, aux, direction):
    """log density with three derivatives, predictions with one, along a direction of (eta, variance)."""
    made = Interval()
    moved = lambda f: lambda t: f(y, eta + direction[0] * t, aux + direction[1] * t)
    functions = [moved(made.logpdf)]
    for _ in range(3):
        functions.append(lambda t, f=functions[-1]: jax.jvp(f, (t,), (jnp.ones(()),))[1])
    predictions = {
        k: jax.jvp(moved(made.statistics[k].function), (jnp.zeros(()),), (jnp.ones(()),))
        for k in ("pr", "expected", "ystar")
    }
    return jnp.stack([f(jnp.zeros(())) for f in functions]), predictions


def evaluated(y, eta, variance=VARIANCE, direction=(1.0, 0.0)):
    """What `compiled` gives for rows (k,), repeated to 40 so that one program serves all tests."""
    y, eta = [np.resize(end, 40) for end in y], np.resize(eta, 40)
    arrays = jax.tree.map(jnp.asarray, (tuple(y), eta, np.array([variance]), np.array(direction)))
    return jax.tree.map(np.asarray, compiled(*arrays))


def derivatives(y, eta, variance=VARIANCE, direction=(1.0, 0.0)):
    """The log densities and their three derivatives: (4, k)."""
    return evaluated(y, eta, variance, direction)[0][:, : len(eta)]


# ----------------------------------------------------------------------------------------------------------- densities


def test_densities_and_probabilities_are_those_of_scipy():
    found = derivatives(*grid())[0].reshape(len(LOWER), -1)
    low, high = ((ends[:, None] - ETAS) / SD for ends in (LOWER, UPPER))
    np.testing.assert_allclose(found[0], stats.norm.logpdf(0.7, ETAS, SD), rtol=1e-14)
    np.testing.assert_allclose(found[1], stats.norm.logcdf(high[1]), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(found[2], stats.norm.logsf(low[2]), rtol=1e-13, atol=1e-15)
    sign = np.where(low + high > 0, -1.0, 1.0)[3:]  # differences are taken in the lower tail
    tails = special.log_ndtr(sign * low[3:]), special.log_ndtr(sign * high[3:])
    more, less = np.maximum(*tails), np.minimum(*tails)
    np.testing.assert_allclose(found[3:], more + np.log(-np.expm1(less - more)), rtol=1e-11, atol=1e-11)


def test_points_are_the_normal_density():
    """So do limits of censoring at plus and minus infinity, which make every row a point."""
    y = np.linspace(-3.0, 3.0, 5)
    r, one = y - ETAS, np.ones(5)
    value = stats.norm.logpdf(y, ETAS, SD)
    expected = [value, r / VARIANCE, -one / VARIANCE, 0 * one]
    np.testing.assert_allclose(derivatives((y, y), ETAS), expected, rtol=1e-14, atol=1e-14)
    squared = r**2 / VARIANCE
    expected = [value, squared / 2 - 0.5, 0.5 - squared, 3 * squared - 1]
    scale = VARIANCE ** np.arange(4)[:, None]
    found = derivatives((y, y), ETAS, direction=(0.0, 1.0)) * scale
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


def test_a_row_that_nothing_is_known_of_is_certain():
    everything = (np.full(5, -INF), np.full(5, INF))
    np.testing.assert_allclose(derivatives(everything, ETAS, direction=(1.0, 1.0)), 0.0, atol=1e-15)


def test_narrow_and_far_intervals_have_all_their_digits():
    """Values and three derivatives in eta, at widths down to 1e-12 and distances up to 1e8 standard deviations."""
    m, width, value, *slopes, _ = NARROW.T
    found = derivatives((-0.5 * width, 0.5 * width), -m, 1.0)
    np.testing.assert_allclose(found[0], value, rtol=3e-15)
    np.testing.assert_allclose(found[1], -slopes[0], rtol=3e-15)
    np.testing.assert_allclose(found[2], slopes[1], rtol=1e-14)
    assert (np.abs(found[3] + slopes[2]) <= 1e-6 * np.abs(slopes[2]) + 1e-13 + 1e-15 * np.abs(m)).all()


@pytest.mark.parametrize("width", [1e-3, 1e-5, 1e-10])
def test_shrinking_intervals_become_points(width):
    """log P - log width goes to the log density as width^2 does to 0, with its derivatives in both parameters."""
    centre, eta = np.array([0.3, -2.0, 5.0]), np.array([0.1, 0.9, -1.4])
    ends = (centre - 0.5 * width, centre + 0.5 * width)
    tolerance = max(1e-9, 100 * width**2)
    for direction in ((1.0, 0.0), (0.0, 1.0), (1.0, 0.3)):
        found = derivatives(ends, eta, VARIANCE, direction)
        found = found - np.log(ends[1] - ends[0]) * np.eye(4)[:, :1]  # the width that rounding left
        point = derivatives((centre, centre), eta, VARIANCE, direction)
        np.testing.assert_allclose(found, point, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("size", [40.0, 700.0, 1e8])
def test_finite_far_from_the_data_with_three_derivatives(size):
    y, eta = grid(SD * np.array([-size, size]))
    assert np.isfinite(derivatives(y, eta, direction=(1.0, 1.0))).all()
    found = derivatives(y, eta)
    assert np.isfinite(found).all()
    expected = [special.log_ndtr(s * (end - eta[:2]) / SD) for s, end in ((1.0, UPPER[1]), (-1.0, LOWER[2]))]
    np.testing.assert_allclose(found[0, 2:6], np.ravel(expected), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("variance", [1e-30, 1e30])
@pytest.mark.parametrize("eta", [-1e140, 0.0, 1e140])
def test_nothing_is_nan_where_an_optimiser_may_go(variance, eta):
    y, etas = grid(np.array([eta]))
    values, predictions = evaluated(y, etas, variance)
    assert np.isfinite(values).all()
    assert all(np.isfinite(one).all() for one in jax.tree.leaves(predictions))


# --------------------------------------------------------------------------------------------------------- predictions


def integral(function, lower: float, upper: float, eta: float) -> float:
    """Of function(y*) times its density, between limits that are cut off where nothing is left."""
    start, stop = np.clip([lower, upper], eta - 12 * SD, eta + 12 * SD)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    at = 0.5 * (start + stop) + 0.5 * (stop - start) * nodes
    return 0.5 * (stop - start) * np.sum(weights * function(at) * stats.norm.pdf(at, eta, SD))


def test_predictions_between_limits_are_integrals():
    y, etas = grid()
    predictions = {key: value[0][: len(etas)] for key, value in evaluated(y, etas)[1].items()}
    for i, (lower, upper, eta) in enumerate(zip(*y, etas, strict=True)):
        pr, expected, ystar = (predictions[key][i] for key in ("pr", "expected", "ystar"))
        area = integral(np.ones_like, lower, upper, eta)
        assert pr == pytest.approx(area, rel=1e-10, abs=1e-14)
        inside = integral(lambda t: t, lower, upper, eta)
        outside = [stats.norm.cdf(lower, eta, SD), stats.norm.sf(upper, eta, SD)]
        ends = sum(end * p for end, p in zip((lower, upper), outside, strict=True) if np.isfinite(end))
        assert ystar == pytest.approx(inside + ends, rel=1e-10, abs=1e-12)
        assert expected == pytest.approx(inside / area if upper > lower else lower, rel=1e-10)
        assert lower <= expected <= upper


def test_derivatives_of_predictions():
    """Standard errors of margins need them; a limit at eta itself is no exception."""
    (lower, upper), eta = grid(np.array([-1.3, 0.4, 0.7, -1.0]))
    step, direction = 1e-5, np.array([1.0, 0.3])
    here, up, down = (
        evaluated((lower, upper), eta + s * direction[0], VARIANCE + s * direction[1], direction)[1]
        for s in (0.0, step, -step)
    )
    for name, (_, slope) in here.items():
        np.testing.assert_allclose(slope, (up[name][0] - down[name][0]) / (2 * step), rtol=1e-6, atol=1e-8)


def test_expected_values_of_narrow_and_far_intervals_have_all_their_digits():
    """They are inside the limits, at the distance from the lower one that the truncated distribution has."""
    m, width, above = NARROW[:, 0], NARROW[:, 1], NARROW[:, -1]
    found = evaluated((np.zeros(len(m)), width), 0.5 * width - m, 1.0)[1]["expected"][0][: len(m)]
    # the smaller the distance, the more of it has eta rounded away
    np.testing.assert_allclose(found, above, rtol=1e-12, atol=1e-15 * np.max(m))
    assert ((found > 0) & (found < width)).all()


def test_predictions_far_outside_the_limits():
    """At 300 standard deviations the mean of a tail is 1 / 300 of one inside, and a censored one at its limit."""
    y, eta = (np.array([0.0, -INF, 0.0]), np.array([INF, 0.0, 5.0])), np.array([-300.0, 300.0, -300.0])
    outside, inside = (evaluated(y, side, 1.0)[1] for side in (eta, -eta))
    tail = 1 / 300 - 2 / 300**3 + 10 / 300**5
    np.testing.assert_allclose(outside["expected"][0][:3] * [1.0, -1.0, 1.0], tail, rtol=1e-9)
    np.testing.assert_array_equal(outside["ystar"][0], 0.0)
    np.testing.assert_array_equal(inside["ystar"][0][:3], [300.0, -300.0, 5.0])
    np.testing.assert_array_equal(inside["expected"][0][:2], [300.0, -300.0])


def test_open_limits_give_the_mean():
    found = evaluated((np.full(5, -INF), np.full(5, INF)), ETAS)[1]
    for name in ("expected", "ystar"):
        np.testing.assert_array_equal(found[name][0][:5], ETAS)
    np.testing.assert_allclose(found["pr"][0], 1.0, rtol=1e-15)


def test_a_new_response_is_that_of_the_latent_variable():
    made, aux = Interval(), jnp.array([VARIANCE])
    drawn = np.asarray(made.sample(jax.random.key(2), None, jnp.full(40_000, 0.6), aux))
    assert stats.kstest(drawn, stats.norm(0.6, SD).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(made.mean(None, jnp.asarray(ETAS), aux), ETAS)


# ---------------------------------------------------------------------------------------------------------- on the host


def test_starting_values_come_from_midpoints_and_finite_ends():
    y, weights = (LOWER, UPPER), np.array([2.0, 1.0, 1.0, 3.0, 0.0, 1.0, 1.0])
    points = np.array([0.7, 0.4, -1.0, 0.4, 1.5, -3.75, 0.30005])
    made, mean = Interval(), np.average(points, weights=weights)
    assert made.start(y, weights) == pytest.approx(mean)
    variance = np.average((points - mean) ** 2, weights=weights)
    np.testing.assert_allclose(made.printed(jnp.asarray(made.init(y, weights))), variance)
    assert np.isfinite(made.init((np.zeros(3), np.full(3, INF)), None)).all()


def test_what_is_known_about_the_family():
    made = Interval()
    assert (made.null_name, Interval(word="tobit").null_name) == ("interval model", "tobit model")
    assert made.ancillary == ("var(e)",) and made.variances == (0,) and made.latent_variance is None
    assert made.default_statistic == "eta"
    assert {name: one.reads for name, one in made.statistics.items()} == {
        "mu": "", "pr": "limits", "expected": "limits", "ystar": "limits", "density": "response",
    }  # fmt: skip
    rising, falling = made.rising((LOWER, UPPER))
    assert list(np.flatnonzero(rising)) == [2] and list(np.flatnonzero(falling)) == [1]
    assert made.outcome((LOWER, UPPER)) is None


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        ([0, 1, np.nan], [0, 2, 3], r"the response is \[nan, 3\] in row 13: NaN cannot be an end"),
        ([0, -INF], [0, INF], r"is \[-inf, inf\] in row 12: at least one end must be finite; leave the row out"),
        ([0, INF], [0, INF], "at least one end must be finite"),
        ([0, INF], [0, 3], "an open lower end is -inf, an open upper one inf"),
        ([2, 3, 4], [1, 3, 3], r"is \[2, 1\] in row 11 \(2 such rows in all\): the lower end must not be above"),
        ([4, 4], [4, 4], "does not vary; 4 lies in the intervals of all rows: mean and variance cannot be estimated"),
        ([1, 2], [INF, INF], "all rows are right-censored: .* without a row with a finite upper end"),
        ([-INF, -INF], [1, 2], "all rows are left-censored: .* without a row with a finite lower end"),
        ([0, 1, -INF], [2, 3, 1.5], "1 lies in the intervals of all rows"),
    ],
)
def test_wrong_responses_are_refused(lower, upper, text):
    with pytest.raises(ValueError, match=text):
        Interval().check((np.array(lower, float), np.array(upper, float)), lambda i: f"row {i + 11}")


def test_right_responses_are_accepted():
    Interval().check((LOWER, UPPER), str)
