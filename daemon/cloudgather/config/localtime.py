"""The time zone that this machine lives in."""

import os
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

_DATABASE = "/usr/share/zoneinfo/"


def local_zone(name: str | None, *, localtime: str = "/etc/localtime") -> tzinfo:
    """The zone called `name`, else that of /etc/localtime, else UTC; with all of its changes, as cron needs them."""
    if name is not None:
        return ZoneInfo(name)
    found = os.path.realpath(localtime)
    if found.startswith(_DATABASE):
        try:
            return ZoneInfo(found.removeprefix(_DATABASE))
        except (KeyError, ValueError, OSError):
            pass
    try:
        with open(localtime, "rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError):
        return UTC
