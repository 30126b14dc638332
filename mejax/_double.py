"""The scope in which everything is computed."""

from contextlib import contextmanager

import jax


@contextmanager
def computing():
    """Double precision, and one BLAS thread: OpenBLAS's threads fight with those of JAX's own runtime.

    Both are undone at the end; nobody's global settings change.
    """
    from threadpoolctl import threadpool_limits

    with jax.enable_x64(True), threadpool_limits(1, user_api="blas"):
        yield
