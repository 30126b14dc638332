"""Nonlinear mixed models: mean functions, their linearisation, penalised least squares, starting values."""

from .mean import Function as Function
from .mean import Mean as Mean
from .mean import Written as Written
from .model import NonlinearModel as NonlinearModel
from .normal import NonlinearNormal as NonlinearNormal
from .pnls import Point as Point
from .pnls import linearised as linearised
from .pnls import solve as solve
from .probing import columns_read as columns_read
from .program import OPERATIONS as OPERATIONS
from .start import search as search
