"""How settings and the problems of configuration files are shown."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cgctl.session import Session
from cgwire.text.values import escaped


def print_settings(session: Session, settings: Mapping[str, Any], *, indent: int = 2) -> None:
    """Keys with their values as they would stand in the file; tables below each other."""
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
    session.print_table((), [[key, _FORMS.get(key, shown)(value)] for key, value in plain.items()], indent=indent)
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            session.print(" " * indent + f"[{escaped(key)}]")
            print_settings(session, value, indent=indent + 2)


def _span(value: Any) -> str:
    if value is None:
        return "-"
    whole, text = int(value), ""
    for unit, letter in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, whole = divmod(whole, unit)
        text += f"{count}{letter}" if count else ""
    return text or "0s"


def _settle(value: Any) -> str:
    return "auto" if value is None else _span(value)


def _size(value: Any) -> str:
    if value is None:
        return "-"
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if value and value % unit == 0:
            return f"{value // unit}{name}"
    return str(value)


def _amount(value: Any) -> str:
    return "unlimited" if value is None else _size(value)


def _frequency(value: Any) -> str:
    return "unlimited" if value is None else f"{value:g}"


def _rate(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return shown(value)
    return "unlimited" if value is None else f"{_size(value)}/s"


# What the wire has in seconds and bytes.
_FORMS: Final[Mapping[str, Callable[[Any], str]]] = {
    "settle": _settle,
    "rescan": _span,
    "confirm_within": _span,
    "every": _span,
    "retry_first": _span,
    "retry_most": _span,
    "daily_limit": _amount,
    "max_unconfirmed": _amount,
    "min_free": _size,
    "metadata_per_second": _frequency,
    "min_size": _size,
    "max_size": _size,
    "bandwidth": _rate,
}


def shown(value: Any) -> str:
    """A value of a setting."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    return escaped(value)


def problem_lines(session: Session, problems: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """A line each: FILE:LINE: [table] key: what is wrong."""
    for problem in problems:
        yield f"{session.mark('bad')} {problem_text(problem)}"


def problem_text(problem: Mapping[str, Any]) -> str:
    """The daemon's own text where it gives one, which names file, line, table and key."""
    if problem.get("text"):
        return escaped(problem["text"])
    where = ":".join(escaped(part) for part in (problem.get("file"), problem.get("line")) if part is not None)
    inside = " ".join(
        part
        for part in (
            f"[{escaped(problem['table'])}]" if problem.get("table") else "",
            escaped(problem.get("key") or ""),
        )
        if part
    )
    return ": ".join(part for part in (where, inside, escaped(problem.get("code") or "")) if part)
