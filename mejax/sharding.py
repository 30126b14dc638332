"""Nested models on several devices: every device has the data of about as many top-level clusters as any other.

Clusters are independent, so that a log likelihood is a sum over devices, and so are its derivatives: an evaluation
moves a few numbers between them.  One device is the case of one share.  With several processes (`jax.distributed`)
every process holds the same table and puts its own share on its own devices.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding

from ._mesh import AXIS, split_over, whole_on
from ._tree import to_device, to_host
from .build.generalized import in_pieces
from .build.pieces import Cut, cut, take
from .elimination import BY_GROUP, HostTerm, Plan, Products
from .glmm import GeneralizedModel
from .lmm import LinearModel

M = TypeVar("M", LinearModel, GeneralizedModel)
Devices = int | str | Sequence[Any] | Mesh


def mesh_of(devices: Devices) -> Mesh:
    """The devices as a mesh with one axis: a number of them (the first that JAX has), "all", a sequence of JAX devices,
    or a mesh, its axes put into one.

    Raises:
        ValueError: there are not so many devices, or one of several processes would have none of them.
        TypeError: `devices` is none of these.
    """
    if isinstance(devices, Mesh):
        chosen = list(devices.devices.flat)
    elif isinstance(devices, str) or (isinstance(devices, int) and not isinstance(devices, bool)):
        chosen = _counted(devices)
    elif isinstance(devices, Sequence | np.ndarray) and all(isinstance(d, jax.Device) for d in devices):
        chosen = list(devices)
    else:
        raise TypeError(
            f'devices: expected a number, "all", a sequence of JAX devices or a `jax.sharding.Mesh`, got {devices!r}'
        )
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"devices: expected one device at least, and none of them twice; got {devices!r}")
    if {device.process_index for device in chosen} != set(range(jax.process_count())):
        raise ValueError(
            f"devices: with {jax.process_count()} processes each of them needs one of the devices; "
            f"got {len(chosen)} of processes {sorted({d.process_index for d in chosen})}. Use devices(all)"
        )
    return Mesh(np.array(chosen), (AXIS,))


def _counted(devices: int | str) -> list[Any]:
    """The first devices that JAX has, or all."""
    there = jax.devices()
    text = str(devices).strip()
    if text == "all":
        return there
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"devices: expected a positive number or `all`, got `{text}`")
    if int(text) > len(there):
        kind = there[0].platform
        advice = "Use devices(all)"
        if kind == "cpu":
            advice += f", or start Python with XLA_FLAGS=--xla_force_host_platform_device_count={text}"
        raise ValueError(f"devices({text}): JAX has {len(there)} ({kind}). {advice}")
    return there[: int(text)]


def placed(model: Any, devices: Devices | None) -> Any:
    """The model with its arrays on JAX's default device, or spread; call inside double precision."""
    return to_device(model) if devices is None else spread(model, devices)


def spread(model: M, devices: Devices) -> M:
    """The same model with its top-level clusters shared out among `devices` (see `mesh_of`).

        model = mejax.sharding.spread(fit.model, "all")
        jax.jit(jax.grad(model.loglik))(fit.theta)

    `loglik`, `profile` and their derivatives run on all devices at once; `contributions` and `modes` put their results
    together again.  With several processes pass the model to compiled functions as an argument (`eqx.filter_jit`), and
    parameters as NumPy arrays.

    Raises:
        ValueError: the model is not nested, has correlated errors, or lies on several devices already.
    """
    mesh = mesh_of(devices)
    if not isinstance(model, LinearModel | GeneralizedModel):
        raise ValueError(f"several devices are for linear and generalized models; got {type(model).__name__}")
    _check(model)
    with jax.enable_x64(True):
        if mesh.size == 1:
            device = mesh.devices.item()
            return jax.tree.map(lambda leaf: jax.device_put(leaf, device) if _is_array(leaf) else leaf, model)
        if isinstance(model, LinearModel):
            return _everywhere(_spread_linear(model, mesh), mesh)
        return _everywhere(_spread_generalized(model, mesh), mesh)


def _check(model: LinearModel | GeneralizedModel) -> None:
    if model.plan.crossed or not model.plan.chain:
        what = "its effects are crossed" if model.plan.crossed else "it has no groups"
        raise ValueError(
            "several devices are for nested models, whose top-level clusters they share out among them. This one "
            f"stays on one device, since {what}: leave out `devices`"
        )
    if isinstance(model, LinearModel) and model.errors is not None:
        raise ValueError("residuals(): structured errors are not built on several devices yet; leave out `devices`")
    if (model.plan.mesh if isinstance(model, LinearModel) else model.mesh) is not None:
        raise ValueError("the model lies on several devices already; spread the one of a fit without `devices`")


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | np.generic)


def _put(tree: Any, sharding: NamedSharding) -> Any:
    """Arrays of the host on the devices; each process hands over its own share only."""

    def one(leaf):
        host = np.asarray(leaf)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    return jax.tree.map(lambda leaf: one(leaf) if _is_array(leaf) else leaf, tree)


def _everywhere(model: M, mesh: Mesh) -> M:
    """What does not lie on the devices yet, on all of them."""

    def there(leaf) -> bool:
        return isinstance(leaf, jax.Array) and isinstance(leaf.sharding, NamedSharding) and leaf.sharding.mesh == mesh

    return jax.tree.map(lambda leaf: leaf if there(leaf) else _put(leaf, whole_on(mesh)), model)


# --- linear models: the groups of every level, those of a device side by side


def _spread_linear(model: LinearModel, mesh: Mesh) -> LinearModel:
    plan, products = to_host((model.plan, model.products))
    parts = cut(_lowest_groups(plan), mesh.size)
    return replace(model, plan=_shared_plan(plan, parts, mesh), products=_shared_products(products, parts, mesh))


def _lowest_groups(plan: Plan) -> list[HostTerm]:
    """The levels of a chain with the groups of the lowest one for rows."""
    terms = [plan.terms[level.term] for level in plan.chain]
    nothing = np.zeros((terms[0].size, 0))
    codes = [np.arange(terms[0].size, dtype=np.int32), *plan.chain[0].ancestors]
    return [HostTerm(term, code, nothing) for term, code in zip(terms, codes, strict=True)]


def _shared_plan(plan: Plan, parts: Cut, mesh: Mesh) -> Plan:
    """Groups numbered device by device, the same number of places on each; `orders` find them again."""
    terms, chain = list(plan.terms), []
    device = np.arange(mesh.size, dtype=np.int32)[:, None]
    widths = [groups.shape[1] for groups in parts.groups]
    for position, level in enumerate(plan.chain):
        term = plan.terms[level.term]
        groups = parts.groups[position].ravel()
        place = np.empty(term.size, np.int32)
        place[groups[groups < term.size]] = np.flatnonzero(groups < term.size)
        orders = tuple(place if order is None else place[order] for order in term.orders)
        terms[level.term] = replace(term, orders=orders, size=len(groups))
        pairs = zip(parts.ancestors[position], widths[position + 1 :], strict=True)
        above = tuple((local + device * width).astype(np.int32).ravel() for local, width in pairs)
        chain.append(replace(level, ancestors=_put(above, split_over(mesh))))
    return replace(plan, terms=tuple(terms), chain=tuple(chain), mesh=mesh)


def _shared_products(products: Products, parts: Cut, mesh: Mesh) -> Products:
    """The products of the groups at their places; those of no group are zero, so that they add nothing."""
    found = {}
    for name in BY_GROUP:
        levels = getattr(products, name)
        filler = 1.0 if name in ("own", "whole") else 0.0
        if levels is not None:
            moved = (take(v, g.ravel(), filler) for v, g in zip(levels, parts.groups, strict=True))
            found[name] = tuple(_put(value, split_over(mesh)) for value in moved)
    return replace(products, **found)


# --- generalized models: pieces, as many on every device


def _spread_generalized(model: GeneralizedModel, mesh: Mesh) -> GeneralizedModel:
    model = to_host(model)
    if model.pieces == 1:
        columns = zip(model.plan.terms, model.batches.rows.codes, model.batches.z, strict=True)
        hosts = [HostTerm(term, codes, z) for term, codes, z in columns]
        batches, places = in_pieces(model.batches, hosts, mesh.size)
        model = replace(model, batches=batches, places=places, pieces=mesh.size)
    model = _with_empty_pieces(model, -model.pieces % mesh.size)
    return replace(model, batches=_put(model.batches, split_over(mesh)), mesh=mesh)


def _with_empty_pieces(model: GeneralizedModel, count: int) -> GeneralizedModel:
    """As many more pieces: copies of the first one without weight, in which no group stands."""
    if count == 0:
        return model
    grown = lambda leaf: np.concatenate([leaf, np.repeat(leaf[:1], count, 0)])
    batches = jax.tree.map(grown, model.batches)
    rows = np.arange(model.pieces + count)[:, None] < model.pieces
    weights, joint = (np.where(rows, w, 0.0) for w in (batches.weights, batches.joint_weights))
    batches = replace(batches, weights=weights, joint_weights=joint)
    sizes = [term.size for term in model.plan.terms]
    places = tuple(np.where(rows, grown(p), size) for p, size in zip(model.places, sizes, strict=True))
    return replace(model, batches=batches, places=places, pieces=model.pieces + count)
