"""Removes folders with what is in them, and learns the sizes of files, on threads of their own."""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Sequence

from cloudgather.outside.threads import on_thread


async def remove_tree(folder: bytes) -> None:
    """Remove it; one that is not there is removed. Symbolic links are removed, not followed. Raises OSError."""

    def remove() -> None:
        with contextlib.suppress(FileNotFoundError):  # it, or something in it, went by itself meanwhile
            shutil.rmtree(folder)
        if os.path.lexists(folder):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), folder)

    await on_thread(remove, "remove")


async def sizes_of(paths: Sequence[bytes]) -> Sequence[int | None]:
    """Bytes of each; None where there is no regular file, or none that can be looked at."""

    def look() -> list[int | None]:
        return [_size(path) for path in paths]

    return await on_thread(look, "sizes")


def _size(path: bytes) -> int | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
