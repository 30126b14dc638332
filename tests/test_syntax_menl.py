"""The text of nonlinear models and of structured errors: what is understood, how it is printed, what errors say."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mejax.syntax import (
    MEAN_FUNCTIONS,
    Nonlinear,
    Residuals,
    Span,
    SyntaxProblem,
    Varlist,
    definition_text,
    equation_text,
    family_of,
    nonlinear_of_function,
    parse,
    refuse_unbuilt,
)
from mejax.syntax.expression import Binary, Call, Name, Number, Parameter, RandomValue, Reference, Unary
from mejax.syntax.printing import _Printer
from mejax.syntax.reading import same_value
from mejax.syntax.spec import Combination

TREE = "circumf = ({b1}+{U1[tree]})/(1+exp(-(age-{b2})/{b3}))"
STAGES = "circumf = {phi1:}/(1+exp(-(age-{phi2:})/{b3})), define(phi1: U1[tree], xb) define(phi2: U2[tree], xb)"
LEVELS = "define(phi1: x1 W0[lev3] S0[lev3>lev2] c.x1#(W1[lev3] S1[lev3>lev2]))"


def menl(text, **keywords) -> Any:
    return parse(text, command="menl", **keywords)


def mean(text, **keywords) -> Nonlinear:
    return menl(text, **keywords).nonlinear


def blocks(spec):
    found = []
    for block, equation in zip(spec.nonlinear.blocks, spec.equations, strict=True):
        assert equation.columns is None and equation.covariance is block.covariance
        found.append((equation.level.label, " ".join(block.effects), block.covariance and block.covariance.type))
    return found


def same(first, second):
    """Whether two specs or means say the same, wherever it stands in their texts."""
    assert same_value(first.nonlinear.mean, second.nonlinear.mean)
    for name in ("definitions", "effects", "blocks", "combinations", "scalars", "columns"):
        assert same_value(getattr(first.nonlinear, name), getattr(second.nonlinear, name)), name
    assert first.nonlinear.starts == second.nonlinear.starts
    assert same_value(first.residuals, second.residuals) and same_value(first.equations, second.equations)
    assert dict(first.options) == dict(second.options)


# ---- the manual's models: scalars, combinations, columns, blocks

SEED = {
    "y = ({b0}+{b1}*x1+{U0[id]})/(1+exp(-(x2-{b2})/{b3}))": ("b0 b1 b2 b3", "", "x1 x2", [("id", "U0", None)]),
    "y = ({lc: x1 U0[id]})/(1+exp(-(x2-{b2})/{b3}))": ("b2 b3", "lc", "x2", [("id", "U0", None)]),
    "y = {lc:}/(1+exp(-(x2-{b2})/{b3})), define(lc: x1 U0[id])": ("b2 b3", "lc", "x2", [("id", "U0", None)]),
    """y = {lc:}/(1+exp(-(x2-{b2})/{b3})), ///
    define(lc: x1 U0[id] c.x1#U1[id]) covariance(U0 U1, unstructured)""":
        ("b2 b3", "lc", "x2", [("id", "U0 U1", "unstructured")]),
    """y = {lc:}/(1+exp(-(x2-{b2})/{b3})), ///
    define(lc: x1 U0[id] c.x1#U1[id]) ///
    covariance(U0 U1, unstructured) resvariance(power _yhat)""":
        ("b2 b3", "lc", "x2", [("id", "U0 U1", "unstructured")]),
    f"y = {{phi1:}}+{{b1}}*cos({{b2}}*x1), {LEVELS} covariance(W0 W1, unstructured) covariance(S0 S1, exchangeable)":
        ("b1 b2", "phi1", "x1", [("lev3", "W0 W1", "unstructured"), ("lev3>lev2", "S0 S1", "exchangeable")]),
    TREE: ("b1 b2 b3", "", "age", [("tree", "U1", None)]),
    "circumf = {phi1:}/(1+exp(-(age-{b2})/{b3})), define(phi1: {b1}+{U1[tree]})":
        ("b1 b2 b3", "", "age", [("tree", "U1", None)]),
    "circumf = {phi1:}/(1+exp(-(age-{b2})/{b3})), define(phi1: U1[tree], xb)":
        ("b2 b3", "phi1", "age", [("tree", "U1", None)]),
    "circumf = {phi1: U1[tree], xb}/(1+exp(-(age-{b2})/{b3}))": ("b2 b3", "phi1", "age", [("tree", "U1", None)]),
    STAGES: ("b3", "phi1 phi2", "age", [("tree", "U1 U2", None)]),
    STAGES + " covariance(U1 U2, unstructured)": ("b3", "phi1 phi2", "age", [("tree", "U1 U2", "unstructured")]),
}  # fmt: skip


@pytest.mark.parametrize("text", SEED)
def test_the_manuals_models(text):
    scalars, combinations, columns, expected = SEED[text]
    spec = parse(f"menl {text}")
    found = spec.nonlinear
    assert isinstance(found, Nonlinear) and isinstance(spec.response, Name)
    assert (found.scalars, found.combinations) == (tuple(scalars.split()), tuple(combinations.split()))
    assert found.columns == tuple(columns.split()) and blocks(spec) == expected
    assert spec.fixed == Varlist((), False) and family_of(spec) is None and not spec.options
    same(menl(text), spec)
    refuse_unbuilt(spec)


def test_the_tree_of_a_mean():
    found = mean("y = {b1}*exp(-{U1[tree]}*x)")
    exponent = Binary("*", Unary("-", RandomValue("U1", 14, 24)), Name("x", 25, 26))
    assert found.mean == Binary("*", Parameter("b1", 4, 8), Call("exp", (exponent,)))
    assert found.text == "{b1}*exp(-{U1[tree]}*x)"
    assert same_value(mean("y = {a:}*2, define(a: {b}+1)").mean, Binary("*", Reference("a"), Number(2.0)))


def test_places():
    text = STAGES
    found = mean(text)
    definition, effect = found.definitions[0], found.effects[0]
    assert text[definition.span.start : definition.span.end] == "phi1: U1[tree], xb"
    assert text[effect.span.start : effect.span.end] == "U1[tree]"
    assert text[effect.level.span.start : effect.level.span.end] == "tree"
    by_keyword = mean("y = {a:}", define={"a": "x U[id]"})
    assert by_keyword.effects[0].span == by_keyword.definitions[0].span == Span(0, 0)


def test_combinations():
    found = mean("y = {a: x1 i.g c.x1#i.g U0[id] c.x1#U1[id] 2.g#U2[id] c.x1#c.x2#U1, noconstant}").definitions[0]
    assert isinstance(found.meaning, Combination) and not found.printed
    assert [len(term.operands) for term in found.meaning.columns.terms] == [1, 1, 2]
    assert not found.meaning.columns.constant
    slopes = [(slope.effect, slope.covariate and len(slope.covariate.operands)) for slope in found.meaning.slopes]
    assert slopes == [("U0", None), ("U1", 1), ("U2", 1), ("U1", 2)]
    assert found.text == "x1 i.g c.x1#i.g U0[id] c.x1#U1[id] 2.g#U2[id] c.x1#c.x2#U1, noconstant"
    for one_term in ("x1, xb", "i.g", "c.x#U[id]", "x*, xb", "U[id], xb nocons"):
        assert isinstance(mean(f"y = {{a: {one_term}}}+{{b}}").definitions[0].meaning, Combination), one_term


def test_a_definition_is_an_expression_or_a_combination():
    expressions = ("x", "x1-x3", "{b}", "{b}+{U[id]}", "exp(x)", "exp (x)", "-x", "2*x", "max(x, 2)", "(x + z)*2", ".5")
    for text in expressions:
        assert not isinstance(mean(f"y = {{c}}*{{a:}}, define(a: {text})").definitions[0].meaning, Combination), text
    for text in ("x z", "x1-x3 z", "x1-x3, xb", "U[id] x", "i.g", "2.g", "a#b", "i.(a b)", "x?"):
        assert isinstance(mean(f"y = {{c}}*{{a:}}, define(a: {text})").definitions[0].meaning, Combination), text


def test_order_is_that_of_the_mean_with_its_definitions_in_place():
    text = "y = {late:}*{b}+{V[id]}, define(early: {a}+z+{U[id]}) define(late: {early:}*{c}+w) define(covers: x z)"
    found = mean(text.replace("{V[id]}", "{covers:}+{V[id]}"))
    assert found.scalars == ("a", "c", "b") and [e.name for e in found.effects] == ["U", "V"]
    assert found.columns == ("z", "w") and [d.name for d in found.definitions] == ["early", "late", "covers"]
    assert all(d.printed for d in found.definitions)


def test_an_effect_names_its_level_once():
    found = mean("y = {U0}+{b}*{a:}+{a:}, define(a: x U0[id])")
    assert found.scalars == ("b",) and [(e.name, e.level.label) for e in found.effects] == [("U0", "id")]
    same(menl("y = {b}+{U[school > class]}*{U}"), menl("y = {b}+{U}*{U[school>class]}"))
    assert mean("y = {U0}").scalars == ("U0",)


def test_blocks():
    text = "y = {b}+{A[s>c]}+{B[s]}+{C[s>c]}+{D[s]}+{E[s>c]}+{F[_all]}"
    assert blocks(menl(text)) == [("_all", "F", None), ("s", "B D", None), ("s>c", "A C E", None)]
    some = menl(text + ", cov(E C, exch) cov(D B, id)")
    lowest = [("s>c", "A", None), ("s>c", "E C", "exchangeable")]
    assert blocks(some) == [("_all", "F", None), ("s", "D B", "identity"), *lowest]
    everywhere = [("_all", "F", "unstructured"), ("s", "B D", "unstructured"), ("s>c", "A C E", "unstructured")]
    assert blocks(menl(text, covariance="unstructured")) == blocks(menl(text + ", cov(un)")) == everywhere


def test_keywords():
    text = (
        STAGES + " covariance(U2 U1, unstructured) initial(phi1:_cons 190 /b3 = -3.5e2) reml resvariance(power _yhat)"
    )
    body, definitions = STAGES.partition(",")[0], {"phi1": "U1[tree], xb", "phi2": "U2[tree], xb"}
    listed = [f"{name}: {meaning}" for name, meaning in definitions.items()]
    starts = {"phi1:_cons": 190, "b3": -350.0}
    for covariance in ({"U2 U1": "unstructured"}, {("U2", "U1"): "un"}, "U2 U1, un", ["U2 U1, unstructured"]):
        for define, initial in ((definitions, starts), (listed, "phi1:_cons 190 b3 -350")):
            given = {"define": define, "covariance": covariance, "initial": initial}
            same(menl(body, **given, reml=True, resvariance="power _yhat"), menl(text))
    part = f"{body}, define({listed[0]}) initial(phi1:_cons 190 b3 -350) reml resvariance(power _yhat)"
    same(menl(part, define=listed[1], covariance="U2 U1, un"), menl(text))


def test_starting_values():
    assert mean("y = {a=1.5}+{b = -2}*{a}+{c}").starts == {"/a": 1.5, "/b": -2.0}
    assert mean("y = {a=1.5}+{b=-2}*{a=1.5}, initial(b 3 _b[/a]=4)").starts == {"/b": 3.0, "/a": 4.0}
    assert mean("y = {l: x}+{b}".replace("x}", "x, xb}"), initial={"l:x": 1}).starts == {"l:x": 1.0}
    assert menl("y = {a}+{b}, initial(1 -2.5, copy)").options["initial"] == (1.0, -2.5)
    assert menl("y = {a}+{b}", initial=[1, 2]).options["initial"] == (1.0, 2.0)


def test_sample_and_options():
    spec = menl(
        f"{TREE} if age > 5 & tree != 2 in 2/30, nolog l(90) intm(mc) intp(9) iter(3) emiter(2) stddev nohead from(a=1)"
    )
    assert spec.rows == (2, 30) and spec.where == menl(f"{TREE} in 2/30 if age > 5 & tree != 2").where or spec.where
    assert dict(spec.options) == {
        "nolog": True, "level": 90.0, "intmethod": "mcaghermite", "intpoints": 9, "iterate": 3, "emiterate": 2,
        "stddeviations": True, "noheader": True, "start": "a=1",
    }  # fmt: skip
    assert same_value(menl(TREE, where="age > 5", rows=(1, 9)).where, menl(f"{TREE} if age > 5").where)


def test_functions_and_conditions_of_a_mean():
    for name, (fewest, _) in MEAN_FUNCTIONS.items():
        assert mean(f"y = {{b}}*{name}({', '.join(['x'] * fewest)})").columns == ("x",)
    found = mean("y = {b}*sin(2*_pi*x)+cond(x>{c} & !(z==2) | x<=0, {d}, 0)+(z==3)*{e}+`_pi`")
    assert found.scalars == ("b", "c", "d", "e") and found.columns == ("x", "z", "_pi")


# ---- printing

PRINTED = {  # typed -> printed
    TREE: TREE,
    "y = ((({b})))*(x)": "y = {b}*x",
    "y = {b}-(x-z)-(w)": "y = {b}-(x-z)-w",
    "y = ({b}-x)-z": "y = {b}-x-z",
    "y = {b}/(x*z)*w": "y = {b}/(x*z)*w",
    "y = (-{b})^2 + -({c}^2)": "y = (-{b})^2+-{c}^2",
    "y = {b}^-x^(z^2)": "y = {b}^-x^(z^2)",
    "y = -({b}+x)": "y = -({b}+x)",
    "y = ({b}*x > 3) == !(x & z)": "y = ({b}*x>3)==!(x&z)",
    "y = cond((x | z) & w, {b = 2}, -(1e-3))": "y = cond((x|z)&w,{b},-0.001)",
    "y = {b} + {U [ a > b ]} * `my x` + {U}": "y = {b}+{U[a>b]}*`my x`+{U[a>b]}",
    "y = {b}*{V[_all]}": "y = {b}*{V[_all]}",
    "y = {l: U0[id]   x ib3.g 1.(g h) , nocons}^2+{l:}": "y = {l: x ib3.g i1.g i1.h U0[id], noconstant}^2+{l:}",
    "y = {l: c.x#U0[id]}": "y = {l: c.x#U0[id], xb}",
    "`my y` = {l: x1-x3 z* o.w 2o.g a#c.x ibn.g ib(last).g}":
        "`my y` = {l: x1-x3 z* co.w io2.g i.a#c.x ibn.g ib(last).g}",
}  # fmt: skip


@pytest.mark.parametrize("text", PRINTED)
def test_printed_equation(text):
    spec = menl(text)
    printed = equation_text(spec.nonlinear, spec.response.name)
    assert printed == PRINTED[text]
    assert equation_text(mean(printed), spec.response.name) == printed


def printed_again(spec):
    found = spec.nonlinear
    definitions = [f"define({definition_text(d, found)})" for d in found.definitions if d.printed]
    return menl(f"{equation_text(found, spec.response.name)}, {' '.join(definitions)}".rstrip(", "))


@pytest.mark.parametrize("text", [*SEED, *PRINTED])
def test_what_is_printed_reads_the_same(text):
    spec = menl(text)
    again = printed_again(spec)
    for name in ("mean", "effects", "combinations", "scalars", "columns"):
        assert same_value(getattr(again.nonlinear, name), getattr(spec.nonlinear, name)), name
    pairs = zip(again.nonlinear.definitions, spec.nonlinear.definitions, strict=True)
    assert all(same_value((a.name, a.meaning, a.printed), (b.name, b.meaning, b.printed)) for a, b in pairs)


def test_definitions_are_printed_where_they_belong():
    spec = menl("y = {b}+{a:}*{l:}, define(a: {c}*{m: x z}) define(l: U[id], xb)")
    found = spec.nonlinear
    assert equation_text(found, "y") == "y = {b}+{a:}*{l:}"
    assert [definition_text(d, found) for d in found.definitions] == ["m: x z", "a: {c}*{m: x z}", "l: U[id], xb"]
    assert same_value(printed_again(spec).nonlinear.mean, found.mean)


LEAVES = st.one_of(
    st.sampled_from(
        [Parameter("b"), RandomValue("U"), Reference("p"), Name("x"), Name("my x"), Name("if"), Name("_pi")]
    ),
    st.floats(0, 1e12).map(Number),
)


def larger(inner):
    binary = st.builds(Binary, st.sampled_from("+ - * / ^ == != < <= > >= & |".split()), inner, inner)
    calls = st.builds(lambda name, part: Call(name, (part,)), st.sampled_from(["exp", "normal"]), inner)
    return st.one_of(binary, st.builds(Unary, st.sampled_from("+-!"), inner), calls)


@settings(deadline=None, max_examples=300)
@given(st.recursive(LEAVES, larger, max_leaves=12))
def test_any_expression_reads_as_it_is_printed(tree):
    known = mean("y = {b}*{p:}+{U[id]}, define(p: x z)")
    text = _Printer(known, "").expression(tree)
    again = mean(f"y = {{b}}*{{p:}}*{{U[id]}}*cond(1,{text},0), define(p: x z)").mean
    assert isinstance(again, Binary) and isinstance(again.right, Call)
    assert same_value(again.right.arguments[1], tree), text


# ---- means that are functions


def decay(b, u, x):
    return (b["b1"] + u["U1"]) * x["age"]


def test_a_function():
    params = {"b1": 190, "b2": None}
    spec = nonlinear_of_function(
        decay, "circumf", params, {"U1": "tree", "U2": "tree"}, columns=("age",), covariance="U1 U2, un", reml=True,
        rescorrelation="ar 1, t(age)", where="age > 3",
    )  # fmt: skip
    found = spec.nonlinear
    assert found is not None and found.mean is None and found.function is decay
    assert (found.scalars, found.columns, found.starts) == (("b1", "b2"), ("age",), {"/b1": 190.0})
    assert blocks(spec) == [("tree", "U1 U2", "unstructured")] and spec.options == {"reml": True}
    assert spec.residuals == Residuals(correlation="ar", order=1, time="age", joint=False)
    assert spec.where is not None and spec.response == Name("circumf")
    assert equation_text(found, "circumf") == "circumf = decay(b, u, x)"
    assert equation_text(nonlinear_of_function(lambda b, u, x: 0, "y", params).nonlinear, "y") == "y = mean(b, u, x)"  # pyright: ignore[reportArgumentType]
    nested = nonlinear_of_function(decay, "y", params, {"W": "school>class", "S": "school"}, initial={"b2": 3})
    assert [e.level.label for e in nested.equations] == ["school", "school>class"]
    assert nested.nonlinear is not None and nested.nonlinear.starts == {"/b1": 190.0, "/b2": 3.0}


@pytest.mark.parametrize(
    "given, message",
    [
        ({"params": {}}, "keyword `params`: expected names with starting values"),
        ({"params": {"b": "x"}}, "keyword `params`: a starting value is a number, got 'x'"),
        ({"params": {1: 2.0}}, "keyword `params`: expected a name, got 1"),
        ({"random": {"U": ""}}, "keyword `random\\['U'\\]`: expected a name"),
        ({"random": {"U": "a b"}}, "keyword `random`: `b` was not expected among groups"),
        ({"random": {"U": "id]+[x"}}, "keyword `random`: `\\+` was not expected"),
        ({"random": {"U": "a", "V": "b"}}, "levels of menl are nested"),
        ({"define": {"a": "x z"}}, "`define` belongs to a mean that is a text"),
        ({"covariance": "U V, un"}, "keyword `covariance`: `V` is not a random effect"),
        ({"initial": {"c": 1}}, "`initial`: `/c` is not a coefficient"),
        ({"y": 3}, "keyword `y`: expected a name"),
    ],
)
def test_bad_functions(given, message):
    arguments: Any = {"y": "y", "params": {"b": 1.0}, "random": {"U": "id"}, **given}
    with pytest.raises(SyntaxProblem, match=message):
        nonlinear_of_function(decay, **arguments)


# ---- errors

PROBLEMS = {  # text -> message, the place it points at
    "y": ("`=` is missing after the response: the text ends", ""),
    "= {b}": ("the response is missing", "="),
    "log(y) = {b}": ("name of one column", "log"),
    "y ~ {b}": ("`=` is missing after the response", "~"),
    "y == {b}": ("`=` is missing", "=="),
    "y = , reml": ("the mean is missing", ","),
    "y = {b1*x": ("`{` is never closed", "{"),
    "y = {}": ("these braces are empty", "{"),
    "y = {1}": ("a name was expected in braces, got `1`", "1"),
    "y = {`my b`}": ("`my b` cannot be a name here", "`my b`"),
    "y = {b}*{b c}": ("`c` does not belong in these braces(.|\n)*Known in braces", "c"),
    "y = {b*x}": ("`\\*` does not belong in these braces(.|\n)*define", "*"),
    "y = 3*x": ("no parameter", "3"),
    "y = {U[id], xb}": ("`,` does not belong in these braces", ","),
    "y = {b}*{p: U[id], xb noconstant} + {p:} + {p: x z}": ("`p` is defined twice(.|\n)*{p:}", "p"),
    "y = {b}*gama(x)": ("a mean has no function `gama`(.|\n)*Known: abs", "gama"),
    "y = {b}*int(x)": ("a mean has no function `int`(.|\n)*floor", "int"),
    "y = {b}*exp(x, 2)": ("`exp\\(\\)` takes 1 arguments, 2 given", "exp"),
    "y = {b}*(x == 'a')": ("not a number", "'a'"),
    "y = {b}+.": ("`.` is not a number", "."),
    "y = {b} x": ("`x` does not continue the expression", "x"),
    "y = {b}+U[id]": ("stands in braces(.|\n)*Write `{U\\[id\\]}`", "U"),
    "y = {b}+{U[]}": ("the random effect `U` has no group", "U"),
    "y = {b}+{U[a>]}": ("a group is missing", "]"),
    "y = {b}+{U[a<b]}": ("`<` was not expected among groups", "<"),
    "y = {b}+{U[a>a]}": ("`a` groups twice", "a"),
    "y = {b}+{U[_all>a]}": ("`_all` holds every observation", "_all"),
    "y = {b}+{U[a]}+{U[a>b]}": ("`U` is at level `a` and at `a>b`", "U"),
    "y = {b}+{U[school]}+{V[class]}": ("levels of menl are nested(.|\n)*V\\[school>class\\]", "V"),
    "y = {b}+{U[id]}+{U=2}": ("`U` is a random effect, and these start at zero", "U"),
    "y = {b=1}+{b=2}*x": ("`b` has two starting values, 1 and 2", "2"),
    "y = {b=x}": ("the starting value of `b` is not a number", "x"),
    "y = {a: x1}": ("`x1` is not a list(.|\n)*`{a: x1, xb}`", "x1"),
    "y = {a: U[id]}": ("not a list of variables(.|\n)*`{a: U\\[id\\], xb}`", "U"),
    "y = {a: x1+x2}": ("`x1\\+x2` is not a list", "x1"),
    "y = {a: {b}+{U[id]}}": ("braces inside braces(.|\n)*define\\(a: ...\\)", "a"),
    "y = {a: x z, cons}": ("`cons` is not an option of a linear combination(.|\n)*xb, noconstant", "cons"),
    "y = {a: , xb}": ("has no term", ","),
    "y = {a: x _cons}": ("the constant is in a linear combination anyway", "x"),
    "y = {a: x x#U[id]}": ("`x`: a random effect is multiplied by one column(.|\n)*c.x#U\\[id\\]", "U[id]"),
    "y = {a: x c.x#U[id]#V[id]}": ("product of two random effects", "U[id]"),
    "y = {a: z x-U[id]}": ("`U` cannot be an end of a range", "U[id]"),
    "y = {a: x c.U[id]}": ("takes no operator", "U"),
    "y = {a: x 2}+{b}": ("a variable was expected", "2"),
    "y = {b}+{phi:}": ("`phi` is not defined(.|\n)*define\\(phi: ...\\)", "phi"),
    "y = {b}+{b:}": ("`b` is not defined(.|\n)*without the colon", "b"),
    "y = {phi}+{phi:}, define(phi: x z)": ("`phi` is a definition, not a parameter(.|\n)*`{phi:}`", "phi"),
    "y = {b}+{U:}+{U[id]}, define(U: x z)": ("`U` is a random effect too", "U"),
    "y = {a:}, define(a: {b}+{a:})": ("refers to itself: a -> a", "a"),
    "y = {a:}+{c}, define(a: {d:}*2) define(d: 1+{a:})": ("refers to itself: a -> d -> a", "a"),
    "y = {b}, define(a: {c}+1)": ("`a` is defined but used nowhere", "a"),
    "y = {a:}, define(a: U[id])": ("one term needs `, xb`(.|\n)*`a: U\\[id\\], xb`", "U"),
    "y = {a:}, define(a {b})": ("begins with a name and a colon", "a"),
    "y = {a:}, define(a:)": ("`a` is defined as nothing", "a"),
    "y = {a:}, define(a: {b}) define(a: {c})": ("`a` is defined twice", "a"),
    "y = {b}+{U[id]}, cov(W, un)": ("`W` is not a random effect(.|\n)*Known: U", "W"),
    "y = {b}+{U[id]}, cov(U)": ("a covariance type is missing", "U"),
    "y = {b}+{U[id]}, cov(, un)": ("no random effect is named", ","),
    "y = {b}+{U[id]}, cov(U, diag)": ("`diag` is not a known covariance type", "diag"),
    "y = {b}+{U[id]}, cov(U, fixed(f))": ("`fixed` is not built yet for `menl`", "fixed"),
    "y = {b}+{U[id]}+{V[id]}, cov(U V, un) cov(V, id)": ("`V` has its covariance twice", "V"),
    "y = {b}+{U[a]}+{V[a>c]}, cov(U V, un)": ("`U` is at level `a`, `V` at `a>c`", "V"),
    "y = {b}+{U[a]}, cov(un) cov(id)": ("two covariance types", "id"),
    "y = {b}, initial(b)": ("a number is missing after `b`", "b"),
    "y = {b}, initial(b 1 2)": ("a label was expected, got the number `2`", "2"),
    "y = {b}, reml mle": ("`mle` contradicts `reml`", "mle"),
    "y = {b}, vce(robust)": ("`vce` is not an option of menl", "vce"),
    "y = {b} [fw=w]": ("a nonlinear model has no weights", "fw"),
    "y = {b} if x [fw=w]": ("a nonlinear model has no weights", "fw=w"),
    "y = {b} || id:": ("a nonlinear model has no `\\|\\|`", "||"),
    "y = {b} if x = 3": ("`=` does not compare", "="),
    "y = {b}, resvar(power)": ("`power` needs the column", "power"),
    "y = {b}, resvar(linear _yhat)": ("not of `_yhat`", "_yhat"),
    "y = {b}, resvar(linear x, nocons)": ("`noconstant` does not go with resvariance\\(linear\\)", "nocons"),
    "y = {b}, resvar(distinct)": ("tells the variances apart", "distinct"),
    "y = {b}, resvar(ident, strata(g))": ("`strata` does not go with", "g"),
    "y = {b}, resvar(power x y)": ("`y` was not expected in resvariance", "y"),
    "y = {b}, rescor(ctar1)": ("`ctar1` needs the times", "ctar1"),
    "y = {b}, rescor(ar 0, t(x))": ("the order of `ar` is at least 1, got 0", "0"),
    "y = {b}, rescor(exch 2)": ("`exchangeable` has no order", "2"),
    "y = {b}, rescor(ar 1, index(g))": ("`index\\(\\)` does not go with `ar`", "g"),
    "y = {b}, rescor(un, index(g) t(g))": ("both say which errors are alike", "g"),
    "y = {b}, rescor(exch, t(g))": ("do not depend on time", "g"),
    "y = {b}, rescor(ident, by(g))": ("has no correlation to differ", "g"),
    "y = {b}, rescov(independent)": ("`independent` is not a known type of rescovariance\\(\\)", "independent"),
    "y = {b}, rescov(un) resvar(linear x)": ("`resvariance` contradicts `rescovariance`", "resvar"),
}  # fmt: skip


@pytest.mark.parametrize("text", PROBLEMS)
def test_problem(text):
    message, place = PROBLEMS[text]
    with pytest.raises(SyntaxProblem, match=message) as caught:
        menl(text)
    problem = caught.value
    assert problem.span is not None and problem.text == text
    assert text[problem.span.start : problem.span.end] == place
    assert problem.advice or problem.span, "an error says what to do"


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({"define": 3}, "keyword `define`: expected a text, a list of texts or a mapping, got 3"),
        ({"define": {"a": "U[id]"}}, "keyword `define`: a linear combination of one term needs `, xb`"),
        ({"define": ["a: {b"]}, "keyword `define`: `{` is never closed"),
        ({"define": {"a": "{U[]}"}}, "keyword `define`: the random effect `U` has no group"),
        ({"define": {"a": "{q:}"}}, "`q` is not defined"),
        ({"covariance": {"U": "diag"}}, "keyword `covariance`: `diag` is not a known covariance type"),
        ({"initial": {"c": 1}}, "`initial`: `/c` is not a coefficient of this model(.|\n)*Did you mean|Known: /b"),
        ({"initial": {"b": "x"}}, "keyword `initial`: a starting value is a number, got 'x'"),
        ({"initial": {"b": 1, "/b": 2}}, "keyword `initial`: `/b` has two starting values"),
        ({"initial": 3}, "keyword `initial`: expected labels or numbers, got 3"),
        ({"initial": []}, "keyword `initial`: starting values are missing"),
        ({"resvariance": "powr x"}, "keyword `resvariance`: `powr` is not a known type(.|\n)*Did you mean `power`"),
        ({"weights": "w"}, "`weights` is not a keyword of menl"),
        ({"covariances": "un"}, "`covariances` is not a keyword of menl(.|\n)*Did you mean `covariance`"),
        ({"noconstant": True}, "`noconstant` is not a keyword of menl"),
        ({"constraints": ["/b = 1"]}, "`constraints` is not a keyword of menl"),
        ({"matrices": {"f": 1}}, "`matrices` is not a keyword of menl"),
    ],
)
def test_bad_keyword(keywords, message):
    with pytest.raises(SyntaxProblem, match=message):
        menl("y = {b}*x+{U[id]}+{a:}" if "define" in keywords else "y = {b}*x+{U[id]}", **keywords)


def test_nothing_is_nested_too_deeply():
    for text in ("{b}" + "+x" * 400, "{b}" + "^x" * 400, "-" * 400 + "{b}"):
        with pytest.raises(SyntaxProblem, match="nested too deeply"):
            menl(f"y = {text}")
    chain = "".join(f" define(a{i}: {{a{i + 1}:}}+1)" for i in range(300))
    with pytest.raises(SyntaxProblem, match="more than 100 definitions"):
        menl(f"y = {{a0:}}, {chain} define(a300: {{b}})")
    doubled = "".join(f" define(a{i}: {{a{i + 1}:}}*{{a{i + 1}:}})" for i in range(40))
    with pytest.raises(SyntaxProblem, match="more than 5000 parts"):
        menl(f"y = {{a0:}}, {doubled} define(a40: {{b}})")
    printed = equation_text(mean("y = {b}" + "+x" * 200), "y")
    assert printed.count("+x") == 200


WORDS = ["{b}", "{", "}", "{U[id]}", "[", "]", "(", ")", "{p:", "p", ":}", "=", ",", "define(", "covariance(", "U", "x",
         "+", "-", "*", "/", "^", "#", "c.", "i.", "exp", "initial(", "reml", "xb", ">", "1.5", "if", "resvariance(",
         "power _yhat", "ar 1", "rescorrelation("]  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join), st.text(max_size=30))
def test_garbage_raises_nothing_else(words, text):
    for model in (words, f"y = {words}", f"y = {{b}}*x, {words}", f"y = {text}", f"y = {{b}}, define(a: {text})"):
        try:
            menl(model)
        except SyntaxProblem as problem:
            assert str(problem)


# ---- structured errors

ERRORS = {  # residuals() of mixed
    "independent, by(g)": {"by": "g"},
    "ind, by(g)": {"by": "g"},
    "exchangeable": {"correlation": "exchangeable"},
    "exch, by(g)": {"correlation": "exchangeable", "by": "g"},
    "ar, t(time)": {"correlation": "ar", "order": 1, "time": "time"},
    "ar 2, t(time) by(g)": {"correlation": "ar", "order": 2, "time": "time", "by": "g"},
    "ar 2": {"correlation": "ar", "order": 2},
    "ma 3, t(time)": {"correlation": "ma", "order": 3, "time": "time"},
    "uns, t(time)": {"correlation": "unstructured", "time": "time"},
    "ban 1, t(time)": {"correlation": "banded", "order": 1, "time": "time"},
    "banded 0, t(time)": {"correlation": "banded", "order": 0, "time": "time"},
    "banded": {"correlation": "banded"},
    "toep, t(time)": {"correlation": "toeplitz", "time": "time"},
    "toeplitz 2, t(time)": {"correlation": "toeplitz", "order": 2, "time": "time"},
    "exp, t(`my time`)": {"correlation": "exponential", "time": "my time"},
}


@pytest.mark.parametrize("text", ERRORS)
def test_residuals_of_mixed(text):
    spec = parse(f"mixed y x || g:, residuals({text}) reml || h:")
    assert same_value(spec.residuals, Residuals(**ERRORS[text])) and dict(spec.options) == {"reml": True}
    by_keyword = parse("y x || g:, reml || h:", command="mixed", residuals=text)
    assert same_value(by_keyword.residuals, spec.residuals) and by_keyword.residuals is not None
    assert by_keyword.residuals.span == Span(0, 0)
    formula = parse(f"y ~ x + (1 | g), res({text})", command="mixed")
    assert same_value(formula.residuals, spec.residuals)
    refuse_unbuilt(spec)


def test_independent_errors_are_none():
    assert parse("mixed y x || g:").residuals is None
    assert parse("mixed y x || g:, residuals(independent)").residuals is None
    for option in ("resvariance(identity)", "rescorrelation(identity)", "rescovariance(id)"):
        assert menl(f"{TREE}, {option}").residuals is None


def test_place_of_residuals():
    spec = parse("mixed y x || g:, residuals(ar 2, t(time))")
    assert spec.residuals is not None
    assert spec.text[spec.residuals.span.start : spec.residuals.span.end] == "ar 2"


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "residuals\\(\\) needs a type(.|\n)*Known: independent"),
        ("arma 1", "`arma` is not a known type of residuals\\(\\)"),
        ("ctar1, t(x)", "`ctar1` is not a known type of residuals"),
        ("identity", "`identity` is not a known type of residuals"),
        ("ar 1.5", "the order of `ar`, got `1.5`"),
        ("ar x", "got `x`"),
        ("exponential", "`exponential` needs the times of the observations(.|\n)*t\\(time\\)"),
        ("ar 1, time", "`time` needs a column"),
        ("ar 1, t(a b)", "`t\\(\\)` holds the name of one column"),
        ("ar 1, t(a) t(b)", "`t` is given twice"),
        ("ar 1, index(a)", "`index` is not a suboption of residuals\\(\\)(.|\n)*Known: by, t"),
        ("independent, t(x)", "do not depend on time"),
    ],
)
def test_bad_residuals(text, message):
    with pytest.raises(SyntaxProblem, match=message):
        parse(f"mixed y x || g:, residuals({text})")


NONLINEAR_ERRORS = {
    "resvariance(power _yhat)": {"variance": "power", "variable": "_yhat", "joint": False},
    "resvar(pow age, nocons strata(g))":
        {"variance": "power", "variable": "age", "constant": False, "strata": "g", "joint": False},
    "resvar(linear age)": {"variance": "linear", "variable": "age", "joint": False},
    "resvar(exp _yhat, strata(g))": {"variance": "exponential", "variable": "_yhat", "strata": "g", "joint": False},
    "resvar(distinct, index(g))": {"variance": "distinct", "index": "g", "joint": False},
    "rescor(exch)": {"correlation": "exchangeable", "joint": False},
    "rescor(ar 1, t(time) by(g))": {"correlation": "ar", "order": 1, "time": "time", "by": "g", "joint": False},
    "rescor(ctar1, t(time))": {"correlation": "ctar1", "time": "time", "joint": False},
    "rescor(unstr, index(g))": {"correlation": "unstructured", "time": "g", "joint": False},
    "rescov(banded 1, index(g))": {"correlation": "banded", "order": 1, "time": "g"},
    "rescov(id, by(g))": {"by": "g"},
    "rescov(toep 2, t(time))": {"correlation": "toeplitz", "order": 2, "time": "time"},
    "resvar(power _yhat) rescor(ma 2, t(time) by(g))":
        {"variance": "power", "variable": "_yhat", "correlation": "ma", "order": 2, "time": "time", "by": "g",
         "joint": False},
    "resvar(distinct, index(time)) rescor(un, index(time))":
        {"variance": "distinct", "index": "time", "correlation": "unstructured", "time": "time", "joint": False},
}  # fmt: skip


@pytest.mark.parametrize("text", NONLINEAR_ERRORS)
def test_errors_of_nonlinear_models(text):
    assert same_value(menl(f"{TREE}, {text}").residuals, Residuals(**NONLINEAR_ERRORS[text]))
