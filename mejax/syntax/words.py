"""Words that may be shortened.  A spelling such as "cov:ariance" has its shortest form before the colon."""

from collections.abc import Iterable


def full(spelling: str) -> str:
    return spelling.replace(":", "")


def abbreviates(typed: str, spelling: str) -> bool:
    """Whether `typed` is `spelling` or one of its permitted abbreviations."""
    shortest = spelling.split(":")[0]
    return len(typed) >= len(shortest) and full(spelling).startswith(typed)


def expand(typed: str, spellings: Iterable[str]) -> str | None:
    """The full form of the only spelling that `typed` abbreviates; None where there is none."""
    found = {full(spelling) for spelling in spellings if abbreviates(typed, spelling)}
    if typed in found:
        return typed
    return found.pop() if len(found) == 1 else None
