"""The only reader of user tables: `read` turns a `Spec` and a table into a `Design` and its `Encoding`."""

from .effects import NewEffects as NewEffects
from .encoding import Encoding as Encoding
from .encoding import NewDesign as NewDesign
from .reading import read as read
