"""Text -> tokens that know their place, and the cursor that every parser of this package moves over them."""

import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, NoReturn

from .problem import SyntaxProblem
from .spec import Span

_DEEPEST = 50  # parentheses inside parentheses
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_SKIP = re.compile(r"(?:\s+|///[^\n]*(?:\n|$))+")
_TOKEN = re.compile(
    r"""(?P<name>[^\W\d]\w*)
      | (?P<quoted>`[^`\n]+`)
      | (?P<number>(?:\d+\.\d+|\d+\.(?![\w.(`])|\.\d+|\d+)(?:[eE][+-]?\d+)?)
      | (?P<string>"[^"\n]*"|'[^'\n]*')
      | (?P<op>\|\||\#\#|\*\*|==|!=|~=|<=|>=|.)""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """`text` is as typed; `value` is without the quotes of a string and the backticks of a name."""

    kind: Literal["name", "number", "string", "op", "end"]
    text: str
    value: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)

    @property
    def nesting(self) -> int:
        """1 for an opening parenthesis, -1 for a closing one, 0 for anything else."""
        if self.kind != "op":
            return 0
        return (self.text in _PAIRS) - (self.text in _PAIRS.values())


def tokenize(text: str) -> list[Token]:
    """All tokens of `text`, then one of kind "end".  Parentheses are known to be balanced afterwards."""
    tokens, position = [], 0
    while True:
        position = _skip_blank(text, position)
        if position >= len(text):
            break
        tokens.append(_one_token(text, position))
        position = tokens[-1].end
    _check_balance(text, tokens)
    return [*tokens, Token("end", "", "", len(text), len(text))]


def _skip_blank(text: str, position: int) -> int:
    found = _SKIP.match(text, position)
    if found is None:
        return position
    slashes = text.find("///", found.start(), found.end())
    while slashes >= 0:
        newline = text.find("\n", slashes)
        if newline < 0 and text[slashes + 3 :].strip():
            problem = "text follows `///`, which continues a command on the next line"
            raise SyntaxProblem(problem, text, Span(slashes, slashes + 3), "Put a line break after it, or drop it.")
        slashes = -1 if newline < 0 else text.find("///", newline, found.end())
    return found.end()


def _one_token(text: str, position: int) -> Token:
    found = _TOKEN.match(text, position)
    assert found is not None, "the last alternative takes any character"
    kind, typed = str(found.lastgroup), found.group()
    if kind == "op" and typed in "\"'`":
        what = "backtick" if typed == "`" else "quotation mark"
        raise SyntaxProblem(f"this {what} is never closed", text, Span(position, position + 1), "Add the closing one.")
    if kind in ("quoted", "string"):
        return Token("name" if kind == "quoted" else "string", typed, typed[1:-1], position, found.end())
    return Token(kind, typed, typed, position, found.end())  # pyright: ignore[reportArgumentType]


def _check_balance(text: str, tokens: list[Token]) -> None:
    opened: list[Token] = []
    for token in tokens:
        if token.kind != "op":
            continue
        if token.text in _PAIRS:
            opened.append(token)
            if len(opened) > _DEEPEST:
                raise SyntaxProblem(f"more than {_DEEPEST} parentheses inside each other", text, token.span)
        elif token.text in _PAIRS.values():
            if not opened or _PAIRS[opened[-1].text] != token.text:
                what = f"`{token.text}` closes nothing"
                raise SyntaxProblem(what, text, token.span, "Remove it, or add the opening one before it.")
            opened.pop()
    if opened:
        closing = _PAIRS[opened[-1].text]
        what = f"`{opened[-1].text}` is never closed"
        raise SyntaxProblem(what, text, opened[-1].span, f"Add a `{closing}`.")


class Cursor:
    """A place in a list of tokens.

    `offset` is where `text` begins in the model's text; None where it is no part of it (a keyword's value): then
    names get the span (0, 0).  `braces` reads `{...}` in the mean of a nonlinear model; None elsewhere.
    """

    def __init__(self, text: str, tokens: list[Token], offset: int | None = 0):
        self.text, self.tokens, self.offset = text, tokens, offset
        self.index = 0
        self.braces: Callable[[Cursor], Any] | None = None

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def done(self) -> bool:
        return self.token.kind == "end"

    def ahead(self, count: int = 1) -> Token:
        return self.tokens[min(self.index + count, len(self.tokens) - 1)]

    def at(self, *texts: str) -> bool:
        return self.token.kind in ("op", "name") and self.token.text in texts

    def take(self) -> Token:
        taken = self.token
        if taken.kind != "end":
            self.index += 1
        return taken

    def joined(self) -> bool:
        """Whether no blank separates this token from the one before."""
        return self.index > 0 and self.tokens[self.index - 1].end == self.token.start

    def span(self, start: int, end: int) -> Span:
        return Span(0, 0) if self.offset is None else Span(start + self.offset, end + self.offset)

    def fail(self, message: str, advice: str = "", at: Token | None = None) -> NoReturn:
        token = self.token if at is None else at
        raise SyntaxProblem(message, self.text, Span(token.start, max(token.end, token.start + 1)), advice)

    def found(self) -> str:
        """What is here, in words."""
        return "the text ends" if self.done else f"`{self.token.text}` is here"

    def inside(self) -> "Cursor":
        """At an opening parenthesis: a cursor over what it holds.  This one moves behind the closing one."""
        assert self.token.text in _PAIRS, "an opening parenthesis was expected"
        opening, depth = self.index, 0
        for index in range(opening, len(self.tokens)):
            depth += self.tokens[index].nesting
            if depth == 0:
                break
        self.index = opening + 1
        held = self.upto(index)
        self.index = index + 1
        return held

    def upto(self, index: int) -> "Cursor":
        """A cursor over what stands from here to the token `index`, to which this one moves."""
        end = self.tokens[index].start
        held = Cursor(self.text, [*self.tokens[self.index : index], Token("end", "", "", end, end)], self.offset)
        held.braces, self.index = self.braces, index
        return held

    def find(self, *texts: str) -> int:
        """The index of the first of these tokens from here on that no parentheses hold, or of the end."""
        depth = 0
        for index in range(self.index, len(self.tokens)):
            token = self.tokens[index]
            if depth == 0 and token.kind in ("op", "name") and token.text in texts:
                return index
            depth += token.nesting
        return len(self.tokens) - 1

    def rest(self) -> str:
        """The text from here to the end of these tokens, trimmed."""
        return self.text[self.token.start : self.tokens[-1].start].strip()


def cursor_over(text: str, offset: int | None = 0) -> Cursor:
    return Cursor(text, tokenize(text), offset)
