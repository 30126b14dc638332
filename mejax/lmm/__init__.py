"""Linear mixed models."""

from .criterion import least_squares as least_squares
from .criterion import sum_of_squares as sum_of_squares
from .curvature import Evaluation as Evaluation
from .curvature import evaluate as evaluate
from .held_coefficient import with_coefficient as with_coefficient
from .model import LinearModel as LinearModel
from .posterior import Posterior as Posterior
from .posterior import modes_at as modes_at
from .posterior import posterior as posterior
from .posterior import posterior_modes as posterior_modes
from .posterior import variances_at as variances_at
from .replicates import ResponseRows as ResponseRows
from .replicates import evaluate_counts as evaluate_counts
from .replicates import evaluate_responses as evaluate_responses
from .small_sample import Derivatives as Derivatives
from .small_sample import derivatives as derivatives
from .within import GroupErrors as GroupErrors
from .within import at_errors as at_errors
from .within import error_covariance as error_covariance
from .within import error_variances as error_variances
