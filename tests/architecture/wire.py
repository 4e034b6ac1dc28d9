"""What is derived from the wire's classes: a list of the requests, a sample of each, and parts of docs/control.md."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_type_hints

import cgwire
from cgwire.request import Request

DOCUMENT = Path(__file__).parents[2] / "docs" / "control.md"
METHODS = ("<!-- made from the request classes -->", "<!-- end of what is made from the request classes -->")
CODES = ("<!-- made from the reason codes -->", "<!-- end of what is made from the reason codes -->")

_SAMPLES: Mapping[Any, Any] = {
    str: "电影",
    str | None: "电影",
    bytes: b"/a/\xff",
    bytes | None: b"*.\xff",
    bool: True,
    int: 300,
    int | None: 70000,
    tuple[str, ...]: ("failed", "queued"),
    tuple[int, ...]: (1, 2**40),
    tuple[bytes, ...]: (b"/a", b"/b\n"),
    Mapping[str, Any]: {"source": "/a", "filter": {"min_size": "50MiB"}},
}

_NAMES: Mapping[Any, str] = {
    str: "str",
    bytes: "bin",
    bool: "bool",
    int: "int",
    str | None: "str or nil",
    bytes | None: "bin or nil",
    int | None: "int or nil",
    tuple[str, ...]: "array of str",
    tuple[int, ...]: "array of int",
    tuple[bytes, ...]: "array of bin",
    Mapping[str, Any]: "map",
}


def requests() -> list[type[Request]]:
    """Every request class, module by module in the order in which they are written."""
    found = []
    for module in pkgutil.iter_modules(cgwire.__path__):
        for _, member in inspect.getmembers(importlib.import_module(f"cgwire.{module.name}"), inspect.isclass):
            if issubclass(member, Request) and "METHOD" in vars(member):
                found.append(member)
    return sorted(found, key=lambda request: (request.__module__, inspect.findsource(request)[1]))


def sample(request: type[Request]) -> Request:
    """One with every field set to something that is not its default."""
    hints = get_type_hints(request)
    return request(**{field.name: _SAMPLES[hints[field.name]] for field in _fields(request)})


def methods() -> str:
    """The part of the document between METHODS."""
    return "\n".join(_entry(request) for request in requests()).strip()


def codes() -> str:
    """The part of the document between CODES: each code with what its line in the source says of it."""
    source = inspect.getsource(importlib.import_module("cgwire.codes"))
    found = re.findall(r'^    [A-Z_]+ = "([a-z.-]+)"(?:  # (.*))?$', source, re.MULTILINE)
    rows = [f"| `{code}` | {said.replace('|', '/')} |" for code, said in found]
    return "\n".join(["| code | facts, meaning |", "|---|---|", *rows])


def between(marks: tuple[str, str]) -> str:
    """What the document has there."""
    begin, end = marks
    return DOCUMENT.read_text().split(begin)[1].split(end)[0].strip()


def _entry(request: type[Request]) -> str:
    hints = get_type_hints(request)
    rows = [_row(field, hints[field.name]) for field in _fields(request)]
    table = ["| parameter | type | left out |", "|---|---|---|", *rows, ""] if rows else ["No parameters.", ""]
    lines = [f"### {request.METHOD}", "", f"Access: {request.ACCESS.name.lower()}.", "", *table]
    return "\n".join([*lines, "```text", inspect.getdoc(request) or "", "```", ""])


def _row(field: Field[Any], hint: Any) -> str:
    return f"| `{field.name}` | {_NAMES[hint]} | {_default(field)} |"


def _default(field: Field[Any]) -> str:
    match field.default:
        case value if value is MISSING:
            return "not possible"
        case None:
            return "nil"
        case bool() as value:
            return str(value).lower()
        case ():
            return "empty"
        case value:
            return str(value)


def _fields(request: type[Request]) -> tuple[Field[Any], ...]:
    return fields(request)  # type: ignore[arg-type]  # every request is a dataclass


if __name__ == "__main__":
    for (begin, end), text in ((METHODS, methods()), (CODES, codes())):
        before, rest = DOCUMENT.read_text().split(begin)
        _, after = rest.split(end)
        DOCUMENT.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
