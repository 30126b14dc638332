"""What can be spelled but not fitted yet."""

from .options import options_of
from .problem import point_at
from .spec import Spec, Weight

_LEVEL_ADVICE = "Repeat the groups' observations under new group labels, or fit without the weights"
_TECHNIQUE_ADVICE = "Leave it out: Newton-Raphson (nr) on the exact Hessian is used"
_WEIGHT_ADVICE = "Fit without it; whole-number weights that repeat observations go in as `fweight`"


def refuse_unbuilt(spec: Spec) -> None:
    """Raise `NotImplementedError` for the first option that is not built yet."""
    for option in options_of(spec.command):
        if option.name in spec.options and spec.command in option.unbuilt:
            raise NotImplementedError(_message(spec, option.word, option.unbuilt[spec.command]))
    if spec.option("technique", "nr") != "nr":
        raise NotImplementedError(_message(spec, f"technique({spec.option('technique')})", _TECHNIQUE_ADVICE))
    if spec.command == "mixed":
        for weight in spec.weights:
            _refuse_weight(spec, weight, level=False)
        for weight in (weight for equation in spec.equations for weight in equation.weights):
            _refuse_weight(spec, weight, level=True)


def _refuse_weight(spec: Spec, weight: Weight, *, level: bool) -> None:
    if weight.kind != "fweight":
        message = _message(spec, weight.kind, _weight_advice(weight))
    elif level:
        message = _message(spec, "fweight() of a random-effects level", _LEVEL_ADVICE)
    else:
        return
    raise NotImplementedError(point_at(spec.text, weight.span, message))


def _message(spec: Spec, what: str, advice: str) -> str:
    return f"`{what}` is not built yet for `{spec.command}`. What to do instead: {advice[:1].lower()}{advice[1:]}."


def _weight_advice(weight: Weight) -> str:
    if weight.kind == "aweight":
        return "`mixed` has no analytic weights; leave it out"
    return _WEIGHT_ADVICE
