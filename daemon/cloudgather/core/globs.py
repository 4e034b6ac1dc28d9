"""Patterns for paths, in the manner of gitignore."""

import fnmatch
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

_LITERAL_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]+\Z")
_ANY: Final = None  # stands for `**`: any number of components, none among them

_Part = Callable[[str], bool] | None


def matches(glob: bytes, path: bytes) -> bool:
    """Whether `glob` fits `path` (relative, `/` between components) or a folder above it.

    A glob without `/`, or with one only at its end, fits a component at any depth; with another `/` it begins at the
    top. `**` is any number of components, `*` and `?` stay within one, `[abc]` and `[!abc]` are one character out of a
    set (`[[]` and `[*]` name these characters themselves). A `/` at the end fits folders only. Upper and lower case
    differ, but for an extension that is written out: `*.mkv` fits `A.MKV`. A name that is not UTF-8 is matched byte
    by byte. Takes time in proportion to the lengths of both, whatever the pattern.
    """
    return _fits(_compiled(glob), [component.decode("utf-8", "surrogateescape") for component in path.split(b"/")])


def _fits(parts: Sequence[_Part], components: Sequence[str]) -> bool:
    """Glob over components; after a mismatch only the last `**` takes one more, since an earlier one gains nothing."""
    part = component = 0
    retry: tuple[int, int] | None = None
    while component < len(components):
        if part < len(parts):
            test = parts[part]
            if test is _ANY:
                retry = (part, component)
                part += 1
                continue
            if test(components[component]):
                part, component = part + 1, component + 1
                continue
        if retry is None:
            return False
        retry = (retry[0], retry[1] + 1)
        part, component = retry[0] + 1, retry[1]
    return all(left is _ANY for left in parts[part:])


@lru_cache(maxsize=1024)
def _compiled(glob: bytes) -> tuple[_Part, ...]:
    text = glob.decode("utf-8", "surrogateescape")
    folders_only = text.endswith("/")
    body = text.strip("/")
    pieces = [piece for piece in body.split("/") if piece]
    inside = folders_only or pieces[-1:] == ["**"]  # what lies in it, not itself
    while pieces[-1:] == ["**"]:
        pieces.pop()
    anchored = "/" in text.rstrip("/")
    parts: list[_Part] = [] if anchored else [_ANY]
    parts += [_ANY if piece == "**" else _component(piece) for piece in pieces]
    if inside:
        parts.append(_component("*"))
    return (*parts, _ANY)


def _component(piece: str) -> Callable[[str], bool]:
    # fnmatch's translation backtracks over no `*` but the last, so a hostile pattern costs no exponential time.
    extension = _LITERAL_EXTENSION.search(piece)
    if extension is None:
        plain = re.compile(fnmatch.translate(piece))
        return lambda name: plain.match(name) is not None
    folded = re.compile(fnmatch.translate(piece[: extension.start()] + extension.group().lower()))

    def fits(name: str) -> bool:
        stem, dot, last = name.rpartition(".")
        return folded.match(f"{stem}{dot}{last.lower()}" if dot else name) is not None

    return fits
