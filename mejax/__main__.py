"""The command line: `mejax 'mixed weight week || id:' --data pig`."""

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit one command and print it.  Exit status: 0 converged, 1 fitted but not converged, 2 not fitted."""
    parsed = _parser().parse_args(arguments)
    _use_compilation_cache()
    try:
        from . import me

        table = _read(parsed.data) if parsed.batch is None else me.Parquet(parsed.data, parsed.batch)
        with redirect_stdout(sys.stderr if parsed.json else sys.stdout):
            fit = me.run(parsed.command, table)
    except (ValueError, TypeError, NotImplementedError, OSError, ImportError) as problem:
        print(f"mejax: {problem}", file=sys.stderr)
        return 2
    print(json.dumps(as_json(fit), indent=2) if parsed.json else f"\n{fit}")
    return 0 if fit.converged else 1


def _parser() -> argparse.ArgumentParser:
    from . import __version__

    parser = argparse.ArgumentParser(prog="mejax", description="Fit a mixed-effects model and print the results.")
    parser.add_argument(
        "command", help="the model, for example 'mixed weight week || id: week, covariance(unstructured)'"
    )
    parser.add_argument(
        "--data", required=True, metavar="FILE|NAME", help=".csv, .csv.gz, .tsv, .dta or .parquet, or a data set's name"
    )
    parser.add_argument(
        "--batch",
        type=int,
        metavar="ROWS",
        help="read a parquet file, or a folder of them, in batches of so many rows (linear models; any size)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the results as JSON (the log goes to standard error)"
    )
    parser.add_argument("--version", action="version", version=f"mejax {__version__}")
    return parser


def _use_compilation_cache() -> None:
    """Keep compiled programs between runs, where the user has not chosen a place (or "" for none) already."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(home / "mejax" / "jax")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def _read(place: str):
    """A table from a file, or one of the package's data sets."""
    from . import datasets

    path = Path(place)
    suffix = ("".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix).lower()
    if not path.exists():
        if suffix or os.sep in place:
            raise FileNotFoundError(f"no file `{place}`; data sets by name are {', '.join(datasets.names())}")
        return datasets.load(place)
    import pandas as pd

    if suffix in (".csv", ".csv.gz", ".txt"):
        return pd.read_csv(path)
    if suffix in (".tsv", ".tsv.gz"):
        return pd.read_csv(path, sep="\t")
    if suffix == ".dta":
        return _read_stata(path)
    if suffix == ".parquet":
        return pd.read_parquet(path)
    raise ValueError(f"`{place}`: files ending in {suffix or 'nothing'} are not read; use .csv, .tsv, .dta or .parquet")


def _read_stata(path: Path):
    """A .dta file with its numeric codes, so that `ib2.group` means code 2, and the value labels for printing."""
    import pandas as pd

    table = pd.DataFrame(pd.read_stata(path, convert_categoricals=False))
    try:
        labelled = pd.DataFrame(pd.read_stata(path))
    except ValueError:  # value labels that are not unique
        return table
    texts = {name: column for name, column in labelled.items() if isinstance(column.dtype, pd.CategoricalDtype)}
    pairs = {name: dict(zip(table[name], column.astype(str), strict=True)) for name, column in texts.items()}
    table.attrs["value_labels"] = {
        name: {code: text for code, text in codes.items() if code == code} for name, codes in pairs.items()
    }
    return table


def as_json(fit) -> dict:
    """The results as plain data; a cell that does not apply is null."""
    test, wald = fit.lr_test, fit.wald
    return {
        "command": fit.spec.text,
        "status": str(fit.status),
        "converged": fit.converged,
        "reml": fit.reml,
        "nobs": fit.nobs,
        "facts": dict(fit.encoding.response.facts) if fit.encoding.response else {},
        "groups": fit.estat.group().table.to_dict("index"),
        "llf": fit.llf,
        "aic": fit.aic,
        "bic": fit.bic,
        "wald": None if wald is None else _clean(_joint(wald)),
        "fixed": {label: _clean(row) for label, row in fit.fixed.to_dict("index").items()},
        "ancillary": {label: _clean(row) for label, row in fit.ancillary.to_dict("index").items()},
        "random": {label: _clean(row) for label, row in fit.random.to_dict("index").items()},
        "lr_test": None
        if test is None
        else {"stat": test.stat, "df": test.df, "p": test.p, "kind": test.kind, "conservative": test.conservative},
        "notes": list(fit.notes),
    }


def _joint(wald) -> dict:
    """Chi-squared, or F with its denominator degrees of freedom, which p belongs to."""
    if wald.ddf is None:
        return {"chi2": wald.chi2, "df": wald.df, "p": wald.p}
    return {"F": wald.F, "df": wald.df, "ddf": wald.ddf, "p": wald.p}


def _clean(row: dict) -> dict:
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}


if __name__ == "__main__":
    sys.exit(main())
