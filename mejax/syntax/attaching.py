"""Options that belong to parts of a model: keywords such as `covariance=` are put where they apply."""

from dataclasses import replace
from typing import Any

from .problem import SyntaxProblem
from .reading import in_keyword, same_value
from .spec import Covariance, Equation, Span, Weight
from .stata import read_rows
from .tokens import cursor_over

_WEIGHTS = ("fweight", "iweight", "pweight")


def attach(draft: dict[str, Any], options: dict[str, Any]) -> None:
    """Move `noconstant`, weights, `covariance` and `shared` out of `options` into the parts of `draft`."""
    if options.pop("noconstant", False):
        _drop_constant(draft)
    draft["weights"] = _weights(draft, options)
    covariance, overridable = options.pop("covariance", None), draft.pop("overridable")
    if covariance is not None:
        pairs = zip(draft["equations"], overridable, strict=True)
        draft["equations"] = tuple(_with_covariance(equation, covariance, free, draft) for equation, free in pairs)
        if not draft["equations"]:
            _fail(draft, "`covariance` without random effects", covariance.span, "Add `|| id:` or `+ (1 | id)`.")
    if options.pop("shared", False):
        draft["equations"] = tuple(replace(equation, shared=True) for equation in draft["equations"])
    for equation in draft["equations"]:
        _check_factor(equation, draft)


def _drop_constant(draft: dict[str, Any]) -> None:
    if draft["spelling"] == "formula":
        message = "`noconstant` does not go with a formula"
        raise SyntaxProblem(message, advice="Write `y ~ 0 + x + (1 | id)`.")
    draft["fixed"] = replace(draft["fixed"], constant=False)


def _weights(draft: dict[str, Any], options: dict[str, Any]) -> tuple[Weight, ...]:
    found = [Weight(kind, options.pop(kind)) for kind in _WEIGHTS if kind in options]  # pyright: ignore[reportArgumentType]
    if len(found) > 1:
        message = "two kinds of weights: " + ", ".join(f"`{weight.kind}`" for weight in found)
        raise SyntaxProblem(message, advice="Keep one of them.")
    in_text: tuple[Weight, ...] = draft["weights"]
    if draft["command"] != "mixed" and in_text and in_text[0].kind == "aweight":
        advice = "Known: fweight, iweight, pweight."
        _fail(draft, f"`{draft['command']}` has no analytic weights", in_text[0].span, advice)
    if in_text and found and not same_value(in_text[0], found[0]):
        _fail(draft, f"the keyword `{found[0].kind}` differs from the weight in the text", in_text[0].span)
    return in_text or tuple(found)


def _with_covariance(equation: Equation, covariance: Covariance, free: bool, draft: dict[str, Any]) -> Equation:
    """`covariance` of the whole model goes to an equation that names none."""
    if free:
        return replace(equation, covariance=covariance)
    if draft["spelling"] == "formula" and not same_value(equation.covariance, covariance):
        advice = "Write one bar, `(x | g)`, where the keyword should decide."
        message = f"`||` means independent effects, `covariance` says {covariance.type}"
        _fail(draft, message, equation.span, advice)
    return equation


def _check_factor(equation: Equation, draft: dict[str, Any]) -> None:
    covariance = equation.covariance
    if equation.factor is not None and draft["command"] == "memlogit" and not equation.shared:
        message = f"`R.{equation.factor}` gives a group one effect for each level, not one for each outcome"
        advice = f"Add `shared` to this equation (`R.{equation.factor}, shared`): one effect for all outcomes."
        _fail(draft, message, equation.span, advice)
    if equation.factor is None or covariance is None or covariance.type in ("identity", "exchangeable"):
        return
    span = equation.span if covariance.span == Span(0, 0) else covariance.span
    message = f"covariance `{covariance.type}` is not possible for `R.{equation.factor}`"
    _fail(draft, message, span, "Known for `R.` are identity and exchangeable.")


def _fail(draft: dict[str, Any], message: str, span: Span, advice: str = "Keep one of them.") -> None:
    raise SyntaxProblem(message, draft["text"], span, advice)


def rows_keyword(value: Any) -> tuple[int, int] | None:
    """`rows=`: "1/100" and (1, 100) count from 1 and include the last row; a slice counts as Python does."""
    if value is None:
        return None
    if isinstance(value, slice):
        return _rows_of_slice(value)
    if isinstance(value, (tuple, list)):
        whole = all(hasattr(end, "__index__") and not isinstance(end, bool) for end in value)
        if len(value) != 2 or not whole:
            raise SyntaxProblem(f"keyword `rows`: expected (first, last), got {value!r}")
        value = f"{value[0]}/{value[1]}"
    if not isinstance(value, str):
        message = f"keyword `rows`: expected a text, a pair or a slice, got {value!r}"
        raise SyntaxProblem(message, advice="Write `rows='1/100'`, `rows=(1, 100)` or `rows=slice(0, 100)`.")
    return in_keyword("rows", lambda: _rows_of_text(value))


def _rows_of_text(text: str) -> tuple[int, int]:
    cursor = cursor_over(text, offset=None)
    rows = read_rows(cursor, cursor.token)
    if not cursor.done:
        cursor.fail(f"`{cursor.token.text}` is one word too many", "Write for example `1/100`.")
    return rows


def _rows_of_slice(value: slice) -> tuple[int, int]:
    start = 0 if value.start is None else value.start
    if value.step not in (None, 1):
        raise SyntaxProblem(f"keyword `rows`: a slice with step {value.step!r} is not a range of rows")
    first = start + 1 if start >= 0 else start
    last = -1 if value.stop is None else value.stop if value.stop > 0 else value.stop - 1
    if value.stop == 0 or ((first > 0) == (last > 0) and first > last):
        raise SyntaxProblem(f"keyword `rows`: {value!r} selects no row")
    return first, last
