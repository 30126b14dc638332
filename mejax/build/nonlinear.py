"""A nonlinear mixed model from its design and the mean that was parsed."""

from dataclasses import replace

import numpy as np

from ..covstruct import EqualScale, FreeVariances
from ..design import Design, Names
from ..elimination import make_plan, make_rows, merge_terms
from ..glmm import GeneralizedModel
from ..menl import OPERATIONS, Function, Mean, NonlinearModel, NonlinearNormal, Written
from ..syntax.expression import Binary, Call, Expression, Name, Number, Parameter, RandomValue, Reference, Unary
from ..syntax.spec import Combination, Nonlinear
from .errors import build_errors
from .generalized import Integration, Predictors, build_generalized
from .structures import structure

CROSSED = (
    "the levels of a nonlinear model are nested: {a} and {b} cross each other. Write the smaller groups as "
    "`{{U[{a}>{b}]}}` if they lie within the larger ones"
)


def build_nonlinear(design: Design, names: Names, nonlinear: Nonlinear, *, reml: bool) -> NonlinearModel:
    """Mean, covariance structures, elimination plan of y = f(beta, u) + e."""
    blocks = [structure(e, d.z.shape[1]) for e, d in zip(names.effects, design.effects, strict=True)]
    errors, rows = build_errors(design, names)
    effects = design.effects
    z = [np.asarray(e.z, float) for e in effects]
    hosts = merge_terms([np.asarray(e.codes) for e in effects], z, [e.size for e in effects])
    plan, numbers = make_plan(hosts)
    if plan.crossed:
        paths = [names.effects[term.blocks[0]].path for term in plan.terms]
        raise ValueError(CROSSED.format(a=paths[0], b=paths[plan.crossed[0]] if plan.crossed[0] else paths[-1]))
    return NonlinearModel(
        mean=mean_of(design, names, nonlinear),
        y=np.asarray(design.y, float),
        codes=tuple(np.asarray(e.codes, np.int32) for e in effects),
        plan=plan,
        places=make_rows(plan, hosts, numbers),
        variances=FreeVariances(blocks, None, errors),
        rows=rows,
        start=np.zeros(design.x.shape[1]),
        reml=reml,
    )


def mean_of(design: Design, names: Names, nonlinear: Nonlinear) -> Mean:
    """The mean as a function of arrays; effects are counted over the equations, in the order of `names.effects`."""
    assert design.mean is not None
    order = [column for effect in names.effects for column in effect.columns]
    reader = _Reader(nonlinear, order)
    if nonlinear.function is not None:
        body = Function(nonlinear.function, nonlinear.scalars, tuple(order), nonlinear.columns)
        return Mean(body, design.mean, (), tuple(range(len(order))), len(nonlinear.scalars))
    assert nonlinear.mean is not None
    body = Written(reader.program(nonlinear.mean))
    return Mean(body, design.mean, reader.slopes(), tuple(reader.lone), len(nonlinear.scalars))


def program_of(nonlinear: Nonlinear, names: Names, name: str) -> "tuple[Written, tuple[int, ...]]":
    """A definition as a body of its own, and the random effects that it reads by themselves."""
    reader = _Reader(nonlinear, [column for effect in names.effects for column in effect.columns])
    return Written(reader.program(Reference(name))), tuple(reader.lone)


class _Reader:
    """Expressions into programs."""

    def __init__(self, nonlinear: Nonlinear, order: list[str]):
        self.nonlinear, self.order = nonlinear, order
        self.definitions = {d.name: d.meaning for d in nonlinear.definitions}
        self.lone: list[int] = []

    def slopes(self) -> tuple[tuple[int, int], ...]:
        found = []
        for k, name in enumerate(self.nonlinear.combinations):
            combination = self.definitions[name]
            assert isinstance(combination, Combination)
            found += [(k, self.order.index(slope.effect)) for slope in combination.slopes]
        return tuple(found)

    def program(self, e: Expression) -> tuple:
        if isinstance(e, Number):
            return ("number", e.value)
        if isinstance(e, Name):
            return ("column", self.nonlinear.columns.index(e.name))
        if isinstance(e, Parameter):
            return ("predictor", len(self.nonlinear.combinations) + self.nonlinear.scalars.index(e.name))
        if isinstance(e, RandomValue):
            return self._lone(self.order.index(e.name))
        if isinstance(e, Reference):
            meaning = self.definitions[e.name]
            if isinstance(meaning, Combination):
                return ("predictor", self.nonlinear.combinations.index(e.name))
            return self.program(meaning)
        if isinstance(e, Unary):
            operand = self.program(e.operand)
            return operand if e.operator == "+" else ("negative" if e.operator == "-" else "not", operand)
        if isinstance(e, Binary):
            assert e.operator in OPERATIONS
            return (e.operator, self.program(e.left), self.program(e.right))
        assert isinstance(e, Call) and e.function in OPERATIONS, e
        return (e.function, *map(self.program, e.arguments))

    def _lone(self, effect: int) -> tuple:
        if effect not in self.lone:
            self.lone.append(effect)
        return ("effect", self.lone.index(effect))


def predictors_of(mean: Mean, design: Design) -> Predictors:
    """The covariates of the linear predictors of the mean's body: combinations, scalars, lone random effects."""
    n, p = np.asarray(design.x).shape
    effects = [e.z.shape[1] for e in design.effects]
    count = len(mean.rows.combinations) + mean.scalars
    x = np.zeros((count + len(mean.lone), n, p))
    z = np.zeros((count + len(mean.lone), n, sum(effects)))
    start = 0
    for k, matrix in enumerate(mean.rows.combinations):
        x[k, :, start : start + matrix.shape[1]] = matrix
        start += matrix.shape[1]
    for i in range(mean.scalars):
        x[len(mean.rows.combinations) + i, :, start + i] = 1.0
    for (k, effect), covariate in zip(mean.slopes, mean.rows.slopes, strict=True):
        z[k, :, effect] += 1.0 if covariate is None else np.asarray(covariate)
    for i, effect in enumerate(mean.lone):
        z[count + i, :, effect] = 1.0
    return Predictors(x, tuple(np.split(z, np.cumsum(effects)[:-1], axis=2)) if effects else ())


def joined(mean: Mean) -> Mean:
    """The same mean with fewer predictors: `{b}+{U[g]}`, where neither stands elsewhere, is one."""
    if not isinstance(mean.body, Written):
        return mean
    program, lone, slopes, extra = mean.body.program, list(mean.lone), list(mean.slopes), list(mean.rows.slopes)
    for pair in _sums(program):
        predictor, effect = pair[1], pair[2]
        inside = _count(program, pair)
        if _count(program, predictor) == inside == _count(program, effect):
            program = _replaced(program, pair, predictor)
            slopes.append((predictor[1], lone[effect[1]]))
            extra.append(None)
    left = [k for k in range(len(lone)) if _count(program, ("effect", k))]
    for new, old in enumerate(left):
        program = _replaced(program, ("effect", old), ("effect", new))
    rows = replace(mean.rows, slopes=tuple(extra))
    return Mean(Written(program), rows, tuple(slopes), tuple(lone[k] for k in left), mean.scalars)


def _sums(program: tuple) -> list[tuple]:
    """Every distinct sum of a predictor and an effect in a program."""
    found = {}
    for part in program:
        if isinstance(part, tuple):
            found |= dict.fromkeys(_sums(part))
    if program[0] == "+" and program[1][0] == "predictor" and program[2][0] == "effect":
        found[program] = None
    return list(found)


def _count(program: tuple, part: tuple) -> int:
    return (program == part) + sum(_count(p, part) for p in program if isinstance(p, tuple))


def _replaced(program: tuple, part: tuple, by: tuple) -> tuple:
    if program == part:
        return by
    return tuple(_replaced(p, part, by) if isinstance(p, tuple) else p for p in program)


def build_true(
    design: Design, names: Names, nonlinear: Nonlinear, integration: Integration
) -> tuple[GeneralizedModel, Design]:
    """The model whose likelihood integrates the random effects out, and its design (the response with what the mean
    reads).

    Raises:
        NotImplementedError: errors that depend on each other, or strata with variances of their own.
    """
    errors, rows = build_errors(design, names)
    if errors is not None and (errors.correlation is not None or errors.strata > 1):
        raise NotImplementedError(
            "the true likelihood is built for independent errors whose variance is constant or a function of a "
            "covariate or the mean; leave out intmethod() for correlated errors or strata"
        )
    mean = joined(mean_of(design, names, nonlinear))
    scale = EqualScale() if errors is None else errors.scale
    count = len(mean.rows.combinations) + mean.scalars
    family = NonlinearNormal(body=mean.body, scale=scale, predictors=count, lone=len(mean.lone))
    columns = tuple(np.asarray(c, float) for c in mean.rows.columns)
    y = np.asarray(design.y, float)
    on_mean = names.errors is not None and names.errors.on_mean
    variable = None if on_mean else np.zeros(len(y)) if rows is None or rows.variable is None else rows.variable
    design = replace(design, y=(y, columns, variable))
    return build_generalized(design, names, family, integration, predictors=predictors_of(mean, design)), design
