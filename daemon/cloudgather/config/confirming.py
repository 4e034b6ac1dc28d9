"""How a target proves that a file has arrived: `confirm`, and what asking rclone needs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from cgwire.flaws import Flaw
from cgwire.reasons import because
from cloudgather.config.amounts import span
from cloudgather.config.problems import Wrong
from cloudgather.config.reading import Table
from cloudgather.config.values import choice, text, web_address
from cloudgather.core.target import Confirm, Kind, RemoteControl
from cloudgather.core.unfit import Unfit

_WITHIN: Final = timedelta(days=1)
_UNIX: Final = "unix:"


def read_confirm(table: Table, kind: Kind, *, can_ask: bool, secret: Callable[[object], bytes]) -> dict[str, Any]:
    """The keys of TargetSpec that it sets; `can_ask`: the HTTP client is installed; `secret` reads a secret's place."""
    if kind is Kind.DIRECTORY:
        later = {"rclone": Flaw.RCLONE_OF_MOUNT}
        allowed = (Confirm.NONE, Confirm.SEEN, Confirm.STORED)
        confirm = table.take("confirm", choice(Confirm, later=later, only=allowed), Confirm.STORED)
    else:
        later = {"stored": Flaw.STORED_OF_DISK}
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
            table.wrong(key, because(Flaw.RCLONE_ONLY), code=Wrong.CONFLICT)
        return {"confirm": confirm}
    if "rclone_rc" not in table:
        table.lacks("rclone_rc", '"http://127.0.0.1:5572"')
    if password_file is not None and user is None:
        table.lacks_beside("rclone_rc_user", "rclone_rc_password_file")
    if not can_ask:
        table.wrong("confirm", because(Flaw.RCLONE_CLIENT))
    control = RemoteControl(address=address or "", user=user, password_file=password_file, fs=fs)
    return {"confirm": confirm, "confirm_within": within, "remote_control": control}


def _address(value: object) -> str:
    """http://HOST:PORT, https://…, or unix:/PATH."""
    given = text(value).strip()
    if given.startswith(_UNIX):
        path = given.removeprefix(_UNIX)
        if not path.startswith("/"):
            raise Unfit(Flaw.ADDRESS_OF_RCLONE, given=given)
        return f"{_UNIX}/{path.lstrip('/')}"
    return web_address(
        given, wrong=Flaw.ADDRESS_OF_RCLONE, user_key="rclone_rc_user", password_key="rclone_rc_password_file"
    )


def _user(value: object) -> str:
    given = text(value)
    if ":" in given:
        raise Unfit(Flaw.COLON_IN_USER, given=given)
    return given
