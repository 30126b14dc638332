import glmm  # pyright: ignore[reportMissingImports]


def refuses(case) -> str | None:
    return case.beyond and f"fits no {case.beyond}"


def fit(case, frame):
    """Without the Satterthwaite degrees of freedom, which the others do not compute here either."""
    if case.family == "gaussian":
        result = glmm.fit(frame, case.formula, reml=False, satterthwaite=False)
    else:
        result = glmm.fit(frame, case.formula, case.family, nagq=case.points, anova_test="Wald")
    assert len(result.se)
    return result.loglik, result.converged
