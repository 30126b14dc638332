from . import gpboost_model


def refuses(case) -> str | None:
    if not case.crossed:
        return "the iterative method is meant for crossed effects"
    return gpboost_model.refuses(case)


def fit(case, frame):
    return gpboost_model.fit(case, frame, "iterative")
