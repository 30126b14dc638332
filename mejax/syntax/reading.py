"""Reading the options behind a comma, and those given as Python keywords."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .expression import Number
from .option_values import read_value
from .options import BARE, EQUATION_OPTIONS, EXCLUSIVE, OPTIONS, Option, candidates, keywords_of, options_of
from .problem import SyntaxProblem, did_you_mean
from .starts import starts_of
from .tokens import Cursor, Token, cursor_over

SPECIAL_KEYWORDS = ("where", "rows", "matrices", "constraints")  # read by mejax.syntax.parsing itself


class Given(NamedTuple):
    """An option as found: what it is, its value and its token (None: a keyword)."""

    option: Option
    value: Any
    token: Token | None = None


def read_options(cursor: Cursor, command: str, at_end: Callable[[Cursor], bool]) -> list[Given]:
    """Read `word word(argument) ...` until `at_end(cursor)` or the end of the tokens."""
    given: list[Given] = []
    while not cursor.done and not at_end(cursor):
        if cursor.at(","):
            cursor.fail("a second comma in one equation", "One comma, then all options with blanks between them.")
        given.append(_one_option(cursor, command))
    return given


def _one_option(cursor: Cursor, command: str) -> Given:
    token = cursor.take()
    if token.kind != "name":
        cursor.fail(f"an option was expected, but `{token.text}` is here", at=token)
    has_argument = cursor.at("(")
    option = _choose(cursor, command, token, has_argument)
    if option.kind == "flag" and has_argument:
        cursor.fail(f"`{option.word}` takes no argument", f"Write `{option.word}` alone.", at=token)
    if option.kind in BARE and not has_argument:
        return Given(option, True, token)
    if option.takes_argument and not has_argument:
        cursor.fail(f"`{option.word}` needs an argument", f"Write `{option.word}(...)`.", at=token)
    value = _bound(option, cursor.inside()) if has_argument else option.value
    return Given(option, value, token)


def _bound(option: Option, cursor: Cursor) -> Any:
    return read_value("expression" if option.kind == "bound" else option.kind, cursor)


def _choose(cursor: Cursor, command: str, token: Token, has_argument: bool) -> Option:
    found = candidates(command, token.text)
    if len(found) > 1:  # `time` and `time(t)` are two options
        found = [option for option in found if option.takes_argument == has_argument] or found
    words = list(dict.fromkeys(option.word for option in found))
    if len(words) > 1:
        listed = ", ".join(f"`{word}`" for word in words)
        cursor.fail(f"`{token.text}` may mean {listed}", "Write one more letter.", at=token)
    if not found:
        cursor.fail(f"`{token.text}` is not an option of {command}", _option_advice(command, token.text), at=token)
    return found[0]


def _option_advice(command: str, word: str) -> str:
    elsewhere = [option for option in OPTIONS if option.word == word]
    if elsewhere:
        return f"It belongs to {', '.join(elsewhere[0].commands)}."
    return did_you_mean(word, [option.word for option in options_of(command)])


def read_keywords(keywords: Mapping[str, Any], command: str) -> list[Given]:
    """Python keywords -> options; None and False mean that the option is not given (but False may be an outcome)."""
    known = keywords_of(command)
    given: list[Given] = []
    for key, value in keywords.items():
        if key == "log" and value is False:
            key, value = "nolog", True
        if key not in known:
            raise SyntaxProblem(f"`{key}` is not a keyword of {command}", advice=_keyword_advice(key, known, command))
        if value is not None and (value is not False or known[key].kind == "outcome"):
            given.append(Given(known[key], _keyword_value(key, known[key], value)))
    return given


def _keyword_advice(key: str, known: Iterable[str], command: str) -> str:
    spelled = {"if": "where", "in": "rows", "from": "start"}
    if key in spelled:
        return f"In Python it is called `{spelled[key]}`."
    abbreviated = {option.keyword or option.name for option in candidates(command, key)}
    if abbreviated:
        return f"Keywords are written out: {', '.join(sorted(f'`{word}`' for word in abbreviated))}."
    return did_you_mean(key, [*known, *SPECIAL_KEYWORDS]) or _option_advice(command, key)


def _keyword_value(key: str, option: Option, value: Any) -> Any:
    if option.kind == "flag":
        if value is not True:
            raise SyntaxProblem(f"keyword `{key}`: expected True or False, got {value!r}")
        return option.value
    if option.kind in BARE and value is True:
        return True
    if option.kind == "raw":
        return value
    if option.kind == "initial":
        return in_keyword(key, lambda: starts_of(value))
    if option.repeated:
        separator = ":" if option.kind == "definition" else ","
        return in_keyword(key, lambda: tuple(cursor_over(text, offset=None) for text in _texts(value, separator)))
    if option.kind == "outcome" and isinstance(value, bool):
        return float(value)
    if value is True:
        raise SyntaxProblem(f"keyword `{key}` needs a value, got True")
    if option.kind == "outcome" and isinstance(value, str) and value.strip():
        return value
    if option.kind == "bound" and isinstance(value, float) and math.isinf(value):
        return Number(value)  # no limit, which a command leaves out
    return in_keyword(key, lambda: _bound(option, cursor_over(as_text(value), offset=None)))


def _texts(value: Any, separator: str) -> list[str]:
    """What the parentheses of a repeated option would hold: a text, several, or a mapping."""
    if isinstance(value, str):
        found = [value]
    elif isinstance(value, Mapping):
        names = [name if isinstance(name, str) else " ".join(map(str, name)) for name in value]
        found = [f"{name}{separator} {text}" for name, text in zip(names, value.values(), strict=True)]
    else:
        found = list(value) if isinstance(value, (list, tuple)) else []
    if not found or not all(isinstance(text, str) and text.strip() for text in found):
        raise SyntaxProblem(f"expected a text, a list of texts or a mapping, got {value!r}")
    return found


def in_keyword(key: str, read: Callable[[], Any]) -> Any:
    """Run `read`; a problem in the keyword's text is reported with the keyword's name."""
    try:
        return read()
    except SyntaxProblem as problem:
        message = f"keyword `{key}`: {problem.message}"
        raise SyntaxProblem(message, problem.text, problem.span, problem.advice) from None


def as_text(value: Any) -> str:
    """What a command's text would hold in the parentheses of an option with this value."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return " ".join(as_text(part) for part in value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) < float("inf"):
        raise SyntaxProblem(f"expected a text or a number, got {value!r}")
    return str(int(number)) if number == int(number) else repr(number)


def check_twice(given: Iterable[Given], text: str) -> None:
    """No option twice, no option beside its opposite."""
    seen: dict[str, Given] = {}
    for item in given:
        name = item.option.name
        rivals = [other for pair in EXCLUSIVE if name in pair for other in pair if other != name and other in seen]
        if name in seen and not item.option.repeated:
            _fail_at(item, f"`{item.option.word}` is given twice", text, "Keep one of them.")
        if rivals:
            _fail_at(item, f"`{item.option.word}` contradicts `{rivals[0]}`", text, "Keep one of them.")
        seen[name] = item


def _fail_at(item: Given, message: str, text: str, advice: str) -> None:
    raise SyntaxProblem(message, text, item.token.span if item.token else None, advice)


def merge(in_text: list[Given], in_keywords: list[Given], text: str) -> dict[str, Any]:
    """All options of the whole command.  What both name must agree; repeated options are put together."""
    check_twice(in_text, text)
    check_twice(in_keywords, "")
    repeated: dict[str, Any] = {}
    for item in (item for item in (*in_text, *in_keywords) if item.option.repeated):
        repeated[item.option.name] = (*repeated.get(item.option.name, ()), *item.value)
    in_text, in_keywords = ([item for item in given if not item.option.repeated] for given in (in_text, in_keywords))
    values = {item.option.name: item.value for item in in_text}
    for item in in_keywords:
        name = item.option.name
        if name in values and not same_value(values[name], item.value):
            message = f"`{item.option.word}` is given in the text and, with another value, as a keyword"
            place = next(other.token for other in in_text if other.option.name == name)
            raise SyntaxProblem(message, text, place.span if place else None, "Keep one of them.")
    check_twice([*in_text, *(item for item in in_keywords if item.option.name not in values)], text)
    values |= {item.option.name: item.value for item in in_keywords if item.option.name not in values}
    return values | repeated


def same_value(first: Any, second: Any) -> bool:
    """Equality that ignores where names stand in their texts."""
    return _without_places(first) == _without_places(second)


def _without_places(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        fields = [name for name in value.__dataclass_fields__ if name not in ("span", "start", "end")]
        return (type(value).__name__, *(_without_places(getattr(value, name)) for name in fields))
    return tuple(_without_places(part) for part in value) if isinstance(value, tuple) else value


def is_equation_option(item: Given) -> bool:
    return item.option.name in EQUATION_OPTIONS
