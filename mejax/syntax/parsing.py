"""`parse`: the text of a model, in either spelling, with Python keywords -> `Spec`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NoReturn

from .attaching import attach, rows_keyword
from .conditions import parse_expression
from .expression import Expression
from .families import check_family, with_trials
from .formula import added, is_formula, read_formula
from .nonlinear import read_nonlinear
from .options import COMMANDS
from .problem import SyntaxProblem, did_you_mean
from .reading import SPECIAL_KEYWORDS, Given, in_keyword, merge, read_keywords, read_options, same_value
from .residuals import structure
from .spec import Spec, Varlist
from .stata import Command, read_command
from .survival import with_survival
from .tokens import Cursor, cursor_over

_LONGEST = 100_000  # characters of a text


def parse(text: str, *, command: str | None = None, **keywords: Any) -> Spec:
    """Read a model, in the suite's spelling or as a formula.

        parse("weight week || id: week, covariance(unstructured)", command="mixed", reml=True)
        parse("mixed weight ~ week + (week | id), reml")
        parse("menl circumf = ({b1}+{U1[tree]})/(1+exp(-(age-{b2})/{b3}))")

    Args:
        text: the model.  Without `command` it begins with the command's name.
        command: the command's name, which is then absent from the text.
        keywords: options under their Python names (see `mejax.syntax.options`), and `where=` (a condition), `rows=`
            ("1/100", (1, 100) or a slice of positions), `fweight= iweight= pweight=` (of the observations),
            `covariance=` (of every random-effects equation that names none), `matrices=` (any object), of `menl`
            `define=` and `covariance=` (a text as in the parentheses, a list of such texts, or a mapping), and
            `constraints=` (numbers, which select; anything else defines and is kept as `constraint_definitions`).
            None and False mean that the option is not given.

    Raises:
        SyntaxProblem: the text or a keyword cannot be understood; the message points at the place.
    """
    if not isinstance(text, str):
        raise TypeError(f"a model is a text such as 'weight week || id:', got {type(text).__name__}")
    if len(text) > _LONGEST:
        raise SyntaxProblem(f"the text has more than {_LONGEST} characters")
    cursor = cursor_over(text)
    command = _command(cursor, command)
    extra = {key: keywords.pop(key) for key in SPECIAL_KEYWORDS if key in keywords}
    given = [*read_keywords(keywords, command), *_constraint_numbers(extra, command)]
    if command == "menl":
        draft = read_nonlinear(cursor)
    elif is_formula(cursor) or cursor.at("~"):
        draft = _from_formula(cursor, command)
    else:
        draft = _from_command(cursor, command)
    return finish(draft, given, extra)


def _command(cursor: Cursor, command: str | None) -> str:
    named = command is None
    token = cursor.token
    if named:
        if token.kind != "name":
            cursor.fail("a command's name is missing", f"Known: {', '.join(COMMANDS)}.")
        command = cursor.take().text
    elif token.text == command and cursor.ahead().kind == "name":
        cursor.fail(f"the text repeats the command `{command}`", "Leave it out here; a column needs `backticks`.")
    if command not in COMMANDS:
        advice = did_you_mean(str(command), COMMANDS) or f"Known: {', '.join(COMMANDS)}."
        _fail_command(cursor, named, f"`{command}` is not a known command", advice)
    return str(command)


def _fail_command(cursor: Cursor, named: bool, message: str, advice: str) -> NoReturn:
    span = cursor.tokens[0].span if named else None
    raise SyntaxProblem(message, cursor.text, span, advice)


def _from_command(cursor: Cursor, command: str) -> dict[str, Any]:
    found = read_command(cursor, command)
    return {
        "command": command, "text": cursor.text, "spelling": "stata", "response": found.response,
        "fixed": Varlist(found.terms, True), "equations": tuple(found.equations), "where": found.where,
        "rows": found.rows, "weights": found.weights, "offset": None, "given": found.options,
        "options": _extra_options(found), "overridable": tuple(e.covariance is None for e in found.equations),
    }  # fmt: skip


def _extra_options(found: Command) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if found.second_response is not None:
        extra["second_response"] = found.second_response
    if found.collinear_equations:
        extra["collinear_equations"] = found.collinear_equations
    return extra


def _from_formula(cursor: Cursor, command: str) -> dict[str, Any]:
    found = read_formula(cursor)
    given: list[Given] = []
    if cursor.at(","):
        cursor.take()
        given = read_options(cursor, command, lambda _: False)
    for item in given:
        if item.option.name in ("fweight", "iweight", "pweight", "collinear"):
            advice = f"Give it as a keyword: `{item.option.name}=...`."
            cursor.fail(f"`{item.option.word}` cannot follow a formula", advice, at=item.token)
    return {
        "command": command, "text": cursor.text, "spelling": "formula", "response": found.response,
        "fixed": found.fixed, "equations": tuple(found.equations), "where": None, "rows": None, "weights": (),
        "offset": found.offset, "given": given, "options": {}, "overridable": tuple(found.overridable),
        "trials": found.trials,
    }  # fmt: skip


def _constraint_numbers(extra: dict[str, Any], command: str) -> list[Given]:
    """`constraints=` with numbers selects, as in a text; anything else defines."""
    value = extra.get("constraints")
    numbers = value if isinstance(value, (list, tuple)) else (value,)
    if numbers and all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        return read_keywords({"constraints": extra.pop("constraints")}, command)
    return []


def finish(draft: dict[str, Any], given: list[Given], extra: Mapping[str, Any]) -> Spec:
    """Put options where they belong; `extra` holds the keywords that are no options."""
    text = draft["text"]
    options = merge(draft.pop("given"), given, text) | draft.pop("options")
    if draft["command"] == "mestreg":
        options = with_survival(options)
    trials = draft.pop("trials", None)
    if trials is not None:
        options = with_trials(draft["command"], options, trials[0], text, trials[1])
    draft["where"] = _one_of("where", draft["where"], _where(extra.get("where")), "if")
    draft["rows"] = _one_of("rows", draft["rows"], rows_keyword(extra.get("rows")), "in")
    draft["offset"] = added(draft["offset"], options.pop("offset", None))
    if "time" in options:
        draft["response"] = _one_of("time", draft["response"], options.pop("time"), "a response")
    if draft["command"] == "menl":
        draft |= draft.pop("mean")(options)
    else:
        attach(draft, options)
    draft["residuals"] = structure(options)
    _check_columns(draft)
    for key, name in (("matrices", "matrices"), ("constraints", "constraint_definitions")):
        if extra.get(key) is not None and draft["command"] == "menl":
            raise SyntaxProblem(f"`{key}` is not a keyword of menl", advice="Leave it out.")
        if extra.get(key) is not None:
            options[name] = extra[key]
    _check_responses(draft["command"], draft["response"], options)
    spec = Spec(**draft, options=MappingProxyType(options))
    check_family(spec)
    _check_integration(spec)
    return spec


def _check_columns(draft: dict[str, Any]) -> None:
    """An equation without columns says nothing, but for the groups of errors."""
    for equation in draft["equations"]:
        if draft["residuals"] is None and equation.columns == Varlist((), False):
            what = f"the equation of level `{equation.level.label}` has neither covariates nor a constant"
            raise SyntaxProblem(what, draft["text"], equation.span, "Add a covariate or drop it.")


def _check_integration(spec: Spec) -> None:
    method = spec.option("intmethod")
    if method in ("laplace", "pclaplace") and "intpoints" in spec.options:
        message = f"`intpoints` says nothing about intmethod({method}), which has a single point"
        raise SyntaxProblem(message, advice="Leave one of them out; intmethod(mcaghermite) has more points.")


def _check_responses(command: str, response: Expression | None, options: Mapping[str, Any]) -> None:
    if response is None:
        advice = "Name the time, the failure and the entry: `time(t) failure(d) enter(t0)`."
        raise SyntaxProblem("the response of `mestreg` is missing", advice=advice)
    if command == "meintreg" and "second_response" not in options:
        advice = "After a formula name it with `upper=`: `meintreg('lower ~ x + (1 | id)', upper='upper')`."
        raise SyntaxProblem("the second response of `meintreg` is missing", advice=advice)


def _where(value: Any) -> Expression | None:
    if value is None:
        return None
    if not isinstance(value, str):
        message = f"keyword `where`: expected a text, got {type(value).__name__}"
        raise SyntaxProblem(message, advice="Write `where='age > 5'`, or select the rows of the data first.")
    if not value.strip():
        raise SyntaxProblem("keyword `where` holds no condition", advice="Write for example `where='age > 5'`.")
    return in_keyword("where", lambda: parse_expression(value, None))


def _one_of(key: str, in_text: Any, in_keyword: Any, word: str) -> Any:
    if in_text is not None and in_keyword is not None and not same_value(in_text, in_keyword):
        message = f"the text has `{word}` and the keyword `{key}` says something else"
        raise SyntaxProblem(message, advice="Keep one of them.")
    return in_keyword if in_text is None else in_text
