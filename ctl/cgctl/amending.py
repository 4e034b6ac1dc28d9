"""Keys of a TOML text set and removed, its comments kept."""

from collections.abc import Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from cgctl.language import later


class Unsettable(ValueError):
    """What cannot be set or removed, as a phrase with its values."""

    def __init__(self, phrase: str, **values: str) -> None:
        super().__init__(phrase.format(**values))
        self.phrase = phrase
        self.values = values


def amended(text: str, changes: Sequence[str], unset: Sequence[str]) -> str:
    """`changes` are `key=value` or `table.key=value`; a value that is not TOML (5m, 100MiB) is text.

    Raises Unsettable where the text is not TOML, a change has no `=`, or a key to remove is not there.
    """
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise Unsettable("{cause}", cause=str(error)) from error
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key.strip():
            raise Unsettable(later("{change}: KEY=VALUE is wanted"), change=change)
        table, last = _table(document, key.strip(), make=True)
        table[last] = _value(value.strip())
    for key in unset:
        table, last = _table(document, key.strip(), make=False)
        if last not in table:
            raise Unsettable(later("{key}: there is no such key"), key=key)
        del table[last]
    return tomlkit.dumps(document)


def _table(document: Any, key: str, *, make: bool) -> tuple[Any, str]:
    *tables, last = key.split(".")
    inside = document
    for name in tables:
        if name not in inside:
            if not make:
                raise Unsettable(later("{key}: there is no such key"), key=key)
            inside[name] = tomlkit.table()
        inside = inside[name]
        if not hasattr(inside, "keys"):
            raise Unsettable(later("{key}: {name} is not a table"), key=key, name=name)
    return inside, last


def _value(text: str) -> Any:
    try:
        return tomlkit.value(text)
    except TOMLKitError:
        return text
