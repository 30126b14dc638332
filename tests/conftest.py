"""Harsh defaults for every test.  Nothing here imports mejax: the shape checks must be switched on first."""

import gc

import jax
import pytest

# Double precision is *not* switched on: the commands must do so by themselves, in their own scope.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="session")
def private_caches(tmp_path_factory: pytest.TempPathFactory):
    """Compiled programs are cached in a folder of this run, so that no test depends on, or leaves, anything at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", autouse=True)
def forget_programs():
    """JAX keeps every compiled program, each of them with memory maps, of which a process may have 65,530 only."""
    yield
    jax.clear_caches()
    gc.collect()
