"""How much is free on a local disk, asked in a thread: one that does not answer costs a thread, not the daemon."""

import asyncio
import os
import threading
from typing import Final

_WITHIN: Final = 5.0


class Disks:
    """At most one thread for each folder that is asked about."""

    def __init__(self) -> None:
        self._asking: dict[bytes, asyncio.Future[int]] = {}

    async def free(self, folder: bytes) -> int:
        """Bytes that are free for us on the disk of this folder. Raises OSError; TimeoutError where nothing answers."""
        answer = self._asking.get(folder)
        if answer is None:
            answer = self._asking[folder] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(lambda done: self._answered(folder, done))
            threading.Thread(target=_ask, args=(folder, answer), name="disk", daemon=True).start()
        async with asyncio.timeout(_WITHIN):
            return await asyncio.shield(answer)

    def _answered(self, folder: bytes, answer: asyncio.Future[int]) -> None:
        del self._asking[folder]
        if not answer.cancelled():
            answer.exception()  # somebody may have been waiting for it no longer


def _ask(folder: bytes, answer: asyncio.Future[int]) -> None:
    loop = answer.get_loop()
    try:
        found = os.statvfs(folder)
    except OSError as error:
        _hand_over(loop, answer, error)
    else:
        _hand_over(loop, answer, found.f_bavail * found.f_frsize)


def _hand_over(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[int], result: int | OSError) -> None:
    def settle() -> None:
        if answer.done():
            return
        if isinstance(result, OSError):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended: nobody waits any more
        if not loop.is_closed():
            raise
