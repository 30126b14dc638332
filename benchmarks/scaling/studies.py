"""The studies: in each of them one thing grows, and everything else stays or grows along as its title says."""

from collections.abc import Callable
from dataclasses import dataclass

CROSSED = ("mejax", "mejax-iterative", "glmm", "gpboost-iterative", "gpboost-cholesky", "lme4")
NESTED = ("mejax", "glmm", "mixedlm", "lme4")


@dataclass(frozen=True)
class Study:
    """`case` says, for what grows and a factor that makes the whole study smaller, which simulated data are meant."""

    name: str
    title: str
    axis: str
    values: tuple[float, ...]
    case: Callable[[float, float], str]
    peers: tuple[str, ...]
    shrinks: bool = True  # whether what grows is itself made smaller by that factor

    def titled(self, scale: float) -> str:
        return self.title if scale == 1 else f"{self.title}, all sizes times {scale:g}"

    def points(self, scale: float) -> list[tuple[float, str]]:
        """What grows, with the text of the case that has it; `scale` 1 is the full size."""
        return [(value * scale if self.shrinks else value, self.case(value, scale)) for value in self.values]


def _crossed(rows: float, first: float, second: float, more: str = "") -> str:
    return f"crossed:rows={rows:.0f},levels={first:.0f}x{second:.0f},solver=exact{more}"


def _nested(rows: float, groups: float, more: str) -> str:
    return f"nested:rows={rows:.0f},groups={groups:.0f},{more}"


STUDIES = {
    study.name: study
    for study in (
        Study(
            name="crossed-rows",
            title="linear, crossed factors of 20,000 and 2,000 levels",
            axis="rows",
            values=(1e5, 3e5, 1e6, 3e6),
            case=lambda value, scale: _crossed(value * scale, 20_000 * scale, 2_000 * scale),
            peers=CROSSED,
        ),
        Study(
            name="crossed-growth",
            title="linear, crossed factors, 10 rows for each level of one and 20 for each of the other",
            axis="rows",
            values=(3e4, 1e5, 3e5, 1e6, 3e6),
            case=lambda value, scale: _crossed(value * scale, value * scale / 10, value * scale / 20, ",at_least=1"),
            peers=CROSSED,
        ),
        Study(
            name="crossed-levels",
            title="linear, 1,000,000 rows, crossed factors, one with twice the levels of the other",
            axis="levels of the smaller factor",
            values=(500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000),
            case=lambda value, scale: _crossed(1e6 * scale, 2 * value * scale, value * scale, ",at_least=1"),
            peers=CROSSED,
        ),
        Study(
            name="crossed-density",
            title="linear, 1,000,000 rows, crossed factors of 20,000 and 2,000 levels",
            axis="share of the combinations of levels that may occur",
            values=(0.0005, 0.0015, 0.005, 0.02),
            case=lambda value, scale: _crossed(
                1e6 * scale, 20_000 * scale**0.5, 2_000 * scale**0.5, f",density={value:g}"
            ),
            peers=CROSSED,
            shrinks=False,
        ),
        Study(
            name="nested-rows",
            title="linear, 8 rows in each group, random intercept and slope",
            axis="rows",
            values=(1e5, 3e5, 1e6, 3e6, 1e7),
            case=lambda value, scale: _nested(value * scale, value * scale / 8, "slope=correlated"),
            peers=NESTED,
        ),
        Study(
            name="nested-levels",
            title="linear, 1,000,000 rows, random intercept and slope",
            axis="groups",
            values=(1e3, 1e4, 5e4, 2e5, 5e5),
            case=lambda value, scale: _nested(1e6 * scale, value * scale, "slope=correlated"),
            peers=NESTED,
        ),
        Study(
            name="nested-logit-rows",
            title="logit, 10 rows in each group, random intercept, 7 quadrature points",
            axis="rows",
            values=(1e5, 3e5, 1e6, 3e6, 1e7),
            case=lambda value, scale: _nested(value * scale, value * scale / 10, "family=binomial,points=7"),
            peers=NESTED,
        ),
    )
}
