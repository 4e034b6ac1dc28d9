"""Takes a TOML table apart key by key and gathers all that is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cgwire.flaws import Flaw
from cgwire.reasons import Reason, because
from cloudgather.config.names import near
from cloudgather.config.problems import Faults, Wrong
from cloudgather.core.unfit import reason_of

T = TypeVar("T")
D = TypeVar("D")


class Table:
    """One table of a document, at `path`. What is taken is known; the rest is reported by `close`."""

    def __init__(self, values: Mapping[str, Any], faults: Faults, path: tuple[str, ...] = ()) -> None:
        self._values = values
        self._faults = faults
        self._path = path
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def take(self, key: str, read: Callable[[object], T], default: D) -> T | D:
        """What stands under `key`; `default` if nothing does, or nothing that can be read."""
        self._known.append(key)
        if key not in self._values:
            return default
        try:
            return read(self._values[key])
        except ValueError as error:
            self.wrong(key, reason_of(error))
            return default

    def need(self, key: str, read: Callable[[object], T], example: str) -> T | None:
        """As `take`, but a key that is missing is wrong."""
        if key not in self._values:
            self.lacks(key, example)
        return self.take(key, read, None)

    def table(self, key: str) -> "Table":
        """The table under `key`; an empty one if there is none."""
        self._known.append(key)
        found = self._values.get(key, {})
        if not isinstance(found, dict):
            self.wrong(key, because(Flaw.NO_TABLE, table=".".join((*self._path, key))))
            found = {}
        return Table(found, self._faults, (*self._path, key))

    @property
    def names(self) -> tuple[str, ...]:
        """What is here, whether it is as it should be or not."""
        return tuple(self._values)

    def tables(self) -> "list[tuple[str, Table]]":
        """All tables here, which have names of their own."""
        self._known += self._values
        return [(key, self._child(key)) for key in self._values]

    def _child(self, key: str) -> "Table":
        child = Table({key: self._values[key]}, self._faults, self._path)
        return child.table(key)

    def wrong(self, key: str, reason: Reason, *, code: str = Wrong.VALUE) -> None:
        """Report `key` of this table; with an empty key the table itself."""
        self._faults.add((*self._path, key) if key else self._path, reason, code=code)

    def lacks(self, key: str, example: str) -> None:
        """Report a key that must be there."""
        self.wrong(key, because(Flaw.MISSING, key=key, example=example), code=Wrong.MISSING)

    def lacks_beside(self, key: str, other: str) -> None:
        """Report a key that must be there because `other` is."""
        self.wrong(key, because(Flaw.MISSING_BESIDE, other=other), code=Wrong.MISSING)

    def close(self, hints: Mapping[str, Reason] | None = None) -> None:
        """Report every key that nobody took; `hints` explains those that somebody may expect."""
        for key in self._values:
            if key in self._known:
                continue
            if hints and key in hints:
                self.wrong(key, hints[key], code=Wrong.UNKNOWN)
                continue
            reason = because(Flaw.UNKNOWN, near=near(key, self._known), known=sorted(self._known))
            self.wrong(key, reason, code=Wrong.UNKNOWN)
