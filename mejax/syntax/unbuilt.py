"""What can be spelled but not fitted yet."""

from .options import options_of
from .problem import point_at
from .spec import Spec, Weight

_TECHNIQUE_ADVICE = "Leave it out: Newton-Raphson (nr) on the exact Hessian is used"


def refuse_unbuilt(spec: Spec) -> None:
    """Raise `NotImplementedError` for the first option that is not built yet."""
    for option in options_of(spec.command):
        if option.name in spec.options and spec.command in option.unbuilt:
            raise NotImplementedError(_message(spec, option.word, option.unbuilt[spec.command]))
    if spec.option("technique", "nr") != "nr":
        raise NotImplementedError(_message(spec, f"technique({spec.option('technique')})", _TECHNIQUE_ADVICE))
    if spec.command == "mixed":
        for weight in (*spec.weights, *(weight for equation in spec.equations for weight in equation.weights)):
            _refuse_weight(spec, weight)


def _refuse_weight(spec: Spec, weight: Weight) -> None:
    if weight.kind in ("iweight", "aweight"):
        name = "analytic" if weight.kind == "aweight" else "importance"
        message = _message(spec, weight.kind, f"`mixed` has no {name} weights; use fweight or pweight, or leave it out")
        raise NotImplementedError(point_at(spec.text, weight.span, message))


def _message(spec: Spec, what: str, advice: str) -> str:
    return f"`{what}` is not built yet for `{spec.command}`. What to do instead: {advice[:1].lower()}{advice[1:]}."
