"""Finds out which names a target can take and tell apart, by making files in a folder of the test's own."""

import os
from typing import Any, Final

from cloudgather.agent.job import Job
from cloudgather.agent.places import closing

_READ_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_COMPOSED: Final = b"\xc3\xa9"  # é as one code point
_DECOMPOSED: Final = b"e\xcc\x81"  # and as two
_LONGEST: Final = 255
_SHORTEST: Final = 32
_CHARS: Final = ':*?"<>|\\'
_ODDITIES: Final = (
    (b"dot.", "trailing dot"),
    (b"space ", "trailing space"),
    (b" leading", "leading space"),
    (b"new\nline", "newline"),
    (b"\xf0\x9f\x8e\xac", "emoji"),
    (b"\xff", "not UTF-8"),
)


class Names:
    """What can be done with names in `folder`."""

    def __init__(self, folder: int, job: Job) -> None:
        self._folder = folder
        self._job = job

    def entries(self) -> list[bytes]:
        """All names, as the target shows them."""
        self._job.step("list", "target")
        with closing(os.open(b".", _READ_FOLDER, dir_fd=self._folder)) as reading:
            return [os.fsencode(name) for name in os.listdir(reading)]

    def report(self) -> dict[str, Any]:
        """case_sensitive, unicode_form, name_max, bad_chars."""
        return {
            "case_sensitive": self._case_sensitive(),
            "unicode_form": self._unicode_form(),
            "name_max": self._name_max(),
            "bad_chars": self._bad_chars(),
        }

    def _case_sensitive(self) -> bool | None:
        if not self._make(b"Case"):
            return None
        return not self._stands(b"cASE")

    def _unicode_form(self) -> str | None:
        """Which of two spellings of one letter it shows, or that it keeps them apart."""
        if not self._make(_COMPOSED):
            return None
        if not self._stands(_DECOMPOSED) and not self._make(_DECOMPOSED):
            return None
        shown = self.entries()
        if _COMPOSED in shown and _DECOMPOSED in shown:
            return "keeps"
        return "nfd" if _DECOMPOSED in shown else "nfc"

    def _name_max(self) -> int | None:
        """The longest name of ASCII letters, up to 255 bytes."""
        if self._make(b"n" * _LONGEST):
            return _LONGEST
        low, high = _SHORTEST - 1, _LONGEST
        while high - low > 1:
            middle = (low + high) // 2
            if self._make(b"n" * middle):
                low = middle
            else:
                high = middle
        return low if low >= _SHORTEST else None

    def _bad_chars(self) -> list[str]:
        """Characters that other systems forbid, and other oddities, which are refused or stored differently."""
        tried = {f"all{_CHARS}all".encode(): ""}
        if not self._make(next(iter(tried))) or next(iter(tried)) not in self.entries():
            tried = {f"one{char}one".encode(): char for char in _CHARS}
        tried |= dict(_ODDITIES)
        made = {name for name in tried if self._make(name)}
        shown = set(self.entries())
        return [label for name, label in tried.items() if label and (name not in made or name not in shown)]

    def _make(self, name: bytes) -> bool:
        """Not empty: some clouds refuse empty files."""
        self._job.check()
        self._job.step("open", "target")
        try:
            with closing(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=self._folder)) as fd:
                os.write(fd, b"x")
        except OSError:
            return False
        return self._stands(name)

    def _stands(self, name: bytes) -> bool:
        self._job.step("stat", "target")
        try:
            os.stat(name, dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return False
        return True
