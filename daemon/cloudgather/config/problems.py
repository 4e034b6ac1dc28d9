"""What is wrong with a configuration, where it stands, and what would be right."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cgwire.reasons import Reason
from cgwire.text import EN, sentence
from cgwire.text.values import escaped
from cloudgather.config.lines import line_of

# Finding a line parses the text again; a file with more problems than this is some other file.
_LINES_SOUGHT = 50


class Wrong(StrEnum):
    """The kinds of problems, for programs."""

    FILE = "config.file"  # cannot be read
    SYNTAX = "config.syntax"  # is not TOML
    NAME = "config.name"  # a file or table whose name cannot be a name
    UNKNOWN = "config.unknown-key"
    MISSING = "config.missing-key"
    VALUE = "config.value"
    CONFLICT = "config.conflict"  # two things, each right, that cannot be together


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. `table` is empty at the top of a file, `key` where a whole table or file is meant."""

    file: str
    line: int | None
    table: str
    key: str
    code: str
    reason: Reason  # what is wrong; what is allowed

    @property
    def where(self) -> str:
        """`FILE:LINE: [table] key`, as far as they are known."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        inside = " ".join(part for part in (f"[{self.table}]" if self.table else "", self.key) if part)
        return escaped(f"{place}: {inside}" if inside else place)

    @property
    def message(self) -> str:
        """The reason in English."""
        return sentence(self.reason.to_wire(), EN)

    def told(self, language: str) -> str:
        """`FILE:LINE: [table] key: what is wrong`, on one line."""
        return f"{self.where}: {sentence(self.reason.to_wire(), language)}"

    @property
    def text(self) -> str:
        """The same line in English."""
        return self.told(EN)

    def to_wire(self) -> dict[str, Any]:
        """A map with the code, the place, the reason, and both in English as a line under `text`."""
        return {
            "code": str(self.code),
            "file": self.file,
            "line": self.line,
            "table": self.table,
            "key": self.key,
            "where": self.where,
            "reason": self.reason.to_wire(),
            "message": self.message,
            "text": self.text,
        }


class InvalidConfiguration(Exception):
    """Nothing can be taken from these files; `problems` are all that were found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(problem.text for problem in problems))
        self.problems = tuple(problems)


class Faults:
    """Gathers all that is wrong in one file; lines are looked for once, at the end."""

    def __init__(self, file: str | bytes, text: str = "") -> None:
        self.file = shown(os.fsencode(file))
        self._text = text
        self._found: list[tuple[tuple[str, ...], int | None, str, Reason]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Sequence[str], reason: Reason, *, code: str = Wrong.VALUE, line: int | None = None) -> None:
        """Something is wrong at `path`: the names of the tables and the key."""
        self._found.append((tuple(path), line, code, reason))

    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order of the file."""
        found = []
        for number, (path, line, code, reason) in enumerate(self._found):
            if line is None and path and number < _LINES_SOUGHT:
                line = line_of(self._text, path)
            # What is said of a missing key is said of its table.
            table, key = path[:-1], path[-1] if path else ""
            found.append(Problem(file=self.file, line=line, table=".".join(table), key=key, code=code, reason=reason))
        return tuple(sorted(found, key=lambda problem: problem.line or 0))

    def raise_if_any(self) -> None:
        """Raises InvalidConfiguration with all of them."""
        if self._found:
            raise InvalidConfiguration(self.problems())


def shown(name: bytes) -> str:
    """A file's name for people; what is not UTF-8 stands escaped."""
    return name.decode("utf-8", "backslashreplace")
