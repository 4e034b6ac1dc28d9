"""The kernel's mount table: what it says now, and a wake-up when it changes."""

import asyncio
import contextlib
import os
import select
import threading
from collections.abc import AsyncGenerator

from cloudgather import mounted
from cloudgather.core.mounts import Mount


class MountTable(mounted.MountTable):
    """The mounts this process sees. Any thread may call current()."""

    async def changes(self) -> AsyncGenerator[tuple[Mount, ...], None]:
        """The table after each change from now on; changes that come close together are told as one.

        asyncio's own reader callbacks know neither POLLPRI nor POLLERR, so a thread waits.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        watched = os.open(mounted.TABLE, os.O_RDONLY | os.O_CLOEXEC)
        ended = os.eventfd(0, os.EFD_CLOEXEC)

        def wait() -> None:
            poll = select.poll()
            poll.register(watched, mounted.CHANGED)
            poll.register(ended, select.POLLIN)
            try:
                while not any(fd == ended for fd, _ in poll.poll()):
                    with contextlib.suppress(RuntimeError):  # the loop is closed: the process is about to end
                        loop.call_soon_threadsafe(changed.set)
            finally:
                os.close(watched)
                os.close(ended)

        threading.Thread(target=wait, name="mounts", daemon=True).start()
        try:
            while True:
                await changed.wait()
                changed.clear()
                yield self.current()
        finally:
            os.eventfd_write(ended, 1)
