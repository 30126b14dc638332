"""From a model to its estimates."""

from .alternation import NonlinearSettings as NonlinearSettings
from .climb import FitSettings as FitSettings
from .climb_generalized import GeneralizedSettings as GeneralizedSettings
from .comparison import boundary_test as boundary_test
from .comparison import upper_tail as upper_tail
from .degrees import AbstractDegrees as AbstractDegrees
from .estimates import Comparison as Comparison
from .estimates import Component as Component
from .estimates import Estimates as Estimates
from .generalized import fit_generalized as fit_generalized
from .linear import degrees_by as degrees_by
from .linear import fit_linear as fit_linear
from .nonlinear import fit_nonlinear as fit_nonlinear
from .small_sample import KenwardRoger as KenwardRoger
from .true_likelihood import fit_true as fit_true
