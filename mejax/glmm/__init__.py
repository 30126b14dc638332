"""Generalized linear mixed models."""

from .batch import Batch as Batch
from .curvature import differentiates_nodes as differentiates_nodes
from .curvature import evaluate as evaluate
from .curvature import hessian_at as hessian_at
from .curvature import slope_at as slope_at
from .curvature import start_state as start_state
from .methods import LAPLACES as LAPLACES
from .methods import MEAN_VARIANCE as MEAN_VARIANCE
from .methods import METHODS as METHODS
from .methods import MODE_CURVATURE as MODE_CURVATURE
from .model import GeneralizedModel as GeneralizedModel
from .noise import probe_noise as probe_noise
from .posterior import EmpiricalBayes as EmpiricalBayes
from .posterior import cluster_scores as cluster_scores
from .posterior import empirical_bayes as empirical_bayes
from .replicates import evaluate_counts as evaluate_counts
from .replicates import evaluate_responses as evaluate_responses
from .replicates import start_responses as start_responses
from .single import Evaluation as Evaluation
from .single import evaluate_single as evaluate_single
from .single import row_slopes as row_slopes
from .structure import AbstractStructure as AbstractStructure
from .structure import ConstrainedStructure as ConstrainedStructure
from .structure import FreeStructure as FreeStructure
