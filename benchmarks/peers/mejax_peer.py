import jax

from mejax import me


def refuses(case) -> str | None:
    if case.size == "gpu" and jax.default_backend() == "cpu":
        return "meant for a GPU, and JAX finds none here"
    return None


def fit(case, frame):
    return fit_command(case.command, case, frame)


def fit_command(command: str, case, frame):
    result = me.run(command, frame, nolog=True)
    assert result.fixed["se"].notna().to_numpy().all() and len(result.random)
    facts = _device_memory()
    if result.monte_carlo is not None:
        facts["monte_carlo_error"] = float(result.monte_carlo.llf)
    if case.replicates:
        found = result.bootstrap(case.replicates, seed=1, progress=False)
        errors = " ".join(f"{name} {found.bse[name]:.4g}" for name in result.fixed.index)
        facts["note"] = f"std. errors {errors} of {len(found.replicates)} replicates"
    return result.llf, result.converged, facts


def _device_memory() -> dict:
    """The largest memory used on an accelerator; nothing on a CPU, where it is that of the process."""
    used = jax.devices()[0].memory_stats() or {}
    return {"peak_device_memory_mb": round(used["peak_bytes_in_use"] / 2**20)} if "peak_bytes_in_use" in used else {}
