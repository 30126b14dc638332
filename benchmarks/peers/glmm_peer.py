import glmm  # pyright: ignore[reportMissingImports]


def refuses(case) -> str | None:
    if any(not effects.intercept for effects in case.random):
        return "fits no slope that is independent of the intercept"
    return case.beyond and f"fits no {case.beyond}"


def fit(case, frame):
    """Without the Satterthwaite degrees of freedom, which the others do not compute here either."""
    if case.family == "gaussian":
        result = glmm.fit(frame, case.formula, reml=False, satterthwaite=False)
    else:
        result = glmm.fit(frame, case.formula, case.family, nagq=case.points, anova_test="Wald")
    assert len(result.se)
    return result.loglik, result.converged
