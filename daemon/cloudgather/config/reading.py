"""Takes a TOML table apart key by key and gathers all that is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cloudgather.config.names import near
from cloudgather.config.problems import Faults, Wrong

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
            self.wrong(key, str(error))
            return default

    def need(self, key: str, read: Callable[[object], T], example: str) -> T | None:
        """As `take`, but a key that is missing is wrong."""
        if key not in self._values:
            self.wrong(key, f"is missing; write for example {key} = {example}", code=Wrong.MISSING)
        return self.take(key, read, None)

    def table(self, key: str) -> "Table":
        """The table under `key`; an empty one if there is none."""
        self._known.append(key)
        found = self._values.get(key, {})
        if not isinstance(found, dict):
            self.wrong(key, f"is a table; write [{'.'.join((*self._path, key))}] and its keys below")
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

    def wrong(self, key: str, message: str, *, code: str = Wrong.VALUE, **facts: Any) -> None:
        """Report `key` of this table; with an empty key the table itself."""
        self._faults.add((*self._path, key) if key else self._path, message, code=code, **facts)

    def close(self, hints: Mapping[str, str] | None = None) -> None:
        """Report every key that nobody took; `hints` explains those that somebody may expect."""
        for key in self._values:
            if key in self._known:
                continue
            if hints and key in hints:
                self.wrong(key, hints[key], code=Wrong.UNKNOWN)
                continue
            self.wrong(
                key,
                f"is unknown{near(key, self._known)}; known are {', '.join(sorted(self._known))}",
                code=Wrong.UNKNOWN,
            )
