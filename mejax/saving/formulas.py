"""The formulas of a model that was read from a file, looked at as those that users write."""

from ..syntax import FormulaSide, Spec, parse
from .problem import Unreadable


def check_formulas(spec: Spec) -> None:
    """Refuse a formula that `parse` would not have given: formulaic evaluates what is in it.

    Raises:
        SyntaxProblem: a formula holds what formulas may not.
    """
    sides = [spec.fixed, *(equation.columns for equation in spec.equations)]
    for side in sides:
        if isinstance(side, FormulaSide) and _written(side) != (side.text, side.constant):
            raise Unreadable(f"its formula `{side.text[:60]}` is none that mejax writes")


def _written(side: FormulaSide) -> tuple[str, bool] | None:
    """Text and intercept as they come back from the parser."""
    found = parse(f"y ~ {side.text}", command="mixed")
    if not isinstance(found.fixed, FormulaSide) or found.equations or found.offset is not None:
        return None
    return found.fixed.text, found.fixed.constant
