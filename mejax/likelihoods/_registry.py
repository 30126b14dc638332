"""Families by the suite's names."""

from collections.abc import Iterable
from typing import Any

from ._base import AbstractFamily
from .bernoulli import Bernoulli
from .binomial import Binomial
from .gamma import Gamma
from .gaussian import Gaussian
from .links import LINKS
from .nbinomial_constant import NegativeBinomialConstant
from .nbinomial_mean import NegativeBinomialMean
from .ordinal import Ordinal
from .poisson import Poisson

FAMILIES: dict[str, type[AbstractFamily]] = {
    "bernoulli": Bernoulli,
    "binomial": Binomial,
    "gamma": Gamma,
    "gaussian": Gaussian,
    "nbinomial": NegativeBinomialMean,
    "nbinomial constant": NegativeBinomialConstant,
    "ordinal": Ordinal,
    "poisson": Poisson,
}
_DISPERSIONS = {"mean": "nbinomial", "constant": "nbinomial constant"}
_DETAILS = {"nbinomial": "dispersion", "ordinal": "categories"}


def family(name: str, link: str | None = None, **details: Any) -> AbstractFamily:
    """The family called `name` with the link called `link` (None: its default).

    Details: `dispersion` ("mean", the default, or "constant") of "nbinomial"; `categories` of "ordinal", in order.
    """
    if name not in FAMILIES:
        raise ValueError(f"`{name}` is no family: use {_listed(FAMILIES)}")
    unknown = [detail for detail in details if detail != _DETAILS.get(name)]
    if unknown:
        takes = f"only `{_DETAILS[name]}`" if name in _DETAILS else "no details"
        raise ValueError(f"family {name} has no `{unknown[0]}`: it takes {takes}")
    dispersion = details.pop("dispersion", "mean")
    if dispersion not in _DISPERSIONS:
        raise ValueError(f"`{dispersion}` is no dispersion of family nbinomial: use {_listed(_DISPERSIONS)}")
    chosen = FAMILIES[_DISPERSIONS[dispersion] if name == "nbinomial" else name]
    link = chosen.links[0] if link is None else link
    if link not in chosen.links:
        raise ValueError(f"family {name} has no link `{link}`: use {_listed(chosen.links)}")
    if name == "ordinal":
        if "categories" not in details:
            raise ValueError("family ordinal needs `categories`: the names of the categories in their order")
        details["categories"] = tuple(str(value) for value in details["categories"])
    return chosen(link=LINKS[link](), **details)


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
