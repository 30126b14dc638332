"""The blocked solver of linear models (and of every Laplace approximation): plan, cross-products, elimination.

On the host `plan` (chain and pairs), `products`, `leaves` and `planning` (which solver, its memory, `layout` or
`buckets`); on the device `schur.walk` along the chain, then the remainder as a matrix (`spd`, large ones `blocked`) or
in products only (`sparse`, `krylov`).  `reduce` joins these for linear models, `solver` for Laplace's approximation,
whose products `weighing` forms at every step.
"""

from .blocked import inverse_in_place as inverse_in_place
from .buckets import Meeting as Meeting
from .buckets import each_meeting as each_meeting
from .krylov import reduce_sparse as reduce_sparse
from .layout import thinned as thinned
from .leaves import without_leaves as without_leaves
from .plan import ChainLevel as ChainLevel
from .plan import HostTerm as HostTerm
from .plan import Plan as Plan
from .plan import Term as Term
from .plan import index_type as index_type
from .plan import merge_terms as merge_terms
from .plan import nesting as nesting
from .plan import plan_chain as plan_chain
from .plan import unique_cells as unique_cells
from .planning import AUTO as AUTO
from .planning import UNSOLVED as UNSOLVED
from .planning import Solver as Solver
from .planning import complete_plan as complete_plan
from .planning import machine_memory as machine_memory
from .planning import make_plan as make_plan
from .planning import outlook as outlook
from .products import Products as Products
from .products import cross_products as cross_products
from .products import host_segment_sum as host_segment_sum
from .products import row_weights as row_weights
from .reduce import eliminate as eliminate
from .reduce import reduce_dense as reduce_dense
from .schur import BY_GROUP as BY_GROUP
from .schur import LevelValues as LevelValues
from .schur import Remainder as Remainder
from .schur import eliminate_by_cluster as eliminate_by_cluster
from .schur import eliminate_chain as eliminate_chain
from .schur import eliminate_levels as eliminate_levels
from .schur import scale_crossed as scale_crossed
from .solver import Factor as Factor
from .solver import crossed_blocks as crossed_blocks
from .solver import factorise as factorise
from .solver import inverse_blocks as inverse_blocks
from .solver import log_determinants as log_determinants
from .solver import remainder as remainder
from .solver import solve as solve
from .sparse import Balanced as Balanced
from .spd import inverse_root as inverse_root
from .spd import logdet_inverse as logdet_inverse
from .weighing import Rows as Rows
from .weighing import expand as expand
from .weighing import make_rows as make_rows
from .weighing import weigh as weigh
from .weighing import weigh_dense as weigh_dense
