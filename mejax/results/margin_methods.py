"""Margins of a fit, and contrasts of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from .._double import computing
from ..post.margins.cells import Asked, one_slope
from ..post.margins.contrast_terms import contrast_terms, no_factor
from ..post.margins.margins import margins as _margins
from ..post.prediction.request import Request
from ..post.prediction.typical_rows import covariates_of, factors_of
from .contrasts import Contrasts, PairwiseComparisons
from .held import Held
from .margins import Margins


class MarginMethods(Held):
    """`margins() contrast() pwcompare()`."""

    def margins(
        self,
        terms: str | Sequence[str] | None = None,
        *,
        at: Any = None,
        dydx: str | Sequence[str] | None = None,
        eyex: str | Sequence[str] | None = None,
        dyex: str | Sequence[str] | None = None,
        eydx: str | Sequence[str] | None = None,
        over: Any = None,
        atmeans: bool = False,
        asbalanced: bool = False,
        predict: str = "",
        conditional: str | None = None,
        outcome: Any = None,
        time: float | None = None,
        lower: float | None = None,
        upper: float | None = None,
        offset: bool = True,
        small: bool = False,
        level: float | None = None,
    ) -> Margins:
        """Averages of predictions with some covariates set, and of their slopes; standard errors by the delta method.

            fit.margins("thatch#nitrogen")
            fit.margins(at={"age": [20, 40, 60]}, over="sex", predict="pr")
            fit.margins(dydx="*")

        Args:
            terms: factors and their interactions, a margin for each level: "a", "a#b", "a##b", several in one text or a
                list; none gives the overall margin.
            at: values of covariates, all combinations of those in a mapping, or a list of mappings; "(mean)",
                "(median)", "(min)", "(max)" and "(p25)" stand for those of the sample.
            dydx: covariates whose slopes are averaged ("*": all); of a factor the differences from its base level.
            eyex, dyex, eydx: the same as elasticities d log y / d log x, dy / d log x, d log y / dx.
            over: covariates (or {name: values of the rows}) in whose groups margins are computed separately.
            atmeans: at the means of all other covariates, in place of the average over the sample.
            asbalanced: the same with equal shares of all levels of the other factors.
            predict: a statistic of `fit.predict`; by default the linear prediction after linear models, yhat after
                nonlinear ones, the default of `predict` after generalized ones.
            conditional: "fixedonly" for random effects of zero; by default generalized models integrate them out.
            outcome: the category whose probability is meant (all of them without).
            time: at which survival, distribution, density and hazard are computed; by default each row's own exit.
            lower, upper: as in `fit.predict`.
            offset: whether the linear predictor includes the offset or exposure.
            small: t statistics with the degrees of freedom of the fit's `dfmethod`.
            level: the confidence level in per cent.

        Returns:
            `Margins`, which prints and has `.table`, `.plot()`, `.contrast()` and `.pwcompare()`.
        """
        slopes = {"dydx": dydx, "eyex": eyex, "dyex": dyex, "eydx": eydx}
        kind, variables = one_slope(slopes)
        request = Request(predict, conditional, False, outcome, None, offset, lower, upper, time)
        asked = Asked(terms, at, variables, kind, over, atmeans, asbalanced, small, request)
        with computing():
            return Margins(_margins(self.estimates, self.encoding, asked), self._level(level))

    def contrast(
        self,
        terms: str | Sequence[str],
        *,
        mcompare: str = "noadjust",
        asobserved: bool = False,
        small: bool = False,
        weights: Mapping[str, Sequence[float]] | None = None,
        adjustall: bool = False,
        overall: bool = False,
        sort: bool = False,
        wald: bool = True,
        effects: bool = True,
        level: float | None = None,
    ) -> Contrasts:
        """Contrasts of the linear prediction between the levels of factors, with joint tests.

            fit.contrast("thatch#nitrogen")
            fit.contrast("r.thatch@nitrogen", mcompare="bonferroni")

        Args:
            terms: factors and interactions with an operator in front of each: `r.` from the base level, `a.` from the
                next, `ar.` from the previous one, `g.` from the grand mean, `h.` from the mean of the following, `j.`
                of the preceding levels, `p.` and `q.` polynomials in the levels' values and numbers; `a@b` within the
                levels of b; without an operator only the joint test; `{thatch 1 -1 0}` coefficients of one's own.
            mcompare: the adjustment for several comparisons: noadjust, bonferroni, sidak, scheffe, holm.
            asobserved: other factors at their shares in the sample; by default all levels count equally.
            small: t and F statistics with the degrees of freedom of the fit's `dfmethod`.
            weights, adjustall, overall, sort, wald, effects: see `Margins.contrast`.
            level: the confidence level in per cent.
        """
        found = self._linear(self._terms_in(terms), asobserved, small, level)
        return found.contrast(
            terms, mcompare=mcompare, weights=weights, adjustall=adjustall, overall=overall, sort=sort, wald=wald,
            effects=effects,
        )  # fmt: skip

    def pwcompare(
        self,
        terms: str | Sequence[str],
        *,
        mcompare: str = "noadjust",
        asobserved: bool = False,
        small: bool = False,
        adjustall: bool = False,
        groups: bool = False,
        sort: bool = False,
        effects: bool | None = None,
        level: float | None = None,
    ) -> PairwiseComparisons:
        """All differences of the linear prediction between the levels of factors, or cells of interactions.

            fit.pwcompare("nitrogen", mcompare="tukey", groups=True)

        Args:
            terms: factors and interactions, as in `fit.margins`.
            mcompare: noadjust, bonferroni, sidak, scheffe, holm or tukey.
            asobserved, small, level: as in `fit.contrast`.
            adjustall, groups, sort, effects: see `Margins.pwcompare`.
        """
        found = self._linear(terms, asobserved, small, level)
        return found.pwcompare(mcompare=mcompare, adjustall=adjustall, groups=groups, sort=sort, effects=effects)

    def _linear(self, terms: Any, asobserved: bool, small: bool, level: float | None) -> Margins:
        """Margins of the linear prediction; of a nonlinear model those of its mean."""
        statistic = "" if self.spec.nonlinear is not None else "xb"
        return self.margins(terms, predict=statistic, asbalanced=not asobserved, small=small, level=level)

    def _terms_in(self, terms: str | Sequence[str]) -> list[str]:
        """The interaction of the factors of every contrast, whose own margins it is of."""
        factors = factors_of(self.encoding)
        written: dict[frozenset[str], str] = {}
        for term in contrast_terms(terms, sorted({*covariates_of(self.encoding), *factors})):
            names = [*(f for part in term.parts for f in part.factors), *(f for f, _ in term.within)]
            if continuous := [name for name in names if name not in factors]:
                raise ValueError(no_factor(continuous[0]))
            written.setdefault(frozenset(names), "#".join(names))
        return list(written.values())
