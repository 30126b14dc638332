"""The text of a model in both spellings: what is understood, and what errors say."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mejax.syntax import (
    FUNCTIONS,
    Covariance,
    FormulaSide,
    Level,
    Span,
    Spec,
    SyntaxProblem,
    Varlist,
    family_of,
    parse,
    parse_expression,
    point_at,
    refuse_unbuilt,
)
from mejax.syntax.constraints import canonical, collect_constraints, parse_constraint
from mejax.syntax.expression import Binary, Call, Missing, Name, Number, Text, Unary
from mejax.syntax.options import COMMANDS, OPTIONS, candidates, keywords_of, options_of
from mejax.syntax.reading import same_value

PLACES = ("start", "end", "span", "text")


def bare(value):
    """A part of a Spec without texts and places."""
    if isinstance(value, FormulaSide):
        return ("FormulaSide", value.text, value.constant)
    if hasattr(value, "__dataclass_fields__"):
        fields = [name for name in value.__dataclass_fields__ if name not in PLACES]
        return (type(value).__name__, *(bare(getattr(value, name)) for name in fields))
    if isinstance(value, tuple):
        return tuple(bare(part) for part in value)
    return {key: bare(part) for key, part in value.items()} if hasattr(value, "items") else value


def mixed(text, **keywords) -> Any:
    return parse(text, command="mixed", **keywords)


def operand(one):
    shown = f"{'i' if one.kind == 'factor' else 'c'}.{one.name}"
    shown += f"-{one.range_end}" if one.range_end else ""
    shown += f" base={one.base}" if one.base != "first" else ""
    shown += f" levels={','.join(one.levels)}" if one.levels else ""
    return shown + (" omitted" if one.omitted else "")


def terms(columns):
    assert isinstance(columns, Varlist)
    return ["#".join(operand(one) for one in term.operands) for term in columns.terms]


def shown(equation):
    covariance = equation.covariance.type if equation.covariance else None
    if equation.factor:
        return (equation.level.label, f"R.{equation.factor}", covariance)
    if isinstance(equation.columns, FormulaSide):
        return (equation.level.label, equation.columns.text, covariance)
    columns = terms(equation.columns) + ["_cons"] * equation.columns.constant
    return (equation.level.label, " ".join(columns), covariance)


# ---- variable lists

VARLISTS = {
    "x z": ["c.x", "c.z"],
    "i.x": ["i.x"],
    "c.x": ["c.x"],
    "ibn.x": ["i.x base=none"],
    "bn.x": ["i.x base=none"],
    "ib3.x": ["i.x base=3"],
    "b3.x": ["i.x base=3"],
    "ib(first).x": ["i.x"],
    "ib(last).x": ["i.x base=last"],
    "ib(freq).x": ["i.x base=freq"],
    "ib(none).x": ["i.x base=none"],
    "1b.x": ["i.x base=1"],
    "2.x": ["i.x levels=2"],
    "i2.x": ["i.x levels=2"],
    "i(1 3).x": ["i.x levels=1,3"],
    "i(1/3 7).x": ["i.x levels=1,2,3,7"],
    "o.x": ["c.x omitted"],
    "co.x": ["c.x omitted"],
    "2o.x": ["i.x levels=2 omitted"],
    "io2.x": ["i.x levels=2 omitted"],
    "o(2 3).x": ["i.x levels=2,3 omitted"],
    "i.(a b)": ["i.a", "i.b"],
    "c.(a b)": ["c.a", "c.b"],
    "a#b": ["i.a#i.b"],
    "a##b": ["i.a", "i.b", "i.a#i.b"],
    "a##c.x": ["i.a", "c.x", "i.a#c.x"],
    "c.x##c.x": ["c.x", "c.x#c.x"],
    "c.x#c.z": ["c.x#c.z"],
    "a##b##c": ["i.a", "i.b", "i.a#i.b", "i.c", "i.a#i.c", "i.b#i.c", "i.a#i.b#i.c"],
    "a#b#c": ["i.a#i.b#i.c"],
    "(a b)#c": ["i.a#i.c", "i.b#i.c"],
    "(a c.b)##c": ["i.a", "c.b", "i.c", "i.a#i.c", "c.b#i.c"],
    "i.a##c.(x z)": ["i.a", "c.x", "c.z", "i.a#c.x", "i.a#c.z"],
    "i.(a c.b)": ["i.a", "c.b"],
    "1.cc#1.tv": ["i.cc levels=1#i.tv levels=1"],
    "ibn.nitrogen##ibn.thatch": [
        "i.nitrogen base=none", "i.thatch base=none", "i.nitrogen base=none#i.thatch base=none",
    ],
    "i.a a##b": ["i.a", "i.b", "i.a#i.b"],
    "x x": ["c.x", "c.x"],
    "child* x?y *z": ["c.child*", "c.x?y", "c.*z"],
    "i.child*#c.x": ["i.child*#c.x"],
    "x1-x3": ["c.x1-x3"],
    "i.x1-x3": ["i.x1-x3"],
    "x1 - x3 z": ["c.x1-x3", "c.z"],
    "`my column` i.`a.b`": ["c.my column", "i.a.b"],
}  # fmt: skip


@pytest.mark.parametrize("text", VARLISTS)
def test_variable_list(text):
    assert terms(mixed(f"y {text} || id:").fixed) == VARLISTS[text]
    assert terms(mixed(f"y || id: {text}").equations[0].columns) == VARLISTS[text]


def test_places_of_operands():
    spec = mixed("weight i.week x1-x3 || id:")
    first, second = (term.operands[0] for term in spec.fixed.terms)
    assert spec.text[first.span.start : first.span.end] == "week"
    assert spec.text[second.span.start : second.span.end] == "x1-x3"
    assert (second.name, second.range_end) == ("x1", "x3")
    term, level = spec.fixed.terms[0].span, spec.equations[0].level.span
    assert (spec.text[term.start : term.end], spec.text[level.start : level.end]) == ("i.week", "id")


# ---- random-effects equations in the suite's spelling

EQUATIONS = {
    "|| id:": [("id", "_cons", None)],
    "|| id: week": [("id", "c.week _cons", None)],
    "|| id: week, cov(un)": [("id", "c.week _cons", "unstructured")],
    "|| id: week, nocons": [("id", "c.week", None)],
    "|| school: || class:": [("school", "_cons", None), ("school>class", "_cons", None)],
    "|| a: || b: || c: x": [("a", "_cons", None), ("a>b", "_cons", None), ("a>b>c", "c.x _cons", None)],
    "|| _all: R.id || _all: R.week": [("_all", "R.id", None), ("_all", "R.week", None)],
    "|| _all: R.id || week:": [("_all", "R.id", None), ("week", "_cons", None)],
    "|| _all: R.a || b: || a:": [("_all", "R.a", None), ("b", "_cons", None), ("b>a", "_cons", None)],
    "|| a: R.b, cov(exchangeable)": [("a", "R.b", "exchangeable")],
    "|| d: i.c, cov(exch) || d:, or nolog": [("d", "i.c", "exchangeable"), ("d", "_cons", None)],
    "|| d: || d: x": [("d", "_cons", None), ("d", "c.x", None)],
    "|| d: x || d: z": [("d", "c.x", None), ("d", "c.z _cons", None)],
    "|| d: x || d: z, nocons": [("d", "c.x _cons", None), ("d", "c.z", None)],
    "|| d: x, nocons || d: z, nocons": [("d", "c.x", None), ("d", "c.z", None)],
    "|| a: x || _all: R.b || c:": [("a", "c.x _cons", None), ("_all", "R.b", None), ("a>c", "_cons", None)],
    "|| _all: ibn.trial, nocons cov(fixed(f))": [("_all", "i.trial base=none", "fixed")],
    "|| id: x z, nocons cov(pattern(p))": [("id", "c.x c.z", "pattern")],
}


@pytest.mark.parametrize("text", EQUATIONS)
def test_equations(text):
    assert [shown(equation) for equation in parse(f"melogit y x {text}").equations] == EQUATIONS[text]


@pytest.mark.parametrize("typed, full", [
    ("id", "identity"), ("ident", "identity"), ("ind", "independent"), ("ex", "exchangeable"), ("exch", "exchangeable"),
    ("un", "unstructured"), ("unstr", "unstructured"), ("unstructured", "unstructured"),
])  # fmt: skip
def test_covariance_types(typed, full):
    assert mixed(f"y x || id: x, cov({typed})").equations[0].covariance.type == full
    assert mixed("y x || id: x", covariance=typed).equations[0].covariance.type == full


def test_matrix_names():
    assert mixed("y || id: x, cov(fixed(f))").equations[0].covariance.matrix == "f"
    assert bare(mixed("y || id: x", covariance="pat(p)").equations[0].covariance) == bare(Covariance("pattern", "p"))


def test_covariance_keyword_fills_only_silent_equations():
    spec = mixed("y x || a: x, cov(ind) || b: x", covariance="unstructured")
    assert [equation.covariance.type for equation in spec.equations] == ["independent", "unstructured"]
    with pytest.raises(SyntaxProblem, match="not possible for `R.id`"):
        mixed("y x || _all: R.id", covariance="unstructured")


def test_options_of_the_equation_and_of_the_command():
    spec = mixed("y x, nocons collinear || id: x, nocons pw(w) reml || id: z, fw(v) coll nolog")
    assert not spec.fixed.constant and not spec.equations[0].columns.constant
    assert [[weight.kind for weight in equation.weights] for equation in spec.equations] == [["pweight"], ["fweight"]]
    assert spec.options == {"collinear": True, "reml": True, "nolog": True, "collinear_equations": (1,)}


# ---- if, in, weights, white space


def test_sample():
    spec = mixed("y x if x > 3 & z ~= . in 1/100 [pw = w*2] || id:")
    assert spec.rows == (1, 100)
    assert bare(spec.where) == bare(parse_expression("x > 3 & z != ."))
    assert [weight.kind for weight in spec.weights] == ["pweight"]
    assert bare(spec.weights[0].expression) == bare(parse_expression("w*2"))
    other = mixed("y x [pweight=w*2] in 1/100 if x > 3 & z ~= . || id:")
    assert bare(other) == bare(spec)


ROWS = {"1/100": (1, 100), "5": (5, 5), "f/10": (1, 10), "-10/l": (-10, -1), "7/L": (7, -1)}


@pytest.mark.parametrize("text", ROWS)
def test_rows(text):
    assert mixed(f"y x in {text} || id:").rows == ROWS[text]
    assert mixed("y x || id:", rows=text).rows == ROWS[text]


@pytest.mark.parametrize("value, rows", [
    ((1, 100), (1, 100)), ([-5, -1], (-5, -1)), (slice(0, 100), (1, 100)), (slice(10), (1, 10)),
    (slice(-10, None), (-10, -1)), (slice(5, -1), (6, -2)), (None, None),
])  # fmt: skip
def test_rows_keyword(value, rows):
    assert mixed("y x || id:", rows=value).rows == rows


@pytest.mark.parametrize("value", ["0/3", "5/2", "a", (1,), (1, 2.5), 3, slice(0, 9, 2), slice(4, 2), slice(0, 0)])
def test_bad_rows_keyword(value):
    with pytest.raises(SyntaxProblem, match="keyword `rows`"):
        mixed("y x || id:", rows=value)


def test_continuation_lines():
    text = "mixed y x /// comment, with anything (\n  || id: x, ///\n cov(un)\n reml"
    assert bare(parse(text)) == bare(parse("mixed y x || id: x, cov(un) reml"))


# ---- the seed's commands

SEED = {
    "mixed weight week || id:": {},
    "mixed chlorophyll ibn.nitrogen##ibn.thatch ibn.block, noomitted noconstant || wpunit:, reml":
        {"noomitted": True, "reml": True},
    "melogit nadmitted female || department:, binomial(napplied) or": {"eform": True, "binomial": ("Name", "napplied")},
    "mixed weight week || id: week, covariance(unstructured)": {},
    "melogit c_use i.urban age i.children || district: i.children, cov(exchangeable) "
    "|| district:, or nolog baselevel nofvlabel":
        {"eform": True, "nolog": True, "baselevels": True, "nofvlabel": True},
    "meglm lnor || _all: ibn.trial, nocons cov(fixed(f)) intm(laplace) nocnsreport":
        {"intmethod": "laplace", "nocnsreport": True},
    "meglm lnor || trial: std, nocons constraints(1)": {"constraints": (1,)},
    "meoprobit thk prethk cc##tv || school: || class:": {},
    "mixed weight week || _all: R.id || _all: R.week": {},
    "meglm y x || id:, family(bernoulli) link(logit)": {"family": ("bernoulli",), "link": "logit"},
}  # fmt: skip


@pytest.mark.parametrize("text", SEED)
def test_seed_commands(text):
    spec = parse(text)
    assert bare(spec.options) == SEED[text]
    command, rest = text.split(" ", 1)
    assert bare(parse(rest, command=command)) == bare(spec)


# ---- formulas

FORMULAS = {
    "y ~ week + (week | id)": ("1 + week", [("id", "1 + week", "unstructured")]),
    "y~week+(week|id)": ("1 + week", [("id", "1 + week", "unstructured")]),
    "y ~ 1 + (1 | id)": ("1", [("id", "1", None)]),
    "y ~ 0 + (1 | id)": ("0", [("id", "1", None)]),
    "y ~ (1 | id)": ("1", [("id", "1", None)]),
    "y ~ 0 + f + (1 | id)": ("0 + f", [("id", "1", None)]),
    "y ~ f - 1 + (1 | id)": ("0 + f", [("id", "1", None)]),
    "y ~ -1 + f + (1 | id)": ("0 + f", [("id", "1", None)]),
    "y ~ f + 0 + (x + 0 | id)": ("0 + f", [("id", "0 + x", "unstructured")]),
    "y ~ x + (x || id)": ("1 + x", [("id", "1 + x", "independent")]),
    "y ~ x + (1 || id)": ("1 + x", [("id", "1", "independent")]),
    "y ~ x + (0 + f | id)": ("1 + x", [("id", "0 + f", "unstructured")]),
    "y ~ x + (1 | a/b)": ("1 + x", [("a", "1", None), ("a>b", "1", None)]),
    "y ~ x + (1 | a/b/c)": ("1 + x", [("a", "1", None), ("a>b", "1", None), ("a>b>c", "1", None)]),
    "y ~ x + (1 | a:b)": ("1 + x", [("a#b", "1", None)]),
    "y ~ x + (1 | a) + (1 | b)": ("1 + x", [("a", "1", None), ("b", "1", None)]),
    "y ~ x + ((x | a))": ("1 + x", [("a", "1 + x", "unstructured")]),
    "y ~ x + (1 | (a:b))": ("1 + x", [("a#b", "1", None)]),
    "y ~ a*b - a:b + (1 | id)": ("1 + a*b - a:b", [("id", "1", None)]),
    "y ~ (a + b)^2 + c %in% d + a/b + (1 | id)": ("1 + (a + b)^2 + c %in% d + a/b", [("id", "1", None)]),
    "y ~ I(x^2) + log(x + 1) + (I(x**2) | id)":
        ("1 + I(x**2) + log(x + 1)", [("id", "1 + I(x**2)", "unstructured")]),
    "y ~ poly(x, 2, raw=True) + C(f, Treatment('a')) + I(a == 'b') + (1 | id)":
        ("1 + poly(x, 2, raw=True) + C(f, Treatment('a')) + I(a == 'b')", [("id", "1", None)]),
    "y ~ `a b`:x + (`a b` | `the id`)": ("1 + `a b`:x", [("the id", "1 + `a b`", "unstructured")]),
    "y ~ x +\n  (1 | id)": ("1 + x", [("id", "1", None)]),
}  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_formula(text):
    spec = mixed(text)
    assert spec.spelling == "formula"
    assert (spec.fixed.text, [shown(equation) for equation in spec.equations]) == FORMULAS[text]
    assert spec.fixed.constant == spec.fixed.text.startswith("1")


@pytest.mark.parametrize("text, kind", [("g", "crossed"), ("a:b", "interaction")])
def test_kinds_of_groups(text, kind):
    assert mixed(f"y ~ x + (1 | {text})").equations[0].level.kind == kind


def test_nested_groups():
    levels = [equation.level for equation in mixed("y ~ x + (1 | a/b)").equations]
    assert bare(levels[1]) == bare(Level("nested", ("a", "b"))) and levels[0].variables == ("a",)
    assert {level.kind for level in levels} == {"nested"}


@pytest.mark.parametrize("text", ["log(y) ~ x + (1 | id)", "`my y` ~ x", "a/b ~ x", "(y) ~ x"])
def test_responses_of_formulas(text):
    assert bare(mixed(text).response) == bare(parse_expression(text.split("~")[0]))


def test_a_tilde_in_a_condition_is_no_formula():
    assert mixed("y x if ~z || id:").spelling == "stata"
    assert mixed("y if x ~= 3 || id:").spelling == "stata"


def test_offsets_are_added():
    spec = mixed("y ~ x + offset(z) + (1 | id) + offset(log(w))", offset="v")
    assert bare(spec.offset) == bare(parse_expression("z + log(w) + v"))
    assert spec.fixed.text == "1 + x"


def test_options_after_a_formula():
    spec = parse("mixed y ~ x + (1 | id), reml vce(cl g)")
    assert spec.options == {"reml": True, "vce": ("cluster", "g")}


def test_covariance_keyword_and_bars():
    assert mixed("y ~ x + (x | id)", covariance="ind").equations[0].covariance.type == "independent"
    assert mixed("y ~ x + (x || id)", covariance="ind").equations[0].covariance.type == "independent"
    with pytest.raises(SyntaxProblem, match="`\\|\\|` means independent"):
        mixed("y ~ x + (x || id)", covariance="un")


# ---- expressions

X, Y, Z = Name("x"), Name("y"), Name("z")
EXPRESSIONS = {
    "x": X,
    "1.5e3": Number(1500.0),
    ".5": Number(0.5),
    "x > 1.": Binary(">", X, Number(1.0)),
    ".": Missing(),
    "'a'": Text("a"),
    "-x^2": Unary("-", Binary("^", X, Number(2.0))),
    "2^-x": Binary("^", Number(2.0), Unary("-", X)),
    "x**2": Binary("^", X, Number(2.0)),
    "x^2^3": Binary("^", Binary("^", X, Number(2.0)), Number(3.0)),
    "x - y - z": Binary("-", Binary("-", X, Y), Z),
    "x + y*z": Binary("+", X, Binary("*", Y, Z)),
    "(x + y)*z": Binary("*", Binary("+", X, Y), Z),
    "!x == y": Binary("==", Unary("!", X), Y),
    "~x": Unary("!", X),
    "not x == y": Unary("!", Binary("==", X, Y)),
    "x | y & z": Binary("|", X, Binary("&", Y, Z)),
    "x or y and z": Binary("|", X, Binary("&", Y, Z)),
    "x ~= y": Binary("!=", X, Y),
    "x > 1 & y": Binary("&", Binary(">", X, Number(1.0)), Y),
    "-x*y": Binary("*", Unary("-", X), Y),
    "missing(x, y)": Call("missing", (X, Y)),
    "ln(x)/2": Binary("/", Call("ln", (X,)), Number(2.0)),
    "`x`": X,
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expression(text):
    assert bare(parse_expression(text)) == bare(EXPRESSIONS[text])
    spec = mixed("y x || id:", where=text)
    assert bare(spec.where) == bare(EXPRESSIONS[text])
    assert bare(mixed(f"y x if {text} || id:").where) == bare(EXPRESSIONS[text])


def test_places_in_expressions():
    assert parse_expression("a + b", offset=10) == Binary("+", Name("a", 10, 11), Name("b", 14, 15))
    assert parse_expression("a", offset=None) == Name("a", 0, 0)
    assert mixed("y x || id:", where="a").where == Name("a", 0, 0)


@pytest.mark.parametrize("text, message", [
    ("lg(x)", "not a known function(.|\n)*Did you mean `log`"),
    ("frobnicate(x)", "Known: abs"),
    ("mod(x)", "takes 2 arguments, 1 given"),
    ("round(x, 1, 2)", "takes 1 to 2"),
    ("x = 3", "Write `==`"),
    ("1 < x < 3", "cannot be chained"),
    ("2**3**x", "need parentheses"),
    ("x y", "does not continue"),
    ("x +", "the text ends"),
    ("", "the text ends"),
    (".a", "`.a` to `.z`"),
    ("'a", "never closed"),
    ("log(x,)", "the text ends"),
    ("a[1]", "does not continue"),
])  # fmt: skip
def test_bad_expression(text, message):
    with pytest.raises(SyntaxProblem, match=message):
        parse_expression(text)


def test_every_function_is_understood():
    for name, (fewest, _) in FUNCTIONS.items():
        assert parse_expression(f"{name}({', '.join(['x'] * fewest)})") != X


# ---- options

OPTION_VALUES = {  # typed in a command -> (keyword, its value)
    "mixed": {
        "reml": ("reml", True), "ml": ("mle", True), "var": ("variance", True), "stddev": ("stddeviations", True),
        "l(90)": ("level", 90), "level(90)": ("level", 90.0), "nohead": ("noheader", True), "nogr": ("nogroup", True),
        "nofet": ("nofetable", True), "noret": ("noretable", True), "nolr": ("nolrtest", True),
        "base": ("baselevels", True), "allbase": ("allbaselevels", True), "noomit": ("noomitted", True),
        "nofvlab": ("nofvlabel", True), "noempty": ("noemptycells", True), "coefl": ("coeflegend", True),
        "vce(r)": ("vce", "robust"), "robust": ("vce", "robust"), "vce(cl id)": ("vce", ("cluster", "id")),
        "cluster(id)": ("vce", "cluster id"), "vce(oim)": ("vce", "oim"), "iter(5)": ("iterate", 5),
        "tol(1e-6)": ("tolerance", 1e-6), "ltol(0)": ("ltolerance", 0), "nrtol(.001)": ("nrtolerance", 0.001),
        "nonrtol": ("nonrtolerance", True), "emiter(3)": ("emiterate", 3), "emonly": ("emonly", True),
        "dif": ("difficult", True), "nolog": ("log", False), "from(a=1, skip)": ("start", "a=1, skip"),
        "tech(bfgs)": ("technique", "bfgs"),
        "dfm(kr)": ("dfmethod", "kroger"), "pwscale(eff)": ("pwscale", "effective"),
        "const(1 3/5)": ("constraints", (1, 3, 4, 5)),
    },
    "meglm": {
        "f(bin 30)": ("family", "binomial 30"), "fam(nb constant)": ("family", "nbinomial constant"),
        "li(logi)": ("link", "logit"), "intp(15)": ("intpoints", 15), "intp(7 5)": ("intpoints", (7, 5)),
        "intm(lap)": ("intmethod", "laplace"), "intm(mc)": ("intmethod", "mcaghermite"), "or": ("eform", True),
        "irr": ("eform", True), "exp(t)": ("exposure", "t"),
        "intm(mv)": ("intmethod", "mvaghermite"), "intm(gh)": ("intmethod", "ghermite"),
        "intm(pca)": ("intmethod", "pcaghermite"), "intm(pcLaplace)": ("intmethod", "pclaplace"),
        "intp(195)": ("intpoints", 195), "exactd": ("exactderivatives", True), "startg": ("startgrid", True),
        "startgrid(.1 1, 10)": ("startgrid", (0.1, 1, 10)), "startg(2)": ("startgrid", 2),
        "startv(zero)": ("startvalues", "zero"), "startv(const)": ("startvalues", "constantonly"),
        "startvalues(fixed)": ("startvalues", "fixedonly"), "noest": ("noestimate", True),
    },
    "melogit": {
        "or": ("eform", True), "bin(n)": ("binomial", "n"), "bin(10)": ("binomial", 10), "asis": ("asis", True),
    },
    "mepoisson": {"ir": ("eform", True)},
    "menbreg": {"d(c)": ("dispersion", "constant")},
    "metobit": {"ll": ("ll", True), "ll(0)": ("ll", 0), "ul(top)": ("ul", "top"), "ul(2*x)": ("ul", "2*x")},
    "memlogit": {
        "baseo(2)": ("baseoutcome", 2), "baseo(-1.5)": ("baseoutcome", -1.5), "baseo(car)": ("baseoutcome", "car"),
        'baseo("own car")': ("baseoutcome", "own car"), "rrr": ("eform", True),
    },
    "mestreg": {
        "time": ("aft", True), "nohr": ("nohr", True), "hr": ("eform", True),
        "fail(d == 1)": ("failure", "d == 1"), "t0(a)": ("enter", "a"),
        "enter(a)": ("t0", "a"), "id(p)": ("id", "p"),
    },
}  # fmt: skip
CASES = [(command, typed) for command, cases in OPTION_VALUES.items() for typed in cases]


@pytest.mark.parametrize("command, typed", CASES)
def test_option_in_text_and_as_keyword(command, typed):
    key, value = OPTION_VALUES[command][typed]
    start = {"mestreg": "x || g:, time(t) d(w) "}.get(command, "y x || g:, ")
    in_text = parse(start + typed, command=command)
    by_keyword = parse(start if command == "mestreg" else "y x || g:", command=command, **{key: value})
    assert in_text.options and bare(in_text) == bare(by_keyword)
    if command != "mestreg":
        before = parse(f"y x, {typed} || g:", command=command)
        assert bare(before) == bare(in_text)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_abbreviation_is_unambiguous_or_known(command):
    """The shortest spelling of an option means that option, but for `l`, which two options of meglm share."""
    for option in options_of(command):
        meant = {(found.word) for found in candidates(command, option.spelling.split(":")[0])}
        assert meant == {option.word} or option.spelling in ("l:evel", "l:ink"), (option, meant)


def test_table_of_options():
    for command in COMMANDS:
        keywords = keywords_of(command)
        for option in options_of(command):
            assert (option.keyword or option.name) in keywords, option
    assert all(option.commands for option in OPTIONS)


def test_survival_response():
    spec = parse("mestreg x || id:, time(t) failure(d) time distribution(weibull)")
    assert bare(spec.response) == bare(Name("t"))
    assert spec.options["aft"] is True and not {"time", "eform"} & set(spec.options)
    keywords = parse("x || id:", command="mestreg", time="t", failure="d", aft=True, distribution="weibull")
    assert bare(keywords) == bare(spec)
    formula = parse("t ~ x + (1 | id)", command="mestreg", failure="d", aft=True, distribution="weibull")
    assert bare(formula.response) == bare(spec.response) and bare(formula.options) == bare(spec.options)
    with pytest.raises(SyntaxProblem, match="response of `mestreg` is missing"):
        parse("mestreg x || id:, distribution(weibull)")
    with pytest.raises(SyntaxProblem, match="the text has `a response` and the keyword `time` says something else"):
        parse("t ~ x", command="mestreg", time="s", distribution="weibull")


DISTRIBUTIONS = {  # options -> family, metric, whether ratios are printed
    "d(e)": ("exponential", False, True),
    "d(w)": ("weibull", False, True),
    "d(weib) nohr": ("weibull", False, False),
    "d(e) hr": ("exponential", False, True),
    "d(e) time": ("exponential", True, False),
    "d(w) time tr": ("weibull", True, True),
    "d(loglog)": ("loglogistic", True, False),
    "d(llog) time": ("loglogistic", True, False),
    "d(ln) tratio": ("lognormal", True, True),
    "d(gam) eform": ("survival gamma", True, True),
}


@pytest.mark.parametrize("typed", DISTRIBUTIONS)
def test_survival_metrics(typed):
    name, aft, ratios = DISTRIBUTIONS[typed]
    spec = parse(f"mestreg x || id:, time(t) {typed}")
    choice: Any = family_of(spec)
    assert (choice.name, choice.link, choice.aft, choice.trials) == (name, "log", aft, None)
    assert spec.option("eform", False) is ratios and spec.option("nohr", False) is ("nohr" in typed)


SURVIVAL_PROBLEMS = {
    "": "`mestreg` needs a distribution of the survival times: exponential, weibull, loglogistic, lognormal, gamma",
    "d(cauchy)": "`cauchy` is not a known distribution(.|\n)*Known: exponential",
    "d(gam) hr": "`hr` is about hazard ratios, but distribution\\(gamma\\) is a model of time",
    "d(w) time nohr": "`nohr` is about hazard ratios, but distribution\\(weibull\\) is a model of time",
    "d(w) tr": "`tratio` prints time ratios, but distribution\\(weibull\\) is a proportional-hazards model",
    "d(w) hr nohr": "`nohr` contradicts `eform`",
    "d(w) exposure(e)": "`exposure` is not an option of mestreg(.|\n)*It belongs to meglm, mepoisson, menbreg",
    "d(w) ll(0)": "`ll` is not an option of mestreg(.|\n)*It belongs to metobit",
}


@pytest.mark.parametrize("typed", SURVIVAL_PROBLEMS)
def test_survival_options_that_contradict(typed):
    with pytest.raises(SyntaxProblem, match=SURVIVAL_PROBLEMS[typed]):
        parse(f"mestreg x || id:, time(t) {typed}")


def test_limits_at_infinity_are_none():
    spec = parse("y x || id:", command="metobit", ll=float("-inf"), ul=float("inf"))
    assert dict(spec.options) == {"ll": Number(float("-inf")), "ul": Number(float("inf"))}
    with pytest.raises(SyntaxProblem, match="`eform` is not an option of metobit"):
        parse("metobit y x || id:, eform")


def test_shared_effects_of_outcomes():
    def shared(text, **keywords):
        return [equation.shared for equation in parse(text, command="memlogit", **keywords).equations]

    assert shared("y x || a: || b: x, shared") == [False, True]
    assert shared("y x || a: || b:", shared=True) == shared("y ~ x + (1 | a/b), shared") == [True, True]
    assert shared("y x || _all: R.b, shared") == [True]
    with pytest.raises(SyntaxProblem, match="`R.b` gives a group one effect for each level(.|\\n)*`shared`"):
        shared("y x || _all: R.b || a:")
    with pytest.raises(SyntaxProblem, match="`shared` belongs to a random-effects equation"):
        shared("y x, shared || a:")
    with pytest.raises(SyntaxProblem, match="`shared` is not an option of melogit(.|\\n)*belongs to memlogit"):
        parse("melogit y x || a:, shared")


def test_interval_response():
    spec = parse("meintreg low high x || id:")
    assert bare(spec.response) == bare(Name("low"))
    assert bare(spec.option("second_response")) == bare(Name("high"))
    assert bare(parse("meintreg low ~ x + (1 | id), upper(high)").options) == bare(spec.options)
    with pytest.raises(SyntaxProblem, match="second response"):
        parse("meintreg low ~ x")


def test_objects_pass_through():
    start, matrix = object(), object()
    spec = mixed("y x || id:", start=start, matrices={"f": matrix}, constraints=["a = 1"])
    assert spec.option("start") is start and spec.option("matrices") == {"f": matrix}
    assert spec.option("constraint_definitions") == ["a = 1"]
    both = mixed("y x || id:, constraints(2)", constraints={1: "a = 1", 2: "b = 1"})
    assert both.option("constraints") == (2,) and both.option("constraint_definitions") == {1: "a = 1", 2: "b = 1"}
    assert mixed("y x || id:", constraints=[1, 2]).option("constraints") == (1, 2)


def test_equal_models():
    written = mixed("weight week || id: week, cov(un) reml l(90)")
    assert bare(written) == bare(mixed("weight week || id: week", covariance="unstructured", reml=True, level=90))
    assert bare(written) == bare(parse("mixed weight week, reml level(90) || id: week, covariance(unstructured)"))
    weighted = mixed("y x if a > 3 in 2/9 [fweight=w], nocons || id:")
    assert bare(weighted) == bare(
        mixed("y x || id:", where="a > 3", rows=(2, 9), fweight="w", noconstant=True, mle=None, reml=False)
    )


def test_text_and_keyword_together():
    text = "y x if a > 3, reml level(90) || id:"
    assert bare(mixed(text, reml=True, level=90, where="a>3")) == bare(mixed(text))
    for keywords in ({"level": 95}, {"where": "a > 4"}, {"mle": True}):
        with pytest.raises(SyntaxProblem, match="Keep one of them"):
            mixed(text, **keywords)


def test_same_value_ignores_places():
    assert same_value(Name("x", 1, 2), Name("x")) and not same_value(Name("x"), Name("y"))


# ---- errors

PROBLEMS = {
    "mixd y x || id:": "`mixd` is not a known command(.|\n)*Did you mean `mixed`",
    "": "a command's name is missing",
    "y ~ x + (1 | id)": "`y` is not a known command",
    "mixed": "the response is missing",
    "mixed || id:": "the response is missing",
    "mixed ~ x": "the response is missing before `~`",
    "mixed y x || id": "`:` is missing after the level `id`",
    "mixed y x ||": "a level is missing after `\\|\\|`",
    "mixed y x || || id:": "a level is missing",
    "mixed y x || 3:": "a level was expected",
    "mixed y x || _all: R.": "`R.` needs the name",
    "mixed y x || id: R.a z": "`R.a` stands alone",
    "mixed y R.x || id:": "`R.x` stands alone in an equation",
    "mixed y x || a: || b: || a:": "comes back after another one",
    "mixed y x || a:, nocons": "neither covariates nor a constant",
    "mixed y x || a: || a:": "has its constant twice",
    "mixed y x || _all: R.a, cov(un)": "not possible for `R.a`",
    "mixed y x, cov(un) || id:": "belongs to a random-effects equation",
    "mixed y x, pw(w) || id:": "weights of observations go in brackets",
    "mixed y x || id: x, cov(us)": "`us` is not a known covariance type",
    "mixed y x || id: x, cov(exchangable)": "Did you mean `exchangeable`",
    "mixed y x || id: x, cov(fixed)": "needs the name of a matrix",
    "mixed y x || id: x, covarance(un)": "not an option of mixed(.|\n)*Did you mean `covariance`",
    "mixed y x || id:, or": "It belongs to meglm",
    "mixed y x || id:, reml reml": "`reml` is given twice",
    "mixed y x, reml || id:, reml": "`reml` is given twice",
    "mixed y x || id: x, cov(un) cov(un)": "`covariance` is given twice",
    "mixed y x || id:, reml mle": "contradicts `reml`",
    "mixed y x, reml, nolog": "a second comma",
    "mixed y x || id:, reml(3)": "takes no argument",
    "mixed y x || id:, level": "needs an argument",
    "mixed y x || id:, level(abc)": "a number was expected, got `abc`",
    "mixed y x || id:, level(5)": "between 10 and 99.99",
    "mixed y x || id:, level()": "a number is missing",
    "mixed y x || id:, level(90 95)": "one word too many",
    "mixed y x || id:, iterate(-1)": "a whole number was expected",
    "mixed y x || id:, vce(bootstrap)": "not available",
    "mixed y x || id:, vce(clustr id)": "Did you mean `cluster`",
    "mixed y x || id:, vce(cluster)": "a name is missing",
    "meglm y x || id:, l(logit)": "may mean `level`, `link`",
    "meglm y x || id:, family(gausian)": "Did you mean `gaussian`",
    "melogit y x || id:, intp(0)": "1 to 195 points, got 0",
    "melogit y x || id:, intp(200)": "1 to 195 points, got 200(.|\n)*Write for example `intpoints",
    "melogit y x || id:, intp(many)": "a whole number was expected, got `many`",
    "melogit y x || id:, intp(7.5)": "a whole number was expected",
    "melogit y x || id:, intm(pc)": "`pc` is not a known intmethod(.|\n)*pcaghermite, pclaplace",
    "melogit y x || id:, startvalues(iv)": "`iv` is not a known startvalues(.|\n)*zero, constantonly, fixedonly",
    "melogit y x || id:, startgrid(-1)": "variances, which are positive, got -1",
    "melogit y x || id:, startgrid()": "a number is missing",
    "melogit y x || id:, binomial(0)": "binomial\\(0\\): a number of trials is a whole number from 1",
    "meglm y x || id:, family(binomial 2.5)": "binomial\\(2.5\\)",
    "meglm y x || id:, family(poisson 3)": "family `poisson` takes no argument",
    "meglm y x || id:, family(nb constnt)": "`constnt` is not a known dispersion(.|\n)*Did you mean `constant`",
    "meglm y x || id:, link(lgit)": "`lgit` is not a known link(.|\n)*Did you mean `logit`",
    "meglm y x || id:, asis": "`asis` is for families bernoulli and binomial, not gaussian",
    "mepoisson y x || id:, asis": "It belongs to melogit",
    "meologit y x, nocons || id:": "`noconstant` is not possible with family ordinal: cut points",
    "meglm y x, nocons || id:, family(ordinal)": "`noconstant` is not possible with family ordinal",
    "meoprobit y ~ 0 + x + (1 | id)": "`0 \\+` is not possible with family ordinal",
    "melogit y x [aw=w] || id:": "`melogit` has no analytic weights(.|\n)*fweight, iweight, pweight",
    "mixed y x || id:, 3": "an option was expected",
    "mixed y x (z": "`\\(` is never closed",
    "mixed y x) z": "`\\)` closes nothing",
    "mixed y x [pw=w": "`\\[` is never closed",
    "mixed y x [ww=w] || id:": "not a kind of weight",
    "mixed y x [pw] || id:": "`=` is missing",
    "mixed y x if || id:": "`if` has no condition",
    "mixed y x if x = 3 || id:": "Write `==`",
    "mixed y x if a if b || id:": "a second `if`",
    "mixed y x in 0/5 || id:": "a row number was expected",
    "mixed y x in 9/5 || id:": "the first comes after the last",
    "mixed y x || id: if x > 3": "belongs before the first",
    "mixed y x if x > 3 z || id:": "was not expected here",
    "mixed y x cov(un) || id:": "Options follow a comma",
    "mixed y x (1 | id)": "belong to a formula",
    "mixed y L.x || id:": "Time-series operators",
    "mixed y q.x || id:": "`q.` is not a known operator",
    "mixed y ib(x).x || id:": "not a base level",
    "mixed y i(1/).x || id:": "not a level",
    "mixed y i(1/2000000).x || id:": "more than 1000 levels",
    "mixed y i.x# || id:": "a variable is missing after `#`",
    "mixed y i.(a#b) || id:": "before a group that holds an interaction",
    "mixed y () || id:": "hold no variable",
    "mixed y x- || id:": "needs a second variable",
    "mixed Sepal.Width x || id:": "needs `backticks`",
    "mixed log(y) x || id:": "must be the name of one column",
    "mixed y x /// z": "text follows `///`",
    "mixed y 'x || id:": "quotation mark is never closed",
    "mixed y ~": "nothing follows `~`",
    "mixed y ~ x +": "a term is missing after `\\+`",
    "mixed y ~ x + (x | )": "the groups are missing after `\\|`",
    "mixed y ~ x + ( | g)": "nothing stands before `\\|`",
    "mixed y ~ x + (0 | g)": "has no column",
    "mixed y ~ x | g": "not in a random term of its own",
    "mixed y ~ x + (z + (1 | g))": "not in a random term of its own",
    "mixed y ~ x*(1 | g)": "not in a random term of its own",
    "mixed y ~ x + ((1 | g) | h)": "not in a random term of its own",
    "mixed y ~ x - (1 | g)": "cannot be subtracted",
    "mixed y ~ x + (1 | g + h)": "cannot stand here",
    "mixed y ~ x + (1 | log(g))": "groups must be columns",
    "mixed y ~ x + (1 | g/)": "a grouping column was expected",
    "mixed y ~ x + (1 | a/a)": "named twice",
    "mixed y ~ x + log(z": "`\\(` is never closed",
    "mixed y ~ x if z": "keyword `where=`",
    "mixed y ~ x + 2 + (1 | g)": "`2` is not a column",
    "mixed y ~ (x + 0) + (1 | g)": "`0` is not a column",
    "mixed y ~ x, noconstant": "Write `y ~ 0",
    "mixed y ~ x, cov(un)": "without random effects",
    "mixed y ~ x, fw(w)": "cannot follow a formula",
    "mixed cbind(a, b) ~ x": "of a binomial family, not of `mixed`(.|\n)*meglm with family",
    "mepoisson cbind(a, b) ~ x": "of a binomial family, not of `mepoisson`",
    "meglm cbind(a, b) ~ x": "does not go with family\\(gaussian\\)",
    "meglm cbind(a, b) ~ x, family(binomial n)": "both `cbind\\(\\)` and `binomial\\(\\)` say",
    "melogit cbind(a, b) ~ x, binomial(n)": "both `cbind\\(\\)` and `binomial\\(\\)` say",
    "melogit cbind(a) ~ x": "takes successes and failures, 1 given",
    "melogit cbind() ~ x": "takes successes and failures, 0 given",
    "melogit cbind(a, b, c) ~ x": "takes successes and failures, 3 given",
    "melogit cbind(a b) ~ x": "A comma separates",
    "melogit cbind(a, b)/2 ~ x": "`cbind\\(\\)` is the whole response",
    "mixed y ~ x - offset(z)": "is added",
    "mixed y ~ x*offset(z)": "Add the offset as a term",
}


@pytest.mark.parametrize("text", PROBLEMS)
def test_problem(text):
    with pytest.raises(SyntaxProblem, match=PROBLEMS[text]):
        parse(text)


REFUSED = [
    "np.log(x)", "x.mean()", "x.b", "foo(x)", "I(lambda: x)", "I(__import__('os'))", "__x", "x[0]", "{x}", "x\\",
    "I({x})", "I(x[0])", "I(x.y)", "eval('1')", "f'x'", 'I(f"{x}")', "I('a' 'b')", "I('a'*9)", "'x'", "I(9**9**9)",
    "I(x**1000)", "x^99", "x^y", "I(x if y else z)", "I(x; y)", "x y", "x(1)(2)", "(x)(y)", "I(x)(y)", ".", "log()",
    "I(x,,y)", "x +* y", "I(y := 3)", "I(*x)", "`x__y`", "I(not x)", "x @ y", "I(x for x in y)", "I('\\x41')", "2x",
    "x # y", "I(`a'b`)",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_formulas_do_not_hold_python(text):
    """Formulaic would evaluate what stands in a formula."""
    with pytest.raises(SyntaxProblem):
        mixed(f"y ~ {text} + (1 | g)")
    with pytest.raises(SyntaxProblem):
        mixed(f"y ~ x + ({text} | g)")


KEYWORDS = [
    ({"lvel": 90}, "`lvel` is not a keyword of mixed(.|\n)*Did you mean `level`"),
    ({"cov": "un"}, "written out: `covariance`"),
    ({"if": "x"}, "called `where`"),
    ({"intpoints": 7}, "It belongs to meglm"),
    ({"level": "abc"}, "keyword `level`: a number was expected"),
    ({"level": 200}, "keyword `level`: a confidence level"),
    ({"level": float("nan")}, "expected a text or a number"),
    ({"level": object()}, "expected a text or a number"),
    ({"level": True}, "needs a value"),
    ({"reml": 1}, "expected True or False"),
    ({"covariance": "us"}, "keyword `covariance`: `us` is not a known"),
    ({"where": "lg(x)"}, "keyword `where`(.|\n)*Did you mean `log`"),
    ({"where": ""}, "holds no condition"),
    ({"where": 3}, "expected a text"),
    ({"fweight": "w", "pweight": "v"}, "two kinds of weights"),
    ({"reml": True, "mle": True}, "contradicts"),
]


@pytest.mark.parametrize("keywords, message", KEYWORDS)
def test_bad_keyword(keywords, message):
    with pytest.raises(SyntaxProblem, match=message):
        mixed("y x || id:", **keywords)


def test_bad_calls():
    with pytest.raises(SyntaxProblem, match="repeats the command"):
        mixed("mixed y x || id:")
    with pytest.raises(SyntaxProblem, match="not a known command"):
        parse("y x || id:", command="mixt")
    with pytest.raises(TypeError, match="text"):
        parse(3)  # pyright: ignore[reportArgumentType]


def test_a_problem_shows_the_place():
    with pytest.raises(SyntaxProblem) as caught:
        parse("mixed y x ||\n id: x, covarance(un)")
    assert str(caught.value) == (
        "`covarance` is not an option of mixed\n"
        "   id: x, covarance(un)\n"
        "          ^^^^^^^^^\n"
        "Did you mean `covariance` or `variance`?"
    )
    assert caught.value.span == Span(21, 30)


def test_point_at():
    assert point_at("a wieght", Span(2, 8), "no column") == "no column\n  a wieght\n    ^^^^^^"
    assert point_at("a b", Span(0, 0), "no column") == "no column"
    long = point_at("x" * 300 + "!" + "x" * 300, Span(300, 301), "here").splitlines()
    assert long[1].index("!") == long[2].index("^") and len(long[1]) < 120


# ---- what is not built yet

UNBUILT = {
    "y x || id:, dfmethod(kroger) reml dftable(ci)": "`dftable` is not built yet",
    "y x || id:, small": "`small`",
    "y x [iw=w] || id:": "`iweight`(.|\n)*\\^",
    "y x || id:, iw(w)": "`iweight`",
    "y x || id:, vsquish": "`vsquish`(.|\n)*instead: leave it out",
}


@pytest.mark.parametrize("text", UNBUILT)
def test_unbuilt_options_are_understood_and_refused(text):
    with pytest.raises(NotImplementedError, match=UNBUILT[text]):
        refuse_unbuilt(mixed(text))


def test_all_commands_are_built():
    for command in COMMANDS:
        own = {"meintreg": " upper(z)", "mestreg": " distribution(weibull)"}.get(command, "")
        model = "y = {b}*x+{U[id]}" if command == "menl" else "y ~ x + (1 | id)"
        refuse_unbuilt(parse(f"{model}, nolog{own}", command=command))
    with pytest.raises(NotImplementedError, match="`dnumerical`(.|\n)*exact derivatives are always used"):
        refuse_unbuilt(parse("melogit y x || id:, dnum"))


def test_built_options_are_not_refused():
    refuse_unbuilt(mixed("y x [fw=w] || id: x, cov(un) reml nolog level(90) vce(robust)"))


# ---- families

FAMILIES = {  # command -> name, link, trials, dispersion
    "melogit y x || id:": ("bernoulli", "logit", None, None),
    "meprobit y x || id:, binomial(n)": ("binomial", "probit", "n", None),
    "mecloglog y x || id:, binomial(10)": ("binomial", "cloglog", "10", None),
    "mecloglog y ~ x + (1 | id), binomial(n/2)": ("binomial", "cloglog", "n/2", None),
    "melogit cbind(cases, size - cases) ~ x + (1 | id)": ("binomial", "logit", "cases + (size - cases)", None),
    "meglm cbind(a, b) ~ x + (1 | id), family(bin) link(probit)": ("binomial", "probit", "a + b", None),
    "meologit y x || id:": ("ordinal", "logit", None, None),
    "meoprobit y x || id:": ("ordinal", "probit", None, None),
    "mepoisson y x || id:": ("poisson", "log", None, None),
    "menbreg y x || id:": ("nbinomial", "log", None, "mean"),
    "menbreg y x || id:, dispersion(cons)": ("nbinomial", "log", None, "constant"),
    "meglm y x || id:": ("gaussian", "identity", None, None),
    "meglm y x || id:, link(log)": ("gaussian", "log", None, None),
    "meglm y x || id:, family(bernoulli) link(cloglog)": ("bernoulli", "cloglog", None, None),
    "meglm y x || id:, family(binomial)": ("binomial", "logit", None, None),
    "meglm y x || id:, family(binomial 10)": ("binomial", "logit", "10", None),
    "meglm y x || id:, family(gamma)": ("gamma", "log", None, None),
    "meglm y x || id:, family(nbinomial constant)": ("nbinomial", "log", None, "constant"),
    "meglm y x || id:, family(nb)": ("nbinomial", "log", None, "mean"),
    "meglm y x || id:, family(ordinal) link(cloglog)": ("ordinal", "cloglog", None, None),
    "meglm y x || id:, family(poisson)": ("poisson", "log", None, None),
    "metobit y x || id:, ll(0)": ("interval", "identity", None, None),
    "meintreg y z x || id:": ("interval", "identity", None, None),
    "memlogit y x || id:": ("multinomial", "logit", None, None),
}


@pytest.mark.parametrize("text", FAMILIES)
def test_family(text):
    choice: Any = family_of(parse(text))
    name, link, trials, dispersion = FAMILIES[text]
    assert (choice.name, choice.link, choice.dispersion) == (name, link, dispersion)
    assert bare(choice.trials) == (None if trials is None else bare(parse_expression(trials)))
    assert choice.has_cutpoints == (name == "ordinal")


def test_families_of_keywords():
    spec = parse("y x || id:", command="meglm", family=("binomial", "n"), link="probit")
    assert bare(family_of(spec)) == bare(family_of(parse("meglm y x || id:, f(bin n) link(prob)")))
    spec = parse("cbind(sick, healthy) ~ x + (1 | id)", command="meglm", family="binomial")
    assert bare(spec.response) == bare(Name("sick"))
    assert family_of(mixed("y x || id:")) is None


def test_a_column_may_be_called_cbind():
    assert bare(mixed("cbind ~ x").response) == bare(mixed("cbind x").response) == bare(Name("cbind"))


# ---- constraints

CONSTRAINTS = {  # typed -> label, printed
    "_b[/cut1] = 0": ("/cut1", "[/]cut1 = 0"),
    "[/]cut1 = -.5": ("/cut1", "[/]cut1 = -.5"),
    "/lnalpha = 0.25": ("/lnalpha", "[/]lnalpha = .25"),
    "_b[[/]lndelta] = 1": ("/lndelta", "[/]lndelta = 1"),
    "[/]logs=2": ("/logs", "[/]logs = 2"),
    "_b[/var(e.lnor)] = 2": ("var(e.lnor)", "[/]var(e.lnor) = 2"),
    "[/]var(e.lnor) = 2": ("var(e.lnor)", "[/]var(e.lnor) = 2"),
    "_b[/var(std[trial])] = 1": ("trial:var(std)", "[/]var(std[trial]) = 1"),
    "trial:var(std) = 1": ("trial:var(std)", "[/]var(std[trial]) = 1"),
    "_b[var(_cons[id]):_cons]=16": ("id:var(_cons)", "[/]var(_cons[id]) = 16"),
    "[/]var(_cons[a>b]) = 1": ("a>b:var(_cons)", "[/]var(_cons[a>b]) = 1"),
    "[/]cov(x[g],_cons[g]) = 0": ("g:cov(x,_cons)", "[/]cov(x[g],_cons[g]) = 0"),
    "_b[age] = 1": ("age", "[use]age = 1"),
    "[use]age = 1": ("age", "[use]age = 1"),
    "_b[use:1.cc#1.tv] = 1.5e-3": ("1.cc#1.tv", "[use]1.cc#1.tv = .0015"),
}


@pytest.mark.parametrize("typed", CONSTRAINTS)
def test_constraint_labels(typed):
    label, printed = CONSTRAINTS[typed]
    (constraint,) = collect_constraints(typed, response="use")
    assert constraint.text == typed and [name for _, name in constraint.terms] == [label]
    assert canonical(constraint, "use") == printed
    again = parse_constraint(printed, "use")
    assert (again.terms, again.constant) == (constraint.terms, constraint.constant)


def test_constraints_of_several_parameters():
    def printed(text):
        return canonical(parse_constraint(text, "y"), "y")

    equal = "[/]var(1.children[district]) = [/]var(3.children[district])"
    assert printed(equal) == "[/]var(1.children[district]) - [/]var(3.children[district]) = 0"
    assert printed("x = 2*z - 1") == "[y]x - 2*[y]z = -1"
    assert printed("-x + 0.5*z = 0.25") == "-[y]x + .5*[y]z = .25"
    assert printed("/cut2 - /cut1 = 1") == "[/]cut2 - [/]cut1 = 1"
    assert printed("g:cov(poly(x, 2)[1],_cons) = 0") == "[/]cov(poly(x,2)[1][g],_cons[g]) = 0"


def test_another_response_stays_in_a_label():
    assert parse_constraint("[z]x = 1", "y").terms == ((1.0, "[z]x"),)
    assert parse_constraint("[y]x = 1").terms == ((1.0, "[y]x"),)


def test_constraints_on_one_of_several_predictors():
    for typed in ("[2]x = 1", "_b[2:x] = 1", "2:x = 1"):
        (constraint,) = collect_constraints(typed, response="y", equations=("2", "own_car"))
        assert constraint.terms == ((1.0, "2:x"),) and constraint.constant == 1
        assert canonical(constraint, "y", ("2", "own_car")) == "[2]x = 1"
    (constraint,) = collect_constraints("3*[own_car]_cons - [2]_cons", response="y", equations=("2", "own_car"))
    assert constraint.terms == ((3.0, "own_car:_cons"), (-1.0, "2:_cons"))
    assert canonical(constraint, "y", ("2", "own_car")) == "3*[own_car]_cons - [2]_cons = 0"
    (constraint,) = collect_constraints("[/]cov(2:x[g],3:_cons[g]) = 0", response="y", equations=("2", "3"))
    assert constraint.terms == ((1.0, "g:cov(2:x,3:_cons)"),)
    assert canonical(constraint, "y", ("2", "3")) == "[/]cov(2:x[g],3:_cons[g]) = 0"


# ---- garbage

PIECES = st.sampled_from([
    "y", "x", "id", "i.", "c.x", "ib3.", "R.", "2.x", "#", "##", "|", "||", ":", ",", "(", ")", "[", "]", "{", "if",
    "in", "1/10", "=", "==", "~", "+", "-", "*", "^", "**", ".", "cov(un)", "level(", "reml", "[fw=w]", "_all:", "o(",
    "offset(", "log(", "`a b`", "`", '"', "'", "!", "0", "1", "///", "\n", " ", "%in%", "vce(", "i(1 ", "\\", "and",
    "not", "é", "²", "/",
])  # fmt: skip


def only_syntax_problems(text):
    for command in (None, "mixed", "meglm", "mestreg"):
        try:
            assert isinstance(parse(text, command=command), Spec)
        except SyntaxProblem as problem:
            assert str(problem)


@settings(deadline=None, max_examples=200)
@given(st.lists(PIECES, max_size=14).flatmap(lambda words: st.sampled_from(["".join(words), " ".join(words)])))
@example("(" * 1500)
@example("y if " + "!" * 1500 + "x")
@example("y if " + "-" * 1500 + "x")
@example("y if " + "x+" * 1500 + "x")
@example("y if " + "not " * 1500 + "x")
@example("y if " + "x^" * 1500 + "x")
@example("y " + "a##" * 40 + "a")
@example("y " + "##".join(f"a{i}" for i in range(30)))
@example("y ~ " + "-" * 1500 + "x")
def test_garbage_raises_nothing_else(text):
    only_syntax_problems(text)
    only_syntax_problems(f"mixed y {text}")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_raises_nothing_else(text):
    only_syntax_problems(text)
    only_syntax_problems(f"y ~ {text} + (1 | g)")


def test_no_heavy_imports():
    heavy = "numpy pandas jax formulaic scipy"
    code = f"import sys, mejax.syntax; print([m for m in '{heavy}'.split() if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
