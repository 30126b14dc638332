"""Generalized linear mixed models: the likelihood integrates the random effects out."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from .._mesh import over_devices, whole_on
from .._typing import ArrayLike, Params
from ..covstruct import AbstractCovariance
from ..elimination import Plan
from ..likelihoods import AbstractFamily
from ..model import AbstractModel, check_params, require_double
from .batch import Batch
from .integrals import Point, State, adapted, contributions, problem_of, started
from .modes import Effects, find_modes, zeros
from .structure import AbstractStructure


class GeneralizedModel(AbstractModel):
    """log L = sum_j log of the integral of prod_i p(y_i | eta_i) phi(b) db, eta = X beta + offset + Z u, u = L b.

    `batches` holds the data of the top-level clusters, cut into `pieces` that fit in memory along a leading axis (no
    such axis where there is one piece).  The fixed columns stand there in whitened form, X = Q `root`.  `basis` and
    `offset` express linear constraints on the coefficients, beta = offset + basis @ Params.fixed.  `plan` is that of
    the whole data; `places` says per term which of its groups stands at each place of the pieces (its size: none).
    `beginning` is a vector to start from.  With a `mesh` every device of it has as many of the pieces as any other
    (see `mejax.sharding`).

    `method` and `level_points` (nodes per dimension, level by level from the top) say how the integral is approximated.
    Derivatives of the mean-variance adaptive approximation are those at fixed nodes, as the field's standard software
    takes them, unless `exact`.  Derivatives are right up to the second; where modes are part of the approximation,
    higher ones are not.
    """

    family: AbstractFamily
    structure: AbstractStructure
    batches: Batch
    root: Float[ArrayLike, "p p"]
    basis: Float[ArrayLike, "k p"]
    offset: Float[ArrayLike, " k"]
    beginning: Float[ArrayLike, " d"]
    plan: Plan
    places: tuple[Int[ArrayLike, "_ _"], ...]
    pieces: int = eqx.field(static=True)
    method: str = eqx.field(static=True)
    level_points: tuple[int, ...] = eqx.field(static=True)
    exact: bool = eqx.field(static=True)
    mesh: Mesh | None = eqx.field(static=True, default=None)

    @property
    def points(self) -> int | tuple[int, ...]:
        """Nodes per dimension: one number where all levels have the same."""
        return self.level_points[0] if len(set(self.level_points)) == 1 else self.level_points

    @property
    def blocks(self) -> tuple[AbstractCovariance, ...]:
        return self.structure.blocks

    def init(self) -> Params:
        return jax.tree.map(jnp.asarray, self.params(np.asarray(self.beginning)))

    def params(self, v: np.ndarray) -> Params:
        """The public form of the optimiser's vector, signs rectified; on the host."""
        p = len(self.root)
        random, ancillary = self.structure.params(v[p:])
        return Params(np.linalg.solve(np.asarray(self.root), v[:p]), random, np.zeros(0), ancillary)

    def vector(self, params: Params) -> Float[Array, " d"]:
        """The optimiser's vector of `params`, after a look at what was passed."""
        require_double()
        random, ancillary = self.structure.shapes
        check_params(params, Params((len(self.root),), random, (0,), ancillary))
        return jnp.concatenate([self.root @ params.fixed, self.structure.vector(params.random, params.ancillary)])

    def point(self, v: Float[ArrayLike, " d"]) -> Point:
        """The optimiser's vector as the integrals read it."""
        p = self.root.shape[0]
        return Point(v[:p], *self.structure.read(v[p:]))

    def each_piece(self, function, at, state: State = None):
        """`function(model, batch, at, state)` of every piece, one after the other; results along a leading axis, if
        there is.  The model that the function gets has no data."""
        if self.pieces == 1:
            return function(self, self.batches, at, state)
        return self._on_devices(lambda *read: ((), _mapped(function, *read)), at, state)[1]

    def sum_pieces(self, function, at, state: State = None):
        """(sum over the pieces, what is kept of each) of `function(model, batch, at, state)`, a pair."""
        if self.pieces == 1:
            return function(self, self.batches, at, state)

        def summed(*read):
            found, kept = _mapped(function, *read)
            return jax.tree.map(lambda leaf: jnp.sum(leaf, 0), found), kept

        return self._on_devices(summed, at, state)

    def _on_devices(self, function, at, state: State):
        """`function` of all pieces with their states, or of those of every device."""
        shared, pairs = (eqx.tree_at(lambda model: model.batches, self, None), at), (self.batches, state)
        return function(shared, pairs) if self.mesh is None else over_devices(self.mesh, function, shared, pairs)

    def adapt(self, params: Params, nodes: State = None) -> State:
        """What the integration method needs to know of the posterior at `params`: nodes, or modes.

        Found from `nodes` of nearby parameters, or afresh.
        """
        point = self.point(self.vector(params))
        return self.each_piece(adapted, point, self.each_piece(started, point) if nodes is None else nodes)

    def contributions(self, params: Params, nodes: State = None):
        if nodes is None:
            nodes = self.adapt(jax.lax.stop_gradient(params))
        return self.clusters_at(self.vector(params), nodes)

    def clusters_at(self, v: Float[Array, " d"], nodes: State) -> Float[Array, " J"]:
        """`contributions` at the optimiser's vector."""
        return self.gather(self.each_piece(contributions, self.point(v), nodes), len(self.plan.terms) - 1)

    def loglik(self, params: Params, nodes: State = None):
        if nodes is None:
            nodes = self.adapt(jax.lax.stop_gradient(params))
        total = lambda *read: (jnp.sum(contributions(*read)), ())
        return self.sum_pieces(total, self.point(self.vector(params)), nodes)[0]

    def profile(self, params: Params):
        return self.loglik(params)

    def modes(self, params: Params):
        point = self.point(self.vector(params))

        def piece(model, batch: Batch, point: Point, _) -> Effects:
            problem = problem_of(model, batch, point)
            return find_modes(problem, zeros(problem))

        return self.equations(self.each_piece(piece, point), point)

    def natural(self, params: Params):
        return self.printed(self.vector(params))

    def printed(self, v: Float[ArrayLike, " d"]) -> Float[Array, " k"]:
        """Coefficients, ancillary parameters, variance components."""
        p = self.root.shape[0]
        free = jnp.linalg.solve(jnp.asarray(self.root), v[:p]) if p else v[:0]
        fixed = jnp.asarray(self.offset) + jnp.asarray(self.basis) @ free
        return jnp.concatenate([fixed, self.structure.ancillary(v[p:]), self.structure.components(v[p:])])

    def gather(self, values: Float[Array, "..."], term: int) -> Float[Array, "J ..."]:
        """Results by group of the pieces, (pieces, places, ...), in the order of the term's groups."""
        if self.pieces == 1:
            return values
        if self.mesh is not None:
            values = jax.lax.with_sharding_constraint(values, whole_on(self.mesh))
        size = self.plan.terms[term].size
        flat = values.reshape((-1, *values.shape[2:]))
        return jnp.zeros((size + 1, *values.shape[2:])).at[self.places[term].reshape(-1)].set(flat)[:size]

    def equations(self, effects: Effects, point: Point, square: bool = False) -> tuple[Float[Array, "J ..."], ...]:
        """Standardised effects b of every term, (J, q), as random effects u = L b of every equation; with `square`
        their covariance matrices (J, q, q)."""
        found = {}
        for t, term in enumerate(self.plan.terms):
            b, start = self.gather(effects[t], t), 0
            for block, order in zip(term.blocks, term.orders, strict=True):
                stop, factor = start + self.blocks[block].size, point.factors[block]
                u = factor @ b[:, start:stop, start:stop] @ factor.T if square else b[:, start:stop] @ factor.T
                found[block] = u if order is None else u[order]
                start = stop
        return tuple(found[k] for k in range(len(found)))


def _mapped(function, shared, pairs):
    """`function` of one piece with its state after the other."""
    model, at = shared
    return jax.lax.map(lambda pair: function(model, pair[0], at, pair[1]), pairs)
