"""Where in a TOML text a key stands; only asked for when something is wrong with it."""

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from cgwire.flaws import Flaw
from cloudgather.core.unfit import Unfit


def parse(text: str) -> dict[str, Any]:
    """The document; raises ValueError for whatever is not TOML, Unfit where it is not tomllib that says so."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit(Flaw.SURROGATE) from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Unfit(Flaw.NESTED) from None


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The line (from 1) on which the last part of `path` that exists is first named; None if not even the first does.

    A TOML text cut after a complete statement is TOML. So the key's statement ends where the shortest beginning that
    has the key ends, and it begins where the longest shorter beginning that is TOML ends.
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)  # TOML knows no other line ends, str.splitlines does
    whole = _parsed(lines, len(lines))
    wanted = tuple(path)
    while wanted and (whole is None or not _has(whole, wanted)):
        wanted = wanted[:-1]
    if not wanted:
        return None
    low, high = 0, len(lines)  # a beginning of `low` lines lacks the key, one of `high` has it
    while low + 1 < high:
        middle = (low + high) // 2
        cut = middle
        while cut > low and (document := _parsed(lines, cut)) is None:
            cut -= 1
        if cut == low:
            # Nothing from low to middle ends a statement: the next statement reaches beyond it.
            cut = middle + 1
            while cut < high and (document := _parsed(lines, cut)) is None:
                cut += 1
            if cut >= high:
                break
            document = _parsed(lines, cut)
        if document is not None and _has(document, wanted):
            high = cut
        else:
            low = cut
    return low + 1


def _parsed(lines: Sequence[str], count: int) -> dict[str, Any] | None:
    try:
        return parse("".join(lines[:count]))
    except ValueError:
        return None


def _has(document: object, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True
