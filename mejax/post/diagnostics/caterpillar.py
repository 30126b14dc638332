"""Predicted random effects of one level with their intervals."""

import difflib

import numpy as np
import pandas as pd

from ...design import EffectNames
from ...fitting import Estimates
from ...frame import Encoding
from ...frame.column import level_text
from ...syntax.spec import Spec
from ..normal import critical
from ..prediction.predict import predict
from ..prediction.request import Request
from ..prediction.rows import effect_labels


def caterpillar(
    spec: Spec,
    estimates: Estimates,
    encoding: Encoding,
    level: str | None = None,
    *,
    effect: str | None = None,
    intervals: float = 95.0,
    conditional: str | None = None,
) -> pd.DataFrame:
    """A row for each group and random effect of a level: what `predict` calls reffects and reses, and an interval.

    | column | |
    |---|---|
    | level, group | `school>class` and `2>7`, the whole path |
    | effect | `_cons`, `week`, `R.week` |
    | estimate, se | the prediction u and its standard error |
    | lower, upper | u -+ z se, of `intervals` per cent |
    | away | whether the interval leaves out 0 |
    | standardised | u / sqrt(sigma^2 - se^2), the prediction over its own standard deviation in the model; NaN if 0 |

    Groups of unequal size have predictions of unequal variance, which `standardised` takes away: with the variances of
    the model it is standard normal after linear models, nearly so after others.  `level` is by default the lowest, and
    otherwise a label such as `school`, `school>class`, `_all` or `R.week`; `effect` one of its random effects, by
    default all.  `conditional` is that of `predict`.  Call inside double precision.

    Raises:
        ValueError: no random effects, an unknown level or effect, a percentage that is none.
    """
    width = critical(intervals)
    chosen = _columns(estimates, _equations(estimates, level), effect)
    asked = [Request(statistic, conditional) for statistic in ("reffects", "reses")]
    values, errors = (
        _of_sample(encoding, predict(estimates, encoding, one, nonlinear=spec.nonlinear)) for one in asked
    )
    parts = []
    for k, places in chosen.items():
        first, groups = _groups(estimates, encoding, k)
        for place in places:
            label = effect_labels(estimates, k)[place]
            found, se = values[label].to_numpy()[first], errors[label].to_numpy()[first]
            own = np.sqrt(np.maximum(estimates.sigmas[k][place, place] - se**2, 0.0))
            parts.append(pd.DataFrame({
                "level": level_label(estimates.names.effects[k]), "group": groups,
                "effect": estimates.names.effects[k].columns[place], "estimate": found, "se": se,
                "lower": found - width * se, "upper": found + width * se, "away": np.abs(found) > width * se,
                "standardised": np.divide(found, own, out=np.full(len(found), np.nan), where=own > 0),
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def level_label(names: EffectNames) -> str:
    """The level's grouping variables, those of `R.x` written out: `school>class`, `week`."""
    variables = _variables(names)
    return _joint(names).join(variables) if variables else names.path


def _variables(names: EffectNames) -> tuple[str, ...]:
    pooled = names.factor is not None and names.factor not in names.variables[-1:]
    return (*names.variables, str(names.factor)) if pooled else names.variables


def _joint(names: EffectNames) -> str:
    return "#" if "#" in names.path else ">"


def _equations(estimates: Estimates, level: str | None) -> list[int]:
    """The equations of the level asked for; by default of the lowest."""
    names = estimates.names.effects
    if not names:
        raise ValueError("plot.effects: the model has no random effects")
    if level is None:
        lowest = max(range(len(names)), key=lambda k: (len(_variables(names[k])), k))
        return [k for k, e in enumerate(names) if level_label(e) == level_label(names[lowest])]
    found = [k for k, e in enumerate(names) if level in _aliases(e)]
    if not found:
        known = list(dict.fromkeys(level_label(e) for e in names))
        near = difflib.get_close_matches(str(level), known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"levels are {', '.join(known)}"
        raise ValueError(f"plot.effects: `level={level!r}` is no level of this model; {hint}")
    return found


def _aliases(names: EffectNames) -> set[str]:
    factor = set() if names.factor is None else {f"R.{names.factor}", f"{names.path}:R.{names.factor}"}
    return {names.path, names.name, level_label(names)} | factor


def _columns(estimates: Estimates, equations: list[int], effect: str | None) -> dict[int, list[int]]:
    """Which random effects of each equation are wanted."""
    labels = {k: list(zip(estimates.names.effects[k].columns, effect_labels(estimates, k), strict=True))
              for k in equations}  # fmt: skip
    found = {k: [place for place, names in enumerate(pairs) if effect in (None, *names)] for k, pairs in labels.items()}
    found = {k: places for k, places in found.items() if places}
    if not found:
        known = ", ".join(dict.fromkeys(name for pairs in labels.values() for name, _ in pairs))
        raise ValueError(f"plot.effects: `effect={effect!r}` is no random effect of this level; there are {known}")
    return found


def _of_sample(encoding: Encoding, found: pd.Series | pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(found).loc[np.asarray(encoding.sample)]


def _groups(estimates: Estimates, encoding: Encoding, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each group in the sample, and the groups' names.

    Where `R.x` has one column for each of a group's values of x, these values are the groups.
    """
    names, effect, coding = estimates.names.effects[k], estimates.design.effects[k], encoding.effects[k]
    codes, values = np.asarray(effect.codes, np.int64), names.groups
    if coding.pairs is not None:
        codes, values = codes * effect.z.shape[1] + np.argmax(effect.z, axis=1), coding.pairs.values
    present, first = np.unique(codes, return_index=True)
    words = [[level_text(value) for value in variable] for variable in values]
    joined = [_joint(names).join(parts) for parts in zip(*words, strict=True)] if words else ["all"]
    assert len(joined) == len(present)
    return first, np.array(joined, object)
