"""The blocked solver of linear models (and of every Laplace approximation): plan, cross-products, elimination."""

from .plan import ChainLevel as ChainLevel
from .plan import HostTerm as HostTerm
from .plan import Plan as Plan
from .plan import Term as Term
from .plan import make_plan as make_plan
from .plan import merge_terms as merge_terms
from .plan import nesting as nesting
from .products import Products as Products
from .products import cross_products as cross_products
from .products import host_segment_sum as host_segment_sum
from .schur import Remainder as Remainder
from .schur import eliminate as eliminate
from .schur import eliminate_by_cluster as eliminate_by_cluster
from .schur import eliminate_chain as eliminate_chain
from .schur import reduce_dense as reduce_dense
from .schur import scale_crossed as scale_crossed
from .spd import logdet_inverse as logdet_inverse
