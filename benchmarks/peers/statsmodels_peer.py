import warnings

import statsmodels.formula.api as smf  # pyright: ignore[reportMissingImports]


def refuses(case) -> str | None:
    if case.beyond:
        return f"fits no {case.beyond}"
    if case.family != "gaussian":
        return "has no maximum likelihood for generalized mixed models"
    if case.crossed:
        return "crossed effects need a dense covariance matrix of all rows"
    if len(case.random) > 1:
        return "independent intercepts and slopes are not practical in it"
    return None


def fit(case, frame):
    (effects,) = case.random
    fixed = f"{case.response} ~ {' + '.join(case.fixed)}"
    slopes = f"~ {' + '.join(effects.slopes) or '1'}"
    model = smf.mixedlm(fixed, frame, groups=frame[effects.group], re_formula=slopes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = model.fit(reml=False)
    assert len(result.bse_fe)
    return result.llf, result.converged
