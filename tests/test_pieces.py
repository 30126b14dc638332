"""Nested data cut into pieces: every row and group once, numbers that agree, pieces of about the same length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mejax.build import pieces as module
from mejax.build.pieces import Cut, cut, measure, piece_count, take
from mejax.elimination import HostTerm, Term, host_segment_sum


def nested_hosts(seed: int, top: int, low: int, n: int) -> list[HostTerm]:
    """`low` groups or more in `top` clusters, `n` rows or more, in any order; the lowest level first."""
    rng = np.random.default_rng(seed)
    owner = np.concatenate([np.arange(top), rng.integers(0, top, max(low - top, 0))])
    codes = rng.permutation(np.concatenate([np.arange(len(owner)), rng.integers(0, len(owner), n)]))
    sizes = ((codes, len(owner)), (owner[codes], top))
    columns = np.ones((1, len(codes), 1))
    return [
        HostTerm(Term((None,), (k,), size, 1), code.astype(np.int32), columns) for k, (code, size) in enumerate(sizes)
    ]


def check_level(host: HostTerm, parts: Cut, level: int) -> None:
    """Every group stands in one piece; codes there lead back to the groups, those of empty places to the dummy."""
    groups, size = parts.groups[level], host.term.size
    np.testing.assert_array_equal(np.sort(groups[groups < size]), np.arange(size))
    assert np.all(groups[:, -1] == size)
    found = np.take_along_axis(groups, parts.codes[level], axis=1)
    np.testing.assert_array_equal(found, take(host.codes, parts.rows, size))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 30), st.integers(0, 120), st.integers(1, 12))
def test_a_cut_holds_everything_once(seed, top, low, n, count):
    """Also where there are more pieces than clusters."""
    hosts = nested_hosts(seed, top, low, n)
    parts, rows = cut(hosts, count), len(hosts[0].codes)
    assert len(parts.rows) == count
    np.testing.assert_array_equal(np.sort(parts.rows[parts.rows < rows]), np.arange(rows))
    for level, host in enumerate(hosts):
        check_level(host, parts, level)
    # the cluster of a group is that of its rows
    of_rows = np.take_along_axis(parts.ancestors[0][0], parts.codes[0], axis=1)
    np.testing.assert_array_equal(
        np.where(parts.rows < rows, of_rows, -1), np.where(parts.rows < rows, parts.codes[1], -1)
    )


def test_taking_fills_empty_places():
    index = np.array([[0, 1], [2, 3]])
    values = {"a": np.arange(3.0), "b": np.arange(6).reshape(3, 2)}
    found = take(values, index, 0.0)
    np.testing.assert_array_equal(found["a"], [[0, 1], [2, 0]])
    np.testing.assert_array_equal(found["b"][1], [[4, 5], [0, 0]])
    np.testing.assert_array_equal(take(values, index, None)["a"], [[0, 1], [2, 2]])


def even_hosts(groups: int, rows: int) -> list[HostTerm]:
    codes = np.repeat(np.arange(groups, dtype=np.int32), rows)
    return [HostTerm(Term((None,), (0,), groups, 1), codes, np.ones((1, len(codes), 1)))]


def test_pieces_fit_into_the_caches_of_a_cpu(monkeypatch):
    monkeypatch.setattr(module.jax, "default_backend", lambda: "cpu")
    hosts = even_hosts(40_000, 10)
    total = measure(hosts, (7,)).total
    assert piece_count(hosts, (7,)) == np.ceil(total / module.CACHED_BYTES) > 1
    assert piece_count(hosts, (7,), total / 3) == 3
    monkeypatch.setattr(module.jax, "default_backend", lambda: "gpu")
    assert piece_count(hosts, (7,)) == np.ceil(total / module.PIECE_BYTES) == 1


def test_uneven_clusters_stay_in_longer_pieces(monkeypatch):
    """Many small pieces would be filled up to the length of the largest cluster."""
    monkeypatch.setattr(module.jax, "default_backend", lambda: "cpu")
    codes = np.concatenate([np.zeros(300_000, np.int32), np.repeat(np.arange(1, 3001, dtype=np.int32), 100)])
    hosts = [HostTerm(Term((None,), (0,), 3001, 1), codes, np.ones((1, len(codes), 1)))]
    pieces = piece_count(hosts, (7,))
    assert 1 <= pieces < measure(hosts, (7,)).total / module.CACHED_BYTES
    assert cut(hosts, pieces).rows.size <= module.UNEVEN * len(codes)


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_host_sums_are_those_of_the_groups(order):
    """Sorted rows of several in a group are summed another way; groups without rows are zero."""
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 30, 900) * 2
    codes = np.sort(codes) if order == "sorted" else codes
    values = rng.normal(size=(900, 2, 3))
    wanted = np.stack([values[codes == group].sum(axis=0) for group in range(61)])
    np.testing.assert_allclose(host_segment_sum(values, codes, 61), wanted, rtol=1e-13, atol=1e-13)
