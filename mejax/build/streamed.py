"""A linear mixed model from a table that is read in batches: every cross-product is a sum over the rows."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..covstruct import AbstractCovariance, FreeVariances
from ..design import Design, Effects, Summary
from ..elimination import (
    AUTO,
    HostTerm,
    Plan,
    Products,
    Solver,
    complete_plan,
    cross_products,
    index_type,
    merge_terms,
    plan_chain,
    without_leaves,
)
from ..elimination.products import crossed_cells
from ..frame import CodedBatch, Moments, Streamed
from ..lmm import LinearModel
from .linear import CLUSTER_TOTALS_LIMIT
from .structures import structure
from .whitening import fixed_basis_of, refined, triangular


def build_streamed(streamed: Streamed, *, reml: bool, solver: Solver = AUTO) -> tuple[LinearModel, Design]:
    """The model that `build_linear` makes of the whole table, and a design that holds no rows.

    Columns are whitened by the sums over all rows that reading has found; one more pass forms the cross-products, of
    which the columns are whitened once more: as accurate as two passes of Cholesky-QR over rows in memory.

    Raises:
        ValueError: the fixed part reproduces the response exactly, or see `mejax.elimination.complete_plan`.
    """
    effects, names = [read.effects for read in streamed.reads], streamed.names.effects
    blocks = [structure(e, d.z.shape[1]) for e, d in zip(names, effects, strict=True)]
    frames = [_frame(m, b, streamed.count) for m, b in zip(streamed.random, blocks, strict=True)]
    layout = _layout(effects)
    basis = fixed_basis_of(streamed.fixed, streamed.weight)
    sums = _Sums(layout, [_width(e) for e in effects])
    for batch in streamed.batches():
        sums.add(batch, basis.columns(batch.x, batch.y), frames)
    basis, turn = refined(basis, sums.total, streamed.weight)
    products, totals = sums.finished(turn)
    p = len(basis.root)
    design = _design(streamed, sums, frames, p)
    plan, products = without_leaves(layout.plan, products)
    model = LinearModel(
        plan=complete_plan(plan, products.crossed_entries, replace(solver, lean=True)),
        products=products,
        variances=FreeVariances(blocks, frames, None),
        root=basis.root,
        unroot=np.linalg.inv(basis.root),
        shift=basis.shift,
        unit=np.asarray(basis.unit),
        count=np.asarray(streamed.weight),
        basis=np.eye(p),
        offset=np.zeros(p),
        cluster_totals=totals,
        reml=reml,
    )
    return model, design


def _frame(moments: Moments | None, block: AbstractCovariance, count: int) -> np.ndarray | None:
    """`working_frames` of one equation, from sums over the rows."""
    if moments is None or not block.traits.any_basis or block.size < 2 or count <= block.size:
        return None
    root = triangular(moments)[0]
    if np.min(np.abs(np.diag(root))) <= 1e-12 * np.max(np.abs(root)):
        return None
    return np.linalg.inv(root) * np.sqrt(count)


def _width(effects: Effects) -> int:
    return effects.z.shape[1]


class _Layout(NamedTuple):
    """The plan of `plan_chain`, made from the combinations of groups that occur (cells) instead of the rows.

    `hosts` are its terms over the cells, `numbers` the cells' pairs, `entries` where the crossed cross-products stand
    (`order` sorts them), `clusters` the cells' top-level groups (None: sums by cluster are not kept).
    """

    plan: Plan
    hosts: list[HostTerm]
    numbers: list
    entries: np.ndarray
    order: np.ndarray
    clusters: np.ndarray | None


def _layout(effects: Sequence[Effects]) -> _Layout:
    hosts = merge_terms([e.codes for e in effects], [np.asarray(e.z) for e in effects], [e.size for e in effects])
    plan, numbers = plan_chain(hosts)
    entries = [e for cells in crossed_cells(plan, hosts) for e in cells.entries]
    joined = np.concatenate(entries) if entries else np.zeros(0, np.int64)
    nested = bool(plan.chain) and not plan.columns
    top = hosts[plan.chain[-1].term] if nested else None
    clusters = None if top is None or top.term.size == 1 else np.asarray(top.codes)
    return _Layout(plan, hosts, numbers, joined, np.argsort(joined), clusters)


class _Sums:
    """Cross-products summed over the batches."""

    def __init__(self, layout: _Layout, widths: list[int]):
        self.layout, self.widths = layout, widths
        self.products: Products | None = None
        self.values = np.zeros(len(layout.entries))
        self.clusters: tuple[np.ndarray, np.ndarray] | None = None
        self.squares = np.zeros((sum(widths), sum(widths)))
        self.weighted = np.zeros(sum(widths))
        self.single = np.zeros(()), np.zeros(())

    def add(self, batch: CodedBatch, w: np.ndarray, frames: Sequence[np.ndarray | None]) -> None:
        z = [own if frame is None else own @ frame for own, frame in zip(batch.z, frames, strict=True)]
        hosts = [
            HostTerm(h.term, h.codes[batch.cell], np.concatenate([z[b] for b in h.term.blocks], axis=1))
            for h in self.layout.hosts
        ]
        numbers = [[of_term[batch.cell] for of_term in level] for level in self.layout.numbers]
        self._take(cross_products(self.layout.plan, hosts, numbers, w, batch.weights))
        self._take_clusters(batch, w)
        if len(z) == 1:
            self._take_rows(z[0], w[:, -1], batch.weights)
        joined = np.concatenate([*batch.z, np.zeros((len(batch.y), 0))], axis=1)
        self.squares += joined.T @ joined
        weights = np.ones(len(joined)) if batch.weights is None else batch.weights
        self.weighted += weights @ joined**2

    @property
    def total(self) -> np.ndarray:
        assert self.products is not None
        return np.asarray(self.products.total)

    def _take(self, found: Products) -> None:
        """Add the cross-products of a batch; those of crossed columns at the places of the whole table."""
        place = np.searchsorted(self.layout.entries, found.crossed_entries, sorter=self.layout.order)
        np.add.at(self.values, self.layout.order[place], found.crossed_values)
        held = self.products
        if held is None:
            self.products = found
            return

        def plus(a: tuple, b: tuple) -> tuple:
            return tuple(left + right for left, right in zip(a, b, strict=True))

        self.products = replace(
            held, within=plus(held.within, found.within), pairs=plus(held.pairs, found.pairs),
            between=tuple(plus(a, b) for a, b in zip(held.between, found.between, strict=True)),
            dense=plus(held.dense, found.dense), crossed_dense=held.crossed_dense + found.crossed_dense,
            total=held.total + found.total,
        )  # fmt: skip

    def _take_rows(self, z: np.ndarray, r: np.ndarray, weights: np.ndarray | None) -> None:
        """Add to what the starting values of a single equation take of the rows one by one."""
        scale = np.ones(len(z)) if weights is None else weights
        outer = (z[:, :, None] * z[:, None, :]).reshape(len(z), -1)
        quartic, of_residuals = self.single
        self.single = quartic + (outer * scale[:, None] ** 2).T @ outer, of_residuals + (r * scale) ** 2 @ outer

    def _take_clusters(self, batch: CodedBatch, w: np.ndarray) -> None:
        """Add to the numbers of observations and W'W of the top-level clusters."""
        if self.layout.clusters is None:
            return
        top = self.layout.plan.terms[self.layout.plan.chain[-1].term]
        if top.size * w.shape[1] ** 2 > CLUSTER_TOTALS_LIMIT:
            return
        codes = self.layout.clusters[batch.cell]
        if self.clusters is None:
            self.clusters = np.zeros(top.size), np.zeros((top.size, w.shape[1], w.shape[1]))
        counts, totals = self.clusters
        counts += np.bincount(codes, weights=batch.weights, minlength=top.size)
        weighted = w if batch.weights is None else w * batch.weights[:, None]
        for a, b in itertools.combinations_with_replacement(range(w.shape[1]), 2):
            found = np.bincount(codes, weights=weighted[:, a] * w[:, b], minlength=top.size)
            totals[:, a, b] += found
            if a != b:
                totals[:, b, a] += found

    def finished(self, turn: np.ndarray) -> tuple[Products, tuple[np.ndarray, np.ndarray] | None]:
        """All sums with the dense columns W `turn` in the place of W."""
        assert self.products is not None
        held = self.products
        index = index_type(self.layout.plan.columns)
        self.products = replace(
            held, dense=tuple(d @ turn for d in held.dense), crossed_dense=held.crossed_dense @ turn,
            total=turn.T @ held.total @ turn, crossed_values=self.values,
            crossed_entries=self.layout.entries.astype(index),
        )  # fmt: skip
        if self.clusters is None:
            return self.products, None
        counts, totals = self.clusters
        return self.products, (counts, turn.T @ totals @ turn)

    def unexplained(self, frames: Sequence[np.ndarray | None]) -> np.ndarray:
        """The share of each random column's sum of squares that the fixed columns leave, the column being one of the
        whole table for every group: 1 - sum_j |Q'z_j|^2 / z'z, with Q the whitened columns."""
        assert self.products is not None
        plan, found = self.layout.plan, np.zeros(sum(self.widths))
        dense = {level.term: np.asarray(d) for level, d in zip(plan.chain, self.products.dense, strict=True)}
        for t, first in plan.offsets.items():
            size, width = plan.terms[t].size, plan.terms[t].width
            dense[t] = self.products.crossed_dense[first : first + size * width].reshape(size, width, -1)
        starts = np.cumsum([0, *self.widths])
        for t, term in enumerate(plan.terms):
            begin = 0
            for b in term.blocks:
                own = dense[t][:, begin : begin + self.widths[b], :-1]
                frame = frames[b]
                if frame is not None:
                    own = np.einsum("ab,jbw->jaw", np.linalg.inv(frame).T, own)
                found[starts[b] : starts[b + 1]] = np.einsum("jaw,jaw->a", own, own)
                begin += self.widths[b]
        return 1.0 - found / np.where(self.weighted > 0, self.weighted, 1.0)


def _design(streamed: Streamed, sums: _Sums, frames: Sequence[np.ndarray | None], p: int) -> Design:
    """The groups of every combination that occurs, and what is known of the rows."""
    spans = [np.zeros(_width(read.effects)) if m is None else m.high - m.low
             for m, read in zip(streamed.random, streamed.reads, strict=True)]  # fmt: skip
    quartic, of_residuals = sums.single if len(streamed.reads) == 1 else (np.zeros((0, 0)), np.zeros(0))
    summary = Summary(
        sums.squares, np.concatenate([np.zeros(0), *spans]), sums.unexplained(frames), quartic, of_residuals,
        streamed.count,
    )  # fmt: skip
    effects = tuple(read.effects for read in streamed.reads)
    return Design(np.zeros(0), np.zeros((0, p)), effects, level_weights=(None,) * len(effects), summary=summary)
