"""Cases whose data are simulated: from a recipe, or from a text that names one.

    crossed:rows=1e5,levels=2000x200,family=binomial     nested:rows=1e6,groups=1e5,slope=correlated

Numbers that belong to factors are joined by x, and one stands for all of them alike.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from .case import Case, Effects
from .simulate import FAMILIES, Crossed, Factor, Nested

NAMES = {"gaussian": "linear", "binomial": "logit", "poisson": "Poisson"}
COMMANDS = {"gaussian": "mixed", "binomial": "melogit", "poisson": "mepoisson"}
SLOPES = {"none": "random intercept", "independent": "random intercept and slope, independent",
          "correlated": "random intercept and slope"}  # fmt: skip
SOLVERS = ("auto", "exact", "iterative")


def crossed(name: str, recipe: Crossed, *, solver: str = "auto", **facts: Any) -> Case:
    """A random intercept for each factor; generalized models by Laplace's approximation.

    `solver` puts that option into mejax's command: "exact", or "iterative" for linear algebra that approximates within
    a stated error; "auto" leaves it out, and mejax is exact where the matrix that remains fits into memory.
    """
    linear = recipe.family == "gaussian"
    options = [] if linear else ["intmethod(laplace)"]
    options += [] if solver == "auto" else [f"solver({solver})"]
    equations = " ".join(f"|| _all: R.{column}" for column in recipe.columns)
    command = f"{COMMANDS[recipe.family]} y x {equations}"
    return Case(
        name=name,
        build=recipe.frame,
        formula=f"y ~ x {' '.join(f'+ (1 | {column})' for column in recipe.columns)}",
        command=f"{command}, {' '.join(options)}" if options else command,
        response="y",
        fixed=("x",),
        random=tuple(Effects(column) for column in recipe.columns),
        family=recipe.family,
        **{"title": _crossed_title(recipe), **facts},
    )


def nested(name: str, recipe: Nested, *, points: int = 1, **facts: Any) -> Case:
    """Random effects of one grouping variable; generalized models by quadrature with `points` points."""
    linear, slope = recipe.family == "gaussian", recipe.slope != "none"
    options = ["covariance(unstructured)"] if recipe.slope == "correlated" else []
    if not linear:
        options.append("intmethod(laplace)" if points == 1 else f"intmethod(mcaghermite) intpoints({points})")
    command = f"{COMMANDS[recipe.family]} y x || g:{' x' * slope}"
    effects = {
        "none": ("(1 | g)", (Effects("g"),)),
        "independent": ("(1 | g) + (0 + x | g)", (Effects("g"), Effects("g", ("x",), intercept=False))),
        "correlated": ("(x | g)", (Effects("g", ("x",)),)),
    }
    term, random = effects[recipe.slope]
    return Case(
        name=name,
        build=recipe.frame,
        formula=f"y ~ x + {term}",
        command=f"{command}, {' '.join(options)}" if options else command,
        response="y",
        fixed=("x",),
        random=random,
        family=recipe.family,
        points=points,
        **{"title": _nested_title(recipe, points), **facts},
    )


def from_text(text: str) -> Case:
    """The case that `text` describes, named by it; `ValueError` says what is wrong with the text."""
    kind, _, rest = text.partition(":")
    if kind not in ("crossed", "nested"):
        raise ValueError(f"a simulated case begins with crossed: or nested:; found {text!r}")
    given: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        key, _, given[key] = part.partition("=")
    return _crossed_from(text, given) if kind == "crossed" else _nested_from(text, given)


def _crossed_from(text: str, given: dict[str, str]) -> Case:
    shape = {field.name: (int if field.name in ("levels", "at_least") else float) for field in fields(Factor)}
    known = {"rows": int, "family": str, "density": float, "distinct": bool, "seed": int, "solver": str}
    _check(given, {**known, **shape}, ("rows", "levels"))
    count = len(given["levels"].split("x"))
    columns = {name: _each(given, name, shape[name], count) for name in shape if name in given}
    factors = tuple(Factor(**{name: values[i] for name, values in columns.items()}) for i in range(count))
    own = {name: _value(given, name, kind) for name, kind in known.items() if name in given}
    solver = own.pop("solver", "auto")
    if solver not in SOLVERS:
        raise ValueError(f"solver is one of {', '.join(SOLVERS)}; found {solver!r}")
    return crossed(text, Crossed(factors=factors, **own), solver=solver)


def _nested_from(text: str, given: dict[str, str]) -> Case:
    known = {"rows": int, "groups": int, "slope": str, "family": str, "points": int, "seed": int}
    _check(given, known, ("rows", "groups"))
    own = {name: _value(given, name, kind) for name, kind in known.items() if name in given}
    points = own.pop("points", 1)
    return nested(text, Nested(**own), points=points)


def _check(given: dict[str, str], known: dict[str, Callable], needed: tuple[str, ...]) -> None:
    if missing := [name for name in needed if name not in given]:
        raise ValueError(f"a simulated case needs {' and '.join(f'{name}=' for name in missing)}")
    if unknown := [name for name in given if name not in known]:
        raise ValueError(f"a simulated case has no {unknown[0]!r}; it has {', '.join(known)}")
    if given.get("family", "gaussian") not in FAMILIES:
        raise ValueError(f"family is one of {', '.join(FAMILIES)}; found {given['family']!r}")
    if given.get("slope", "none") not in SLOPES:
        raise ValueError(f"slope is one of {', '.join(SLOPES)}; found {given['slope']!r}")


def _value(given: dict[str, str], name: str, kind: Callable) -> Any:
    return _number(name, given[name], kind)


def _each(given: dict[str, str], name: str, kind: Callable, count: int) -> list:
    values = [_number(name, part, kind) for part in given[name].split("x")]
    if len(values) not in (1, count):
        raise ValueError(
            f"{name} has {len(values)} numbers, where levels has {count}: give one for each, or one for all"
        )
    return values * (count // len(values))


def _number(name: str, text: str, kind: Callable) -> Any:
    """Whole numbers may be written like 1e6."""
    try:
        value = text if kind is str else float(text)
    except ValueError:
        raise ValueError(f"{name} is a number; found {text!r}") from None
    if kind is int and value != int(value):
        raise ValueError(f"{name} is a whole number; found {text!r}")
    return kind(value)


def _crossed_title(recipe: Crossed) -> str:
    sizes = " and ".join(f"{factor.levels:,}" for factor in recipe.factors)
    part = "" if recipe.density is None else f", {recipe.density:.3g} of their combinations"
    rule = "" if recipe.family == "gaussian" else ", Laplace"
    return f"simulated: {NAMES[recipe.family]}, {recipe.rows:,} rows, crossed factors of {sizes} levels{part}{rule}"


def _nested_title(recipe: Nested, points: int) -> str:
    rule = "" if recipe.family == "gaussian" else ", Laplace" if points == 1 else f", {points} points"
    what = f"{NAMES[recipe.family]}, {recipe.rows:,} rows, {recipe.groups:,} groups, {SLOPES[recipe.slope]}"
    return f"simulated: {what}{rule}"
