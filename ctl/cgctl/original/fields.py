"""Fields of an entry of the original's tasks.json, read one by one; what is wrong with them is gathered."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cgctl.language import later

_SPANS: Final = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_LEAST, _MOST = 10, 366 * 86400  # seconds that `every` of a task can be
_NO_SUFFIX: Final = re.compile(r"[\s./*?\[\]\0]")
_MOST_CHARACTERS, _MOST_NAME = 64, 200  # of a task's name, the second in bytes
_MOST_BYTES: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Note:
    """A phrase with its values."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)


class Notes(list[Note]):
    """Notes in the order in which they were made."""

    def add(self, text: str, **values: object) -> None:
        """One more; `text` is a phrase of the client."""
        self.append(Note(text, values))


class Fields:
    """One entry. A field that is absent or null has its default, as in the original."""

    def __init__(self, number: int, entry: Mapping[str, Any], faults: Notes) -> None:
        """`number` counts from 1; what is wrong goes to `faults`."""
        self._number = number
        self._entry = entry
        self._faults = faults
        self._read: set[str] = set()

    def unread(self) -> set[str]:
        """Fields with something in them that nobody has asked for."""
        return {key for key, value in self._entry.items() if value not in (None, "", [], {}, False)} - self._read

    def text(self, key: str, default: str | None = None) -> str:
        """Any text; one that is not empty where there is no default."""
        value = self._take(key)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and (value.strip() or default is not None):
            return value.strip()
        self._wrong(key, value, later("text"))
        return ""

    def path(self, key: str) -> str:
        """An absolute path."""
        value = self._take(key)
        if isinstance(value, str) and value.startswith("/"):
            return value.rstrip("/") or "/"
        self._wrong(key, value, later("a path that begins with /"))
        return "/"

    def flag(self, key: str, default: bool) -> bool:
        """true or false, which older versions wrote as text, too."""
        value = self._take(key)
        if value is None:
            return default
        known = {"true": True, "1": True, "false": False, "0": False, "": default}
        if isinstance(value, bool):
            return value
        if (told := known.get(str(value).strip().lower())) is not None:
            return told
        self._wrong(key, value, later("true or false"))
        return default

    def whole(self, key: str) -> int | None:
        """A whole number from 0 on; None for none."""
        value = self._take(key)
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_BYTES:
            return value
        self._wrong(key, value, later("a whole number from 0 on"))
        return None

    def word(self, key: str, default: str, *, of: Collection[str] = ()) -> str:
        """A word in upper case, one of `of` where that is given."""
        value = self._take(key)
        if value is None or value == "":
            return default
        if isinstance(value, str) and (not of or value.strip().upper() in of):
            return value.strip().upper()
        self._wrong(key, value, ", ".join(of) or later("text"))
        return default

    def texts(self, key: str) -> Sequence[str]:
        """A list of texts, or one text with commas."""
        value = self._take(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return value.split(",")
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
        self._wrong(key, value, later("a list of text"))
        return ()

    def _take(self, key: str) -> Any:
        self._read.add(key)
        return self._entry.get(key)

    def _wrong(self, key: str, value: object, wanted: str) -> None:
        if value is None:
            self._faults.add(later("task {number}: {key} is missing"), number=self._number, key=key)
        else:
            text = later("task {number}: {key} is {value}; {wanted} is needed")
            self._faults.add(text, number=self._number, key=key, value=repr(value)[:60], wanted=wanted)


def suffixes(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Suffixes in lower case without the dot, and those that no file has: a suffix is what follows the last dot."""
    wanted: dict[str, None] = {}
    never: list[str] = []
    for each in given:
        bare = each.strip().lower().lstrip(".")
        if _NO_SUFFIX.search(bare):
            never.append(each)
        elif bare:
            wanted[bare] = None
    return list(wanted), never


def name_of(given: str, *, fallback: str, ending: str = "") -> str:
    """A name that a task can have, as like `given` as can be; `ending` (ASCII) stands behind it however long it is."""
    normal = unicodedata.normalize("NFC", given)
    plain = "".join("-" if char in "/:" else char if char.isprintable() else " " for char in normal)
    short = plain.lstrip(".- ")[: _MOST_CHARACTERS - len(ending)]
    fitting = short.encode()[: _MOST_NAME - len(ending)].decode(errors="ignore")
    return (fitting.strip() or fallback) + ending


def folded(name: str) -> str:
    """What two names that cannot stand beside each other have in common."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def span(seconds: int) -> str:
    """Seconds as `every` is written, within what it can be."""
    left, text = min(max(seconds, _LEAST), _MOST), ""
    for unit, letter in _SPANS:
        count, left = divmod(left, unit)
        text += f"{count}{letter}" if count else ""
    return text


def size(count: int) -> int | str:
    """Bytes as they are best read in a task's file."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count % 1024**power == 0:
            return f"{count // 1024**power}{unit}"
    return count
