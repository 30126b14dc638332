"""A generalized linear mixed model from its design."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from ..covstruct import AbstractCovariance
from ..design import Design, Names, by_equation
from ..elimination import AUTO, HostTerm, Plan, Solver, make_plan, make_rows, merge_terms
from ..glmm import (
    LAPLACES,
    METHODS,
    AbstractStructure,
    Batch,
    ConstrainedStructure,
    FreeStructure,
    GeneralizedModel,
)
from ..likelihoods import AbstractFamily
from ..quadrature import Tree
from .constraints import LinearConstraints, solutions
from .group_weights import group_weights
from .pieces import check_nodes, cut, cut_plan, piece_count, take
from .structures import structure
from .whiten import fixed_basis

DEFAULT_POINTS = 7
MOST_NODES = 20_000  # for every observation, which 5 random effects with 7 points do not exceed, 6 do


class Integration(NamedTuple):
    """How to integrate: `method` (None: mean-variance adaptive quadrature, Laplace where factors cross or a grid of 7
    points would have more than `MOST_NODES` nodes), `points` per
    dimension (one number, or one per level from the top; None: 7, and none for Laplace), whether to differentiate the
    adaptation as well, how many bytes an evaluation may take, and of how many devices the number of pieces must be a
    multiple."""

    method: str | None = None
    points: int | tuple[int, ...] | None = None
    exact: bool = False
    bytes: float | None = None
    devices: int = 1


class Predictors(NamedTuple):
    """The covariates of every linear predictor: `x` (E, n, p), and `z` (E, n, q) of every random-effects equation."""

    x: np.ndarray
    z: tuple[np.ndarray, ...]


def alike(design: Design, equations: int) -> Predictors:
    """The same covariates in all predictors, each with coefficients of its own."""
    x = by_equation(np.asarray(design.x, float), equations, equations)
    return Predictors(x, tuple(e.columns(equations) for e in design.effects))


def build_generalized(
    design: Design, names: Names, family: AbstractFamily, integration: Integration, constraints: Sequence = (),
    *, predictors: Predictors | None = None, solver: Solver = AUTO,
) -> GeneralizedModel:  # fmt: skip
    """Whitened columns, nested pieces or a crossed plan, covariance structures, constraints; `predictors` where they
    do not have the same covariates."""
    predictors = alike(design, family.equations) if predictors is None else predictors
    blocks = [structure(e, d.width) for e, d in zip(names.effects, design.effects, strict=True)]
    linear = LinearConstraints.read(constraints, names, blocks, _ancillary_aliases(family, names))
    plan, hosts, numbers = _sorted_plan(design, predictors.z, solver)
    method, points = _method(integration, plan, names)
    basis, offset = linear.coefficients(predictors.x.shape[2])
    x, root, base = _fixed_columns(design, predictors.x, basis, offset)
    weights = group_weights(design, [host.term for host in hosts])
    pieces = 1
    if not plan.crossed and hosts:
        check_nodes(hosts, points, method)
        pieces = piece_count(hosts, points, integration.bytes)
        pieces += -pieces % integration.devices
    batch = _whole(design, plan, hosts, numbers, _Arrays(x, base, weights))
    parameters = _structure(blocks, family, linear)
    places: tuple[np.ndarray, ...] = ()
    if pieces > 1:
        batch, places = in_pieces(batch, hosts, pieces)
    return GeneralizedModel(
        family=family, structure=parameters, batches=batch, 
        beginning=_beginning(parameters, design, x, base), plan=plan, root=root, basis=basis,
        offset=offset, places=places, pieces=pieces, method=method, level_points=points, exact=integration.exact,
    )  # fmt: skip


def _beginning(parameters: AbstractStructure, design: Design, x: np.ndarray, base: np.ndarray) -> np.ndarray:
    """The constants that fit the mean of y beside an offset, as far as the fixed columns can be constant; unit
    variances."""
    family = parameters.family
    start = np.atleast_1d(family.start(design.y, design.weights))
    aux = np.asarray(family.printed(family.init(design.y, design.weights)))
    shift = 0.0 if family.cuts else np.mean(base, axis=1)  # cut points take up the offset there
    return np.concatenate([(start - shift) @ np.mean(x, axis=1), parameters.unit(aux)])


class _Arrays(NamedTuple):
    x: np.ndarray
    base: np.ndarray
    groups: list[np.ndarray | None]  # weights of the groups of every term


def _method(integration: Integration, plan: Plan, names: Names) -> tuple[str, tuple[int, ...]]:
    """The method by name and its points; refuse quadrature where factors cross."""
    method = integration.method
    if method is None:
        dimensions = sum(plan.terms[level.term].width for level in plan.chain)
        few = integration.points is not None or DEFAULT_POINTS**dimensions <= MOST_NODES
        method = "mvaghermite" if plan.chain and not plan.crossed and few else "laplace"
    assert method in METHODS
    if plan.crossed and method not in LAPLACES:
        raise ValueError(
            f"intmethod({method}) integrates nested levels one after the other, but {_crossed(plan, names)} cross the "
            "other levels; use intmethod(laplace), the default of crossed models"
        )
    levels = len(plan.chain)
    if method in LAPLACES:
        if integration.points is not None and integration.method is None:
            why = f"{_crossed(plan, names)} cross the other levels" if plan.crossed else "there are no random effects"
            raise ValueError(f"intpoints() says nothing here: {why}, and quadrature is for nested levels; leave it out")
        return method, (1,) * levels
    asked = DEFAULT_POINTS if integration.points is None else integration.points
    points = asked if isinstance(asked, tuple) else (asked,) * levels
    if len(points) != levels:
        raise ValueError(
            f"intpoints() names {len(points)} numbers of points, but the model has {levels} "
            f"level{'s' if levels != 1 else ''}; give one number, or one per level from the top"
        )
    if method == "mvaghermite" and set(points) == {1}:
        method = "mcaghermite"  # one node has no variance; it stands at the mode
    return method, points


def _crossed(plan: Plan, names: Names) -> str:
    """The factors that cross the chain, in words."""
    effects = [names.effects[plan.terms[t].blocks[0]] for t in plan.crossed]
    return ", ".join(sorted({e.path if e.factor is None else f"R.{e.factor}" for e in effects}))


def _ancillary_aliases(family: AbstractFamily, names: Names) -> tuple[tuple[str, ...], ...]:
    """The labels under which constraints may name the ancillary parameters."""
    return tuple(
        (f"var(e.{names.response})", "var(Residual)") if k in family.variances else (label, label.lstrip("/"))
        for k, label in enumerate(family.ancillary)
    )


def _structure(blocks: list[AbstractCovariance], family: AbstractFamily, linear: LinearConstraints):
    if not linear.on_variances:
        return FreeStructure(blocks, family)
    basis, offset, free = solutions(linear.variance_rows, linear.variance_values)
    diagonal = {row[i] for cells in linear.cells for i, row in enumerate(cells)}
    first = len(offset) - len(family.ancillary)
    diagonal |= {first + k for k in family.variances}
    return ConstrainedStructure(
        tuple(blocks), family, basis, offset, linear.cells, tuple(k in diagonal for k in free), tuple(free)
    )


def _fixed_columns(design: Design, x: np.ndarray, basis: np.ndarray, offset: np.ndarray):
    """(whitened columns, root, what is added to them): X (offset + basis @ fixed) = columns @ root @ fixed + base."""
    equations, n = x.shape[:2]
    base = np.zeros(n) if design.offset is None else np.asarray(design.offset, float)
    base = base + x @ offset if np.any(offset) else np.broadcast_to(base, (equations, n))
    free = x if np.array_equal(basis, np.eye(x.shape[2])) else x @ basis
    columns, root = fixed_basis(free.reshape(equations * n, -1), None)
    scale = np.sqrt(n)
    return (columns * scale).reshape(equations, n, -1), root / scale, base


def _sorted_plan(design: Design, z: tuple[np.ndarray, ...], solver: Solver) -> tuple[Plan, list[HostTerm], list[Any]]:
    """The plan, the terms of a nested model in the order of its chain, the lowest level first."""
    effects = design.effects
    hosts = merge_terms([np.asarray(e.codes) for e in effects], list(z), [e.size for e in effects])
    plan, numbers = make_plan(hosts, solver)
    if not plan.crossed:
        ordered = [hosts[level.term] for level in plan.chain]
        if any(one is not other for one, other in zip(ordered, hosts, strict=True)):
            hosts = ordered
            plan, numbers = make_plan(hosts, solver)
    return plan, hosts, numbers


def _whole(design: Design, plan: Plan, hosts: list[HostTerm], numbers, arrays: _Arrays) -> Batch:
    """Everything in one piece."""
    clusters = tuple(np.zeros(h.term.size, np.int32) for h in hosts)
    cluster, count, tree = np.zeros(len(design.x), np.int32), 1, None
    if hosts and not plan.crossed:
        count = hosts[-1].term.size
        cluster = hosts[-1].codes.astype(np.int32)
        clusters = (*(c.ancestors[-1] for c in plan.chain[:-1]), np.arange(count, dtype=np.int32))
        tree = Tree(
            tuple(h.codes.astype(np.int32) for h in hosts), tuple(c.ancestors[0] for c in plan.chain[:-1]),
            tuple(arrays.groups), tuple(h.term.size for h in hosts),
        )  # fmt: skip
    elif any(w is not None for w in arrays.groups):
        raise ValueError(
            "weights of groups belong to nested levels: where factors cross, no group is independent of the others. "
            "Use weights of the observations only"
        )
    weights = None if design.weights is None else np.asarray(design.weights, float)
    joint, prior = _cumulative(plan, hosts, arrays.groups, weights)
    return Batch(
        design.y, arrays.x, arrays.base, tuple(np.asarray(h.z, float) for h in hosts), weights, joint, prior,
        make_rows(plan, hosts, numbers), plan, tree, cluster, clusters, count,
    )  # fmt: skip


def _cumulative(plan: Plan, hosts: list[HostTerm], groups: list[np.ndarray | None], weights: np.ndarray | None):
    """Weights of rows and groups times those of all groups they lie in."""
    if all(w is None for w in groups):
        return weights, (None,) * len(hosts)
    prior: list = [None] * len(hosts)
    for position in reversed(range(len(plan.chain))):
        own = groups[position]
        total = np.ones(hosts[position].term.size) if own is None else own
        if position + 1 < len(hosts):
            total = total * prior[position + 1][plan.chain[position].ancestors[0]]
        prior[position] = total
    rows = prior[0][hosts[0].codes]
    return rows if weights is None else rows * weights, tuple(prior)


def in_pieces(batch: Batch, hosts: list[HostTerm], pieces: int) -> tuple[Batch, tuple[np.ndarray, ...]]:
    """The batch cut into pieces, and which group of each term stands at each of their places."""
    parts = cut(hosts, pieces)
    plan, rows, tree = cut_plan(hosts, parts)
    assert batch.tree is not None
    tree = eqx.tree_at(
        lambda t: t.weights, tree,
        tuple(None if w is None else take(w, g, 1.0) for w, g in zip(batch.tree.weights, parts.groups, strict=True)),
        is_leaf=lambda leaf: leaf is None,
    )  # fmt: skip
    n, count = len(batch.cluster), parts.groups[-1].shape[1]
    top = np.broadcast_to(np.arange(count, dtype=np.int32), (pieces, count))
    by_row = lambda leaf: _front([take(one, parts.rows, 0.0) for one in np.asarray(leaf)])
    weigh = lambda own: (parts.rows < n).astype(float) if own is None else take(own, parts.rows, 0.0)
    weights = weigh(batch.weights)
    cut_batch = Batch(
        # the filler repeats the last row, whose response is allowed; its weight is zero
        take(batch.y, parts.rows, None), by_row(batch.x), by_row(batch.base), tuple(by_row(z) for z in batch.z),
        weights, weights if batch.joint_weights is batch.weights else weigh(batch.joint_weights),
        tuple(None if w is None else take(w, g, 1.0) for w, g in zip(batch.prior, parts.groups, strict=True)),
        rows, plan, tree, parts.codes[-1], (*(a[-1] for a in parts.ancestors[:-1]), top), count,
    )  # fmt: skip
    return cut_batch, parts.groups


def _front(predictors: list[np.ndarray]) -> np.ndarray:
    """Arrays (pieces, n, ...) of every linear predictor with an axis for them after the pieces."""
    return predictors[0][:, None] if len(predictors) == 1 else np.stack(predictors, axis=1)
