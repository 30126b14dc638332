"""Spec and design into a model."""

from .generalized import Integration as Integration
from .generalized import build_generalized as build_generalized
from .linear import build_linear as build_linear
from .nonlinear import build_nonlinear as build_nonlinear
from .nonlinear import build_true as build_true
from .streamed import build_streamed as build_streamed
