"""Within-group errors in words: `residuals()` of `mixed`; `resvariance()`, `rescorrelation()`, `rescovariance()`.

residuals(type [order] [, by(g) t(time)])      likewise rescorrelation and rescovariance, with index(g) and group(g) too
resvariance(identity | linear v | power v | exponential v | distinct [, noconstant strata(g) index(g)])
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .problem import did_you_mean
from .spec import Residuals
from .tokens import Cursor, Token
from .words import expand, full

_MIXED = (
    "ind:ependent", "ex:changeable", "ar", "ma", "un:structured", "ba:nded", "to:eplitz", "exp:onential",
)  # fmt: skip
_NONLINEAR = (
    "id:entity", "ex:changeable", "ar", "ma", "ctar1", "to:eplitz", "ba:nded", "un:structured",
)  # fmt: skip
_VARIANCES = ("id:entity", "lin:ear", "pow:er", "exp:onential", "dist:inct")
_SHORTEST_ORDER = {"ar": 1, "ma": 1, "toeplitz": 1, "banded": 0}
_CATEGORICAL = ("banded", "unstructured")  # their times are names, one parameter for each
_WITHOUT_TIME = ("identity", "exchangeable")
_IN_CONTINUOUS_TIME = ("exponential", "ctar1")
_OPTIONS = {
    "resvariance": ("nocons:tant", "str:ata", "ind:ex"),
    "residuals": ("by", "t:ime"),
    "rescorrelation": ("by", "t:ime", "ind:ex", "gr:oup"),
    "rescovariance": ("by", "t:ime", "ind:ex", "gr:oup"),
}


def read_correlation(cursor: Cursor, option: str) -> Residuals:
    """The argument of `residuals`, `rescorrelation` or `rescovariance`."""
    token = cursor.token
    kind: Any = _kind(cursor, _MIXED if option == "residuals" else _NONLINEAR, option)
    kind = "identity" if kind == "independent" else kind
    order = _order(cursor, kind)
    end = cursor.tokens[cursor.index - 1].end
    given = _suboptions(cursor, option)
    time = _time(cursor, kind, given, token)
    by = given["by"].value if "by" in given else None
    if by is not None and kind == "identity" and option == "rescorrelation":
        cursor.fail("`by()` has no correlation to differ here", "Name one, such as `ar 1`.", at=given["by"])
    joint, group = option != "rescorrelation", given["group"].value if "group" in given else None
    span = cursor.span(token.start, end)
    return Residuals(correlation=kind, order=order, time=time, by=by, joint=joint, group=group, span=span)


def read_variance(cursor: Cursor) -> Residuals:
    """The argument of `resvariance`."""
    token = cursor.token
    kind: Any = _kind(cursor, _VARIANCES, "resvariance")
    variable = _variable(cursor, kind, token) if kind in ("linear", "power", "exponential") else None
    end = cursor.tokens[cursor.index - 1].end
    given = _suboptions(cursor, "resvariance")
    allowed = {"power": ("noconstant", "strata"), "distinct": ("index",), "identity": ()}.get(kind, ("strata",))
    for word, at in given.items():
        if word not in allowed:
            known = f"Known for it: {', '.join(allowed)}." if allowed else "Leave it out."
            cursor.fail(f"`{word}` does not go with resvariance({kind})", known, at=at)
    if kind == "distinct" and "index" not in given:
        advice = "Write `resvariance(distinct, index(g))`."
        cursor.fail("`distinct` needs the column that tells the variances apart", advice, at=token)
    strata, index = (given[word].value if word in given else None for word in ("strata", "index"))
    constant, span = "noconstant" not in given, cursor.span(token.start, end)
    return Residuals(kind, variable, constant, strata, index, joint=False, span=span)


def structure(options: dict[str, Any]) -> Residuals | None:
    """Take what `options` say about the errors out of them; None where they are independent with one variance."""
    whole = options.pop("residuals", None) or options.pop("rescovariance", None)
    variance, correlation = options.pop("resvariance", None), options.pop("rescorrelation", None)
    found = whole or variance or correlation
    if variance is not None and correlation is not None:
        own = {name: getattr(correlation, name) for name in ("correlation", "order", "time", "by", "group")}
        found = replace(variance, **own)
    if found is None or (found.variance == found.correlation == "identity" and found.by is None):
        return None
    return found


def _kind(cursor: Cursor, spellings: tuple[str, ...], option: str) -> str:
    token = cursor.take()
    word = expand(token.text.lower(), spellings) if token.kind == "name" else None
    if word is None:
        known = [full(spelling) for spelling in spellings]
        advice = f"{did_you_mean(token.text, known)} Known: {', '.join(known)}.".strip()
        what = f"`{token.text}` is not a known type of {option}()" if token.text else f"{option}() needs a type"
        cursor.fail(what, advice, at=token)
    return word


def _order(cursor: Cursor, kind: str) -> int | None:
    """The number behind the type; one for `ar` and `ma`, the largest possible (None) for the others."""
    if cursor.done or cursor.at(","):
        return 1 if kind in ("ar", "ma") else None
    token = cursor.take()
    if token.kind != "number" or not token.value.isdecimal() or len(token.value) > 4:
        cursor.fail(f"a comma was expected, or the order of `{kind}`, got `{token.text}`", at=token)
    if kind not in _SHORTEST_ORDER:
        cursor.fail(f"`{kind}` has no order", f"Those of {', '.join(_SHORTEST_ORDER)} have one.", at=token)
    if int(token.value) < _SHORTEST_ORDER[kind]:
        cursor.fail(f"the order of `{kind}` is at least {_SHORTEST_ORDER[kind]}, got {token.value}", at=token)
    return int(token.value)


def _variable(cursor: Cursor, kind: str, at: Token) -> str:
    """The column that a variance is a function of; `_yhat` is the predicted mean."""
    token = cursor.take()
    if token.kind != "name":
        shown = "v" if kind == "linear" else "_yhat"
        advice = f"Write `resvariance({kind} {shown})`."
        cursor.fail(f"`{kind}` needs the column that the variance depends on", advice, at=at)
    if token.text == "_yhat" and kind == "linear":
        advice = "Write `power _yhat` or `exponential _yhat`."
        cursor.fail("a `linear` variance is one of a column, not of `_yhat`", advice, at=token)
    return token.value


def _suboptions(cursor: Cursor, option: str) -> dict[str, Token]:
    """What follows the comma: word -> the token of its argument (`noconstant`: its own)."""
    found: dict[str, Token] = {}
    if cursor.done:
        return found
    if not cursor.at(","):
        cursor.fail(f"`{cursor.token.text}` was not expected in {option}()", "Suboptions follow a comma.")
    cursor.take()
    while not cursor.done:
        token = cursor.take()
        word = expand(token.text, _OPTIONS[option])
        if word is None:
            known = ", ".join(full(spelling) for spelling in _OPTIONS[option]).replace("time", "t")
            cursor.fail(f"`{token.text}` is not a suboption of {option}()", f"Known: {known}.", at=token)
        if word in found:
            cursor.fail(f"`{token.text}` is given twice", "Keep one of them.", at=token)
        found[word] = token if word == "noconstant" else _column(cursor, token)
    return found


def _column(cursor: Cursor, at: Token) -> Token:
    if not cursor.at("("):
        cursor.fail(f"`{at.text}` needs a column", f"Write `{at.text}(x)`.", at=at)
    inner = cursor.inside()
    column = inner.take()
    if column.kind != "name" or not inner.done:
        advice = f"Write `{at.text}(x)`; sort the rows, or make such a column, first."
        cursor.fail(f"`{at.text}()` holds the name of one column", advice, at=at)
    return column


def _time(cursor: Cursor, kind: str, given: Mapping[str, Token], at: Token) -> str | None:
    """The column of the times; that of the categories where each has parameters."""
    if "index" in given and "time" in given:
        cursor.fail("`t()` and `index()` both say which errors are alike", "Keep one of them.", at=given["index"])
    if "index" in given and kind not in _CATEGORICAL:
        advice = "Write `t()` for the times." if kind not in _WITHOUT_TIME else "Leave it out."
        cursor.fail(f"`index()` does not go with `{kind}`", advice, at=given["index"])
    column = given.get("time", given.get("index"))
    if column is not None and kind in _WITHOUT_TIME:
        cursor.fail(f"`{kind}` errors do not depend on time", "Leave `t()` out.", at=column)
    if column is None and kind in _IN_CONTINUOUS_TIME:
        cursor.fail(f"`{kind}` needs the times of the observations", f"Write `{kind}, t(time)`.", at=at)
    return None if column is None else column.value
