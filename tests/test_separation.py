"""Separation is found where it is, and nowhere else: against what the likelihood itself does along a direction."""

import numpy as np
import pytest
import scipy.optimize

from mejax.design import Design, EffectNames, Effects, FixedColumn, Names
from mejax.fitting.separation import constant_within, separation
from mejax.likelihoods import family

KINDS = {
    "bernoulli": family("bernoulli", "logit"),
    "binomial": family("binomial", "logit"),
    "poisson": family("poisson", "log"),
    "ordinal": family("ordinal", "logit", categories=("a", "b", "c")),
    "gaussian": family("gaussian", "identity"),
}
X = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])


def parts(x: np.ndarray, y, codes=(0, 0, 1, 1, 2, 2)) -> tuple[Design, Names]:
    columns = tuple(FixedColumn(f"x{k}", "", "", "", k) for k in range(x.shape[1]))
    codes = np.array(codes, np.int32)
    effects = Effects(codes, np.ones((len(codes), 1)), int(codes.max()) + 1)
    labels = EffectNames("g", "g", ("_cons",), "identity", ("g",), (np.arange(effects.size),))
    return Design(y, x, (effects,)), Names("y", columns, (labels,), ())


def with_constant(*columns) -> np.ndarray:
    return np.column_stack([*columns, np.ones(len(X))])


RARE = np.array([0.0, 0, 0, 1, 0, 0])
CASES = {
    # kind, columns, response, which are not finite
    "none": ("bernoulli", with_constant(X), [0, 1, 0, 1, 0, 1.0], None),
    "complete": ("bernoulli", with_constant(X), [0, 0, 0, 1, 1, 1.0], "x0"),
    "complete, falling": ("bernoulli", with_constant(-X), [0, 0, 0, 1, 1, 1.0], "x0"),
    "quasi-complete": ("bernoulli", with_constant(RARE), [0, 1, 0, 1, 0, 1.0], "x0"),
    "beside an ordinary one": ("bernoulli", with_constant(X, RARE), [0, 1, 0, 1, 0, 1.0], "x1"),
    "by a sum": ("bernoulli", with_constant(X, X[[1, 0, 3, 2, 5, 4]]), [0, 0, 0, 0, 1, 1.0], "x0, x1"),
    "units": ("bernoulli", with_constant(1e-9 * RARE), [0, 1, 0, 1, 0, 1.0], "x0"),
    "some trials": ("binomial", with_constant(RARE), ([0, 2, 1, 3, 2, 1.0], [3, 3, 3, 3, 3, 3.0]), "x0"),
    "not all trials": ("binomial", with_constant(RARE), ([0, 2, 1, 2, 2, 1.0], [3, 3, 3, 3, 3, 3.0]), None),
    "no counts": ("poisson", with_constant(RARE), [1, 2, 0, 0, 3, 1.0], "x0"),
    "large counts": ("poisson", with_constant(RARE), [1, 2, 0, 900, 3, 1.0], None),
    "highest category": ("ordinal", RARE[:, None], [0, 1, 2, 2, 1, 0.0], "x0"),
    "middle category": ("ordinal", RARE[:, None], [0, 1, 2, 1, 1, 0.0], None),
    "ordered": ("ordinal", X[:, None], [0, 0, 1, 1, 2, 2.0], "x0"),
    "continuous": ("gaussian", with_constant(X), [0, 0, 0, 1, 1, 1.0], None),
}


def arrays(y):
    return tuple(np.array(part) for part in y) if isinstance(y, tuple) else np.array(y)


@pytest.mark.parametrize("case", CASES)
def test_separation(case):
    kind, x, y, expected = CASES[case]
    design, names = parts(x, arrays(y))
    found = separation(design, names, KINDS[kind])
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert expected in found.text
        marked = {f"x{k}" for k in np.flatnonzero(found.columns[: x.shape[1]])}
        assert set(expected.split(", ")) <= marked


@pytest.mark.parametrize("kind", ["bernoulli", "ordinal"])
@pytest.mark.parametrize("rare", [True, False])
def test_few_rows_among_very_many(kind, rare):
    """Row 70,001 alone has a covariate that decides its outcome, or one of another row has it too."""
    rng, n = np.random.default_rng(3), 120_000
    x = np.column_stack([rng.normal(size=n), rng.normal(size=n), np.zeros(n)])
    y = np.digitize(x[:, 0] + rng.logistic(size=n), [0.0] if kind == "bernoulli" else [-1.0, 1.0]).astype(float)
    x[70_000, 2], y[70_000] = 1.0, y.max()
    if not rare:
        x[90_000, 2], y[90_000] = 1.0, 0.0
    found = separation(*parts(x, y, codes=np.arange(n) % 1000), KINDS[kind])
    assert (found is not None) == rare
    assert found is None or np.flatnonzero(found.columns).tolist() == [2]


@pytest.mark.parametrize("kind", ["bernoulli", "poisson"])
def test_the_likelihood_agrees(kind):
    """Where something separates, the maximum under a slight penalty lies far away; elsewhere it does not."""
    rng, seen = np.random.default_rng(7), []
    for _ in range(80):
        x = np.column_stack([rng.integers(-1, 2, 8), np.ones(8)]).astype(float)
        y = (rng.random(8) < 0.4) * 1.0
        if np.ptp(x[:, 0]) == 0 or np.ptp(y) == 0:
            continue

        def loss(b, x=x, y=y):
            eta = x @ b
            rest = np.logaddexp(0, eta) if kind == "bernoulli" else np.exp(np.minimum(eta, 50.0))
            return float(np.sum(rest - y * eta) + 1e-9 * b @ b)

        far = np.max(np.abs(scipy.optimize.minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-9}).x)) > 7
        design, names = parts(x, y, codes=(0, 0, 1, 1, 2, 2, 3, 3))
        assert (separation(design, names, KINDS[kind]) is not None) == far
        seen.append(far)
    assert 5 < sum(seen) < len(seen) - 5


@pytest.mark.parametrize(
    ("kind", "y", "constant"),
    [
        ("bernoulli", [0, 0, 1, 1, 0, 0.0], True),
        ("bernoulli", [0, 0, 1, 0, 1, 1.0], False),
        ("binomial", ([0, 0, 3, 3, 0, 0.0], [3, 3, 3, 3, 3, 3.0]), True),
        ("binomial", ([1, 1, 3, 3, 0, 0.0], [3, 3, 3, 3, 3, 3.0]), False),
        ("ordinal", [0, 0, 2, 2, 1, 1.0], True),
        ("ordinal", [0, 0, 2, 1, 1, 1.0], False),
        ("poisson", [0, 0, 2, 2, 1, 1.0], False),
    ],
)
def test_constant_within_groups(kind, y, constant):
    design, names = parts(with_constant(X), arrays(y))
    text = constant_within(design, names, KINDS[kind])
    assert (text is not None) == constant
    assert text is None or "within every group of g the outcome is the same" in text


def test_groups_of_one_row_say_nothing_about_constancy():
    design, names = parts(with_constant(X), arrays([0, 0, 1, 0, 1, 1.0]), codes=range(6))
    assert constant_within(design, names, KINDS["bernoulli"]) is None
