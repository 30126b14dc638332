import mixedlm  # pyright: ignore[reportMissingImports]

FAMILIES = {"binomial": "Binomial", "poisson": "Poisson"}


def refuses(case) -> str | None:
    return case.beyond and f"fits no {case.beyond}"


def fit(case, frame):
    if case.family == "gaussian":
        result = mixedlm.lmer(case.formula, frame, REML=False)
    else:
        family = getattr(mixedlm.families, FAMILIES[case.family])()
        result = mixedlm.glmer(case.formula, frame, family=family, nAGQ=case.points)
    assert result.vcov().size
    return float(result.logLik().value), result.converged
