"""GPBoost estimates the covariance parameters by its default, L-BFGS; only the linear algebra differs."""

import gpboost  # pyright: ignore[reportMissingImports]
import numpy as np

LIKELIHOODS = {"gaussian": "gaussian", "binomial": "bernoulli_logit", "poisson": "poisson"}


def refuses(case) -> str | None:
    if case.beyond:
        return f"fits no {case.beyond}"
    if any(effects.correlated for effects in case.random):
        return "estimates no correlation between intercepts and slopes"
    if case.points > 1:
        return "has Laplace's approximation only"
    return None


def fit(case, frame, method: str):
    groups = list(dict.fromkeys(effects.group for effects in case.random))
    slopes = [(effects.group, slope) for effects in case.random for slope in effects.slopes]
    model = gpboost.GPModel(
        group_data=frame[groups],
        group_rand_coef_data=frame[[slope for _, slope in slopes]].to_numpy(float) if slopes else None,
        ind_effect_group_rand_coef=[groups.index(group) + 1 for group, _ in slopes] if slopes else None,
        likelihood=LIKELIHOODS[case.family],
        matrix_inversion_method=method,
    )
    x = np.column_stack([np.ones(len(frame)), frame[list(case.fixed)]])
    model.fit(y=frame[case.response].to_numpy(float), X=x, params={"trace": False})
    assert model.get_coef(std_err=True).size
    return -model.get_current_neg_log_likelihood(), True
