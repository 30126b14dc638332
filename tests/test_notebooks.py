"""The notebooks run from a clean kernel, without errors and warnings, and print what is stored in them.

Numbers are compared to a relative 1e-4 or one unit in their last printed digit, whichever is wider, so that another
processor's rounding is no failure; the text around them word by word; of a picture only that there is one.
"""

import math
import os
import re
from itertools import zip_longest

import nbformat
import pytest

from notebooks.execute import ROOT, executed, notebooks, read

RELATIVE = 1e-4
LARGEST = 500_000  # bytes of a notebook's file
NUMBER = re.compile(r"(?<![\w.])-?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]*\w)")


def value(number: str) -> float:
    return float(number.replace(",", ""))


def unit(number: str) -> float:
    """One unit in the last printed digit: 0.01 of "3.14", 1 of "42", which is a count and must be met exactly."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals) if decimals or exponent else 0.0


def near(stored: str, new: str) -> bool:
    """Whether two printed numbers may be the same quantity computed on two machines."""
    allowed = 1.0001 * max(unit(stored), unit(new))
    return math.isclose(value(stored), value(new), rel_tol=RELATIVE if unit(stored) else 0.0, abs_tol=allowed)


def difference(stored: str, new: str) -> str | None:
    """What differs between two texts: the first word or number that is not the same, or None.

    The lengths of lines of a table's rules, and of spaces, follow from the widths of numbers and are not compared.
    """
    pairs = zip_longest(words(stored), words(new), fillvalue="(nothing)")
    for old, now in pairs:
        numbers = NUMBER.fullmatch(old) and NUMBER.fullmatch(now)
        if not (near(old, now) if numbers else old == now):
            return f"{now!r} where {old!r} is stored"
    return None


def words(text: str) -> list[str]:
    """Numbers, and what stands between them in pieces without spaces."""
    plain = re.sub(r"-{3,}", "---", text)
    return [piece for part in re.split(f"({NUMBER.pattern})", plain) for piece in part.split()]


def texts(output) -> dict[str, str]:
    """The text of a cell's output by its type; a picture has its type only."""
    if output.output_type == "stream":
        return {output.name: output.text}
    return {kind: text if kind.startswith("text/") else "" for kind, text in output.data.items()}


def outputs(cell) -> dict[str, str]:
    """All text of a cell by type: how many messages it came in depends on timing."""
    found: dict[str, str] = {}
    for output in cell.get("outputs", []):
        for kind, text in texts(output).items():
            found[kind] = found.get(kind, "") + text
    return found


def test_there_are_notebooks():
    assert {path.stem for path in notebooks()} >= {"censored", "multinomial", "nonlinear", "survival"}


@pytest.fixture
def quick_kernels(quick_options, monkeypatch):
    """What kernels compile is compiled with the options of these tests."""
    flags = [f"--{option}={str(value).lower()}" for option, value in quick_options.items()]
    monkeypatch.setenv("XLA_FLAGS", " ".join([os.environ.get("XLA_FLAGS", ""), *flags]).strip())


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
@pytest.mark.usefixtures("quick_kernels")
def test_notebook(path):
    assert path.stat().st_size < LARGEST
    for number, (old, now) in enumerate(zip(read(path).cells, executed(path).cells, strict=True)):
        stored, new = outputs(old), outputs(now)
        where = f"{path.name}, cell {number}: {old.source.splitlines()[0]}"
        assert "stderr" not in new, f"{where}\n{new['stderr']}"
        assert stored.keys() == new.keys(), f"{where}\nhas outputs {list(new)} where {list(stored)} are stored"
        found = [difference(stored[kind], new[kind]) for kind in stored]
        assert not any(found), f"{where}\nprints {next(filter(None, found))}; `make notebooks` stores what is printed"
        assert old.cell_type != "code" or old.execution_count, f"{where}\nis stored without having been executed"


def test_kernel(tmp_path):
    """It has the package of this checkout, and shows warnings, those of other people's code too."""
    code = ["import mejax; print(mejax.__file__)", "import warnings; warnings.warn('late', DeprecationWarning)", "1"]
    path = tmp_path / "kernel.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(line) for line in code]), path)
    package, warning, one = map(outputs, executed(path).cells)
    assert package == {"stdout": f"{ROOT / 'mejax' / '__init__.py'}\n"}
    assert "DeprecationWarning: late" in warning["stderr"]
    assert one == {"text/plain": "1"}


@pytest.mark.parametrize(
    ("stored", "new", "same"),
    [
        ("Log likelihood = -333.03008", "Log  likelihood =  -333.03009", True),
        ("Log likelihood = -333.03008", "Log likelihood = -333.13008", False),
        ("p 0.0000", "p -0.0000", True),
        (".1639765 1.2e-07", ".1639766 1.3e-07", True),
        ("Number of obs = 19,224", "Number of obs = 19,225", False),
        ("x1 2.5", "x2 2.5", False),
        ("chi2(2) 10.94", "chi2(3) 10.94", False),
        ("a 1.0", "a 1.0 b", False),
        ("----- 1.5", "------- 1.50001", True),
        ("nan", "1.0", False),
    ],
)
def test_comparison(stored, new, same):
    assert (difference(stored, new) is None) == same
