"""A linear mixed model from its design."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..covstruct import ErrorRows, FreeVariances
from ..design import Design, Names
from ..elimination import (
    AUTO,
    HostTerm,
    Plan,
    Solver,
    complete_plan,
    cross_products,
    host_segment_sum,
    make_rows,
    merge_terms,
    plan_chain,
    row_weights,
    without_leaves,
)
from ..lmm import GroupErrors, LinearModel
from .constraints import LinearConstraints, constrain_variances
from .errors import build_errors
from .group_weights import group_weights
from .structures import structure
from .whiten import whiten, working_covariates, working_frames

CLUSTER_TOTALS_LIMIT = 50_000_000  # numbers; beyond, `contributions` would need too much memory


def build_linear(
    design: Design, names: Names, *, reml: bool, constraints: Sequence = (), solver: Solver = AUTO
) -> LinearModel:
    """Cross-products, elimination plan and covariance structures of y = X beta + Z u + e."""
    blocks = [structure(e, d.z.shape[1]) for e, d in zip(names.effects, design.effects, strict=True)]
    errors, rows = build_errors(design, names)
    linear = LinearConstraints.read(constraints, names, blocks, (("var(Residual)", f"var(e.{names.response})"),))
    frames = [None] * len(blocks) if linear.on_variances else working_frames(design, blocks)
    if linear.on_variances and errors is not None:
        raise ValueError("constraints on variances do not go with structured errors; leave out one of them")
    free = FreeVariances(blocks, frames, errors)
    variances = constrain_variances(blocks, linear) if linear.on_variances else free
    basis, offset = linear.coefficients(design.x.shape[1])
    y = np.asarray(design.y, float) - (0.0 if design.offset is None else design.offset)
    x = design.x
    if linear.on_coefficients:
        x, y = x @ basis, y - x @ offset
    effects, z = design.effects, working_covariates(design, frames)
    hosts = merge_terms([e.codes for e in effects], z, [e.size for e in effects])
    plan, numbers = plan_chain(hosts)
    groups = _group_weights(design, plan)
    weights = row_weights(plan, hosts, design.weights, groups)[-1]
    white = whiten(x, y, weights)
    w = np.column_stack([white.columns, white.response])
    products = cross_products(plan, hosts, numbers, w, design.weights, groups=groups)
    held, totals = _group_errors(plan, hosts, numbers, rows, w), _cluster_totals(plan, hosts, w, weights)
    if held is None:  # structured errors form the products again, from the rows of whole terms
        plan, products = without_leaves(plan, products)
    return LinearModel(
        plan=complete_plan(plan, products.crossed_entries, replace(solver, lean=held is None)),
        products=products,
        variances=variances,
        root=white.root,
        unroot=np.linalg.inv(white.root),
        shift=white.shift,
        unit=np.asarray(white.unit),
        count=np.asarray(float(len(y) if weights is None else np.sum(weights))),
        basis=basis,
        offset=offset,
        cluster_totals=totals,
        reml=reml,
        errors=held,
    )


def _group_weights(design: Design, plan: Plan) -> tuple[np.ndarray, ...] | None:
    """The weights of the groups of every chain level, in the order of its groups; None where there are none."""
    if all(weights is None for weights in design.level_weights):
        return None
    if plan.crossed:
        raise ValueError(
            "weights of groups are those of nested levels, and this model has crossed effects, whose groups are not "
            "drawn one within the other; leave the weights out"
        )
    terms = [plan.terms[level.term] for level in plan.chain]
    found = group_weights(design, terms)
    return tuple(np.ones(t.size) if w is None else w for t, w in zip(terms, found, strict=True))


def _group_errors(
    plan: Plan, hosts: list[HostTerm], numbers: list, rows: ErrorRows | None, w: np.ndarray
) -> GroupErrors | None:
    """What structured errors need of the rows; correlated ones must lie in the same groups of every level."""
    if rows is None:
        return None
    if rows.layout is not None and plan.crossed:
        raise NotImplementedError(
            "correlated errors with crossed effects are not built yet; nested levels (`|| a: || b:`), or errors that "
            "differ in their variance only (`residuals(independent, by(g))`), can be fitted"
        )
    return GroupErrors(rows, make_rows(plan, hosts, numbers), tuple(h.z for h in hosts), w)


def _cluster_totals(plan: Plan, hosts: list[HostTerm], w: np.ndarray, weights: np.ndarray | None):
    """(number of observations, W'W) of each top-level cluster; None for crossed models and when too large to keep."""
    if plan.columns or not plan.chain:
        return None
    top = hosts[plan.chain[-1].term]
    if top.term.size == 1 or top.term.size * w.shape[1] ** 2 > CLUSTER_TOTALS_LIMIT:
        return None
    weighted = w if weights is None else w * weights[:, None]
    counts = np.bincount(top.codes, weights=weights, minlength=top.term.size).astype(float)
    columns = [host_segment_sum(weighted[:, i, None] * w, top.codes, top.term.size) for i in range(w.shape[1])]
    return counts, np.stack(columns, axis=1)
