from . import gpboost_model

refuses = gpboost_model.refuses


def fit(case, frame):
    return gpboost_model.fit(case, frame, "cholesky")
