"""Which names a target cannot tell apart, and what follows for a file whose place another one has."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from unicodedata import normalize

from cloudgather.core.transfer import Version


def folded(path: bytes) -> bytes:
    """Equal for all names that some target takes for one: it may overlook case, or the Unicode form, or both."""
    if path.isascii():
        return path.lower()
    return _bytes(normalize("NFC", normalize("NFD", _text(path)).casefold()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What `target test` has found out; what it has not is taken for told apart."""

    overlooks_case: bool = False
    overlooks_form: bool = False

    @classmethod
    def of(cls, facts: Mapping[str, object] | None) -> "Names":
        """From the report of a test."""
        found = facts or {}
        return cls(
            overlooks_case=found.get("case_sensitive") is False,
            overlooks_form=found.get("unicode_form") in ("nfc", "nfd"),
        )

    def same(self, one: bytes, other: bytes) -> bool:
        """Whether they are one name at the target."""
        if one == other:
            return True
        if not (self.overlooks_case or self.overlooks_form) or folded(one) != folded(other):
            return False
        return self._seen(one) == self._seen(other)

    def _seen(self, path: bytes) -> str:
        text = normalize("NFC", _text(path)) if self.overlooks_form else _text(path)
        return text.casefold() if self.overlooks_case else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another path of a task that goes, or went, to the same place. `file`: its absolute path."""

    task: str
    path: bytes
    file: bytes
    size: int
    mtime_ns: int
    sent: bool  # it stands there; else it is on its way


class Verdict(Enum):
    """What a rival means."""

    NOTHING = "nothing"  # this very file was sent in another version: this one follows it
    WAIT = "wait"  # this very file is being sent: another task covers it as well
    SENT = "sent"  # this very version was sent
    CLASH = "clash"  # another file has the place


def judge(file: bytes, version: Version, rival: Rival) -> Verdict:
    """Of a file, by its absolute path."""
    if rival.file != file:
        return Verdict.CLASH
    if not rival.sent:
        return Verdict.WAIT
    same = (rival.size, rival.mtime_ns) == (version.size, version.mtime_ns)
    return Verdict.SENT if same else Verdict.NOTHING


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
