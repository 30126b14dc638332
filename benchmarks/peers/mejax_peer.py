from mejax import me


def refuses(case) -> str | None:
    return None


def fit(case, frame):
    result = me.run(case.command, frame, nolog=True)
    assert result.fixed["se"].notna().to_numpy().all() and len(result.random)
    if not case.replicates:
        return result.llf, result.converged
    found = result.bootstrap(case.replicates, seed=1, progress=False)
    errors = " ".join(f"{name} {found.bse[name]:.4g}" for name in result.fixed.index)
    return result.llf, result.converged, f"std. errors {errors} of {len(found.replicates)} replicates"
