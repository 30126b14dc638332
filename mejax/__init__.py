"""Mixed-effects models in JAX: `from mejax import me`, then `me.mixed("weight week || id:", data)`."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from ._version import __version__ as __version__

if _TYPE_CHECKING:
    from . import datasets as datasets
    from . import me as me


def __getattr__(name: str):
    """Import `me` and `datasets` when first asked for: `import mejax` alone starts nothing."""
    if name in ("me", "datasets"):
        return _import_module(f".{name}", __name__)
    raise AttributeError(f"module `mejax` has no attribute `{name}`; try `from mejax import me`")
