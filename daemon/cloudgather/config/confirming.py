"""How a target proves that a file has arrived: `confirm`, and what asking rclone needs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from cloudgather.config.amounts import span
from cloudgather.config.problems import Wrong
from cloudgather.config.reading import Table
from cloudgather.config.values import choice, text, web_address
from cloudgather.core.target import Confirm, Kind, RemoteControl

_WITHIN: Final = timedelta(days=1)
_INSTALL: Final = "run pip install aiohttp in the daemon's environment, or install CloudGather with its extra net"
_UNIX: Final = "unix:"


def read_confirm(table: Table, kind: Kind, *, can_ask: bool, secret: Callable[[object], bytes]) -> dict[str, Any]:
    """The keys of TargetSpec that it sets; `can_ask`: the HTTP client is installed; `secret` reads a secret's place."""
    if kind is Kind.DIRECTORY:
        later = {"rclone": "asks about a mount"}
        allowed = (Confirm.NONE, Confirm.SEEN, Confirm.STORED)
        confirm = table.take("confirm", choice(Confirm, later=later, only=allowed), Confirm.STORED)
    else:
        later = {"stored": "cannot be known of a mount"}
        allowed = (Confirm.NONE, Confirm.SEEN, Confirm.RCLONE)
        confirm = table.take("confirm", choice(Confirm, later=later, only=allowed), Confirm.SEEN)
    given = [key for key in ("rclone_rc", "rclone_rc_user", "rclone_rc_password_file", "rclone_fs") if key in table]
    address = table.take("rclone_rc", _address, None)
    user = table.take("rclone_rc_user", _user, None)
    password_file = table.take("rclone_rc_password_file", secret, None)
    fs = table.take("rclone_fs", text, None)
    within = table.take("confirm_within", span(timedelta(seconds=1), timedelta(days=90)), _WITHIN)
    if confirm is not Confirm.RCLONE:
        for key in given:
            table.wrong(key, 'is used with confirm = "rclone" only', code=Wrong.CONFLICT)
        return {"confirm": confirm}
    if "rclone_rc" not in table:
        table.wrong(
            "rclone_rc", 'is missing; write for example rclone_rc = "http://127.0.0.1:5572"', code=Wrong.MISSING
        )
    if password_file is not None and user is None:
        table.wrong("rclone_rc_user", "is missing beside rclone_rc_password_file", code=Wrong.MISSING)
    if not can_ask:
        table.wrong("confirm", f'"rclone" needs aiohttp, which is not installed; {_INSTALL}')
    control = RemoteControl(address=address or "", user=user, password_file=password_file, fs=fs)
    return {"confirm": confirm, "confirm_within": within, "remote_control": control}


def _address(value: object) -> str:
    """http://HOST:PORT, https://…, or unix:/PATH."""
    given = text(value).strip()
    wrong = f'"{given}" is not an address; write "http://127.0.0.1:5572" or "unix:/run/rclone.sock"'
    if given.startswith(_UNIX):
        path = given.removeprefix(_UNIX)
        if not path.startswith("/"):
            raise ValueError(wrong)
        return f"{_UNIX}/{path.lstrip('/')}"
    return web_address(given, wrong=wrong, instead="rclone_rc_user and rclone_rc_password_file")


def _user(value: object) -> str:
    given = text(value)
    if ":" in given:
        raise ValueError(f'"{given}" holds a colon, which a user\'s name cannot')
    return given
