"""Names of tasks and targets: which are allowed, which are too alike, and which one was probably meant."""

import difflib
import unicodedata
from collections.abc import Collection


def name_fault(name: str) -> str | None:
    """What keeps `name` from being the name of a task or target; None if nothing does."""
    if not name:
        return "is empty"
    if name[0] in ".-":
        return f"begins with {name[0]}; begin it with a letter or a digit"
    if any(char in "/:" or not char.isprintable() for char in name):
        return "holds a character that is not allowed (/, : or one that cannot be printed)"
    if name != name.strip():
        return "begins or ends with a space"
    if len(name) > 64 or len(name.encode("utf-8", "replace")) > 200:
        return "is too long; use at most 64 characters"
    if not unicodedata.is_normalized("NFC", name):
        return f'is not in Unicode form NFC; rename it to "{unicodedata.normalize("NFC", name)}"'
    return None


def folded(name: str) -> str:
    """What two names that must not stand beside each other have in common."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def absent(kind: str, name: str, known: Collection[str]) -> str:
    """That there is none of this name, which one may be meant, and which there are."""
    there = f"known are {', '.join(known)}" if known else "none is configured"
    return f'there is no {kind} "{name}"{near(name, known)}; {there}'


def near(given: str, known: Collection[str]) -> str:
    """` (did you mean …?)`, if anything known is like it."""
    by_fold = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(given.casefold()[:100], by_fold, 1, 0.7)
    return f" (did you mean {by_fold[found[0]]}?)" if found else ""
