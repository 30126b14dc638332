"""Linear mixed models."""

from .curvature import Evaluation as Evaluation
from .curvature import evaluate as evaluate
from .model import LinearModel as LinearModel
from .posterior import Posterior as Posterior
from .posterior import modes_at as modes_at
from .posterior import posterior as posterior
from .posterior import variances_at as variances_at
