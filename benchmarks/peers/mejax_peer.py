from mejax import me


def refuses(case) -> str | None:
    return None


def fit(case, frame):
    result = me.run(case.command, frame, nolog=True)
    assert result.fixed["se"].notna().to_numpy().all() and len(result.random)
    return result.llf, result.converged
