"""What the options of `mestreg` say: the distribution, the metric, and whether ratios are printed."""

from collections.abc import Mapping
from typing import Any

from .problem import SyntaxProblem

DISTRIBUTIONS = ("exponential", "weibull", "loglogistic", "lognormal", "gamma")
_PROPORTIONAL = ("exponential", "weibull")  # these have both metrics; the others only that of time


def accelerated(options: Mapping[str, Any]) -> bool:
    """Whether covariates act on time (accelerated failure time), not on the hazard."""
    return bool(options.get("aft")) or options["distribution"] not in _PROPORTIONAL


def with_survival(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with `eform` as the table is printed.

    Proportional-hazards models show hazard ratios unless `nohr` is given, accelerated failure times show coefficients
    unless time ratios are asked for.
    """
    if "distribution" not in options:
        listed = ", ".join(DISTRIBUTIONS)
        message = f"`mestreg` needs a distribution of the survival times: {listed}"
        raise SyntaxProblem(message, advice="Write for example `distribution(weibull)`.")
    aft, asked = accelerated(options), options.get("eform")
    _check_metric(options, aft, asked)
    ratios = {"eform": True} if asked or not (aft or options.get("nohr")) else {}
    return {**{name: value for name, value in options.items() if name != "eform"}, **ratios}


def _check_metric(options: Mapping[str, Any], aft: bool, asked: Any) -> None:
    """Hazard ratios belong to proportional hazards, time ratios to accelerated failure times."""
    model = f"distribution({options['distribution']})"
    if aft and (asked == "hr" or options.get("nohr")):
        message = f"`{'hr' if asked else 'nohr'}` is about hazard ratios, but {model} is a model of time here"
        raise SyntaxProblem(message, advice="Leave it out for coefficients; `tratio` prints time ratios.")
    if not aft and asked == "tratio":
        message = f"`tratio` prints time ratios, but {model} is a proportional-hazards model here"
        raise SyntaxProblem(message, advice="Add the option `time` (`aft=True`) for coefficients that act on time.")
