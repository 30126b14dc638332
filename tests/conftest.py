"""Harsh defaults for every test.  Nothing here imports mejax: the shape checks must be switched on first."""

import gc
from contextlib import contextmanager, nullcontext
from typing import Any

import jax
import pytest
from jax._src import compiler

# Double precision is *not* switched on: the commands must do so by themselves, in their own scope.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# Files that take longest come first, so that no worker is left with one when the others have ended.
LONGEST = ("test_notebooks", "test_readme", "test_small_logit")


def pytest_configure(config: pytest.Config) -> None:
    """Workers get the files in this order; pytest-xdist itself puts those with most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(autouse=True, scope="session")
def private_caches(tmp_path_factory: pytest.TempPathFactory):
    """Compiled programs are cached in a folder of this run, so that no test depends on, or leaves, anything at home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def quick_options() -> dict[str, Any]:
    """Options of XLA that halve the time of compilation, of slower programs; none where XLA does not know them."""
    options = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


# Modules that hold numbers of other people, or that compute more than they compile, run what users run.
OPTIMISED = ("reference", "small_logit", "large_counts", "readme", "cli", "benchmarks")


@pytest.fixture(scope="module", autouse=True)
def programs(request: pytest.FixtureRequest, quick_options: dict[str, Any]):
    """Most of the time goes into compilation, three quarters less of it without optimisation.

    JAX keeps every compiled program, each of them with memory maps, of which a process may have 65,530 only.  Double
    precision stays as it was, which parts of the package marginaleffects switch on when they are first used.
    """
    double = jax.config.read("jax_enable_x64")
    plain = not request.module.__name__.endswith(OPTIMISED)
    with without_optimisation(quick_options) if plain else nullcontext():
        yield
    jax.config.update("jax_enable_x64", double)
    forget_programs()


@pytest.fixture
def unoptimised(quick_options: dict[str, Any]):
    """For a test that compiles much in a module that runs what users run."""
    with without_optimisation(quick_options):
        yield
    forget_programs()


@contextmanager
def without_optimisation(own: dict[str, Any]):
    """JAX's setting, and options of XLA of our own, for which it has settings of single functions only."""
    usual = compiler.get_compile_options

    def options(*args, env_options_overrides=None, **kwargs):
        return usual(*args, env_options_overrides=own | dict(env_options_overrides or {}), **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "get_compile_options", options)
        jax.config.update("jax_disable_most_optimizations", True)
        yield
    jax.config.update("jax_disable_most_optimizations", False)


def forget_programs() -> None:
    jax.clear_caches()
    gc.collect()
