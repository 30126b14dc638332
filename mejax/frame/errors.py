"""The error for a variable that the table does not have."""

from collections.abc import Iterable

from ..syntax.problem import SyntaxProblem, did_you_mean
from ..syntax.spec import Span

_SHOWN = 12  # columns that an error lists


def no_column(name: str, names: Iterable[object], text: str, span: Span | None) -> ValueError:
    """An error that points at the name in the model's text and lists near matches."""
    known = [str(n) for n in names]
    listed = ", ".join(known[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
    advice = did_you_mean(name, known) or (f"Its columns are {listed}." if known else "It has no columns.")
    return SyntaxProblem(f"the table has no column `{name}`", text, span, advice)
