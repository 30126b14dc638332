"""What is printed about a nonlinear mixed model."""

from collections.abc import Iterator

from ..fitting import Estimates
from ..post.hypotheses.lrtest import restricted
from ..post.kinds import is_integrated
from ..post.tables import coefficient_lines
from ..syntax import Spec
from ..syntax.printing import definition_text
from ..tables import Block, LRTest, Report
from .components import random_blocks
from .rows import ending, fixed_rows, group_rows, integration_of, note_lines


def nonlinear_report(spec: Spec, estimates: Estimates) -> Report:
    """The output of `menl`: no joint test, since zero is no natural value of a nonlinear model's parameters."""
    level = spec.option("level", 95.0)
    true, reml = is_integrated(estimates), restricted(estimates)
    header = not spec.option("noheader")
    likelihood = f"Linearization log {'restricted-likelihood' if reml else 'likelihood'}"
    test = estimates.null_test if true and not spec.option("nolrtest") else None
    return Report(
        title=f"Mixed-effects {'REML' if reml else 'ML'} nonlinear regression" if header else "",
        response=estimates.names.response,
        fixed=() if spec.option("nofetable") else tuple(_coefficient_blocks(spec, estimates, level)),
        random=() if spec.option("noretable") else tuple(random_blocks(spec, estimates, level)),
        nobs=estimates.nobs if header else None,
        groups=group_rows(estimates) if header and not spec.option("nogroup") else (),
        loglik=estimates.llf if header else None,
        integration=integration_of(estimates) if header and true else None,
        loglik_label="Log likelihood" if true else likelihood,
        definitions=_definitions(spec),
        notes=note_lines(estimates.names.notes),
        lr_test=LRTest("nonlinear model", test.kind, test.stat, test.p, test.conservative) if test else None,
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
