"""How a peer is found and started.  Runs in mejax's own environment and imports no peer."""

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..cases import find_case

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENTS = ROOT / "benchmarks" / ".envs"
INLINE_METADATA = re.compile(r"^# /// script$\s(?P<lines>(?:^#(?:| .*)$\s)+)^# ///$", re.M)


class Unavailable(Exception):
    """The peer cannot run on this machine; the message says why."""


@dataclass(frozen=True)
class PythonPeer:
    """A Python package in an environment of its own (mejax: the environment that runs the benchmarks).

    `stochastic`: its log likelihoods are estimates, so that the best one known is not sought among them.
    """

    name: str
    package: str
    module: str
    stochastic: bool = False

    def prepare(self) -> str:
        """Installs the package if need be and returns its version; raises `Unavailable`."""
        if self.package == "mejax":
            return _printed(self._python(), "import mejax; print(mejax.__version__)")
        _ensure_environment(self._python(), [_requirement(self.package)])
        return _printed(self._python(), f"from importlib.metadata import version; print(version({self.package!r}))")

    def command(self, case: str, table: Path, seconds: float) -> list[str]:
        """The process that measures one case; its last line of output is the result as JSON."""
        return [str(self._python()), "-m", "benchmarks.measure", self.module, case, str(seconds), str(table)]

    def _python(self) -> Path:
        return Path(sys.executable) if self.package == "mejax" else ENVIRONMENTS / self.package / "bin" / "python"


@dataclass(frozen=True)
class AdapterPeer:
    """A file like those of `peers/`, wherever it is; named by it.

    It runs in an environment made from the dependencies of its inline script metadata
    (https://packaging.python.org/en/latest/specifications/inline-script-metadata/), and without such a block in the one
    that runs the benchmarks.
    """

    path: Path
    stochastic: bool = False

    @property
    def name(self) -> str:
        return self.path.stem

    def prepare(self) -> str:
        """Installs what it depends on, loads it, and returns what its `version()` says, if it has that."""
        if not self.path.is_file():
            raise Unavailable(f"there is no file {self.path}")
        if self._dependencies():
            _ensure_environment(self._python(), self._dependencies())
        ask = "from benchmarks.measure import load; peer = load({!r}); print(getattr(peer, 'version', str)())"
        return _printed(self._python(), ask.format(str(self.path.resolve())))

    def command(self, case: str, table: Path, seconds: float) -> list[str]:
        path = str(self.path.resolve())
        return [str(self._python()), "-m", "benchmarks.measure", path, case, str(seconds), str(table)]

    def _python(self) -> Path:
        own = ENVIRONMENTS / f"adapter-{self.name}" / "bin" / "python"
        return own if self._dependencies() else Path(sys.executable)

    def _dependencies(self) -> list[str]:
        found = INLINE_METADATA.search(self.path.read_text(encoding="utf-8"))
        if not found:
            return []
        lines = [line.removeprefix("#").removeprefix(" ") for line in found["lines"].splitlines()]
        return tomllib.loads("\n".join(lines)).get("dependencies", [])


@dataclass(frozen=True)
class RPeer:
    """A package of the R that is on the path."""

    name: str
    package: str
    stochastic: bool = False

    def prepare(self) -> str:
        if shutil.which("Rscript") is None:
            raise Unavailable("R is not installed (no Rscript on the path)")
        asked = f'cat(as.character(packageVersion("{self.package}")))'
        done = subprocess.run(["Rscript", "-e", asked], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"the R package {self.package} is not installed")
        return done.stdout.strip()

    def command(self, case: str, table: Path, seconds: float) -> list[str]:
        script, model = Path(__file__).parent / "peers.R", find_case(case)
        call = model.calls.get(self.package, "")
        model_arguments = [model.formula, model.family, str(model.points), model.beyond or "", call]
        return ["Rscript", str(script), self.package, str(table), str(seconds), *model_arguments]


Peer = PythonPeer | AdapterPeer | RPeer


def _ensure_environment(python: Path, requirements: list[str]) -> None:
    """An environment with pandas and `requirements`, made anew when those change."""
    folder = python.parent.parent
    ready, wanted = folder / ".ready", "\n".join(requirements)
    if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return
    print(f"Setting up {folder.relative_to(ROOT)} (once)", file=sys.stderr, flush=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for step in ([sys.executable, "-m", "venv", "--clear", folder], [*pip, "pandas", *requirements]):
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"{wanted} cannot be installed: {_last_line(done.stderr)}")
    ready.write_text(wanted, encoding="utf-8")


def _requirement(package: str) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return next(line for line in project["optional-dependencies"]["bench"] if line.startswith(package))


def _printed(python: Path, code: str) -> str:
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise Unavailable(_last_line(done.stderr))
    return done.stdout.strip()


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
