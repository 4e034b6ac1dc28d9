"""Decides whether a complete, wanted file goes, from the ledger and, where that is not enough, from the target."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.task import Rule

# FAT keeps mtime in steps of 2 s; a difference below that says nothing.
MTIME_TOLERANCE_NS: Final = 2_000_000_000
# What the target shows decides by these.
_OF_THE_TARGET: Final = frozenset({Rule.MISSING, Rule.SIZE, Rule.NEWER})


class Known(Protocol):
    """What the ledger says of a path."""

    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def origin(self) -> str: ...  # sent, adopted, ignored
    @property
    def target_size(self) -> int | None: ...


class Shown(Protocol):
    """What the target shows under the destination."""

    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...


class Unasked(Enum):
    """The target has not been asked."""

    UNASKED = "unasked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """It is to be brought over; `replace`: a file that stands there is to be replaced."""

    reason: Reason
    replace: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """It does not go; `adopt`: the ledger should remember that the target has a file of this name."""

    reason: Reason
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Only the target can tell."""


MISSING: Final = Go(reason=because(Code.GO_MISSING), replace=False)
OVERWRITE: Final = Go(reason=because(Code.GO_OVERWRITE), replace=True)  # by order, whatever the rules say


def decide(
    rules: frozenset[Rule],
    *,
    size: int,
    mtime_ns: int,
    known: Known | None,
    shown: Shown | Unasked | None,
    keeps_mtime: bool = True,
) -> Go | Skip | Ask:
    """Apply the rules; any that matches makes the file go. `shown` None: the target has no such file."""
    if known is not None and (known.size, known.mtime_ns) == (size, mtime_ns):
        return Skip(reason=_already(known, size))
    if known is not None and Rule.CHANGED in rules:
        facts = {"size": size, "mtime": mtime_ns / 1e9, "sent_size": known.size, "sent_mtime": known.mtime_ns / 1e9}
        return Go(reason=because(Code.GO_CHANGED, **facts), replace=True)
    if shown is None or isinstance(shown, Unasked) or rules.isdisjoint(_OF_THE_TARGET):
        return decide_unknown(rules, asked=shown is None)
    if Rule.SIZE in rules and size != shown.size:
        return Go(reason=because(Code.GO_SIZE, size=size, target_size=shown.size), replace=True)
    # Where the target cannot keep mtimes, what it shows is the time of the upload: the ledger knows better.
    there_ns = shown.mtime_ns if keeps_mtime or known is None else known.mtime_ns
    if Rule.NEWER in rules and mtime_ns > there_ns + MTIME_TOLERANCE_NS:
        return Go(reason=because(Code.GO_NEWER, mtime=mtime_ns / 1e9, target_mtime=there_ns / 1e9), replace=True)
    if size == shown.size:
        return Skip(reason=because(Code.SKIP_ADOPTED, size=size), adopt=True)
    return Skip(reason=because(Code.SKIP_DIFFERS, size=size, target_size=shown.size), adopt=True)


def decide_unknown(rules: frozenset[Rule], *, asked: bool) -> Go | Skip | Ask:
    """What the rules alone say: before the target is asked, or where it was `asked` and has no such file."""
    if rules.isdisjoint(_OF_THE_TARGET) or (asked and Rule.MISSING not in rules):
        return Skip(reason=because(Code.SKIP_NO_RULE, rules=sorted(rules)))
    return MISSING if asked else Ask()


def _already(known: Known, size: int) -> Reason:
    match known.origin:
        case "ignored":
            return because(Code.SKIP_IGNORED)
        case "adopted" if known.target_size not in (None, size):
            return because(Code.SKIP_DIFFERS, size=size, target_size=known.target_size)
        case "adopted":
            return because(Code.SKIP_ADOPTED, size=size)
        case _:  # an open set of words from the ledger, all others mean: sent
            return because(Code.SKIP_SENT)
