"""Moving pytrees between the host and JAX's double-precision arrays."""

from typing import TypeVar

import jax
import numpy as np

T = TypeVar("T")


def to_device(tree: T) -> T:
    """Every NumPy leaf as a JAX array of the same precision; call inside `jax.enable_x64(True)`."""
    # device_put, unlike jnp.asarray, compiles nothing
    return jax.tree.map(lambda leaf: jax.device_put(leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf, tree)


def to_host(tree: T) -> T:
    """Every JAX leaf as a NumPy array; those that lie in shares with several processes are exchanged among them."""
    return jax.tree.map(lambda leaf: _fetched(leaf) if isinstance(leaf, jax.Array) else leaf, tree)


def _fetched(leaf: jax.Array) -> np.ndarray:
    if leaf.is_fully_addressable or leaf.is_fully_replicated:
        return np.asarray(leaf)
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(leaf, tiled=True))
