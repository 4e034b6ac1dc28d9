"""The service as systemd has it: as whom it runs, its drop-in, started and stopped."""

import os
import subprocess
from typing import Final

from cgctl.session import Session
from cgctl.setup.machine import Account, account_named
from cgctl.trouble import Exit, Trouble

UNIT: Final = "cloudgather.service"
DROP_IN: Final = "/etc/systemd/system/cloudgather.service.d/user.conf"
_LINES: Final = "12"


def require(session: Session) -> None:
    """Raises Trouble where there is nothing to set up: not root, no systemd, not installed."""
    if os.geteuid() != 0:
        raise Trouble(Exit.FAILED, session.say("this changes the machine"), "sudo cgctl setup")
    if not os.path.isdir("/run/systemd/system"):
        raise Trouble(
            Exit.FAILED,
            session.say("systemd does not run here"),
            session.say("start `cloudgatherd --config FILE` as the user that owns the downloads"),
        )
    if _show("LoadState") != "loaded":
        raise Trouble(Exit.FAILED, session.say("CloudGather is not installed as a service"), "sudo script/install")


def account() -> Account:
    """As whom it runs, or would."""
    user, group = _show("User") or "root", _show("Group")
    extra = frozenset(_show("SupplementaryGroups").split())
    if not group:
        try:
            group = account_named(user).group
        except KeyError:
            group = user
    return Account(user=user, group=group, extra=extra)


def drop_in(account: Account) -> str:
    """What the drop-in holds for it, whatever other drop-ins say: in the order of names it comes late."""
    return (
        "# Written by cgctl setup: run it again to change this.\n"
        f"[Service]\nUser={account.user}\nGroup={account.group}\n"
        f"SupplementaryGroups=\nSupplementaryGroups={' '.join(sorted(account.extra))}\n"
    )


def is_active() -> bool:
    """Whether it runs."""
    return _show("ActiveState") in ("active", "reloading")


def is_enabled() -> bool:
    """Whether it is started with the machine."""
    return _show("UnitFileState") == "enabled"


def reread() -> None:
    """Have systemd read the units again."""
    subprocess.run(["systemctl", "daemon-reload"], check=True)


def stop() -> None:
    """Stop it; what is being uploaded is taken up again later."""
    subprocess.run(["systemctl", "stop", UNIT], check=False)


def start(session: Session) -> None:
    """Have it started with the machine, and now; raises Trouble with its last lines where that fails."""
    subprocess.run(["systemctl", "--quiet", "enable", UNIT], check=True)
    subprocess.run(["systemctl", "reset-failed", UNIT], check=False, stderr=subprocess.DEVNULL)
    if subprocess.run(["systemctl", "restart", UNIT], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        journal = ["journalctl", "--unit", UNIT, "--lines", _LINES, "--no-pager", "--output", "cat"]
        said = subprocess.run(journal, check=False, capture_output=True).stdout
        session.note(said.decode("utf-8", "backslashreplace").rstrip())
        raise Trouble(
            Exit.FAILED, session.say("the daemon did not start; its last lines are above"), "journalctl -u cloudgather"
        )


def _show(key: str) -> str:
    shown = subprocess.run(["systemctl", "show", "-P", key, UNIT], check=False, capture_output=True, text=True)
    return shown.stdout.strip()
