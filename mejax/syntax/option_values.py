"""How the argument of an option is read: one reader per kind, from a cursor over what stands in the parentheses."""

from collections.abc import Callable
from functools import partial
from typing import Any

from .conditions import whole_expression
from .expression import Expression
from .problem import did_you_mean
from .residuals import read_correlation, read_variance
from .spec import Covariance
from .starts import read_starts
from .tokens import Cursor
from .words import expand, full

COVARIANCES = ("id:entity", "ind:ependent", "ex:changeable", "un:structured", "fix:ed", "pat:tern")
_VCES = ("oim", "r:obust", "cl:uster")
_CHOICES = {
    "intmethod": ("mv:aghermite", "mc:aghermite", "gh:ermite", "lap:lace", "pca:ghermite", "pcl:aplace"),
    "link": ("id:entity", "log", "logi:t", "prob:it", "clog:log"),
    "dispersion": ("m:ean", "c:onstant"),
    "distribution": ("e:xponential", "w:eibull", "logl:ogistic", "logn:ormal", "gam:ma", "ln:ormal", "llog:istic"),
    "pwscale": ("size", "eff:ective", "gk"),
    "solver": ("auto", "exact", "iter:ative"),
    "technique": ("nr", "bhhh", "dfp", "bfgs"),
    "startvalues": ("zero", "const:antonly", "fixed:only"),
}
_SAME = {"lnormal": "lognormal", "llogistic": "loglogistic"}
_FAMILIES = ("gau:ssian", "be:rnoulli", "bi:nomial", "gam:ma", "nb:inomial", "o:rdinal", "p:oisson")
_DF_METHODS = ("res:idual", "rep:eated", "ano:va", "sat:terthwaite", "kr:oger")
_MOST_NUMBERS = 1000
_MOST_POINTS = 195  # of a Gauss-Hermite rule, as in the suite


def read_value(kind: str, cursor: Cursor) -> Any:
    """Read a whole argument of the given kind; every reader raises `SyntaxProblem`."""
    reader = _READERS[kind] if kind in _READERS else (lambda inner: _choice(inner, _CHOICES[kind], kind))
    value = reader(cursor)
    if not cursor.done:
        cursor.fail(f"`{cursor.token.text}` is one word too many")
    return value


def _choice(cursor: Cursor, spellings: tuple[str, ...], what: str) -> str:
    token = cursor.take()
    word = expand(token.text.lower(), spellings) if token.kind == "name" else None  # `pcLaplace` is `pclaplace`
    if word is None:
        known = [full(spelling) for spelling in spellings]
        advice = f"{did_you_mean(token.text, known)} Known: {', '.join(known)}.".strip()
        cursor.fail(f"`{token.text}` is not a known {what}" if token.text else f"a {what} is missing", advice, at=token)
    return _SAME.get(word, word)


def _number(cursor: Cursor) -> float:
    sign = -1.0 if cursor.at("-") else 1.0
    if cursor.at("-", "+"):
        cursor.take()
    token = cursor.take()
    if token.kind != "number":
        cursor.fail(f"a number was expected, got `{token.text}`" if token.text else "a number is missing", at=token)
    return sign * float(token.value)


def _level(cursor: Cursor) -> float:
    token, level = cursor.token, _number(cursor)
    if not 10 <= level <= 99.99:
        cursor.fail(f"a confidence level lies between 10 and 99.99, got {level:g}", "Write `level(90)`.", at=token)
    return level


def _tolerance(cursor: Cursor) -> float:
    token, value = cursor.token, _number(cursor)
    if value < 0:
        cursor.fail(f"a tolerance cannot be negative, got {value:g}", at=token)
    return value


def _count(cursor: Cursor) -> int:
    token = cursor.take()
    if not token.value.isdecimal() or len(token.value) > 9:
        got = f", got `{token.text}`" if token.text else ""
        cursor.fail(f"a whole number was expected{got}", at=token)
    return int(token.value)


def _numbers(cursor: Cursor) -> tuple[int, ...]:
    """`1 2 5/7` (commas are allowed)."""
    start, found = cursor.token, []
    while not cursor.done or not found:
        first = last = _count(cursor)
        if cursor.at("/"):
            cursor.take()
            last = _count(cursor)
        if last - first > _MOST_NUMBERS:
            cursor.fail(f"more than {_MOST_NUMBERS} numbers", at=start)
        found += range(first, last + 1)
        if cursor.at(","):
            cursor.take()
    return tuple(found)


def _points(cursor: Cursor) -> int | tuple[int, ...]:
    token, found = cursor.token, _numbers(cursor)
    wrong = [number for number in found if not 1 <= number <= _MOST_POINTS]
    if wrong:
        message = f"integration takes 1 to {_MOST_POINTS} points, got {wrong[0]}"
        cursor.fail(message, "Write for example `intpoints(7)`.", at=token)
    return found[0] if len(found) == 1 else found


def _grid(cursor: Cursor) -> tuple[float, ...]:
    """Variances to start from, `.1 1 10` (commas are allowed)."""
    found: list[float] = []
    while not cursor.done or not found:
        token = cursor.token
        found.append(_number(cursor))
        if found[-1] <= 0:
            cursor.fail(f"a grid holds variances, which are positive, got {found[-1]:g}", at=token)
        if cursor.at(","):
            cursor.take()
    return tuple(found)


def _name(cursor: Cursor) -> str:
    token = cursor.take()
    if token.kind != "name":
        cursor.fail(f"a name was expected, got `{token.text}`" if token.text else "a name is missing", at=token)
    return token.value


def _outcome(cursor: Cursor) -> float | str:
    """The value of an outcome, or its label: `2`, `car`, `"public transport"`."""
    if cursor.at("-", "+") or cursor.token.kind == "number":
        return _number(cursor)
    token = cursor.take()
    if token.kind not in ("name", "string") or not token.value:
        cursor.fail(f"an outcome was expected, got `{token.text}`" if token.text else "an outcome is missing", at=token)
    return token.value


def _vce(cursor: Cursor) -> tuple[str, ...]:
    if cursor.at("boot", "bootstrap", "jack", "jackknife"):
        cursor.fail(f"vce({cursor.token.text}) is not available", "Known: oim, robust, cluster <variable>.")
    kind = _choice(cursor, _VCES, "vce")
    return (kind, _name(cursor)) if kind == "cluster" else (kind,)


def _cluster(cursor: Cursor) -> tuple[str, ...]:
    return ("cluster", _name(cursor))


def read_covariance(cursor: Cursor) -> Covariance:
    token = cursor.token
    kind = _choice(cursor, COVARIANCES, "covariance type")
    matrix = None
    if kind in ("fixed", "pattern"):
        if not cursor.at("("):
            cursor.fail(f"`{kind}` needs the name of a matrix", f"Write `covariance({kind}(name))`.", at=token)
        inner = cursor.inside()
        matrix = _name(inner)
        if not inner.done:
            inner.fail(f"`{inner.token.text}` is one word too many")
    return Covariance(kind, matrix, cursor.span(token.start, cursor.tokens[cursor.index - 1].end))  # pyright: ignore[reportArgumentType]


def _family(cursor: Cursor) -> tuple[Any, ...]:
    family = _choice(cursor, _FAMILIES, "family")
    if cursor.done:
        return (family,)
    if family == "binomial":
        return (family, whole_expression(cursor))
    if family == "nbinomial":
        return (family, _choice(cursor, _CHOICES["dispersion"], "dispersion"))
    return cursor.fail(f"family `{family}` takes no argument")


def _dfmethod(cursor: Cursor) -> tuple[str, str]:
    """The method and its suboptions as typed (`eim`, `oim`)."""
    method = _choice(cursor, _DF_METHODS, "method for degrees of freedom")
    if cursor.at(","):
        cursor.take()
    return (method, _raw(cursor, needed=False))


def _raw(cursor: Cursor, needed: bool = True) -> str:
    text = cursor.rest()
    if needed and not text:
        cursor.fail("the parentheses are empty")
    cursor.index = len(cursor.tokens) - 1
    return text


def _expression(cursor: Cursor) -> Expression:
    return whole_expression(cursor)


def _unread(cursor: Cursor) -> tuple[Cursor, ...]:
    """What can only be understood together with the mean is left as it is."""
    if cursor.done:
        cursor.fail("the parentheses are empty")
    return (cursor.upto(len(cursor.tokens) - 1),)


_READERS: dict[str, Callable[[Cursor], Any]] = {
    "number": _number, "level": _level, "tolerance": _tolerance, "count": _count, "numbers": _numbers,
    "points": _points, "grid": _grid, "name": _name, "vce": _vce, "cluster": _cluster, "covariance": read_covariance,
    "family": _family, "outcome": _outcome, "dfmethod": _dfmethod, "raw": _raw, "expression": _expression,
    "definition": _unread, "block": _unread, "initial": read_starts, "resvariance": read_variance,
    **{name: partial(read_correlation, option=name) for name in ("residuals", "rescorrelation", "rescovariance")},
}  # fmt: skip
