"""Weighted cross-products, factors, solutions and inverse blocks of H = D + Z'WZ against dense matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import generalized_design, linear_design

from mejax.elimination import (
    HostTerm,
    Plan,
    factorise,
    inverse_blocks,
    log_determinants,
    make_plan,
    make_rows,
    merge_terms,
    solve,
    weigh,
)

# names of `MODELS`; in the sparse one the Schur update goes through its list of pairs
CASES = ["crossed", "crossed_slopes", "crossed_and_nested", "crossed_three", "nested_four_levels", "sparse_nested"]
TWICE = "crossed_slopes"  # the case that is also run with two linear predictors


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def sorted_plan(name: str, small: bool = False, predictors: int = 1) -> tuple[Plan, list[HostTerm], list]:
    """The plan of a pattern of levels; where there are two linear predictors each random effect enters both."""
    design, _ = generalized_design(name, "poisson") if small else linear_design(name)
    rng = np.random.default_rng(7)
    columns = [np.stack([e.z, *(rng.normal(size=e.z.shape) for _ in range(1, predictors))]) for e in design.effects]
    hosts = merge_terms([e.codes for e in design.effects], columns, [e.size for e in design.effects])
    plan, numbers = make_plan(hosts)
    return plan, hosts, numbers


def dense_columns(hosts: list[HostTerm]) -> np.ndarray:
    """(linear predictors, n, all random effects), term by term, group by group."""
    parts = []
    for host in hosts:
        predictors, n = len(host.z), len(host.codes)
        wide = np.zeros((predictors, n, host.term.size, host.term.width))
        wide[:, np.arange(n), host.codes] = host.z
        parts.append(wide.reshape(predictors, n, -1))
    return np.concatenate(parts, axis=2)


def dense_blocks(matrix: np.ndarray, hosts: list[HostTerm]) -> list[np.ndarray]:
    """The diagonal blocks of every term's groups."""
    out, start = [], 0
    for host in hosts:
        size, q = host.term.size, host.term.width
        block = matrix[start : start + size * q, start : start + size * q].reshape(size, q, size, q)
        out.append(block[np.arange(size), :, np.arange(size), :])
        start += size * q
    return out


def problem(name: str, small: bool = False, predictors: int = 1):
    """Plan, rows, hosts, weights, precisions of the groups, and the dense H."""
    plan, hosts, numbers = sorted_plan(name, small, predictors)
    rng = np.random.default_rng(1)
    root = rng.uniform(0.3, 1.4, (predictors, predictors, len(hosts[0].codes)))
    w = np.einsum("ekn,fkn->efn", root, root)
    # a precision of 2 stands for a group that counts twice
    prior = tuple(None if k % 2 else rng.uniform(0.5, 3.0, h.term.size) for k, h in enumerate(hosts))
    z = dense_columns(hosts)
    d = [np.repeat(np.ones(h.term.size) if p is None else p, h.term.width) for p, h in zip(prior, hosts, strict=True)]
    return (
        plan,
        make_rows(plan, hosts, numbers),
        hosts,
        jnp.asarray(w),
        prior,
        np.diag(np.concatenate(d)) + np.einsum("ena,efn,fnb->ab", z, w, z),
    )


def everything(plan, rows, z, w, prior, right):
    products = weigh(plan, rows, z, w)
    logdets, dense = log_determinants(plan, products, prior)
    logdet = sum((jnp.sum(logdet) for logdet in logdets), dense)
    return logdet, solve(plan, factorise(plan, products, prior), right), inverse_blocks(plan, products, prior)


@pytest.mark.parametrize(("name", "predictors"), [*((name, 1) for name in CASES), (TWICE, 2)])
def test_blockwise_equals_dense(name, predictors):
    plan, rows, hosts, w, prior, h = problem(name, predictors=predictors)
    rng = np.random.default_rng(2)
    right = tuple(rng.normal(size=(host.term.size, host.term.width)) for host in hosts)
    z = tuple(jnp.asarray(host.z) for host in hosts)
    prior = tuple(None if p is None else jnp.asarray(p) for p in prior)
    logdet, found, blocks = jax.jit(everything)(plan, rows, z, w, prior, tuple(map(jnp.asarray, right)))
    assert float(logdet) == pytest.approx(np.linalg.slogdet(h)[1], rel=1e-12)
    expected = np.linalg.solve(h, np.concatenate([r.ravel() for r in right]))
    np.testing.assert_allclose(np.concatenate([np.ravel(f) for f in found]), expected, atol=1e-12)
    for block, dense in zip(blocks, dense_blocks(np.linalg.inv(h), hosts), strict=True):
        np.testing.assert_allclose(block, dense, atol=1e-12)


def test_node_axes_are_problems_of_their_own():
    """Weights (1, 1, n, K): every slice along K is factorised and solved by itself."""
    plan, rows, hosts, w, prior, _ = problem("three_levels_slopes", small=True)
    nodes = jnp.stack([w, 0.3 * w, w**2], axis=3)
    z = tuple(jnp.asarray(host.z) for host in hosts)
    rng = np.random.default_rng(3)
    right = tuple(jnp.asarray(rng.normal(size=(host.term.size, 3, host.term.width))) for host in hosts)
    solution = jax.jit(lambda w, right: solve(plan, factorise(plan, weigh(plan, rows, z, w), prior), right))
    together = solution(nodes, right)
    for k in range(3):
        alone = solution(nodes[..., k], tuple(r[:, k] for r in right))
        for several, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(several[:, k], one, rtol=1e-11, atol=1e-13)


def test_a_matrix_that_is_not_positive_definite_gives_nan():
    """What the search for modes is told by: never a finite number from a negative pivot."""
    plan, rows, hosts, w, prior, _ = problem("crossed_slopes", small=True)
    z = tuple(jnp.asarray(host.z) for host in hosts)

    @jax.jit
    def logdet(w):
        logdets, dense = log_determinants(plan, weigh(plan, rows, z, w), prior)
        return sum((jnp.sum(logdet) for logdet in logdets), dense)

    assert np.isfinite(float(logdet(w))) and not np.isfinite(float(logdet(-20.0 * w)))


def test_solutions_differentiate():
    """H^-1 right in both modes of differentiation, against differences."""
    plan, rows, hosts, w, prior, _ = problem("crossed_slopes", small=True)
    z = tuple(jnp.asarray(host.z) for host in hosts)
    rng = np.random.default_rng(4)
    right = tuple(jnp.asarray(rng.normal(size=(host.term.size, host.term.width))) for host in hosts)
    direction = jnp.asarray(rng.normal(size=w.shape))

    def total(step):
        found = solve(plan, factorise(plan, weigh(plan, rows, z, w + step * direction), prior), right)
        return sum((jnp.sum(jnp.sin(f)) for f in found), jnp.zeros(()))

    both = jax.jit(lambda step: (total(step), jax.jvp(total, (step,), (jnp.ones(()),))[1], jax.grad(total)(step)))
    _, forward, reverse = both(jnp.zeros(()))
    (above, *_), (below, *_) = both(jnp.asarray(1e-5)), both(jnp.asarray(-1e-5))
    assert float(forward) == pytest.approx(float(above - below) / 2e-5, rel=1e-6)
    assert float(reverse) == pytest.approx(float(forward), rel=1e-10)
