"""The object that a command returns."""

from .fit import Fit as Fit
from .side_by_side import ModelTable as ModelTable
from .side_by_side import table as table
