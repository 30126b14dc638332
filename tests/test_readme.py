"""The README's code blocks run, in order, and its console sessions print exactly what it shows.

```python blocks share one namespace.  In ```console and ```sh blocks a line `$ mejax ...` is run as a command; the
lines after it, up to the next `$` or the end of the block, are what it prints (none: only the exit status counts).
Other commands (`pip install`, `make`) are left alone.  An HTML comment `<!-- not run -->` on the line before a block
leaves that block out.
"""

import re
import shlex
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(?P<skip><!-- not run -->\n+)?^```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    language: str
    body: str
    line: int  # where the body starts, so that a traceback points into the README


@dataclass(frozen=True)
class Command:
    text: str
    expected: str
    line: int


def blocks(text: str) -> list[Block]:
    return [
        Block(found["language"], found["body"], text.count("\n", 0, found.start("body")) + 1)
        for found in BLOCK.finditer(text)
        if not found["skip"]
    ]


def commands(block: Block) -> list[Command]:
    """The `$ mejax ...` lines of a console block; a line that ends in a backslash goes on in the next."""
    result = []
    for part in re.finditer(r"^\$ (?P<text>(?:.*\\\n)*.*)\n?(?P<expected>(?:(?!\$ ).*\n?)*)", block.body, re.M):
        text = part["text"].replace("\\\n", " ")
        if text.startswith("mejax "):
            result.append(Command(text, part["expected"], block.line + block.body.count("\n", 0, part.start())))
    return result


def clean(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


TEXT = README.read_text(encoding="utf-8") if README.exists() else ""
PYTHON = [block for block in blocks(TEXT) if block.language == "python"]
CONSOLE = [command for block in blocks(TEXT) if block.language in ("console", "sh") for command in commands(block)]


def test_readme_has_blocks():
    assert README.exists(), "there is no README.md"
    assert PYTHON, "README.md has no ```python block: show how the package is used"
    assert CONSOLE, "README.md has no `$ mejax ...` line in a ```console block: show the command line and its output"


@pytest.mark.usefixtures("unoptimised")
def test_python_blocks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict = {"__name__": "readme"}
    for block in PYTHON:
        source = "\n" * (block.line - 1) + block.body
        exec(compile(source, str(README), "exec"), namespace)


@pytest.mark.parametrize("command", CONSOLE, ids=lambda command: f"line{command.line}")
def test_console_blocks(command, capsys, tmp_path, monkeypatch):
    from mejax.__main__ import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")  # else the command sets it, for the tests that follow too
    status = exit_status(main, shlex.split(command.text)[1:])
    shown, printed = clean(command.expected), clean(capsys.readouterr().out)
    assert status == 0, f"README.md:{command.line}: `{command.text}` ends with status {status}"
    if shown:
        difference = "\n".join(unified_diff(shown, printed, "README", "printed", lineterm=""))
        assert shown == printed, f"README.md:{command.line}: `{command.text}` prints something else\n{difference}"


def exit_status(main, arguments: list[str]) -> int:
    try:
        return main(arguments) or 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)


EXAMPLE = """# A

```python
x = 1
```

<!-- not run -->
```python
raise
```
```console
$ pip install a
$ mejax 'a b' \\
    --data c
one

two
$ ls
```
"""


def test_blocks_are_found():
    python, console = blocks(EXAMPLE)
    assert (python.language, python.line) == ("python", 4)
    assert (console.language, console.line) == ("console", 12)
    (command,) = commands(console)
    assert command.text.split() == ["mejax", "'a", "b'", "--data", "c"]
    assert command.line == 13
    assert clean(command.expected) == ["one", "", "two"]
