"""Data of nested models cut into pieces of whole top-level clusters, so that an evaluation fits in memory."""

from math import prod
from typing import NamedTuple

import jax
import numpy as np

from ..elimination import ChainLevel, HostTerm, Plan, Rows, Term, machine_memory
from ..quadrature import Tree

COPIES = 16  # arrays of (rows x nodes) that an evaluation holds at once, with one linear predictor
PIECE_BYTES = 2.0**30
CACHED_BYTES = 2.0**26  # of which a CPU's caches hold what is at work at a time
UNEVEN = 1.1  # most that filling up pieces to the same length may add to their rows


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


def piece_count(hosts: list[HostTerm], points: tuple[int, ...], limit: float | None = None) -> int:
    """How many pieces keep an evaluation near `limit` bytes, of which there are as many as clusters at most.

    Without a limit memory asks for `PIECE_BYTES`.  On a CPU pieces that its caches hold take two thirds of the time,
    where clusters can be shared out among them evenly: all pieces are filled up to the length of the longest.
    """
    shape, clusters = measure(hosts, points), hosts[-1].term.size
    needed = lambda most: int(min(max(np.ceil(shape.total / most), 1), clusters))
    if limit is not None or jax.default_backend() != "cpu":
        return needed(PIECE_BYTES if limit is None else limit)
    rows = np.bincount(hosts[-1].codes, minlength=clusters)
    least, pieces = needed(PIECE_BYTES), needed(CACHED_BYTES)
    while pieces > least:
        longest = np.max(np.bincount(_piece_of(rows, pieces), weights=rows))
        if longest * pieces <= UNEVEN * rows.sum():
            break
        pieces = max(pieces // 2, least)
    return pieces


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
    top = hosts[-1]
    of_row = _piece_of(np.bincount(top.codes, minlength=top.term.size), pieces)[top.codes]
    rows = _members(of_row, pieces)
    groups = tuple(_members(_by_group(host, of_row, pieces), pieces, spare=1) for host in hosts)
    numbers = [_numbers(g, host.term.size) for g, host in zip(groups, hosts, strict=True)]
    codes = tuple(number[take(host.codes, rows, host.term.size)] for number, host in zip(numbers, hosts, strict=True))
    ancestors = tuple(
        tuple(
            number[take(_by_group(host, upper.codes, upper.term.size), own, upper.term.size)]
            for number, upper in zip(numbers[level + 1 :], hosts[level + 1 :], strict=True)
        )
        for level, (host, own) in enumerate(zip(hosts, groups, strict=True))
    )
    return Cut(rows, groups, codes, ancestors)


def _piece_of(rows: np.ndarray, pieces: int) -> np.ndarray:
    """The piece of every cluster, of which `rows` are the numbers of rows."""
    middle = np.cumsum(rows) - 0.5 * rows
    return np.minimum(middle * (pieces / rows.sum()), pieces - 1).astype(np.min_scalar_type(pieces))


def _by_group(host: HostTerm, values: np.ndarray, absent: int) -> np.ndarray:
    """What the rows of each group have in common; `absent` for groups without rows."""
    found = np.full(host.term.size, absent, values.dtype)
    found[host.codes] = values
    return found


def _members(piece: np.ndarray, pieces: int, spare: int = 0) -> np.ndarray:
    """(pieces, m): who belongs to each piece, in order; their number in all at empty places, `spare` at least."""
    counts = np.bincount(piece, minlength=pieces)[:pieces]
    # sorting small integers takes time in proportion to their number
    order = np.argsort(piece, kind="stable")
    places = np.arange(counts.max(initial=0) + spare)
    found = order.take((np.cumsum(counts) - counts)[:, None] + places, mode="clip")
    return np.where(places < counts[:, None], found, len(piece))


def _numbers(groups: np.ndarray, size: int) -> np.ndarray:
    """The number of every group within its piece, then that of the dummy."""
    number = np.full(size + 1, groups.shape[1] - 1, np.int32)
    piece, place = np.nonzero(groups < size)
    number[groups[piece, place]] = place
    return number


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


def take(values, index: np.ndarray, filler: float | int | None):
    """Leaves (n, ...) at the places of `index` (pieces, m); `filler` at n and beyond (None: the last row again)."""

    def one(leaf):
        leaf = np.asarray(leaf)
        found = leaf.take(index, axis=0, mode="clip")
        if filler is not None:
            found[index >= len(leaf)] = filler
        return found

    return jax.tree.map(one, values)
