"""What can be spelled but not fitted yet."""

from .options import options_of
from .problem import point_at
from .spec import Spec, Weight

_WEIGHT_ADVICE = "Fit without it; whole-number weights that repeat observations go in as `fweight`"


def refuse_unbuilt(spec: Spec) -> None:
    """Raise `NotImplementedError` for the first option of a model that its command does not have yet."""
    for option in options_of(spec.command):
        if option.name in spec.options and spec.command in option.unbuilt:
            raise NotImplementedError(_message(spec, option.word, option.unbuilt[spec.command]))
    for weight in (*spec.weights, *(weight for equation in spec.equations for weight in equation.weights)):
        if spec.command == "mixed" and weight.kind != "fweight":
            message = _message(spec, weight.kind, _weight_advice(weight))
            raise NotImplementedError(point_at(spec.text, weight.span, message))


def _message(spec: Spec, what: str, advice: str) -> str:
    return f"`{what}` is not built yet for `{spec.command}`. What to do instead: {advice[:1].lower()}{advice[1:]}."


def _weight_advice(weight: Weight) -> str:
    if weight.kind == "aweight":
        return "`mixed` has no analytic weights; leave it out"
    return _WEIGHT_ADVICE
