"""Bad input to `menl` and to structured errors: one clear error, most of them before anything is compiled."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from mejax import me
from mejax.__main__ import as_json
from mejax.menl import columns_read
from mejax.syntax import SyntaxProblem

ROWS = 60
DECAY = "e = ({a=4}+{U[g]})*exp(-{b=0.3}*t)+{c=1}"


def table(**columns) -> pd.DataFrame:
    """60 rows, 12 groups `g` of five in three groups `s`; h runs within groups; columns are added or replaced."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(12), 5)
    out = pd.DataFrame({"g": g, "s": g // 4, "h": np.tile(np.arange(5), 12), "w": 1, "i": np.arange(ROWS), "o": 1})
    out["x"], out["t"] = rng.normal(size=ROWS), np.tile([0.0, 1, 2, 4, 7], 12)
    out["e"] = (5 + rng.normal(size=12)[g]) * np.exp(-0.4 * out["t"]) + 1 + 0.2 * rng.normal(size=ROWS)
    return out.assign(**columns)


def changed(row: int, column: str, value: float) -> pd.DataFrame:
    out = table().astype({column: float})
    out.loc[row, column] = value
    return out


def menl(model: str = DECAY, data: Any = None, **options: Any) -> Any:
    return me.menl(model, table() if data is None else data, nolog=True, **options)


def mixed(errors: str, data: Any = None, fixed: str = "e x || g:", **options: Any) -> Any:
    return me.mixed(f"{fixed}, residuals({errors})", table() if data is None else data, nolog=True, **options)


def called(mean: Any, **options: Any) -> Any:
    given = {"y": "e", "params": {"a": 4.0, "b": 0.3, "c": 1.0}, "random": {"U": "g"}, **options}
    return me.menl(data=table(), mean=mean, nolog=True, **given)


def decay(b, u, x):
    return (b["a"] + u["U"]) * jnp.exp(-b["b"] * x["t"]) + b["c"]


def deep(inner: str, outer: str, times: int) -> str:
    return f"e = {outer * times}{inner}+{{U[g]}}"


REFUSED = {
    # the mean
    "empty": (lambda: menl(""), "the response is missing"),
    "two equations": (lambda: menl("e = {a} = x"), "`=` does not continue the expression"),
    "equation of mixed": (lambda: menl("e x || g:"), "`=` is missing after the response: `x` is here"),
    "formula": (lambda: menl("e ~ x + (1|g)"), "`=` is missing after the response: `~` is here"),
    "levels of mixed": (lambda: menl("e = {a}*x || g:"), r"a nonlinear model has no `\|\|`(.|\n)*stand in the eq"),
    "transformed response": (lambda: menl("log(e) = {a}*x"), "must be the name of one column(.|\n)*Make the column"),
    "brace never closed": (lambda: menl("e = {a*x"), r"`\{` is never closed(.|\n)*Add a `\}`"),
    "brace never opened": (lambda: menl("e = a}*x"), r"`\}` closes nothing"),
    "empty braces": (lambda: menl("e = {}*x"), "these braces are empty(.|\n)*Known in braces"),
    "braces in braces": (lambda: menl("e = {{a}}*x"), r"a name was expected in braces, got `\{`"),
    "a symbol as a name": (lambda: menl("e = {a}+{☃[g]}"), "a name was expected in braces, got `☃`"),
    "infinite start": (lambda: menl("e = {a=1e999}*x"), "the starting value of `a` is not a number"),
    "two starts": (lambda: menl("e = {a=1}*x+{a=2}"), "`a` has two starting values, 1 and 2"),
    "unknown column": (lambda: menl("e = {a}*xx+{U[g]}"), "no column `xx`(.|\n)*Did you mean `x`"),
    "unknown function": (lambda: menl("e = {a}*expp(x)"), "a mean has no function `expp`(.|\n)*Did you mean `exp`"),
    "a text in the mean": (lambda: menl('e = {a}*(x=="a")'), "is not a number, as the mean needs"),
    "a missing value in the mean": (lambda: menl("e = {a}*."), r"`\.` is not a number, as the mean needs"),
    "no parameter": (lambda: menl("e = {U[g]}*x"), "the mean has no parameter to estimate"),
    "the response in the mean": (lambda: menl("e = {a}*e+{U[g]}"), "the mean uses the response `e` itself"),
    "predicted mean in the mean": (lambda: menl("e = {a}*_yhat"), "no column `_yhat`"),
    "many parentheses": (lambda: menl(f"e = {'(' * 5000}{{a}}{')' * 5000}"), "more than 50 parentheses"),
    "many signs": (lambda: menl(deep("{a}", "-", 5000)), "more than 500 signs in a row"),
    "many sums": (lambda: menl(deep("{a}", "{a}*x+", 3000)), "more than 500 operators"),
    # random effects
    "unknown groups": (lambda: menl("e = {a}+{U[gg]}"), "no column `gg`(.|\n)*Did you mean `g`"),
    "no groups": (lambda: menl("e = {a}+{U[]}"), "the random effect `U` has no group"),
    "two groups": (lambda: menl("e = {a}+{U[g h]}"), r"`h` was not expected among groups(.|\n)*U\[school>class\]"),
    "two levels": (lambda: menl("e = {a}+{U[g]}*{U[s]}"), "`U` is at level `g` and at `s`"),
    "crossed": (lambda: menl("e = {a}+{U[g]}+{V[h]}"), "levels of menl are nested: `h` and `g` are not"),
    "covariance of nothing": (lambda: menl("e = {a}+{U}, covariance(U, un)"), "`U` is not a random effect"),
    "covariance of another": (lambda: menl("e = {a}+{U[g]}, covariance(U V, un)"), "`V` is not a random effect"),
    "covariance twice": (lambda: menl("e = {a}+{U[g]}, covariance(U U, un)"), "`U` has its covariance twice"),
    "covariance of two levels": (
        lambda: menl("e = {a}+{U[s]}+{V[s>g]}*x, covariance(U V, un)"),
        "`U` is at level `s`, `V` at `s>g`",
    ),
    # definitions
    "a circle": (
        lambda: menl("e = {p:}, define(p: {q:}) define(q: {p:}+{U[g]})"),
        "the definition of `p` refers to itself: p -> q -> p",
    ),
    "undefined": (lambda: menl("e = {p:}*x"), "`p` is not defined"),
    "unused": (lambda: menl("e = {a}*x, define(p: {b}+1)"), "`p` is defined but used nowhere"),
    "defined twice": (lambda: menl("e = {p:}, define(p: {b}+1) define(p: {c}+1)"), "`p` is defined twice"),
    "definitions that explode": (
        lambda: menl("e = {p20:}, define(p0: {a}*x) " + " ".join(
            f"define(p{i}: {{p{i - 1}:}}+{{p{i - 1}:}})" for i in range(1, 21)
        )),
        "the mean has more than 5000 parts",
    ),
    "a chain of definitions": (
        lambda: menl("e = {p200:}, define(p0: {a}*x) " + " ".join(
            f"define(p{i}: {{p{i - 1}:}}+1)" for i in range(1, 201)
        )),
        "more than 100 definitions inside each other",
    ),
    # options
    "weights": (lambda: menl("e = {a}*x+{U[g]} [fweight=w]"), "a nonlinear model has no weights"),
    "robust": (lambda: menl(vce="robust"), "`vce` is not a keyword of menl(.|\n)*It belongs to"),
    "constraints": (lambda: menl(constraints=["/a = 1"]), "`constraints` is not a keyword of menl"),
    "errors of mixed": (lambda: menl(DECAY + ", residuals(ar 1)"), "`residuals` is not an option of menl"),
    "errors of menl": (lambda: mixed("ar 1", fixed="e x || g:, resvariance(power x)"), "It belongs to menl"),
    "start of nothing": (lambda: menl(initial={"q": 1}), "`/q` is not a coefficient of this model(.|\n)*/a, /b, /c"),
    "two starts for three": (lambda: menl(initial=[1, 2]), "holds 2 numbers, but the model has 3 coefficients"),
    "a start that is NaN": (lambda: menl(initial=[1, np.nan, 2]), "a starting value is a number, got nan"),
    "a matrix of starts": (lambda: menl(initial=np.ones((3, 3))), "a starting value is a number"),
    "no points": (lambda: menl(intpoints=0), "integration takes 1 to 195 points, got 0"),
    "reml integrated": (lambda: menl(reml=True, intpoints=3), "reml is a restricted likelihood of the linearised"),
    "no model": (lambda: me.menl(None, table()), "the model is missing"),
    "two means": (lambda: me.menl(DECAY, table(), mean=decay), "the mean is given twice"),
    # data
    "no table": (lambda: me.menl(DECAY), "cannot read a table of type NoneType"),
    "no rows": (lambda: menl(data=table().iloc[:0]), "no observations: of 0 rows none can be used"),
    "no rows left": (lambda: menl(where="x > 100"), "of 60 rows `if x > 100` removed 60"),
    "as many coefficients as rows": (lambda: menl(rows="1/3"), "has 3 coefficients, but there are only 3 observations"),
    "constant response": (lambda: menl(data=table(e=3.0)), "the response `e` is 3 in all observations"),
    "infinite response": (lambda: menl(data=changed(3, "e", np.inf)), "`e` has an infinite value in row 4"),
    "infinite column": (lambda: menl(data=changed(3, "t", np.inf)), "`t` has an infinite value in row 4"),
    "missing everywhere": (lambda: menl(data=table(t=np.nan)), r"missing values removed 60 \(t: 60\)"),
    "text response": (lambda: menl(data=table(e="a")), "the response `e` holds text, not numbers"),
    "text column": (lambda: menl(data=table(t="a")), "the mean uses `t`, which holds text, not numbers"),
    "dates": (lambda: menl(data=table(t=pd.Timestamp("2020-01-01"))), "`t`, which holds dates, not numbers"),
    "a matrix as column": (
        lambda: menl(data={"e": np.ones(3), "t": np.ones((3, 2)), "g": np.ones(3)}),
        r"column `t` has shape \(3, 2\)",
    ),
    # structured errors of menl
    "unknown variance": (lambda: menl(DECAY + ", resvariance(foo)"), "`foo` is not a known type of resvariance"),
    "variance of nothing": (lambda: menl(DECAY + ", resvariance(power)"), "`power` needs the column that the variance"),
    "negative variance": (lambda: menl(DECAY + ", resvariance(linear x)"), "needs positive values"),
    "variance zero": (lambda: menl(DECAY + ", resvariance(power t, noconstant)"), "gives that error no variance"),
    "linear in the mean": (lambda: menl(DECAY + ", resvariance(linear _yhat)"), "one of a column, not of `_yhat`"),
    "variance in two options": (
        lambda: menl(DECAY + ", rescovariance(ar 1) resvariance(power _yhat)"),
        "`resvariance` contradicts `rescovariance`",
    ),
    # of mixed
    "order too high": (lambda: mixed("ar 5, t(h)"), "The largest order possible here is 4"),
    "order zero": (lambda: mixed("ar 0, t(h)"), "the order of `ar` is at least 1, got 0"),
    "order of a half": (lambda: mixed("ar 1.5, t(h)"), "or the order of `ar`, got `1.5`"),
    "order for none": (lambda: mixed("unstructured 2, t(h)"), "`unstructured` has no order"),
    "times twice": (lambda: mixed("exponential, t(o)"), "`o` is 1 twice in the group g = 0"),
    "times between": (lambda: mixed("ar 1, t(x)"), "AR errors need times that are whole numbers"),
    "times far apart": (lambda: mixed("ma 1, t(q)", table(q=table().h * 10**9)), "no two observations of a group"),
    "times of text": (lambda: mixed("ar 1, t(q)", table(q="a")), "the times `q` of the errors are text, not numbers"),
    "infinite time": (lambda: mixed("ar 1, t(h)", changed(3, "h", np.inf)), "`h` has an infinite value in row 4"),
    "groups that split": (lambda: mixed("ar 1, t(h) by(h)"), "`h` is not constant within the group g = 0"),
    "groups of one": (lambda: mixed("ar 1", fixed="e x || i:"), "no group has two observations"),
    "too many covariances": (
        lambda: mixed("unstructured, t(q)", table(q=table().i)),
        "`q` has 60 different values, so that unstructured errors have 1,830 parameters",
    ),
    "times never together": (
        lambda: mixed("unstructured, t(q)", table(q=table().h + 5 * (table().g > 5))),
        "their covariance cannot be estimated",
    ),
    "weighted": (lambda: mixed("ar 1", fixed="e x [fweight=w] || g:"), "frequency weights repeat observations"),
    "constant response, errors": (lambda: mixed("ar 1", table(e=1.0)), "Check that the response is not constant"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        call()


def test_places_in_the_text_are_shown():
    with pytest.raises(SyntaxProblem) as caught:
        menl("e = {a}*e+{U[g]}")
    assert "\n  e = {a}*e+{U[g]}\n          ^\n" in str(caught.value)


FUNCTIONS = {
    "two arguments": (lambda b, u: 1.0, "takes 2 positional arguments but 3 were given"),
    "NumPy": (lambda b, u, x: b["a"] * np.exp(-b["b"] * x["t"]), "as NumPy's functions(.|\n)*jnp.exp"),
    "a branch": (lambda b, u, x: b["a"] if b["b"] > 0 else b["c"], "truth value"),
    "a number of a parameter": (lambda b, u, x: b["a"][0] * x["t"], "could not be called"),
    "another parameter": (lambda b, u, x: b["q"], "asks for 'q', which is neither in `params` nor in `random`"),
    "another column": (lambda b, u, x: decay(b, u, x) + x["tt"], "no column `tt`(.|\n)*Did you mean `t`"),
    "all columns": (lambda b, u, x: sum(x.values()), "columns are asked for by name"),
    "a length of its own": (lambda b, u, x: b["a"] * jnp.ones(7), "expected for 5 rows|could not be called"),
    "a length that is tried": (lambda b, u, x: b["a"][:1] * jnp.ones(3), r"could not be called|got \(3,\)"),
    "a column too many": (lambda b, u, x: decay(b, u, x)[:, None], r"got \(5, 1\)"),
    "nothing": (lambda b, u, x: None, "one real number for each row, got None"),
    "a text": (lambda b, u, x: "a", "one real number for each row, got 'a'"),
    "complex": (lambda b, u, x: x["t"] * 1j, "one real number for each row, got an array of complex"),
    "a sum": (lambda b, u, x: jnp.sum(decay(b, u, x)), "elementwise"),
    "running sums": (lambda b, u, x: jnp.cumsum(decay(b, u, x)), "elementwise"),
    "centred by itself": (lambda b, u, x: decay(b, u, x) - jnp.mean(x["t"]), "elementwise"),
    "noise": (lambda b, u, x: decay(b, u, x) + np.random.default_rng().normal(), "at every call"),
    "an error of its own": (lambda b, u, x: 1 / 0, "ZeroDivisionError: division by zero"),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_refused_functions(case):
    mean, words = FUNCTIONS[case]
    with pytest.raises(ValueError, match=words):
        called(mean)


def test_functions_that_may_be_written_otherwise():
    """A constant, values without meaning at the made-up table, a function that JAX has compiled."""
    import jax

    assert columns_read(lambda b, u, x: b["a"], ["a"], []) == ()
    assert columns_read(lambda b, u, x: b["a"] * jnp.log(x["t"] - 9), ["a"], []) == ("t",)
    assert columns_read(jax.jit(decay), ["a", "b", "c"], ["U"]) == ("t",)


REFUSED_CALLS = {
    "no params": ({"params": {}}, "asks for 'a', which is neither in `params` nor in `random`: parameters none"),
    "params of text": ({"params": {"a": "4", "b": 1.0, "c": 1.0}}, "a starting value is a number, got '4'"),
    "no such groups": ({"random": {"U": "q"}}, "no column `q`"),
    "groups half written": ({"random": {"U": "g>"}}, "a group is missing"),
    "no such response": ({"y": "log(e)"}, r"no column `log\(e\)`"),
    "definitions": ({"define": {"p": "{a}"}}, "`define` belongs to a mean that is a text"),
}


@pytest.mark.parametrize("case", REFUSED_CALLS)
def test_refused_with_a_function(case):
    options, words = REFUSED_CALLS[case]
    with pytest.raises(ValueError, match=words):
        called(decay, **options)


def test_a_response_without_errors_is_said_to_be_one():
    """No maximum, and a test of the header that does not exist is null in JSON."""
    t = table()["t"]
    found = menl("e = {a=4}*exp(-{b=0.3}*t)+{c=1}", table(e=4 * np.exp(-0.3 * t) + 1))
    assert str(found.status) == "not_converged" and "reproduces the response exactly" in found.notes[0]
    assert "nan" not in str(found).lower()
    assert as_json(found)["wald"] is None
