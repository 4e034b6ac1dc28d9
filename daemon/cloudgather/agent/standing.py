"""A target's folder while files are copied into it: what stands under their final names, asked as seldom as may be."""

import os
import re
import stat
from collections.abc import Set
from functools import cached_property
from itertools import islice
from typing import Final

from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.places import closing
from cloudgather.mounted import mount_under

# Files whose names are asked for by themselves: to read the folder is as dear as a few such questions.
_ASKED_FOR_SINGLY: Final = 3
# A folder of more entries is not read: that would take longer than to ask for each file of a batch.
_READ_AT_MOST: Final = 1024
_NAME_MAX: Final = 255
# ASCII, and the ideographs that have one form only: nothing but their case can hide that two such names are one.
_COMPARABLE: Final = re.compile(r"[\x00-\x7f\u4e00-\u9fff]*")


class TargetFolder:
    """One that is open, and the names that stood in it when it was read."""

    def __init__(self, fd: int, job: Job) -> None:
        """`fd` (O_PATH) is closed with it."""
        self.fd = fd
        self._job = job
        self._asked = 0  # how often, for a name that is to be free

    def close(self) -> None:
        """Nothing may be asked of it afterwards."""
        os.close(self.fd)

    def standing(self, name: bytes, *, replace: bool) -> tuple[int, int] | None:
        """Size and mtime_ns of the file of this name; None: there is none, or, unless it is to `replace` it, was none
        when the folder was read.

        Raises Trouble "occupied" where something else has the name, "standing" where a file has it that stays, and
        OSError where the name cannot be asked for.
        """
        if not replace and self._is_free(name):
            return None
        self._job.step("stat", "target")
        state = self._state(name)
        if state is None:
            return None
        if not stat.S_ISREG(state.st_mode):
            raise Trouble("occupied", "something that is no file stands under the final name", name=name)
        if not replace:
            raise Trouble(
                "standing",
                "a file stands under the final name",
                size=state.st_size,
                mtime_ns=state.st_mtime_ns,
                is_file=True,
            )
        return state.st_size, state.st_mtime_ns

    # An exception is the dearer, the longer the function that it is raised in.
    def _state(self, name: bytes) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _is_free(self, name: bytes) -> bool:
        """Whether the names that were read show, without a doubt, that nothing has it."""
        self._asked += 1
        if self._asked <= _ASKED_FOR_SINGLY or (names := self._names) is None or len(name) > _NAME_MAX:
            return False
        shown = os.fsdecode(name)
        return _is_comparable(shown) and shown.lower() not in names

    @cached_property
    def _names(self) -> Set[str] | None:
        """All of them, in lower case; None where they do not tell which are free."""
        mount = mount_under(self.fd)[0]
        if mount is None or not mount.shows_names:
            return None
        self._job.step("list", "target")
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            with closing(os.open(b".", flags, dir_fd=self.fd)) as readable, os.scandir(readable) as entries:
                names = [entry.name.lower() for entry in islice(entries, _READ_AT_MOST + 1)]
        except OSError:  # it may be one that lets itself be entered, and not be read
            return None
        return frozenset(names) if len(names) <= _READ_AT_MOST and all(map(_is_comparable, names)) else None


def _is_comparable(name: str) -> bool:
    return name.isascii() or _COMPARABLE.fullmatch(name) is not None
