"""A fit in a file: what is needed to make it again, as numbers and text, nothing that could run."""

from .fits import MOST_BYTES as MOST_BYTES
from .fits import load_fit as load_fit
from .fits import save_fit as save_fit
