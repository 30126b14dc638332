"""Example data: `load("pig")` gives a data frame, `describe("pig")` says what is in it and where it comes from.

Each data set is one CSV file beside this module and one entry of `_catalogue.py`.
"""

from ._load import describe as describe
from ._load import load as load
from ._load import names as names
