"""The system's time zone, with its rules rather than today's offset."""

import os
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def local_zone(name: str | None) -> tzinfo:
    """The zone of this IANA name; None: the system's (TZ, /etc/localtime, /etc/timezone), or UTC where none tells."""
    for candidate in (name, os.environ.get("TZ", "").removeprefix(":"), _from_link(), _from_file()):
        if candidate:
            try:
                return ZoneInfo(candidate)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return UTC


def _from_link() -> str | None:
    _, _, name = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    return name or None


def _from_file() -> str | None:
    try:
        with open("/etc/timezone", encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None
