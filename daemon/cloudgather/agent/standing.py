"""A target's folder while files are copied into it: what stands under their final names, asked as seldom as may be."""

import os
import re
import stat
import time
from collections.abc import Set
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
# For how long it is believed that no name has come since: whoever gives a file its final name makes sure of that anew.
_BELIEVED: Final = 0.5
# For how long a folder that did not tell which names are free is not read again.
_NOT_READ_AGAIN: Final = 60.0
_FOLDERS: Final = 16  # remembered


class Listing:
    """What is known, for a while, of the names in a folder."""

    def __init__(self) -> None:
        self.until = time.monotonic() + _BELIEVED
        self.asked = 0  # how often, for a name that is to be free
        self.unread = True
        self.names: Set[str] | None = None  # all that stood there when it was read, in lower case

    def read(self, names: Set[str] | None) -> None:
        """It shows these; None: it does not tell which are free."""
        self.names = names
        self.until = time.monotonic() + (_NOT_READ_AGAIN if names is None else _BELIEVED)


class Listings:
    """Those of the folders that files are copied into, be it by several threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], Listing] = {}

    def of(self, root: bytes, folder: bytes) -> Listing:
        """The one of `folder` beneath `root`, as long as it is good."""
        listing = self._known.get((root, folder))
        if listing is None or time.monotonic() >= listing.until:
            if len(self._known) >= _FOLDERS:
                self._known.clear()
            listing = self._known[root, folder] = Listing()
        return listing


class TargetFolder:
    """One that is open."""

    def __init__(self, fd: int, job: Job, listing: Listing) -> None:
        """`fd` (O_PATH) is closed with it."""
        self.fd = fd
        self._job = job
        self._listing = listing

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
        listing = self._listing
        listing.asked += 1
        if listing.unread and listing.asked > _ASKED_FOR_SINGLY:
            listing.unread = False  # who comes meanwhile asks for each
            listing.read(self._names())
        if (names := listing.names) is None or len(name) > _NAME_MAX:
            return False
        shown = os.fsdecode(name)
        return _is_comparable(shown) and shown.lower() not in names

    def _names(self) -> Set[str] | None:
        """All of them, in lower case; None where they do not tell which are free."""
        mount = mount_under(self.fd)[0]
        if mount is None or not (mount.shows_names or mount.is_remote):
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
