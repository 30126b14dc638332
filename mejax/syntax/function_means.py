"""A nonlinear model whose mean is a Python function, not a text."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from .expression import Name
from .nonlinear import with_options
from .parsing import finish
from .problem import SyntaxProblem
from .reading import SPECIAL_KEYWORDS, in_keyword, read_keywords
from .spec import Nonlinear, Spec, Varlist
from .starts import starts_of
from .substitutes import Substitutes
from .tokens import cursor_over


def nonlinear_of_function(
    mean: Callable[..., Any],
    y: str,
    params: Mapping[str, float | None],
    random: Mapping[str, str] | None = None,
    *,
    columns: Sequence[str] = (),
    **keywords: Any,
) -> Spec:
    """The `Spec` of y = mean(b, u, x) + e.

    Args:
        mean: a function of three mappings: parameters, random effects and columns of the table.
        y: the column of the response.
        params: the parameters with their starting values (None: none).
        random: the random effects with their groups: "tree", "school>class".
        columns: the columns that `mean` reads.
        keywords: the options of `menl` (`covariance`, `resvariance`, `reml`, ...), `where=` and `rows=`.

    Raises:
        SyntaxProblem: a name or an option cannot be understood.
    """
    starts = _starts(params)
    found = _effects(random or {})
    name = getattr(mean, "__name__", type(mean).__name__)
    text = f"{'mean' if name == '<lambda>' else name}(b, u, x)"
    effects = tuple(found.effects.values())
    nonlinear = Nonlinear(
        None, text, effects=effects, scalars=tuple(params), starts=starts, columns=tuple(columns), function=mean
    )
    extra = {key: keywords.pop(key) for key in SPECIAL_KEYWORDS if key in keywords}
    if keywords.get("define") is not None:
        raise SyntaxProblem("`define` belongs to a mean that is a text", advice="Define it inside the function.")
    _check_name("y", y)
    draft: dict[str, Any] = {
        "command": "menl", "text": f"{y} = {text}", "spelling": "stata", "response": Name(y),
        "fixed": Varlist((), False), "equations": (), "where": None, "rows": None, "weights": (), "offset": None,
        "given": [], "options": {}, "mean": partial(with_options, nonlinear, found),
    }  # fmt: skip
    return finish(draft, read_keywords(keywords, "menl"), extra)


def _check_name(key: str, name: Any) -> None:
    if not isinstance(name, str) or not name.strip():
        raise SyntaxProblem(f"keyword `{key}`: expected a name, got {name!r}")


def _starts(params: Mapping[str, float | None]) -> dict[str, float]:
    if not isinstance(params, Mapping) or not params:
        advice = "Write `params={'b1': 190.0, 'b2': None}`; None leaves the starting value to the fit."
        raise SyntaxProblem(f"keyword `params`: expected names with starting values, got {params!r}", advice=advice)
    for name in params:
        _check_name("params", name)
    given = {f"/{name}": value for name, value in params.items() if value is not None}
    pairs: Any = in_keyword("params", lambda: starts_of(given))
    return dict(pairs)


def _effects(random: Mapping[str, str]) -> Substitutes:
    if not isinstance(random, Mapping):
        advice = "Write `random={'U1': 'tree'}`."
        raise SyntaxProblem(f"keyword `random`: expected effects with their groups, got {random!r}", advice=advice)
    found = Substitutes(frozenset(random))
    for name, group in random.items():
        _check_name("random", name)
        _check_name(f"random[{name!r}]", group)
        in_keyword("random", partial(_effect, found, f"{name}[{group}]"))
    return found


def _effect(found: Substitutes, text: str) -> None:
    cursor = cursor_over(text, offset=None)
    if cursor.ahead().text != "[":
        cursor.fail("this is not the name of a random effect", "Names have letters, digits and `_`.")
    found.effect(cursor)
    if not cursor.done:
        cursor.fail(f"`{cursor.token.text}` was not expected in a group", "Write `school>class`.")
