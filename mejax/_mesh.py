"""What runs on several devices: the same function on every device's share of the data, and the sum of its results."""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "clusters"


def split_over(mesh: Mesh) -> NamedSharding:
    """Every device has its part of the leading axis."""
    return NamedSharding(mesh, PartitionSpec(AXIS))


def whole_on(mesh: Mesh) -> NamedSharding:
    """Every device has everything."""
    return NamedSharding(mesh, PartitionSpec())


def over_devices(mesh: Mesh, function: Callable[[Any, Any], tuple[Any, Any]], shared: Any, shards: Any) -> tuple:
    """(sums, kept) = `function`(`shared`, its part of `shards`) on every device: sums are added up over the devices,
    what is kept lies along the leading axis again, each part on its device.

    Leading axes are multiples of the number of devices.  Arrays that `function` reads are among its arguments: those it
    closes over cannot always be differentiated.
    """

    def own(shared, part):
        sums, kept = function(shared, part)
        return jax.lax.psum(sums, AXIS), kept

    whole, split = PartitionSpec(), PartitionSpec(AXIS)
    # the check of what varies over the mesh wants loops in the core to say so of their starting values
    mapped = jax.shard_map(own, mesh=mesh, in_specs=(whole, split), out_specs=(whole, split), check_vma=False)
    return mapped(shared, shards)
