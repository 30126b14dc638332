"""Fits of one model to many responses, or to many resamples of its clusters, in a few compiled programs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import numpy as np

from .. import glmm, lmm
from .._tree import to_host
from ..build.whiten import working_covariates
from ..covstruct import AbstractVariances
from ..design import Design
from ..elimination import merge_terms
from ..glmm import GeneralizedModel, differentiates_nodes
from ..lmm import LinearModel, ResponseRows
from ..optimise import Settings
from .climb_generalized import is_large
from .climb_many import Evaluations, maximise_many

Report = Callable[[int], None]
_BYTES = 4e8  # that the replicates of one program may take
_COPIES = 24  # of the largest arrays
_MOST = 256
_FEW = 16


def batched(model: Any) -> bool:
    """Can many replicates of this model be fitted in one program?  Large crossed ones have to follow one another."""
    if isinstance(model, LinearModel):
        return model.plan.columns <= 64
    return isinstance(model, GeneralizedModel) and model.pieces == 1 and not is_large(model)


@dataclass(frozen=True)
class Replicates:
    """What is printed of every replicate (B, P), its log likelihood, and whether its climb converged."""

    printed: np.ndarray
    value: np.ndarray
    converged: np.ndarray


def fit_responses(model: Any, design: Design, v: np.ndarray, y: Any, report: Report) -> Replicates:
    """The fit to every response, started at v; the leaves of `y` are (B, n).  Call inside double precision."""
    if not isinstance(model, LinearModel):
        begin = lambda which, at: glmm.start_responses(model, _some(y, which), at)
        one = lambda which, at, state: glmm.evaluate_responses(model, _some(y, which), at, state)
        return _generalized(model, design, (begin, one), np.tile(v, (len(jax.tree.leaves(y)[0]), 1)), report)
    rows, y = _response_rows(model, design), y - _constant(model, design)
    return _linear(model, design, lambda which, at: lmm.evaluate_responses(model, rows, y[which], at),
                   np.tile(v, (len(y), 1)), report)  # fmt: skip


def fit_counts(model: Any, design: Design, v: np.ndarray, counts: np.ndarray, report: Report) -> Replicates:
    """The fit to every resample of the top-level clusters, each of which stands as often as `counts` (B, J) says."""
    starts = np.tile(v, (len(counts), 1))
    if isinstance(model, LinearModel):
        return _linear(model, design, lambda which, at: lmm.evaluate_counts(model, counts[which], at), starts, report)
    state = to_host(glmm.start_state(model, v))
    begin = lambda which, at: jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[None], len(which), 0), state)
    one = lambda which, at, state: glmm.evaluate_counts(model, counts[which], at, state)
    return _generalized(model, design, (begin, one), starts, report)


def _linear(model: LinearModel, design: Design, program: Callable, starts: np.ndarray, report: Report) -> Replicates:
    run = _chunked(program, _chunk(model, len(design.x)))
    found = maximise_many(lambda which, at: Evaluations(*run(which, at)[:4]), _off_zero(starts), Settings(), report)
    fixed = run(np.arange(len(starts)), found.v).fixed
    components = np.asarray(_naturals(model.variances, found.v))
    printed = np.column_stack([np.asarray(model.offset) + fixed @ np.asarray(model.basis).T, components])
    return Replicates(printed, found.value, found.converged)


@eqx.filter_jit
def _naturals(variances: AbstractVariances, v) -> Any:
    return jax.vmap(variances.natural)(v)


@eqx.filter_jit
def _printed(model: GeneralizedModel, v) -> Any:
    return jax.vmap(model.printed)(v)


def _off_zero(starts: np.ndarray) -> np.ndarray:
    """A standard deviation of exactly 0 is a saddle that no step leaves."""
    return np.where(starts == 0.0, 1e-3, starts)


def _generalized(
    model: GeneralizedModel, design: Design, programs: tuple[Callable, Callable], starts: np.ndarray, report: Report
) -> Replicates:
    """Climbs in which every replicate keeps its own nodes or modes."""
    size = _chunk(model, len(design.x))
    begin, step = _chunked(programs[0], size), _chunked(programs[1], size)
    starts = np.concatenate([starts[:, : len(model.root)], _off_zero(starts[:, len(model.root) :])], axis=1)
    kept = jax.tree.map(np.array, begin(np.arange(len(starts)), starts))

    def objective(which: np.ndarray, at: np.ndarray) -> Evaluations:
        found, state = step(which, at, jax.tree.map(lambda leaf: leaf[which], kept))
        good = np.isfinite(found.value)
        for old, new in zip(jax.tree.leaves(kept), jax.tree.leaves(state), strict=True):
            old[which[good]] = new[good]
        return Evaluations(*found)

    found = maximise_many(objective, starts, replace(Settings(), held=not differentiates_nodes(model)), report)
    return Replicates(np.asarray(_printed(model, found.v)), found.value, found.converged)


def _chunked(program: Callable, most: int) -> Callable:
    """The program on as many replicates at once as memory allows: `most`, or a few where few are left."""

    def run(which: np.ndarray, *arguments: Any) -> Any:
        parts, size = [], _size(len(which), most)
        for start in range(0, len(which), size):
            stop = min(start + size, len(which))
            places = np.minimum(np.arange(start, start + size), stop - 1)  # the last one stands in for what is missing
            mine = jax.tree.map(lambda leaf, places=places: leaf[places], arguments)
            found = to_host(program(which[places], *mine))
            parts.append(jax.tree.map(lambda leaf, n=stop - start: np.asarray(leaf)[:n], found))
        return parts[0] if len(parts) == 1 else jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)

    return run


def _size(count: int, most: int) -> int:
    """Numbers of replicates are rounded up to one of two, each of which is a program of its own."""
    return min(most, _FEW) if count <= _FEW else most


def _chunk(model: Any, n: int) -> int:
    """Replicates that one program takes, by the numbers that each of them holds: the rows' values, the cross-products
    and their slopes in the variance parameters, or the rows' values at every node."""
    if isinstance(model, LinearModel):
        width = int(np.shape(model.products.total)[0]) + sum(t.width for t in model.plan.terms)
        numbers = n * (2 + (width if model.errors is not None else 0))
        numbers += sum(t.size * t.width * width for t in model.plan.terms) * len(model.variances.init())
        numbers += model.plan.columns**2
    else:
        nodes = int(np.prod([points ** model.plan.terms[level.term].width for level, points in
                             zip(model.plan.chain, reversed(model.level_points), strict=True)] or [1]))  # fmt: skip
        numbers = n * nodes * model.family.equations
    return int(np.clip(_BYTES / (8.0 * _COPIES * numbers), 1, _MOST))


def _some(y: Any, which: np.ndarray) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[which], y)


def _constant(model: LinearModel, design: Design) -> np.ndarray:
    """What is known of the mean: the offset, and what constraints fix of the coefficients."""
    known = np.asarray(design.x) @ np.asarray(model.offset)
    return known if design.offset is None else known + np.asarray(design.offset)


def _response_rows(model: LinearModel, design: Design) -> ResponseRows:
    frames = [None if f is None else np.asarray(f) for f in model.variances.frames]
    z = working_covariates(design, frames)
    hosts = merge_terms([np.asarray(e.codes) for e in design.effects], z, [e.size for e in design.effects])
    x = np.asarray(design.x) @ np.asarray(model.basis)
    return ResponseRows(tuple(h.codes for h in hosts), tuple(h.z for h in hosts), x @ np.asarray(model.unroot))
