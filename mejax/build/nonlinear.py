"""A nonlinear mixed model from its design and the mean that was parsed."""

import numpy as np

from ..covstruct import FreeVariances
from ..design import Design, Names
from ..elimination import make_plan, make_rows, merge_terms
from ..menl import OPERATIONS, Function, Mean, NonlinearModel, Written
from ..syntax.expression import Binary, Call, Expression, Name, Number, Parameter, RandomValue, Reference, Unary
from ..syntax.spec import Combination, Nonlinear
from .errors import build_errors
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
