"""The second table, of linear and nonlinear models: variance components and the parameters of the errors."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from ..fitting import Component, Estimates
from ..post.scales import standard_deviations
from ..post.tables import ancillary_lines, component_lines
from ..syntax import Spec
from ..tables import Block, Row, abbreviate

_WIDTH = 29  # of a heading
_CORRELATION = -2  # the number of the errors' correlation among the equations of components


def random_blocks(spec: Spec, estimates: Estimates, level: float) -> Iterator[Block]:
    """One block per random-effects equation, then those of the errors."""
    lines = standard_deviations(estimates, level) if spec.option("stddeviations") else component_lines(estimates, level)
    numbered = zip(estimates.component_info, zip(lines.labels, lines.values, strict=True), strict=True)
    blocks = []
    for equation, members in groupby(numbered, key=lambda pair: pair[0].equation):
        rows = tuple(_row(component, label, values) for component, (label, values) in members)
        blocks.append((equation, Block(_heading(estimates, equation), rows)))
    yield from (block for equation, block in blocks if equation >= 0)
    yield from (Block(heading) for heading in _empty(spec, estimates))
    own = _family_rows(estimates, level)
    yield from (Block(b.heading, (*b.rows, *own)) if own else b for equation, b in blocks if equation < 0)


def _family_rows(estimates: Estimates, level: float) -> tuple[Row, ...]:
    """On a nonlinear model's true likelihood what the variance of the errors has beside its scale: `/delta`."""
    lines = ancillary_lines(estimates, level)
    triples = zip(lines.labels, lines.values, strict=True)
    return tuple(Row(label, v[0], v[1], None, None, v[4], v[5]) for label, v in triples)


def _empty(spec: Spec, estimates: Estimates) -> Iterator[str]:
    """Levels that only name the groups of the errors."""
    used = {e.path for e in estimates.names.effects}
    for path, variables in {e.level.label: e.level.variables for e in spec.equations}.items():
        if path not in used:
            yield f"{abbreviate(variables[-1] if variables else path, 18)}: (empty)"


def _heading(estimates: Estimates, equation: int) -> str:
    if equation >= 0:
        name = estimates.names.effects[equation]
        structure = name.covariance.capitalize()
        return f"{abbreviate(name.name, 26 - len(structure))}: {structure}"
    errors = estimates.names.errors
    return "" if errors is None else _broken(errors.headings[equation == _CORRELATION])


def _broken(heading: str) -> str:
    """On lines of their own: the groups with parameters of their own, and what does not fit beside the rest."""
    heading = heading.replace(", by ", ",\n    by ")
    if len(heading.split("\n")[0]) > _WIDTH:
        heading = heading.replace(": ", ":\n    ", 1)
    return heading


def _row(component: Component, label: str, values: np.ndarray) -> Row:
    short = label.split(":", 1)[1] if component.equation >= 0 else label
    if component.note:
        return Row(short, values[0], note="constrained")
    return Row(short, values[0], values[1], None, None, values[4], values[5])
