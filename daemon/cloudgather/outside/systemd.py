"""What the daemon tells systemd about itself; nothing where systemd did not start it."""

import os
import time
from collections.abc import Mapping


class Systemd:
    """The sd_notify protocol. Every call is cheap, and does nothing without NOTIFY_SOCKET."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._present = bool(environ.get("NOTIFY_SOCKET"))
        self._status: str | None = None
        self.watchdog_every = _watchdog(environ) if self._present else None  # seconds, half of what systemd allows

    def ready(self, status: str) -> None:
        """Started, or done reloading."""
        self._status = status
        self._notify(f"READY=1\nSTATUS={_line(status)}")

    def status(self, text: str) -> None:
        """What `systemctl status` shows; said only when it changes."""
        if text != self._status:
            self._status = text
            self._notify(f"STATUS={_line(text)}")

    def reloading(self) -> None:
        """Began to reload; `ready` ends it."""
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Began to stop."""
        self._notify("STOPPING=1\nSTATUS=stopping")

    def watchdog(self) -> None:
        """Still well; to be called every `watchdog_every` seconds where that is not None."""
        self._notify("WATCHDOG=1")

    def _notify(self, message: str) -> None:
        if self._present:
            from systemd import daemon  # 6 ms, and only wanted here

            daemon.notify(message)


def _watchdog(environ: Mapping[str, str]) -> float | None:
    try:
        if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
            return None
        return int(environ["WATCHDOG_USEC"]) / 2_000_000
    except (KeyError, ValueError):
        return None


def _line(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\n", " ")
