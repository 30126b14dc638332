"""Families by the suite's names."""

from collections.abc import Iterable, Mapping
from typing import Any

from ._base import AbstractFamily
from .bernoulli import Bernoulli
from .binomial import Binomial
from .exponential import Exponential
from .gamma import Gamma
from .gaussian import Gaussian
from .interval import Interval
from .links import LINKS
from .loglogistic import Loglogistic
from .lognormal import Lognormal
from .multinomial import Multinomial
from .nbinomial_constant import NegativeBinomialConstant
from .nbinomial_mean import NegativeBinomialMean
from .ordinal import Ordinal
from .poisson import Poisson
from .survival_gamma import SurvivalGamma
from .weibull import Weibull

FAMILIES: dict[str, type[AbstractFamily]] = {
    "bernoulli": Bernoulli,
    "binomial": Binomial,
    "exponential": Exponential,
    "gamma": Gamma,
    "gaussian": Gaussian,
    "interval": Interval,
    "loglogistic": Loglogistic,
    "lognormal": Lognormal,
    "multinomial": Multinomial,
    "nbinomial": NegativeBinomialMean,
    "nbinomial constant": NegativeBinomialConstant,
    "ordinal": Ordinal,
    "poisson": Poisson,
    "survival gamma": SurvivalGamma,
    "weibull": Weibull,
}
_DISPERSIONS = {"mean": "nbinomial", "constant": "nbinomial constant"}
_ACCELERATED = ("loglogistic", "lognormal", "survival gamma")  # survival times without proportional hazards
_DETAILS = {
    "exponential": ("aft", "delayed"),
    "interval": ("word", "closed"),
    "multinomial": ("categories", "base"),
    "nbinomial": ("dispersion",),
    "ordinal": ("categories",),
    "weibull": ("aft", "delayed"),
} | dict.fromkeys(_ACCELERATED, ("aft", "delayed"))


def family(name: str, link: str | None = None, **details: Any) -> AbstractFamily:
    """The family called `name` with the link called `link` (None: its default).

    Details: `dispersion` ("mean", the default, or "constant") of "nbinomial"; `categories` of "ordinal" and
    "multinomial", in order, and `base`, the place of the latter's base outcome (0); `aft` of survival times, whether
    they are accelerated failure times (by default those that can have proportional hazards have them), and `delayed`,
    whether some enter late (True); `word` of "interval", what the model is called, and `closed`, whether some intervals
    have two finite ends (True).
    """
    if name not in FAMILIES:
        raise ValueError(f"`{name}` is no family: use {_listed(FAMILIES)}")
    _require_details(name, details)
    dispersion = details.pop("dispersion", "mean")
    if dispersion not in _DISPERSIONS:
        raise ValueError(f"`{dispersion}` is no dispersion of family nbinomial: use {_listed(_DISPERSIONS)}")
    chosen = FAMILIES[_DISPERSIONS[dispersion] if name == "nbinomial" else name]
    link = chosen.links[0] if link is None else link
    if link not in chosen.links:
        raise ValueError(f"family {name} has no link `{link}`: use {_listed(chosen.links)}")
    if "categories" in details:
        details["categories"] = tuple(str(value) for value in details["categories"])
    if name in _ACCELERATED and not details.pop("aft", True):
        raise ValueError(f"family {name} has no proportional hazards: leave `aft` out, or give aft=True")
    return chosen(link=LINKS[link](), **details)


def _require_details(name: str, details: Mapping[str, Any]) -> None:
    taken = _DETAILS.get(name, ())
    unknown = [detail for detail in details if detail not in taken]
    if unknown:
        takes = f"only {_listed(f'`{detail}`' for detail in taken)}" if taken else "no details"
        raise ValueError(f"family {name} has no `{unknown[0]}`: it takes {takes}")
    if "categories" in taken and "categories" not in details:
        raise ValueError(f"family {name} needs `categories`: the names of the categories in their order")


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
