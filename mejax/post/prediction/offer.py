"""What can be predicted of a response, and which options say something about it."""

from typing import Any

from ...frame import Encoding
from ...likelihoods import AbstractFamily, AbstractMeanFamily
from .request import Request
from .residuals import RESIDUALS
from .response import has_categories, has_outcomes
from .survival import MARGINAL

PREDICTORS, EFFECTS, SCORES = ("eta", "xb", "stdp"), ("reffects", "reses"), "scores"
_FIXED = ("xb", "stdp", SCORES)  # nothing about them depends on the random effects' values
_OPTIONS = {"time": ("at",), "limits": ("lower", "upper")}  # of statistics that read this part of a response
_SPECIAL = ("outcome", "at", "lower", "upper")


def require_offered(family: AbstractFamily, encoding: Encoding, asked: Request) -> None:
    """Raise an error where the response has no such statistic."""
    of_response = tuple(family.statistics)
    residuals = RESIDUALS if isinstance(family, AbstractMeanFamily) else ()
    known = (*of_response, *PREDICTORS, *residuals, *EFFECTS, SCORES)
    statistic = asked.statistic
    if statistic in known:
        return
    if statistic in ("mu", *RESIDUALS) and has_categories(encoding):
        article = "an" if family.name[0] in "aeiou" else "a"
        raise ValueError(
            f"predict: the categories of {article} {family.name} response have no mean; predict "
            f"`{family.default_statistic}`"
        )
    if statistic in RESIDUALS:
        raise ValueError(
            f"predict: `{statistic}` compares a response with its mean, but responses of this model may be known only "
            f"in part; predict {', '.join((*of_response, 'eta'))}"
        )
    if statistic in ("mu", "pr", "mean"):
        raise ValueError(
            f"predict: `{statistic}` is no statistic of this model: a {family.name} response has "
            f"{', '.join(of_response)}"
        )
    asked.require_known(statistic, known)


def check_options(family: AbstractFamily, encoding: Encoding, asked: Request, data: Any) -> None:
    """Raise an error where an option says nothing about the statistic, or new data lack the response."""
    statistic = asked.statistic
    found = family.statistics.get(statistic)
    reads = found.reads if found is not None else ""
    useful = _OPTIONS.get(reads, ()) if statistic != "pr" or reads else _outcome_option(family, encoding, asked)
    asked.require_plain_of(statistic, [option for option in _SPECIAL if option not in useful])
    _check_marginal(family, asked)
    if statistic in _FIXED:
        asked.require_plain_of(statistic, ("conditional", "relevel"))
    if statistic in ("stdp", SCORES, *EFFECTS):
        asked.require_offset(statistic)
    if statistic in EFFECTS and asked.conditional == "fixedonly":
        raise ValueError(f"predict: `{statistic}` cannot be had with `conditional=fixedonly`, which sets them to zero")
    if data is not None and (reads == "response" or statistic in (*RESIDUALS, SCORES)):
        raise ValueError(
            f"predict: `{statistic}` compares with the response of the estimation sample; predict "
            f"`{family.default_statistic}` on the new data and compare it with the response"
        )


def _outcome_option(family: AbstractFamily, encoding: Encoding, asked: Request) -> tuple[str, ...]:
    if asked.outcome is not None and not has_outcomes(encoding):
        raise ValueError(f"predict: `outcome` says nothing about a {family.name} response; pr is that of a success")
    return ("outcome",)


def _check_marginal(family: AbstractFamily, asked: Request) -> None:
    if not asked.marginal:
        return
    averaged = [
        name for name, s in family.statistics.items() if s.reads != "response" and (s.averaged or name in MARGINAL)
    ]
    if asked.statistic not in averaged:
        raise ValueError(
            f"predict: `marginal` averages {', '.join(averaged)} over random effects, not {asked.statistic}"
        )
    asked.require_plain_of("a marginal prediction, which has no random effects", ("conditional", "relevel"))
