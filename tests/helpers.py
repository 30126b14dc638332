"""Registries and brute force: what the generic tests run over."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from families import FAMILIES, SURVIVAL

from mejax._tree import to_device
from mejax._typing import Params
from mejax.build import Integration, build_generalized, build_linear
from mejax.covstruct import Exchangeable, Fixed, Identity, Independent, Pattern, Unstructured
from mejax.design import Design, EffectNames, Effects, FixedColumn, Names
from mejax.glmm import GeneralizedModel
from mejax.lmm import LinearModel
from mejax.syntax.constraints import collect_constraints

BANDED = np.array([[1.0, np.nan, np.nan], [4.0, 1.0, np.nan], [5.0, 4.0, 1.0]])
PARTLY = np.array([[np.nan, np.nan, np.nan], [0.0, 2.0, np.nan], [np.nan, 0.1, 0.5]])

COVSTRUCTS = {
    "identity": lambda: Identity(3),
    "independent": lambda: Independent(3),
    "exchangeable": lambda: Exchangeable(3),
    "pooled": lambda: Exchangeable(3, pooled=True),
    "unstructured": lambda: Unstructured(3),
    "pattern": lambda: Pattern(BANDED),
    "fixed": lambda: Fixed(PARTLY),
}


@dataclass(frozen=True)
class Pattern_:
    """A pattern of levels: each equation is (grouping, columns, covariance)."""

    equations: Sequence[tuple[str, str, str]]
    reml: bool = False
    matrices: dict = field(default_factory=dict)
    weighted: bool = False
    offset: bool = False


# groupings: g nested in s nested in t; h and k cross everything; columns: 1 constant, x a covariate, z another
MODELS = {
    "intercept": Pattern_([("g", "1", "identity")]),
    "intercept_reml": Pattern_([("g", "1", "identity")], reml=True),
    "slope_independent": Pattern_([("g", "x1", "independent")]),
    "slope_unstructured": Pattern_([("g", "x1", "unstructured")]),
    "slope_unstructured_reml": Pattern_([("g", "x1", "unstructured")], reml=True),
    "three_identity": Pattern_([("g", "xz1", "identity")]),
    "three_exchangeable": Pattern_([("g", "xz1", "exchangeable")]),
    "three_pattern": Pattern_([("g", "xz1", "pattern")], matrices={"pattern": BANDED}),
    "three_fixed": Pattern_([("g", "xz1", "fixed")], matrices={"fixed": PARTLY}),
    "three_fixed_reml": Pattern_([("g", "xz1", "fixed")], reml=True, matrices={"fixed": PARTLY}),
    "blocked": Pattern_([("g", "x", "identity"), ("g", "z1", "unstructured")]),
    "nested": Pattern_([("s", "1", "identity"), ("g", "x1", "unstructured")]),
    "nested_four_levels": Pattern_([("t", "1", "identity"), ("s", "x1", "exchangeable"), ("g", "1", "identity")]),
    "nested_reml": Pattern_([("s", "x1", "unstructured"), ("g", "1", "identity")], reml=True),
    "crossed": Pattern_([("g", "1", "identity"), ("h", "1", "identity")]),
    "crossed_three": Pattern_([("g", "1", "identity"), ("h", "1", "identity"), ("k", "1", "identity")]),
    "crossed_three_reml": Pattern_([("g", "x1", "unstructured"), ("h", "1", "identity"), ("k", "1", "identity")], True),
    "crossed_slopes": Pattern_([("g", "x1", "unstructured"), ("h", "z1", "unstructured")]),
    "crossed_slopes_reml": Pattern_([("g", "1", "identity"), ("h", "z1", "independent"), ("k", "1", "identity")], True),
    "crossed_and_nested": Pattern_([("s", "1", "identity"), ("g", "x1", "unstructured"), ("h", "1", "identity")]),
    "crossed_blocked": Pattern_([("g", "1", "identity"), ("h", "x", "identity"), ("h", "1", "identity")]),
    "crossed_fixed": Pattern_(
        [("g", "xz1", "fixed"), ("h", "1", "identity")], matrices={"fixed": np.diag([0.5, 0.2, np.nan])}
    ),
    # 60 groups x 80 columns, few cells each: the Schur update goes through its list of pairs
    "sparse": Pattern_([("m", "1", "identity"), ("w", "1", "identity")]),
    "sparse_slopes_reml": Pattern_([("m", "x1", "unstructured"), ("w", "1", "identity"), ("h", "1", "identity")], True),
    "sparse_nested": Pattern_([("b", "1", "identity"), ("m", "x1", "unstructured"), ("w", "z1", "independent")]),
    "weighted": Pattern_([("g", "x1", "unstructured")], weighted=True, offset=True),
    "weighted_crossed_reml": Pattern_(
        [("g", "1", "identity"), ("h", "1", "identity")], True, weighted=True, offset=True
    ),
    "crossed_pattern": Pattern_(
        [("g", "1", "identity"), ("h", "1", "pattern")], matrices={"pattern": np.array([[1.0]])}
    ),
    "no_fixed_effects": Pattern_([("g", "1", "identity"), ("h", "1", "identity")]),
}


def linear_design(name: str, n: int = 240, seed: int = 3) -> tuple[Design, Names]:
    """Unbalanced data for a pattern of levels."""
    pattern = MODELS[name]
    rng = np.random.default_rng(seed)
    columns = {"1": np.ones(n), "x": rng.normal(1.0, 1.0, n), "z": rng.uniform(-1, 2, n)}
    g = rng.choice(24, n, p=rng.dirichlet(np.full(24, 3.0)))
    codes = {"g": g, "s": g // 4, "t": g // 12, "h": rng.integers(0, 7, n), "k": rng.integers(0, 4, n)}
    m = rng.integers(0, 60, n)
    codes |= {"m": m, "b": m // 20, "w": rng.integers(0, 80, n)}
    codes = {key: np.unique(value, return_inverse=True)[1].astype(np.int32) for key, value in codes.items()}
    y = 2.0 + columns["x"] + rng.normal(size=24)[g] + 0.7 * rng.normal(size=7)[codes["h"]] + rng.normal(size=n)
    effects, names = equations(pattern, codes, columns)
    x = np.column_stack([columns["x"], columns["1"]])
    fixed = tuple(FixedColumn(c, "", "", "", k, constant=c == "_cons") for k, c in enumerate(("x", "_cons")))
    if name == "no_fixed_effects":
        x, fixed = x[:, :0], ()
    weights = rng.integers(1, 4, n).astype(float) if pattern.weighted else None
    offset = columns["z"] if pattern.offset else None
    return Design(y, x, effects, weights, offset), Names("y", fixed, names, ())


def equations(pattern: Pattern_, codes: dict, columns: dict) -> tuple[tuple[Effects, ...], tuple[EffectNames, ...]]:
    """The random part of a pattern of levels."""
    effects, names = [], []
    for group, letters, covariance in pattern.equations:
        z = np.column_stack([columns[letter] for letter in letters])
        effects.append(Effects(codes[group], z, int(codes[group].max()) + 1))
        labels = tuple("_cons" if letter == "1" else letter for letter in letters)
        matrix = pattern.matrices.get(covariance)
        names.append(EffectNames(group, group, labels, covariance, (group,), (np.arange(effects[-1].size),), matrix))
    return tuple(effects), tuple(names)


def linear_model(name: str, **kwargs) -> tuple[LinearModel, Design]:
    """The model of a pattern of levels; call inside double precision."""
    design, names = linear_design(name, **kwargs)
    return to_device(build_linear(design, names, reml=MODELS[name].reml)), design


def some_point(model: LinearModel, seed: int = 5) -> jax.Array:
    """Variance parameters away from every special value."""
    rng = np.random.default_rng(seed)
    start = np.asarray(model.variances.init())
    return jnp.asarray(start + 0.25 * rng.normal(size=len(start)))


def dense_twin(model: LinearModel, design: Design, v, fixed) -> float:
    """The log likelihood by the n x n covariance matrix; weighted observations stand there as often as they count."""
    rows = np.repeat(np.arange(len(design.x)), 1 if design.weights is None else design.weights.astype(int))
    x, n = design.x[rows], len(rows)
    y = (design.y - (0.0 if design.offset is None else design.offset))[rows]
    sigma2 = float(np.exp(2 * model.variances.log_sigma(v)))
    cov = np.eye(n)
    for effect, factor in zip(design.effects, model.variances.factors(v), strict=True):
        factor = np.asarray(factor)
        codes, z = effect.codes[rows], effect.z[rows]
        cov += (codes[:, None] == codes[None, :]) * (z @ factor @ factor.T @ z.T)
    cov *= sigma2
    inverse = np.linalg.inv(cov)
    logdet = np.linalg.slogdet(cov)[1]
    if not model.reml:
        r = y - x @ fixed
        return -0.5 * (n * np.log(2 * np.pi) + logdet + r @ inverse @ r)
    information = x.T @ inverse @ x
    beta = np.linalg.solve(information, x.T @ inverse @ y)
    r = y - x @ beta
    more = np.linalg.slogdet(information)[1]
    return -0.5 * ((n - x.shape[1]) * np.log(2 * np.pi) + logdet + more + r @ inverse @ r)


@dataclass(frozen=True)
class Integrator:
    """An integration method, and from how many points on it is exact on a Gaussian integrand (None: never)."""

    exact_from: int | None
    laplace: bool = False


INTEGRATORS = {
    "mvaghermite": Integrator(2),
    "mcaghermite": Integrator(1),
    "ghermite": Integrator(None),
    "laplace": Integrator(1, laplace=True),
    "pcaghermite": Integrator(1),
    "pclaplace": Integrator(1, laplace=True),
}

EQUAL = np.array([[1.0, np.nan], [2.0, 1.0]])
HELD = np.array([[0.6, np.nan], [np.nan, np.nan]])

# groupings: g nested in s nested in t; h crosses them
GLMM_MODELS = {
    "two_levels": Pattern_([("g", "1", "identity")]),
    "correlated": Pattern_([("g", "x1", "unstructured")]),
    "independent": Pattern_([("g", "x1", "independent")]),
    "exchangeable": Pattern_([("g", "x1", "exchangeable")]),
    "pattern": Pattern_([("g", "x1", "pattern")], matrices={"pattern": EQUAL}),
    "fixed": Pattern_([("g", "x1", "fixed")], matrices={"fixed": HELD}),
    "blocked": Pattern_([("g", "x", "identity"), ("g", "1", "identity")]),
    "three_levels": Pattern_([("s", "1", "identity"), ("g", "1", "identity")]),
    "three_levels_slopes": Pattern_([("s", "x1", "unstructured"), ("g", "1", "identity")]),
    "four_levels": Pattern_([("t", "1", "identity"), ("s", "1", "identity"), ("g", "1", "identity")]),
    "crossed": Pattern_([("g", "1", "identity"), ("h", "1", "identity")]),
    "crossed_slopes": Pattern_([("g", "x1", "unstructured"), ("h", "z1", "unstructured")]),
    "crossed_and_nested": Pattern_([("s", "1", "identity"), ("g", "x1", "unstructured"), ("h", "1", "identity")]),
    "none": Pattern_([]),
}


def generalized_design(name: str, kind: str, rows: int = 26, seed: int = 8) -> tuple[Design, Names]:
    """Few rows in unequal groups, with a response that the family `kind` (of `FAMILIES`) allows."""
    pattern = GLMM_MODELS[name]
    rng = np.random.default_rng(seed)
    columns = {"1": np.ones(rows), "x": rng.normal(0.3, 0.8, rows), "z": rng.uniform(-1, 1, rows)}
    g = np.sort(np.concatenate([np.arange(6), rng.choice(6, rows - 6, p=np.arange(1, 7) / 21)]))
    codes = {"g": g, "s": g // 2, "t": g // 4, "h": rng.permutation(np.arange(rows) % 4)}
    codes = {key: value.astype(np.int32) for key, value in codes.items()}
    effects, names = equations(pattern, codes, columns)
    labels = ["x"] if kind.startswith("ordinal") else ["x", "_cons"]
    x = np.column_stack([columns["1" if label == "_cons" else label] for label in labels])
    if kind == "multinomial":  # effects and coefficients of their own for each of two linear predictors
        labels = [f"{outcome}:{label}" for outcome in "ac" for label in labels]
        effects = tuple(Effects(e.codes, e.z, e.size, 2) for e in effects)
        names = tuple(replace(n, columns=tuple(f"{o}:{c}" for o in "ac" for c in n.columns)) for n in names)
    eta = 0.3 + 0.5 * columns["x"] + rng.normal(size=6)[g] + 0.6 * rng.normal(size=4)[codes["h"]]
    fixed = tuple(FixedColumn(c, "", "", "", k, constant=c == "_cons") for k, c in enumerate(labels))
    return Design(simulated(kind, eta, rng), x, effects), Names("y", fixed, names, ())


def simulated(kind: str, eta: np.ndarray, rng: np.random.Generator):
    """Responses that vary with eta: no draw of the family's own distribution, only values that it allows."""
    noisy = eta + rng.logistic(size=len(eta))
    if kind.startswith("gaussian"):
        return noisy
    if kind.startswith("gamma"):
        return np.exp(0.5 * noisy)
    if kind.startswith("ordinal"):
        return np.digitize(noisy, [-1.0, 0.2, 1.0, 2.0]).astype(float)
    if kind == "multinomial":
        return np.digitize(noisy, [-0.3, 0.8]).astype(float)
    if kind == "interval":  # points, and intervals that are closed, or open below or above
        width = np.arange(len(eta)) % 4 // 2 * 0.7
        return np.where(noisy < -1.0, -np.inf, noisy), np.where(noisy > 2.0, np.inf, noisy + width)
    if kind in SURVIVAL:
        exit = np.exp(0.4 * noisy)
        entry = np.where(np.arange(len(eta)) % 3 == 0, 0.4 * exit, 0.0)
        return entry, exit, (np.arange(len(eta)) % 4 > 0).astype(float)
    if kind.startswith("binomial"):
        trials = rng.integers(1, 6, len(eta)).astype(float)
        return rng.binomial(trials.astype(int), 1 / (1 + np.exp(-eta))).astype(float), trials
    return (noisy > 0).astype(float) if kind.startswith("bernoulli") else rng.poisson(np.exp(0.6 * eta)).astype(float)


def generalized_model(
    name: str,
    kind: str = "bernoulli logit",
    method: str | None = None,
    points: int | tuple[int, ...] | None = None,
    **options,
) -> tuple[GeneralizedModel, Design]:
    """The model of a pattern of levels; call inside double precision.

    `bytes` and `exact` go to `Integration`, `constraints` are texts; everything else replaces a field of the design.
    """
    design, names = generalized_design(name, kind)
    settings = {key: options.pop(key) for key in ("bytes", "exact") if key in options}
    constraints = collect_constraints(options.pop("constraints", None))
    for key, value in options.items():
        design = eqx.tree_at(lambda d, key=key: getattr(d, key), design, value, is_leaf=lambda leaf: leaf is None)
    return built(design, names, kind, Integration(method, points, **settings), constraints), design


def built(design: Design, names: Names, kind: str, integration: Integration, constraints=()) -> GeneralizedModel:
    return to_device(build_generalized(design, names, FAMILIES[kind].make(), integration, constraints))


def some_params(model: GeneralizedModel, kind: str, seed: int = 5) -> Params:
    """Parameters away from every special value; those of the family are its example's."""
    rng = np.random.default_rng(seed)
    start = model.init()
    random = tuple(np.asarray(r) + 0.2 * rng.normal(size=np.shape(r)) for r in start.random)
    fixed = np.array([0.4, -0.2, -0.1, 0.3])[: len(start.fixed)]
    ancillary = FAMILIES[kind].make().free(FAMILIES[kind].aux) if len(start.ancillary) else np.zeros(0)
    return jax.tree.map(jnp.asarray, Params(fixed, random, np.zeros(0), np.asarray(ancillary)))


@eqx.filter_jit
def loglik(model: GeneralizedModel, params: Params) -> jax.Array:
    """The public log likelihood, compiled once per structure and shape, the model being an argument."""
    return model.loglik(params)
