"""`save_fit` and `load_fit`.

A file holds the model as it was understood, the columns of the table that were looked at, and the numbers that were
found.  Loading reads the columns and builds the model by the code that checks what users give, so that names, codings,
transformations and the likelihood are those of the fit, and puts the numbers on top.
"""

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

import jax
import numpy as np

from .._version import __version__
from ..design import Design, Names
from ..estimation import read_design
from ..fitting import Estimates
from ..frame import Encoding
from ..syntax import Spec
from .archive import Archive, opened, write_archive
from .codec import Decoder, Encoder
from .formulas import check_formulas
from .hints import conforms
from .models import check_numbers, model_parts, rebuilt
from .problem import Unreadable, Unsavable
from .table import table_parts, table_source

FORMAT = 1  # raised where older versions of mejax would misread a file
MOST_BYTES = 2**32
_MADE = ("model", "design", "names", "linearised", "working", "mean")  # of `Estimates`: made again
_FUNCTION = (
    "the fit cannot be saved: its mean is a Python function, and a file that could hold one could run anything when it "
    "is loaded. Write the mean as a text, such as me.menl('y = {b1}*exp(-x/{b2})', data)"
)


def save_fit(path: str | os.PathLike, spec: Spec, estimates: Estimates, encoding: Encoding) -> None:
    """Write a fit to a file, in whose place nothing is left half written; an existing file is replaced.

    Raises:
        ValueError: the fit holds a Python function or other objects, or its design is not that of its table; the path
            is a folder, or lies in one that does not exist.
    """
    if spec.nonlinear is not None and spec.nonlinear.function is not None:
        raise Unsavable(_FUNCTION)
    encoder = Encoder()
    parts = {
        "spec": _portable(spec),
        "table": table_parts(spec, encoding),
        "numbers": {f.name: getattr(estimates, f.name) for f in fields(Estimates) if f.name not in _MADE},
        "model": model_parts(estimates),
        "sample": encoding.sample,
        "notes": encoding.names.notes,
        "outline": _outline(estimates.names, estimates.design),
    }
    coded = {name: encoder.encode(part, f"its {name}") for name, part in parts.items()}
    _, design, _ = _read_again(Decoder(encoder.arrays.__getitem__), coded)
    if not _same(design, estimates.design):
        raise Unsavable("the fit cannot be saved: its response or its covariates are not those of its table")
    write_archive(Path(path), {"format": FORMAT, "mejax": __version__, **coded}, encoder.arrays)


def load_fit(path: str | os.PathLike, *, most_bytes: float = MOST_BYTES) -> tuple[Spec, Estimates, Encoding]:
    """The fit in a file.

    Raises:
        ValueError: the file is no saved fit, damaged, too large, or of a version that this one cannot read.
    """
    path = Path(path)
    try:
        with opened(path, most_bytes) as archive:
            return _loaded(archive)
    except Unreadable as problem:
        raise ValueError(f"`{path}` cannot be loaded as a fit: {problem}") from problem.__cause__


def _loaded(archive: Archive) -> tuple[Spec, Estimates, Encoding]:
    text = archive.text()
    written = _version_of(text)
    try:
        return _restored(Decoder(archive.array), text)
    except (Unreadable, OSError, MemoryError):
        raise
    except Exception as problem:  # whatever a changed file leads to
        what = f"{type(problem).__name__}: {problem}"[:300]
        raise Unreadable(f"its parts do not fit together ({what}). It was damaged or changed, or this version of mejax "
                         f"reads tables differently from {written}, which wrote it") from problem  # fmt: skip


def _version_of(text: Any) -> str:
    """The version of mejax that wrote the file, whose format is one that this version knows."""
    number = text.get("format") if isinstance(text, dict) else None
    if type(number) is not int or number < 1 or not isinstance(text.get("mejax"), str):
        raise Unreadable("it does not say which version of mejax wrote it")
    written = text["mejax"][:20]
    if number > FORMAT:
        raise Unreadable(f"it has the format {number} of mejax {written}, and this version, {__version__}, knows "
                         f"those up to {FORMAT}. Install mejax {written} or later, or fit the model again")  # fmt: skip
    return written


def _restored(decoder: Decoder, coded: Mapping[str, Any]) -> tuple[Spec, Estimates, Encoding]:
    spec, design, encoding = _read_again(decoder, coded)
    outline, sample = decoder.decode(coded["outline"]), decoder.decode(coded["sample"])
    if not np.array_equal(sample, encoding.sample) or outline != _outline(encoding.names, design):
        raise Unreadable(f"mejax {coded['mejax'][:20]}, which wrote it, read another sample or other columns from the "
                         f"table in it than this version, {__version__}, does. Load it with that version, or fit "
                         "the model again")  # fmt: skip
    numbers = decoder.decode(coded["numbers"])
    hints = get_type_hints(Estimates)
    wrong = [name for name, value in numbers.items() if name not in hints or not conforms(value, hints[name])]
    if wrong or set(numbers) & set(_MADE):
        raise Unreadable(f"`{[*wrong, *_MADE][0]}` among its numbers is nothing that a fit of this version holds")
    names = replace(encoding.names, notes=decoder.decode(coded["notes"]))
    model = rebuilt(spec, design, encoding, decoder.decode(coded["model"]))
    estimates = Estimates(names=names, **numbers, **model)
    check_numbers(estimates)
    return spec, estimates, replace(encoding, names=names)


def _read_again(decoder: Decoder, coded: Mapping[str, Any]) -> tuple[Spec, Design, Encoding]:
    """The model and its design, from the columns of the table."""
    spec = decoder.decode(coded["spec"])
    if not isinstance(spec, Spec):
        raise Unreadable("it holds no model")
    check_formulas(spec)
    return (spec, *read_design(spec, table_source(decoder.decode(coded["table"]))))


def _portable(spec: Spec) -> Spec:
    """The same model with arrays for matrices and texts for constraints, whatever they were given as."""
    options = dict(spec.options)
    if "matrices" in options:
        covariances = [equation.covariance for equation in spec.equations]
        named = [c.matrix for c in covariances if c is not None and c.matrix is not None]
        options["matrices"] = {name: np.asarray(options["matrices"][name], float) for name in named}
    options.pop("devices", None)  # those of this machine
    given = options.get("constraint_definitions")
    if given is not None and not isinstance(given, (str, Mapping)):
        options["constraint_definitions"] = tuple(map(str, given))
    return replace(spec, options=MappingProxyType(options))


def _outline(names: Names, design: Design) -> tuple:
    """What a model consists of, in words and numbers: what must be found again when it is read."""
    fixed = tuple((column.label, column.index, column.status) for column in names.fixed)
    effects = tuple(
        (name.path, name.columns, name.covariance, effect.size, effect.z.shape[1])
        for name, effect in zip(names.effects, design.effects, strict=True)
    )
    return (names.response, np.shape(design.x), fixed, effects)


def _same(read: Design, fitted: Design) -> bool:
    """Are the two designs equal?  The response of a nonlinear model on its true likelihood has what the mean reads
    beside it."""
    if isinstance(fitted.y, tuple) and not isinstance(read.y, tuple):
        fitted = replace(fitted, y=fitted.y[0])
    one, other = jax.tree.leaves(read), jax.tree.leaves(fitted)
    return len(one) == len(other) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))
