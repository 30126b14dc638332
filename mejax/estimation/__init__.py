"""From a parsed command and a table to estimates: what reading, building and fitting have to be told by options."""

from .models import built as built
from .models import estimate as estimate
from .models import fit_design as fit_design
from .models import read_design as read_design
