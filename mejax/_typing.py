"""Letters and types used everywhere.

| symbol | name in code | meaning |
|---|---|---|
| n, p, q, J, K | `n p q J K` in shapes | observations, fixed and random columns, groups, quadrature nodes |
| y, X, Z | `y x z` | response, fixed and random design |
| beta | `fixed` | fixed effects |
| u = L b, b ~ N(0, I) | `factor` is L | random effects of one group |
| Sigma = L L' | `sigma` | their covariance |
| sigma_e | `residual` holds log sigma_e | residual standard deviation of a linear model |
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Array

Response = Any  # a pytree of arrays whose leading axis is n
if TYPE_CHECKING:
    ArrayLike = Any  # the two kinds of array have the same methods, which a union does not let a type checker see
else:
    ArrayLike = Array | np.ndarray  # on the device or on the host
SegmentSum = Callable[[Any, Any, int], Any]


class Params(NamedTuple):
    """Unconstrained reals: the argument of every log likelihood.

    fixed: (p,) coefficients.  random: one vector per covariance block.  residual: parameters of the within-group
    errors (linear models: (1,), the log of the residual standard deviation).  ancillary: cut points, dispersions.
    """

    fixed: Any
    random: tuple[Any, ...]
    residual: Any
    ancillary: Any
