"""Beneath: watches the folder under a mount point, which nobody can look into while something is mounted there."""

import os
from types import TracebackType

from e2e.notices import CREATED, MODIFIED, MOVED_HERE, Notices


class Beneath:
    """Enter it before anything is mounted: an inotify watch is on the folder itself, not on its path."""

    def __init__(self, folder: bytes) -> None:
        self._folder = folder

    def __enter__(self) -> "Beneath":
        assert os.listdir(self._folder) == []
        self._notices = Notices()
        self._notices.watch(self._folder, CREATED | MODIFIED | MOVED_HERE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._notices.close()

    def made(self) -> list[bytes]:
        """The names of all that was made or written in the folder since it was entered."""
        names: list[bytes] = []
        while found := self._notices.wait(0):
            names += [notice.name for notice in found]
        return names
