"""Integrals over nested random effects: rules, nodes, adaptation, derivatives.  No family is known here."""

from .adaptation import adapt as adapt
from .adaptation import moments as moments
from .adaptation import settle as settle
from .adaptation import standard_nodes as standard_nodes
from .adaptation import triangular_root as triangular_root
from .information import Columns as Columns
from .information import Derivatives as Derivatives
from .information import Integrand as Integrand
from .information import derivatives as derivatives
from .information import slope_and_curvature as slope_and_curvature
from .nested import Nodes as Nodes
from .nested import Placed as Placed
from .nested import Tilted as Tilted
from .nested import Tree as Tree
from .nested import conditional as conditional
from .nested import integrate as integrate
from .nested import joint as joint
from .nested import linear_predictor as linear_predictor
from .nested import place as place
from .nested import spread as spread
from .nested import tilt as tilt
from .nested import weighted as weighted
from .rules import MOST_POINTS as MOST_POINTS
from .rules import Rule as Rule
from .rules import line_rule as line_rule
from .rules import product_rule as product_rule
