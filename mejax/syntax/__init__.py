"""The text of a model -> a frozen `Spec`.  No data, and nothing but the standard library."""

from .conditions import parse_expression as parse_expression
from .expression import FUNCTIONS as FUNCTIONS
from .expression import MEAN_FUNCTIONS as MEAN_FUNCTIONS
from .expression import Expression as Expression
from .families import FamilyChoice as FamilyChoice
from .families import family_of as family_of
from .function_means import nonlinear_of_function as nonlinear_of_function
from .parsing import parse as parse
from .printing import definition_text as definition_text
from .printing import equation_text as equation_text
from .problem import (
    SyntaxProblem as SyntaxProblem,
)
from .problem import (
    did_you_mean as did_you_mean,
)
from .problem import (
    near_matches as near_matches,
)
from .problem import (
    point_at as point_at,
)
from .spec import (
    Columns as Columns,
)
from .spec import (
    Covariance as Covariance,
)
from .spec import (
    Equation as Equation,
)
from .spec import (
    FormulaSide as FormulaSide,
)
from .spec import (
    Level as Level,
)
from .spec import (
    Nonlinear as Nonlinear,
)
from .spec import (
    Operand as Operand,
)
from .spec import (
    Residuals as Residuals,
)
from .spec import (
    Span as Span,
)
from .spec import (
    Spec as Spec,
)
from .spec import (
    Term as Term,
)
from .spec import (
    Varlist as Varlist,
)
from .spec import (
    Weight as Weight,
)
from .unbuilt import refuse_unbuilt as refuse_unbuilt
