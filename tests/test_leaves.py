"""Levels that lie within one group of the chain, eliminated first: the same numbers as without, from fewer columns."""

from contextlib import contextmanager
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import Pattern_, dense_twin, equations, some_point

from mejax import me
from mejax._tree import to_device
from mejax._typing import Params
from mejax.build import build_linear
from mejax.design import Design, Effects, FixedColumn, Names
from mejax.elimination import Solver, eliminate_chain, leaves, planning, scale_crossed
from mejax.fitting.start import moment_start
from mejax.lmm import evaluate, posterior
from mejax.lmm.criterion import term_factors

# p: parents of the groups g; b: Zipf-like, many of its levels observed once; c: few levels
CASES = {
    "two": Pattern_([("g", "1", "identity"), ("b", "1", "identity")]),
    "slopes": Pattern_(
        [("p", "1", "identity"), ("g", "1", "identity"), ("b", "z1", "unstructured")], reml=True, weighted=True
    ),
    "three": Pattern_(
        [("g", "1", "identity"), ("b", "x", "identity"), ("b_again", "1", "identity"), ("c", "1", "identity")]
    ),
}
EXACT = Solver("exact")


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@contextmanager
def split_always(wanted: bool):
    """Leaves are eliminated first however few they are, or never."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaves, "MANY", 0 if wanted else np.inf)
        patch.setattr(leaves, "SHARE", 0.0)
        patch.setattr(leaves, "WHOLE", 0)
        yield


def zipf_columns(n: int = 300, levels: int = 30) -> tuple[dict, dict]:
    """Codes, of which those of b are Zipf-like, and covariates."""
    rng = np.random.default_rng(11)
    share = 1.0 / np.arange(1, levels + 1)
    g = rng.integers(0, 160, n)
    b = rng.choice(levels, n, p=share / share.sum())
    b[:20] = levels + np.arange(20)
    codes = {"g": g, "p": g // 6, "b": b, "c": rng.integers(0, 5, n)}
    codes = {key: np.unique(value, return_inverse=True)[1].astype(np.int32) for key, value in codes.items()}
    codes["b_again"] = codes["b"].max() - codes["b"]  # the same groups in another order
    return codes, {"1": np.ones(n), "x": rng.normal(1.0, 1.0, n), "z": rng.uniform(-1, 2, n)}


@cache
def case(name: str) -> tuple[Design, Names]:
    pattern = CASES[name]
    codes, columns = zipf_columns()
    rng = np.random.default_rng(5)
    n = len(columns["x"])
    y = 2.0 + columns["x"] + rng.normal(size=160)[codes["g"]] + rng.normal(size=50)[codes["b"]] + rng.normal(size=n)
    effects, names = equations(pattern, codes, columns)
    fixed = tuple(FixedColumn(c, "", "", "", k, constant=c == "_cons") for k, c in enumerate(("x", "_cons")))
    weights = rng.integers(1, 4, n).astype(float) if pattern.weighted else None
    return Design(y, np.column_stack([columns["x"], columns["1"]]), effects, weights), Names("y", fixed, names, ())


def built(name: str, wanted: bool, solver: Solver = EXACT):
    design, names = case(name)
    with split_always(wanted):
        return build_linear(design, names, reml=CASES[name].reml, solver=solver)


def lonely(effect: Effects, lowest: np.ndarray) -> int:
    """Levels whose rows lie in one group of the chain's lowest level, counted row by row."""
    return sum(len(set(lowest[effect.codes == level])) == 1 for level in range(effect.size))


def assert_equal(found, wanted, rtol: float = 1e-9):
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * max(1.0, float(np.max(np.abs(b), initial=0.0))))


@pytest.mark.parametrize("name", CASES)
def test_the_same_from_fewer_columns(name):
    design, names = case(name)
    apart, whole = built(name, True), built(name, False)
    b = next(k for k, e in enumerate(names.effects) if e.path == "b")
    g = next(e.codes for e, own in zip(design.effects, names.effects, strict=True) if own.path == "g")
    count = lonely(design.effects[b], g)
    width = next(t.width for t in whole.plan.terms if b in t.blocks)
    assert count >= 20 and whole.plan.columns - apart.plan.columns == count * width
    assert len(apart.plan.chain) == len(whole.plan.chain) + 1
    starts = [moment_start(m, design, m.products, m.plan) for m in (apart, whole)]
    assert_equal(starts[0], starts[1])
    apart, whole = to_device(apart), to_device(whole)
    v = some_point(whole)
    found, wanted = evaluate(apart, v), evaluate(whole, v)
    assert_equal(found, wanted)
    full = CASES[name].reml
    assert_equal(posterior(apart, found.fixed, v, full), posterior(whole, found.fixed, v, full))


def test_against_the_covariance_matrix_of_the_rows():
    design, _ = case("three")
    model = to_device(built("three", True))
    v = some_point(model)
    fixed = model.init().fixed
    random, residual = model.variances.params(np.asarray(v))
    params = Params(fixed, tuple(map(jnp.asarray, random)), jnp.asarray(residual), jnp.zeros(0))
    assert float(model.loglik(params)) == pytest.approx(dense_twin(model, design, v, np.asarray(fixed)), rel=1e-10)


def test_the_remainder_is_the_schur_complement_of_the_whole_one():
    """What is left is what the elimination of the leaves' columns leaves of the remainder with all of them."""
    apart, whole = (to_device(built("three", wanted)) for wanted in (True, False))
    v = some_point(whole)

    def remainder(model):
        factors = term_factors(model.plan, model.variances.working_factors(v))
        found = scale_crossed(model.plan, factors, eliminate_chain(model.plan, model.products, factors))
        return np.asarray(found.s), np.asarray(found.c)

    (s, c), (all_s, all_c) = remainder(apart), remainder(whole)
    b = whole.plan.crossed[0]
    width, members = whole.plan.terms[b].width, np.asarray(apart.plan.terms[apart.plan.chain[0].term].members)
    gone = (whole.plan.offsets[b] + members[:, None] * width + np.arange(width)).ravel()
    stay = np.setdiff1d(np.arange(whole.plan.columns), gone)
    solved = np.linalg.solve(all_s[np.ix_(gone, gone)], np.column_stack([all_s[np.ix_(gone, stay)], all_c[gone]]))
    np.testing.assert_allclose(
        s, all_s[np.ix_(stay, stay)] - all_s[np.ix_(stay, gone)] @ solved[:, : len(stay)], atol=1e-10
    )
    np.testing.assert_allclose(c, all_c[stay] - all_s[np.ix_(stay, gone)] @ solved[:, len(stay) :], atol=1e-10)


def test_iteratively():
    """So few columns are left that every trace is exact."""
    apart, whole = to_device(built("two", True, Solver("iterative"))), to_device(built("two", False))
    v = some_point(whole)
    found, wanted = evaluate(apart, v), evaluate(whole, v)
    assert apart.plan.sparse is not None and apart.plan.sparse.units == apart.plan.columns
    assert_equal(found._replace(noise=None), wanted, 1e-7)
    assert_equal(posterior(apart, found.fixed, v, False), posterior(whole, found.fixed, v, False), 1e-7)


def test_with_one_matrix_of_the_size_of_the_remainder(monkeypatch):
    whole = to_device(built("two", False))
    monkeypatch.setattr(planning, "LEAN", 0)
    apart = to_device(built("two", True))
    v = some_point(whole)
    assert apart.plan.rough is not None and apart.plan.columns < whole.plan.columns
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        found = evaluate(apart, v)
    assert_equal(found._replace(noise=None), evaluate(whole, v), 1e-7)


def test_a_fit_and_its_predictions():
    codes, columns = zipf_columns()
    data = {"y": case("two")[0].y, "x": columns["x"], "g": codes["g"], "b": codes["b"]}
    fits = []
    for wanted in (True, False):
        with split_always(wanted):
            fits.append(me.mixed("y x || _all: R.g || _all: R.b", data, nolog=True))
    apart, whole = fits
    assert apart.estimates.model.plan.columns < whole.estimates.model.plan.columns
    assert apart.llf == pytest.approx(whole.llf, abs=1e-8)
    for what in ("fitted", "reffects", "reses"):
        np.testing.assert_allclose(
            np.asarray(apart.predict(what)), np.asarray(whole.predict(what)), rtol=1e-5, atol=1e-6
        )


def test_only_where_it_pays():
    """A few hundred columns stay together, and so does a factor of which few levels are observed once."""
    design, names = case("two")
    plan = build_linear(design, names, reml=False).plan
    assert all(term.members is None for term in plan.terms)
    rng = np.random.default_rng(2)
    for lone, expected in ((30, False), (400, True)):
        size = 600 + lone
        b = np.concatenate([np.repeat(np.arange(600), 3), np.arange(600, size)]).astype(np.int32)
        g = rng.integers(0, 1500, len(b))
        g = np.unique(g, return_inverse=True)[1].astype(np.int32)
        one = np.ones((len(b), 1))
        effects = Effects(g, one, int(g.max()) + 1), Effects(b, one, size)
        found = build_linear(Design(rng.normal(size=len(b)), one, effects), names, reml=False).plan
        assert (found.columns < size) == expected
