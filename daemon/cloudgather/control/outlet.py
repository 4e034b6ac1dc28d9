"""What goes out on one connection: answers that wait for the peer to read, and events that do not wait."""

import asyncio


class Overrun(Exception):
    """The peer reads more slowly than events happen."""


class Outlet:
    """Writes to a transport whose protocol passes pause() and resume() on to it."""

    def __init__(self, transport: asyncio.Transport, *, unread: float, unsent: int) -> None:
        """`unread`: seconds until a peer that takes nothing is cut off; `unsent`: bytes of events kept for it."""
        self._transport = transport
        self._unread = unread
        self._most = unsent
        self._writable = asyncio.Event()
        self._writable.set()
        self._cut: asyncio.TimerHandle | None = None
        self._events: list[bytes] = []
        self._size = 0

    def pause(self) -> None:
        """The peer does not read as fast as we write."""
        self._writable.clear()
        self._cut = asyncio.get_running_loop().call_later(self._unread, self._transport.abort)

    def resume(self) -> None:
        """The peer has read nearly all of it."""
        self._stop_waiting()
        while self._events and self._writable.is_set():
            event = self._events.pop(0)
            self._size -= len(event)
            self._transport.write(event)

    def close(self) -> None:
        """The connection is lost: nobody waits any longer, and what is written goes nowhere."""
        self._stop_waiting()
        self._events.clear()

    async def ready(self) -> None:
        """Wait until an answer may be written; write() it without awaiting anything in between."""
        while not self._writable.is_set():
            await self._writable.wait()

    def write(self, frame: bytes) -> None:
        """Write an answer."""
        if not self._transport.is_closing():
            self._transport.write(frame)

    def tell(self, event: bytes) -> None:
        """Write an event, now or once the peer reads; raises Overrun when too much is kept already."""
        if self._transport.is_closing():
            return
        if self._writable.is_set():
            self._transport.write(event)
            return
        self._events.append(event)
        self._size += len(event)
        if self._size > self._most:
            raise Overrun

    def _stop_waiting(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None
        self._writable.set()
