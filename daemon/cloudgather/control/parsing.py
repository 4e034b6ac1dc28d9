"""Turns the map that came with a call into its typed request, or says what is wrong with it."""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from cgwire.codes import Code
from cgwire.reasons import because
from cgwire.request import Request
from cloudgather.core.caller import Refused

# Takes a value as it came and gives it as the request wants it; raises _Wrong.
_Check = Callable[[Any], Any]

_LARGEST: Final = 2**63 - 1  # what the database holds


class _Wrong(Exception):
    """The value does not fit; says what would."""


class Parser:
    """The parser of one request class. Only the types that cgwire.request names can be fields."""

    def __init__(self, request: type[Request]) -> None:
        self._request = request
        hints = get_type_hints(request)
        self._checks = {field.name: _check(hints[field.name]) for field in _fields(request)}
        self._needed = [field.name for field in _fields(request) if field.default is MISSING]

    def parse(self, params: Mapping[str, Any]) -> Request:
        """The request; raises Refused with error.bad-request naming the first thing that is wrong."""
        values: dict[str, Any] = {}
        for name, value in params.items():
            check = self._checks.get(name)
            if check is None:
                raise self._refused(f"takes no {name[:64]!r}; it takes {', '.join(self._checks) or 'nothing'}")
            try:
                values[name] = check(value)
            except _Wrong as wrong:
                raise self._refused(f"{name} must be {wrong}, not {_kind(value)}") from None
        for name in self._needed:
            if name not in values:
                raise self._refused(f"needs {name}")
        return self._request(**values)

    def _refused(self, message: str) -> Refused:
        return Refused(because(Code.ERROR_BAD_REQUEST, message=f"{self._request.METHOD}: {message}"))


def _fields(request: type[Request]) -> tuple[Field[Any], ...]:
    return fields(request)  # type: ignore[arg-type]  # every request is a dataclass


def _check(hint: Any) -> _Check:
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union) and len(arguments) == 2 and type(None) in arguments:
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _or_none(_check(inner))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _several(_check(arguments[0]))
    if origin is Mapping:
        return _map
    raise TypeError(f"a request cannot have a field of type {hint}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong("text (str)")
    return value


def _bytes(value: Any) -> bytes:
    match value:
        case bytes():
            return value
        case str():  # for clients of languages that have no bin; names that are not UTF-8 need one
            return value.encode()
    raise _Wrong("bytes (bin)")


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("true or false")
    return value


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise _Wrong(f"an integer from 0 to {_LARGEST}")
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong("a number")
    return float(value)


def _map(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _Wrong("a map with text as keys")
    return value


def _or_none(inner: _Check) -> _Check:
    return lambda value: None if value is None else inner(value)


def _several(inner: _Check) -> _Check:
    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _Wrong("an array")
        try:
            return tuple(inner(member) for member in value)
        except _Wrong as wrong:
            raise _Wrong(f"an array of which each member is {wrong}") from None

    return check


_SIMPLE: Final[Mapping[Any, _Check]] = {str: _text, bytes: _bytes, bool: _bool, int: _int, float: _float}


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nil"
        case bool():
            return "a boolean"
        case int() | float():
            return str(value)
        case str():
            return f"text {value[:64]!r}"
        case bytes():
            return "bytes"
        case list():
            return "an array"
        case dict():
            return "a map"
    return "that"
