"""What an interruption leaves of a generalized model's fit."""

from dataclasses import replace

import numpy as np

from .._tree import to_host
from ..design import Design
from ..glmm import GeneralizedModel, evaluate_single
from .climb_generalized import Climb, GeneralizedSettings, Objective, null_start, starting_point
from .progress import Search


def so_far(model: GeneralizedModel, design: Design, settings: GeneralizedSettings, search: Search) -> Climb:
    """The last point of the climb, before it the best node of the grid; before these, one evaluation where the climb
    would have begun.

    Raises:
        KeyboardInterrupt: the likelihood is not finite where the climb would have begun.
    """
    if search.null.at is None:
        search.null.keep(to_host(evaluate_single(model, null_start(model, design, settings))))
    reached = search.null.reached()
    null = reached if search.ended is None else search.ended
    if not model.plan.terms:
        return Climb(model, reached, None, null)
    if search.full.at is None:
        settings.say("\nInterrupted: one evaluation where the climb would have begun; interrupt again to do without.")
        quiet = replace(settings, say=lambda line: None, grid=settings.grid[:1] if settings.grid else None)
        apart = Search.of(quiet.say, quiet.label)
        apart.null.keep(search.null.at)
        objective = Objective(model)
        search.full.keep(objective(starting_point(model, design, quiet, apart, objective)))
    found = search.full.reached()
    if not np.isfinite(found.at.value):
        raise KeyboardInterrupt
    return Climb(model, found, None, null)
