"""The family that a command and its options name, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .expression import Expression, Number
from .problem import SyntaxProblem
from .spec import Span, Spec
from .survival import accelerated

DEFAULT_LINKS = {
    "gaussian": "identity", "bernoulli": "logit", "binomial": "logit", "gamma": "log", "nbinomial": "log",
    "ordinal": "logit", "poisson": "log",
}  # fmt: skip
_SHORTHANDS = {
    "melogit": ("bernoulli", "logit"), "meprobit": ("bernoulli", "probit"), "mecloglog": ("bernoulli", "cloglog"),
    "meologit": ("ordinal", "logit"), "meoprobit": ("ordinal", "probit"), "mepoisson": ("poisson", "log"),
    "menbreg": ("nbinomial", "log"), "metobit": ("interval", "identity"), "meintreg": ("interval", "identity"),
    "memlogit": ("multinomial", "logit"),
}  # fmt: skip
_BINARY = ("melogit", "meprobit", "mecloglog")


@dataclass(frozen=True)
class FamilyChoice:
    """A family and its link.

    `trials` belongs to the binomial (None: one trial an observation), `dispersion` ("mean" or "constant") to the
    negative binomial, `aft` (whether covariates act on time, not on the hazard) to survival times.  Whether the link
    suits the family is for the family to say.
    """

    name: str
    link: str
    trials: Expression | None = None
    dispersion: str | None = None
    aft: bool | None = None

    @property
    def has_cutpoints(self) -> bool:
        """Cut points stand in place of an intercept."""
        return self.name == "ordinal"

    @property
    def has_outcomes(self) -> bool:
        """The response is a category, which text can name."""
        return self.name in ("bernoulli", "ordinal", "multinomial")


def family_of(spec: Spec) -> FamilyChoice | None:
    """The family of a model; None for `mixed` and `menl`, which need none."""
    if spec.command in ("mixed", "menl"):
        return None
    if spec.command == "mestreg":
        name, aft = spec.option("distribution"), accelerated(spec.options)
        return FamilyChoice("survival gamma" if name == "gamma" else name, "log", aft=aft)
    trials = spec.option("binomial")
    if spec.command in _SHORTHANDS:
        name, link = _SHORTHANDS[spec.command]
        name = "binomial" if trials is not None else name
        return FamilyChoice(name, link, trials, spec.option("dispersion", "mean") if name == "nbinomial" else None)
    name, *detail = spec.option("family", ("gaussian",))
    link = spec.option("link", DEFAULT_LINKS[name])
    if name == "nbinomial":
        return FamilyChoice(name, link, dispersion=detail[0] if detail else "mean")
    return FamilyChoice(name, link, detail[0] if detail else trials if name == "binomial" else None)


def with_trials(command: str, options: Mapping[str, Any], trials: Expression, text: str, span: Span) -> dict[str, Any]:
    """The options with the trials that `cbind(successes, failures)` says; refused where nothing is binomial."""
    if command not in (*_BINARY, "meglm"):
        advice = f"Its commands are {', '.join(_BINARY)}, and meglm with family(binomial)."
        raise SyntaxProblem(f"`cbind()` is the response of a binomial family, not of `{command}`", text, span, advice)
    family = options.get("family", ("gaussian",))
    if command == "meglm" and family[0] != "binomial":
        advice = "Say `family(binomial)`."
        raise SyntaxProblem(f"`cbind()` does not go with family({family[0]})", text, span, advice)
    if "binomial" in options or len(family) > 1:
        advice = "Keep one of them: trials are the sum of successes and failures."
        raise SyntaxProblem("both `cbind()` and `binomial()` say the number of trials", text, span, advice)
    return {**options, "binomial": trials}


def check_family(spec: Spec) -> None:
    """Refuse what the family cannot have: an intercept left out, a number of trials below one, a superfluous `asis`."""
    choice = family_of(spec)
    if choice is None:
        return
    if choice.has_cutpoints and not spec.fixed.constant:
        removed = "noconstant" if spec.spelling == "stata" else "0 +"
        message = f"`{removed}` is not possible with family ordinal: cut points stand in place of an intercept"
        raise SyntaxProblem(message, advice=f"Leave `{removed}` out: the linear predictor has no constant anyway.")
    if isinstance(choice.trials, Number) and (choice.trials.value < 1 or choice.trials.value % 1):
        message = f"binomial({choice.trials.value:g}): a number of trials is a whole number from 1"
        raise SyntaxProblem(message, advice="Write for example `binomial(10)`, or name the column that holds it.")
    if spec.option("asis") and choice.name not in ("bernoulli", "binomial"):
        message = f"`asis` is for families bernoulli and binomial, not {choice.name}"
        raise SyntaxProblem(message, advice="Leave it out: only their covariates can predict an outcome perfectly.")
