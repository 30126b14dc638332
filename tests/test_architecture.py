"""What holds of the source as a whole.  The import contracts themselves are `make lint`."""

import ast
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mejax"
MODULES = sorted(PACKAGE.rglob("*.py"))
MODULE_LINES, BODY_LINES, ARGUMENTS = 300, 40, 6
FORBIDDEN_MODULES = {"utils", "util", "common", "misc", "helpers"}


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the end."""
    documented = ast.get_docstring(function) is not None
    body = function.body[1:] if documented else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in names if name not in ("self", "cls")])


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_sizes(path):
    length = len(path.read_text(encoding="utf-8").splitlines())
    assert length <= MODULE_LINES, f"{ids(path)} has {length} lines, more than {MODULE_LINES}: split it"
    long = {f.name: body_lines(f) for f in functions(path) if body_lines(f) > BODY_LINES}
    assert not long, f"{ids(path)}: bodies of more than {BODY_LINES} lines: {long}"
    wide = {f.name: positional(f) for f in functions(path) if positional(f) > ARGUMENTS}
    assert not wide, f"{ids(path)}: more than {ARGUMENTS} arguments that are not keyword-only: {wide}"


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_names(path):
    assert path.stem.lstrip("_") not in FORBIDDEN_MODULES, f"{ids(path)}: name the module after what it does"


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_calls(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    for call in calls:
        name, first = ast.unparse(call.func), call.args[0] if call.args else None
        where = f"{ids(path)}:{call.lineno}"
        assert name not in ("jnp.linalg.inv", "jax.numpy.linalg.inv"), f"{where}: solve, do not invert"
        sets_precision = name.endswith("config.update") and ast.unparse(first or call) == "'jax_enable_x64'"
        assert not sets_precision, f"{where}: that is everyone's setting; use `with jax.enable_x64(True)`"


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_packages_reexport_explicitly(path):
    """`from ._x import Y as Y`: the public list is what a package's `__init__` says, and `*` says nothing."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names), f"{ids(path)}: no star imports"


def run(code: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_creates_no_arrays():
    assert run("import jax, mejax; from mejax import me; print(len(jax.live_arrays()))") == "0"


def test_import_changes_no_settings():
    code = (
        "import jax; before = dict(jax.config.values); from mejax import me; print(before == dict(jax.config.values))"
    )
    assert run(code) == "True"


def test_import_is_not_much_slower_than_what_it_stands_on(tmp_path: Path):
    """Start-up time is import time: formulaic, scipy.stats and matplotlib are imported where they are used.

    Bytecode is kept, as that of an installed package is: the first run writes it.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    times = (
        "import time; a = time.perf_counter(); {}; b = time.perf_counter(); {}; c = time.perf_counter(); print(a, b, c)"
    )
    code = times.format("import jax, jax.numpy, equinox, pandas", "from mejax import me")
    ratios = []
    for _ in range(4):
        base, own = (late - early for early, late in pairwise(map(float, run(code, env).split())))
        ratios.append(own / base)
    assert min(ratios) < 0.5, f"mejax itself takes {min(ratios):.2f} of the time of importing jax, equinox and pandas"


@pytest.mark.parametrize("module", ["formulaic", "matplotlib", "scipy.stats", "polars", "pyarrow.parquet", "lark"])
def test_import_leaves_out(module):
    assert run(f"import sys; from mejax import me; print({module!r} in sys.modules)") == "False"
