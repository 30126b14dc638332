"""Families and links: the distribution of one response given its linear predictor."""

from ._base import AbstractFamily as AbstractFamily
from ._base import AbstractMeanFamily as AbstractMeanFamily
from ._base import Ratio as Ratio
from ._base import Statistic as Statistic
from ._registry import FAMILIES as FAMILIES
from ._registry import family as family
from .bernoulli import Bernoulli as Bernoulli
from .binomial import Binomial as Binomial
from .gamma import Gamma as Gamma
from .gaussian import Gaussian as Gaussian
from .links import LINKS as LINKS
from .links import AbstractLink as AbstractLink
from .links import AbstractProbabilityLink as AbstractProbabilityLink
from .links import Cloglog as Cloglog
from .links import Identity as Identity
from .links import Log as Log
from .links import Logit as Logit
from .links import Probit as Probit
from .nbinomial_constant import NegativeBinomialConstant as NegativeBinomialConstant
from .nbinomial_mean import NegativeBinomialMean as NegativeBinomialMean
from .ordinal import Ordinal as Ordinal
from .poisson import Poisson as Poisson
