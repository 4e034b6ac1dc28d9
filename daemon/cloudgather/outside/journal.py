"""Sends log lines with structured fields to systemd's journal, and never waits for it.

systemd-python's own journal.send holds the interpreter's lock while it waits for a journal that does not read: every
thread of the process stands still then. Protocol: systemd, docs/JOURNAL_NATIVE_PROTOCOL.md.
"""

import os
import socket
from collections.abc import Mapping
from typing import Final

SOCKET: Final = "/run/systemd/journal/socket"
_MOST: Final = 48 * 1024  # of one value; a datagram has to fit into the socket's buffer (208 KiB by default)


def is_stderr(environ: Mapping[str, str]) -> bool:
    """Whether standard error goes to the journal, which is how systemd tells a service that it has one."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(2)
        return (int(device), int(inode)) == (found.st_dev, found.st_ino)
    except (OSError, ValueError):
        return False


def entry(fields: Mapping[str, str | int]) -> bytes:
    """One datagram. A value may hold anything; surrogates are escaped, and one that is too long is cut."""
    parts = bytearray()
    for name, value in fields.items():
        data = str(value).encode("utf-8", "backslashreplace")
        if len(data) > _MOST:
            data = data[:_MOST].decode("utf-8", "ignore").encode("utf-8")
        if b"\n" in data:
            parts += name.encode("ascii") + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
        else:
            parts += name.encode("ascii") + b"=" + data + b"\n"
    return bytes(parts)


class JournalSender:
    """A datagram socket to the journal; `send` raises OSError where an entry cannot be had rid of at once."""

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def send(self, fields: Mapping[str, str | int]) -> None:
        """Hand over one entry. Addressed anew each time, so that a restarted journal is found again."""
        self._socket.sendto(entry(fields), self._path)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
