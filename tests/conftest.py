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


# Modules that hold numbers of other people, or that compute more than they compile, run what users run.
OPTIMISED = ("reference", "small_logit", "large_counts", "readme", "cli", "benchmarks")


@pytest.fixture(scope="module", autouse=True)
def programs(request: pytest.FixtureRequest):
    """Most of the time goes into compilation, a third less of it without optimisation.

    JAX keeps every compiled program, each of them with memory maps, of which a process may have 65,530 only.
    """
    plain = not request.module.__name__.endswith(OPTIMISED)
    jax.config.update("jax_disable_most_optimizations", plain)
    yield
    jax.clear_caches()
    gc.collect()
