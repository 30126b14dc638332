"""What is printed about a nonlinear mixed model."""

from collections.abc import Iterator

from ..fitting import Estimates
from ..post.tables import coefficient_lines
from ..syntax import Spec
from ..syntax.printing import definition_text
from ..tables import Block, Report
from .components import random_blocks
from .rows import ending, fixed_rows, group_rows, note_lines


def nonlinear_report(spec: Spec, estimates: Estimates) -> Report:
    """The output of `menl`: no joint test, since zero is no natural value of a nonlinear model's parameters."""
    level = spec.option("level", 95.0)
    reml = estimates.model.reml
    header = not spec.option("noheader")
    return Report(
        title=f"Mixed-effects {'REML' if reml else 'ML'} nonlinear regression" if header else "",
        response=estimates.names.response,
        fixed=() if spec.option("nofetable") else tuple(_coefficient_blocks(spec, estimates, level)),
        random=() if spec.option("noretable") else tuple(random_blocks(spec, estimates, level)),
        nobs=estimates.nobs if header else None,
        groups=group_rows(estimates) if header and not spec.option("nogroup") else (),
        loglik=estimates.llf if header else None,
        loglik_label=f"Linearization log {'restricted-likelihood' if reml else 'likelihood'}",
        definitions=_definitions(spec),
        notes=note_lines(estimates.names.notes),
        footnotes=tuple(ending(estimates)),
        level=level,
    )


def _definitions(spec: Spec) -> tuple[str, ...]:
    """What the options define, in the order in which they do."""
    assert spec.nonlinear is not None
    given = sorted((d for d in spec.nonlinear.definitions if d.printed), key=lambda d: d.span.start)
    return tuple(definition_text(d, spec.nonlinear) for d in given)


def _coefficient_blocks(spec: Spec, estimates: Estimates, level: float) -> Iterator[Block]:
    """A block for each linear combination, then the scalar parameters."""
    lines = coefficient_lines(estimates, level)
    blocks = (Block(e, fixed_rows(spec, estimates, lines, equation=e)) for e in (*estimates.names.equations, ""))
    yield from (block for block in blocks if block.rows)
