"""A source's folder while its files are dealt with: what is the same for all of them is asked for once."""

import os
from collections.abc import Callable
from functools import cached_property
from typing import Final

from cloudgather.agent import control_files
from cloudgather.agent.places import Last, closing
from cloudgather.mounted import mount_under

_ITSELF: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# Whatever has come to stand there is neither followed nor waited for.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

# Files that a control file is looked for by itself: to read the folder is as dear as a few such looks.
_LOOKED_FOR_SINGLY: Final = 3


class SourceFolder:
    """One that is open, and what is known of it for as long as it is."""

    def __init__(self, fd: int, path: bytes, top: Callable[[], int]) -> None:
        """`fd` (O_PATH) of `path`; `top` tells a descriptor of the source's root."""
        self.fd = fd
        self._path = path
        self._top = top
        self._asked = 0  # how often, for a control file

    def close(self) -> None:
        """Nothing may be asked of it afterwards."""
        os.close(self.fd)

    def state(self, name: bytes) -> os.stat_result:
        """lstat of what has this name in it."""
        return os.stat(name, dir_fd=self.fd, follow_symlinks=False)

    def open(self, name: bytes) -> int:
        """A descriptor for reading, which does not block; whether it is the expected file's, its fstat tells."""
        return os.open(name, _READ, dir_fd=self.fd)

    @cached_property
    def leased(self) -> int | None:
        """st_dev of those of its files whose leases tell who writes; None where none is to be believed."""
        device, (_, tells_writers) = self._mounted
        return device if tells_writers else None

    def nature_of(self, name: bytes, state: os.stat_result) -> tuple[bool, bool]:
        """Whether its file `name` with this state() is on a local disk, and whether a lease on it tells writers."""
        device, nature = self._mounted
        # A file may be a mount point, or its device its own (btrfs, overlay); one device is one file system.
        if state.st_dev == device:
            return nature
        with closing(os.open(name, _ITSELF, dir_fd=self.fd)) as file:
            return _nature_at(file)

    def control_file(self, name: bytes) -> bytes | None:
        """The path of the `.aria2` file beside its file `name`, or beside the top folder; raises OSError.

        That none stands in the folder is found out for all of its files once some have been asked for.
        """
        self._asked += 1
        looks = self._asked <= _LOOKED_FOR_SINGLY or self._may_hold_control_files
        if looks and control_files.beside(self.fd, name):
            return (self._path + b"/" if self._path else b"") + name + control_files.SUFFIX
        return self._beside_top

    @cached_property
    def _mounted(self) -> tuple[int, tuple[bool, bool]]:
        return os.fstat(self.fd).st_dev, _nature_at(self.fd)

    @cached_property
    def _may_hold_control_files(self) -> bool:
        is_local = self._mounted[1][0]  # elsewhere a listing costs more than a look
        return not is_local or control_files.may_be_in(self.fd)

    @cached_property
    def _beside_top(self) -> bytes | None:
        top = self._path.partition(b"/")[0]
        return top + control_files.SUFFIX if top and control_files.beside(self._top(), top) else None


def _nature_at(fd: int) -> tuple[bool, bool]:
    mount = mount_under(fd)[0]
    return mount is not None and not mount.is_remote, mount is not None and mount.tells_writers


class SourceFolders(Last[SourceFolder]):
    """Folders of a source, of which the last stays open for `keep` seconds."""

    def __init__(self, walked: Callable[[bytes], int], top: Callable[[], int], *, keep: float = 0.0) -> None:
        super().__init__(lambda path: SourceFolder(walked(path), path, top), SourceFolder.close, keep=keep)
