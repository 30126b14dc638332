"""The object that a command returns."""

from .fit import Fit as Fit
