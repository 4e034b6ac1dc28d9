"""Addresses of trackers, and files that list them."""

from collections.abc import Sequence
from typing import Final

MOST_BYTES: Final = 1 << 20  # of a file of trackers
_MOST: Final = 1000
_LONGEST: Final = 1000


def is_tracker(given: str) -> bool:
    """Whether it has the form of a tracker's address."""
    scheme, found, rest = given.partition("://")
    plain = given.isascii() and given.isprintable() and not set(" ,") & set(given)
    return bool(found and scheme and rest) and plain and len(given) <= _LONGEST


def listed(content: bytes) -> tuple[Sequence[str], int]:
    """The trackers in a file, one a line, and how many lines are none; blank lines and those with # do not count."""
    lines = [line.strip() for line in content.decode(errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    found = [line for line in dict.fromkeys(lines) if is_tracker(line)]
    return tuple(found[:_MOST]), sum(not is_tracker(line) for line in lines)
