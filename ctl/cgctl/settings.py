"""How settings and the problems of configuration files are shown."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cgctl.session import Session
from cgwire.text.values import escaped, place


def print_settings(session: Session, settings: Mapping[str, Any], *, indent: int = 2) -> None:
    """Keys with their values as they would stand in the file; tables below each other."""
    settings = _as_written(settings)
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
    session.print_table((), [[key, _FORMS.get(key, shown)(value)] for key, value in plain.items()], indent=indent)
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            session.print(" " * indent + f"[{escaped(key)}]")
            print_settings(session, value, indent=indent + 2)


def _as_written(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the daemon keeps in another form than the file: where a task sends to, the remote control of an rclone."""
    written: dict[str, Any] = {}
    for key, value in settings.items():
        if key in _NOT_WRITTEN:
            continue
        if key == "target" and "base" in settings:
            written[key] = place(value, settings["base"])
        elif key == "remote_control":
            written |= {written_key: (value or {}).get(part) for part, written_key in _RCLONE.items()}
        elif key == "extra_trackers":
            written[key] = settings.get("tracker_file") or value
        else:
            written[key] = value
    return written


# A name is that of the table or file, a base goes with the target, and the others follow from further keys.
_NOT_WRITTEN: Final = ("name", "base", "implicit", "deadline_factor", "only", "tracker_file")
_RCLONE: Final = {
    "address": "rclone_rc",
    "user": "rclone_rc_user",
    "password_file": "rclone_rc_password_file",
    "fs": "rclone_fs",
}


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


def _mode(value: Any) -> str:
    return "-" if value is None else f"{value:04o}"


def _path_map(value: Any) -> str:
    return "{" + ", ".join(f"{shown(there)} = {shown(here)}" for there, here in value) + "}"


# What the wire has in seconds, bytes and pairs.
_FORMS: Final[Mapping[str, Callable[[Any], str]]] = {
    "settle": _settle,
    "rescan": _span,
    "confirm_within": _span,
    "every": _span,
    "retry_first": _span,
    "retry_most": _span,
    "keep_after": _span,
    "stalled_after": _span,
    "seed_time": _span,
    "daily_limit": _amount,
    "max_unconfirmed": _amount,
    "min_free": _size,
    "metadata_per_second": _frequency,
    "min_size": _size,
    "max_size": _size,
    "bandwidth": _rate,
    "file_mode": _mode,
    "dir_mode": _mode,
    "path_map": _path_map,
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
        yield f"{session.mark('bad')} {problem_text(session, problem)}"


def problem_text(session: Session, problem: Mapping[str, Any]) -> str:
    """A problem in the user's language; where its reason is not known here, as the daemon tells it."""
    reason = problem.get("reason") or {}
    if session.knows(reason.get("code")):
        return f"{escaped(problem['where'])}: {session.sentence(reason)}"
    return escaped(problem["text"])
