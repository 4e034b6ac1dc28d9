"""Real mounts for tests, over folders of their own; and what this machine lets a test do."""

import ctypes
import errno
import os
from pathlib import Path

import pytest

_MNT_DETACH = 2
_MS_BIND = 4096


class Mounts:
    """What a test has mounted; all is taken away when it ends."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._made: list[bytes] = []

    def tmpfs(self, path: Path, *, source: bytes = b"cloud", options: bytes = b"size=1m") -> dict[str, object]:
        """Mount one there; its identity."""
        place = os.fsencode(path)
        self._mount(source, place, b"tmpfs", 0, options)
        return {"mount_point": place, "fs_type": "tmpfs", "source": source}

    def mount(self, fs_type: bytes, path: Path) -> None:
        """Mount one of a type that needs no device there."""
        self._mount(b"none", os.fsencode(path), fs_type, 0, None)

    def bind(self, what: bytes, path: Path) -> None:
        """Have `what` stand there as well."""
        self._mount(what, os.fsencode(path), None, _MS_BIND, None)

    def _mount(self, source: bytes, place: bytes, fs_type: bytes | None, flags: int, options: bytes | None) -> None:
        if self._libc.mount(source, place, fs_type, flags, options) != 0:
            number = ctypes.get_errno()
            if number in (errno.EPERM, errno.EACCES):
                pytest.skip("mounting is not allowed here")
            raise OSError(number, os.strerror(number))
        self._made.append(place)

    def detach(self, path: Path) -> None:
        """umount --lazy."""
        if self._libc.umount2(os.fsencode(path), _MNT_DETACH) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def clean(self) -> None:
        """Take away what is still mounted."""
        for place in reversed(self._made):
            # EINVAL: the test has taken it away itself.
            if self._libc.umount2(place, _MNT_DETACH) != 0 and (number := ctypes.get_errno()) != errno.EINVAL:
                raise OSError(number, os.strerror(number), place)
