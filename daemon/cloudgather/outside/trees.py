"""Removes folders with what is in them, each on a thread of its own: one that hangs costs a thread, not the daemon."""

import asyncio
import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from functools import partial
from typing import Final

from cloudgather.outside.threads import on_thread

_WITHIN: Final = 30.0  # seconds


class Trees:
    """At most one thread for each folder that is to go."""

    def __init__(self, *, remove: Callable[[bytes], None] | None = None, within: float = _WITHIN) -> None:
        """`remove` blocks for as long as it takes; by default whatever is there goes."""
        self._remove = remove if remove is not None else _remove
        self._within = within
        self._going: dict[bytes, asyncio.Future[None]] = {}

    async def remove(self, folder: bytes) -> None:
        """Remove it; one that is not there is removed. Symbolic links are removed, not followed.

        Raises OSError; TimeoutError where it takes longer, and then it goes on: whoever asks again waits for it.
        """
        going = self._going.get(folder)
        if going is None:
            going = self._going[folder] = on_thread(partial(self._remove, folder), "remove")
            going.add_done_callback(partial(self._gone, folder))
        async with asyncio.timeout(self._within):
            await asyncio.shield(going)

    def _gone(self, folder: bytes, going: "asyncio.Future[None]") -> None:
        del self._going[folder]
        if not going.cancelled():
            going.exception()  # somebody may have been waiting for it no longer


def _remove(folder: bytes) -> None:
    if os.path.islink(folder):  # rmtree refuses it, too, but not every version of it says why
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
    with contextlib.suppress(FileNotFoundError):  # it, or something in it, went by itself meanwhile
        shutil.rmtree(folder)
    if os.path.lexists(folder):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), folder)
