"""Covariance structures of random effects, as reparameterisations of unconstrained reals."""

from ._base import AbstractCovariance as AbstractCovariance
from .exchangeable import Exchangeable as Exchangeable
from .fixed import Fixed as Fixed
from .identity import Identity as Identity
from .independent import Independent as Independent
from .pattern import Pattern as Pattern
from .unstructured import Unstructured as Unstructured
from .variances import AbstractVariances as AbstractVariances
from .variances import ConstrainedVariances as ConstrainedVariances
from .variances import FreeVariances as FreeVariances
from .variances import entry_root as entry_root
