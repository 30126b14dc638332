"""How a peer is found and started.  Runs in mejax's own environment and imports no peer."""

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENTS = ROOT / "benchmarks" / ".envs"


class Unavailable(Exception):
    """The peer cannot run on this machine; the message says why."""


@dataclass(frozen=True)
class PythonPeer:
    """A Python package in an environment of its own (mejax: the environment that runs the benchmarks)."""

    name: str
    package: str
    module: str

    def prepare(self) -> str:
        """Installs the package if need be and returns its version; raises `Unavailable`."""
        if self.package == "mejax":
            return _printed(self._python(), "import mejax; print(mejax.__version__)").stdout.strip()
        python = self._python()
        if not (python.parent.parent / ".ready").exists():
            self._install(python)
        asked = f"from importlib.metadata import version; print(version({self.package!r}))"
        done = _printed(python, asked)
        if done.returncode:
            raise Unavailable(f"{self.package} is not installed: {_last_line(done.stderr)}")
        return done.stdout.strip()

    def command(self, case: str, table: Path, seconds: float) -> list[str]:
        """The process that measures one case; its last line of output is the result as JSON."""
        return [str(self._python()), "-m", "benchmarks.measure", self.module, case, str(seconds)]

    needs_table = False

    def _python(self) -> Path:
        return Path(sys.executable) if self.package == "mejax" else ENVIRONMENTS / self.package / "bin" / "python"

    def _install(self, python: Path) -> None:
        folder = python.parent.parent
        print(f"Setting up {folder.relative_to(ROOT)} (once)", file=sys.stderr, flush=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for step in ([sys.executable, "-m", "venv", folder], [*pip, "pandas", _requirement(self.package)]):
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode:
                raise Unavailable(f"{self.package} cannot be installed: {_last_line(done.stderr)}")
        (folder / ".ready").touch()


@dataclass(frozen=True)
class RPeer:
    """A package of the R that is on the path."""

    name: str
    package: str

    def prepare(self) -> str:
        if shutil.which("Rscript") is None:
            raise Unavailable("R is not installed (no Rscript on the path)")
        asked = f'cat(as.character(packageVersion("{self.package}")))'
        done = subprocess.run(["Rscript", "-e", asked], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"the R package {self.package} is not installed")
        return done.stdout.strip()

    def command(self, case: str, table: Path, seconds: float) -> list[str]:
        from ..cases import CASES

        script, model = Path(__file__).parent / "peers.R", CASES[case]
        call = model.calls.get(self.package, "")
        model_arguments = [model.formula, model.family, str(model.points), model.beyond or "", call]
        return ["Rscript", str(script), self.package, str(table), str(seconds), *model_arguments]

    needs_table = True


def _requirement(package: str) -> str:
    return next(line for line in _project()["optional-dependencies"]["bench"] if line.startswith(package))


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _printed(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=ROOT)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
