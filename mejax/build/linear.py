"""A linear mixed model from its design."""

from collections.abc import Sequence

import numpy as np

from ..covstruct import AbstractVariances, FreeVariances
from ..design import Design, Names
from ..elimination import HostTerm, Plan, cross_products, host_segment_sum, make_plan, merge_terms
from ..lmm import LinearModel
from .constraints import LinearConstraints, constrain_variances
from .structures import structure
from .whiten import whiten

CLUSTER_TOTALS_LIMIT = 50_000_000  # numbers; beyond, `contributions` would need too much memory


def build_linear(design: Design, names: Names, *, reml: bool, constraints: Sequence = ()) -> LinearModel:
    """Cross-products, elimination plan and covariance structures of y = X beta + Z u + e."""
    blocks = [structure(e, d.z.shape[1]) for e, d in zip(names.effects, design.effects, strict=True)]
    linear = LinearConstraints.read(constraints, names, blocks)
    basis, offset = linear.coefficients(design.x.shape[1])
    variances = constrain_variances(blocks, linear) if linear.on_variances else FreeVariances(blocks)
    y = np.asarray(design.y, float)
    y = y - (0.0 if design.offset is None else design.offset) - (design.x @ offset if linear.on_coefficients else 0.0)
    x = design.x @ basis if linear.on_coefficients else design.x
    return assemble(x, y, design, variances, basis, offset, reml)


def assemble(x, y, design: Design, variances: AbstractVariances, basis, offset, reml: bool) -> LinearModel:
    white = whiten(x, y, design.weights)
    w = np.column_stack([white.columns, white.response])
    hosts = merge_terms(
        [e.codes for e in design.effects], [e.z for e in design.effects], [e.size for e in design.effects]
    )
    plan, numbers = make_plan(hosts)
    products = cross_products(plan, hosts, numbers, w, design.weights)
    count = len(y) if design.weights is None else float(np.sum(design.weights))
    totals = _cluster_totals(plan, hosts, w, design.weights)
    return LinearModel(
        plan, products, variances, white.root, np.linalg.inv(white.root), white.shift, np.asarray(white.unit), np.asarray(float(count)),
        basis, offset, totals, reml,
    )  # fmt: skip


def _cluster_totals(plan: Plan, hosts: list[HostTerm], w: np.ndarray, weights: np.ndarray | None):
    """(number of observations, W'W) of each top-level cluster; None for crossed models and when too large to keep."""
    if plan.columns or not plan.chain:
        return None
    top = hosts[plan.chain[-1].term]
    if top.term.size == 1 or top.term.size * w.shape[1] ** 2 > CLUSTER_TOTALS_LIMIT:
        return None
    weighted = w if weights is None else w * weights[:, None]
    counts = np.bincount(top.codes, weights=weights, minlength=top.term.size).astype(float)
    return counts, host_segment_sum(weighted[:, :, None] * w[:, None, :], top.codes, top.term.size)
