"""Data of nested models cut into pieces of whole top-level clusters, so that an evaluation fits in memory."""

from math import prod
from typing import NamedTuple

import jax
import numpy as np

from ..elimination import ChainLevel, HostTerm, Plan, Rows, Term, machine_memory
from ..quadrature import Tree

COPIES = 16  # arrays of (rows x nodes) that an evaluation holds at once, with one linear predictor
PIECE_BYTES = 2.0**30


class Shape(NamedTuple):
    """What one evaluation needs: `nodes` per row, and bytes in all and for the largest cluster."""

    nodes: int
    total: float
    largest: float


def measure(hosts: list[HostTerm], points: tuple[int, ...]) -> Shape:
    """`hosts` are nested, the lowest level first; `points` per dimension, from the top level down."""
    nodes = prod(k**h.term.width for k, h in zip(points[::-1], hosts, strict=True))
    rows = np.bincount(hosts[-1].codes, minlength=hosts[-1].term.size)
    predictors = len(hosts[0].z)  # slopes have an axis for them, curvatures two
    each = 8.0 * COPIES * (1 + predictors + predictors**2) / 3 * nodes
    return Shape(nodes, each * float(rows.sum()), each * float(rows.max(initial=0)))


def check_nodes(hosts: list[HostTerm], points: tuple[int, ...], method: str) -> None:
    """Refuse a grid that cannot fit into this machine's memory."""
    shape = measure(hosts, points)
    memory = machine_memory()
    if shape.largest > 0.8 * memory:
        effects = " x ".join(f"{k}^{h.term.width}" for k, h in zip(points, reversed(hosts), strict=True))
        raise ValueError(
            f"intmethod({method}) needs {effects} = {shape.nodes:,} nodes for every observation, "
            f"about {shape.largest:,.0f} bytes ({shape.largest / 2**30:,.1f} GiB) for the largest top-level group "
            f"alone; this machine has {memory / 2**30:,.1f} GiB. Use intmethod(laplace), fewer intpoints(), or fewer "
            "random effects"
        )


def piece_count(hosts: list[HostTerm], points: tuple[int, ...], limit: float = PIECE_BYTES) -> int:
    """How many pieces keep an evaluation near `limit` bytes."""
    shape = measure(hosts, points)
    return int(min(max(np.ceil(shape.total / limit), 1), hosts[-1].term.size))


class Cut(NamedTuple):
    """`rows` (pieces, n): the row at each place, n where there is none.  `groups[l]` (pieces, J): the same for the
    groups of level l; the last group of every piece is a dummy, in which the empty places lie.
    `codes[l]` (pieces, n), `ancestors[l][k]` (pieces, J): within the pieces."""

    rows: np.ndarray
    groups: tuple[np.ndarray, ...]
    codes: tuple[np.ndarray, ...]
    ancestors: tuple[tuple[np.ndarray, ...], ...]


def cut(hosts: list[HostTerm], pieces: int) -> Cut:
    """Cut between clusters so that the pieces have about the same number of rows."""
    top = hosts[-1].codes
    order = np.argsort(top, kind="stable")
    rows_by_cluster = np.bincount(top, minlength=hosts[-1].term.size)
    middle = np.cumsum(rows_by_cluster) - 0.5 * rows_by_cluster
    piece_of = np.minimum((middle * pieces / len(top)).astype(np.int64), pieces - 1)
    row_piece = piece_of[top[order]]
    rows = _padded([order[row_piece == k] for k in range(pieces)], len(top))
    levels = [_level(host, rows) for host in hosts]
    ancestors = tuple(
        tuple(_ancestors(codes, groups, upper) for upper, _ in levels[level + 1 :])
        for level, (codes, groups) in enumerate(levels)
    )
    return Cut(rows, tuple(g for _, g in levels), tuple(c for c, _ in levels), ancestors)


def _padded(parts: list[np.ndarray], filler: int) -> np.ndarray:
    width = max(len(p) for p in parts)
    return np.stack([np.concatenate([p, np.full(width - len(p), filler)]) for p in parts])


def _level(host: HostTerm, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes within the pieces, and the groups they stand for; one dummy at least at the end."""
    codes = np.append(host.codes, host.term.size)[rows]
    found = [np.unique(piece[piece < host.term.size]) for piece in codes]
    groups = _padded([np.append(f, host.term.size) for f in found], host.term.size)
    inner = [np.searchsorted(f, piece) for f, piece in zip(found, codes, strict=True)]
    inner = [np.where(piece < host.term.size, i, groups.shape[1] - 1) for i, piece in zip(inner, codes, strict=True)]
    return np.stack(inner).astype(np.int32), groups


def _ancestors(codes: np.ndarray, groups: np.ndarray, upper: np.ndarray) -> np.ndarray:
    found = np.full(groups.shape, upper.max(), np.int32)
    for piece in range(len(groups)):
        found[piece, codes[piece]] = upper[piece]
    return found


def cut_plan(hosts: list[HostTerm], pieces: Cut) -> tuple[Plan, Rows, Tree]:
    """Plan, rows and tree of every piece, along a leading axis."""
    count = len(pieces.rows)
    terms = tuple(
        Term((None,) * len(h.term.blocks), h.term.blocks, g.shape[1], h.term.width)
        for h, g in zip(hosts, pieces.groups, strict=True)
    )
    none = np.zeros((count, 0), np.int32)
    chain = tuple(
        ChainLevel(level, ancestors, none, none, (none,) * len(ancestors), none, none, none, none, none, 0)
        for level, ancestors in enumerate(pieces.ancestors)
    )
    plan = Plan(terms, chain, (), 0)
    rows = Rows(pieces.codes, ((),) * len(hosts), ())
    parents = tuple(a[0] for a in pieces.ancestors[:-1])
    return plan, rows, Tree(pieces.codes, parents, (None,) * len(hosts), tuple(t.size for t in terms))


def take(values, index: np.ndarray, filler: float):
    """Leaves (n, ...) at the places of `index` (pieces, m); `filler` where there is none."""

    def one(leaf):
        leaf = np.asarray(leaf)
        end = np.full((1, *leaf.shape[1:]), filler, leaf.dtype)
        return np.concatenate([leaf, end])[index]

    return jax.tree.map(one, values)
