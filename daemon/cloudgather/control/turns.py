"""Whose call begins next, so that a user who asks without end does not keep the others waiting."""

import asyncio
import time
from collections import deque
from typing import Final

# How many calls begin in one turn of the event loop: enough that the loop's own work counts for little beside theirs.
AT_ONCE: Final = 16
# A thread that waits for the interpreter needs it to be free for as long as waking up takes. A loop that is never idle
# frees it for microseconds only, in its system calls: the store's threads then waited for seconds (CPython 3.11).
_BREATH: Final = 0.0001  # seconds


class Turns:
    """Lets calls begin in the order they came, the users in turn, and the loop's other work in between."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}  # by uid; whoever is first is next
        self._going_round = False

    async def turn(self, uid: int) -> None:
        """Until a call of this user may begin."""
        loop = asyncio.get_running_loop()
        begin: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(uid, deque()).append(begin)
        if not self._going_round:
            self._going_round = True
            loop.call_soon(self._go_round)
        await begin

    def _go_round(self) -> None:
        begun = 0
        while self._waiting and begun < self._at_once:
            uid = next(iter(self._waiting))
            queue = self._waiting.pop(uid)
            begin = queue.popleft()
            if queue:
                self._waiting[uid] = queue  # behind all others
            if not begin.done():  # else cancelled with its connection
                begin.set_result(None)
                begun += 1
        self._going_round = bool(self._waiting)
        if self._going_round:
            time.sleep(_BREATH)
            asyncio.get_running_loop().call_soon(self._go_round)
