"""Executes notebooks in a clean kernel of this interpreter, with the package of this checkout.

`python -m notebooks.execute [NAME ...]` stores the outputs in the files; without names in all of them.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
TIMEOUT = 300  # seconds for one cell, on a busy machine


def notebooks() -> list[Path]:
    """The notebooks of this folder, in alphabetical order."""
    return sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    """A notebook as its file has it."""
    return nbformat.read(path, as_version=4)


def executed(path: Path) -> nbformat.NotebookNode:
    """A notebook with the outputs of a run of its own.

    Warnings are shown however often they come and whoever causes them, so that they stand in the outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised an error; the message shows the cell and the traceback.
    """
    notebook = read(path)
    with _clean_environment() as environment:
        # no folder of kernels: the specification that is left is that of the interpreter that runs this
        kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
        client = NotebookClient(notebook, km=kernel, timeout=TIMEOUT, record_timing=False)
        client.execute(cleanup_kc=True, env=environment, cwd=str(FOLDER))
    notebook.metadata.pop("language_info", None)  # names the interpreter's version, another one on every machine
    return notebook


@contextmanager
def _clean_environment() -> Iterator[dict[str, str]]:
    """Environment variables of a kernel that knows nothing of the user's settings and finds this checkout first."""
    with TemporaryDirectory() as folder:
        own = {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "PYTHONWARNINGS": "always",
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # most of the time is compilation, and the data are small
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the debugger of the kernel, which nobody uses here
            **{name: folder for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME")},
        }
        yield os.environ | own


def main(names: list[str]) -> None:
    """Execute the notebooks of these names, or all, and store the outputs in the files."""
    for path in [FOLDER / f"{name}.ipynb" for name in names] or notebooks():
        print(f"Executing {path.name}")
        nbformat.write(executed(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
