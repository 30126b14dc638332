"""What every part of a fit's interface works on."""

from ..fitting import Estimates
from ..frame import Encoding
from ..syntax import Spec


class Held:
    """The estimates, the model as it was understood, and how its table was coded."""

    def __init__(self, spec: Spec, estimates: Estimates, encoding: Encoding):
        self.spec = spec
        self.estimates = estimates
        self.encoding = encoding

    @property
    def level(self) -> float:
        """Confidence level in per cent."""
        return float(self.spec.option("level", 95.0))

    def _level(self, asked: float | None) -> float:
        return self.level if asked is None else asked
