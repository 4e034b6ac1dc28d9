"""Names of tasks and targets: which are allowed, which are too alike, and which one was probably meant."""

import difflib
import unicodedata
from collections.abc import Collection

from cgwire.flaws import Flaw
from cgwire.reasons import Reason, because
from cloudgather.core.unfit import Unfit


def name_fault(name: str) -> Reason | None:
    """What keeps `name` from being the name of a task or target; None if nothing does."""
    if not name:
        return because(Flaw.NAME_EMPTY)
    if name[0] in ".-":
        return because(Flaw.NAME_BEGIN, char=name[0])
    if any(char in "/:" or not char.isprintable() for char in name):
        return because(Flaw.NAME_CHARACTER)
    if name != name.strip():
        return because(Flaw.NAME_SPACE)
    if len(name) > 64 or len(name.encode("utf-8", "replace")) > 200:
        return because(Flaw.NAME_LONG)
    if not unicodedata.is_normalized("NFC", name):
        return because(Flaw.NAME_FORM, normal=unicodedata.normalize("NFC", name))
    return None


def folded(name: str) -> str:
    """What two names that must not stand beside each other have in common."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def absent(kind: str, name: str, known: Collection[str]) -> Unfit:
    """That there is none of this name, which one may be meant, and which there are."""
    return Unfit(Flaw.ABSENT, kind=kind, given=name, near=near(name, known), there=there(known).to_wire())


def there(known: Collection[str]) -> Reason:
    """Which there are."""
    return because(Flaw.KNOWN, known=list(known)) if known else because(Flaw.NONE_KNOWN)


def near(given: str, known: Collection[str]) -> str | None:
    """What may have been meant, if anything known is like it."""
    by_fold = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(given.casefold()[:100], by_fold, 1, 0.7)
    return by_fold[found[0]] if found else None
