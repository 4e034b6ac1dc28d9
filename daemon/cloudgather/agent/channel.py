"""Our end of an agent's socket: messages in and out on the event loop, which never waits for them."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

from cloudgather.agent.protocol import BadFrame, Frames, encode

logger = logging.getLogger(__name__)

_READ: Final = 256 * 1024


class Channel:
    """`received` is called with each message, `closed` once when the agent's end is gone or talks nonsense.

    Neither is called after `close`.
    """

    def __init__(
        self, connection: socket.socket, *, received: Callable[[Any], None], closed: Callable[[], None]
    ) -> None:
        self.is_open = True
        self._connection = connection
        self._received = received
        self._closed = closed
        self._frames = Frames()
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection, self._read)

    def send(self, message: Any) -> None:
        """Hand over one message; what the socket does not take at once follows when it can."""
        if not self.is_open:
            return
        waiting = bool(self._unsent)
        self._unsent += encode(message)
        if not waiting:
            self._write()

    def close(self) -> None:
        """Our end goes; the agent then ends by itself. Repeatable."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()

    def _write(self) -> None:
        try:
            sent = self._connection.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:  # the agent has gone: reading will tell
            self._unsent.clear()
            sent = 0
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._connection, self._write)
        else:
            self._loop.remove_writer(self._connection)

    def _read(self) -> None:
        try:
            data = self._connection.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        try:
            for message in self._frames.feed(data):
                self._received(message)
                if not self.is_open:
                    return
        except BadFrame:
            logger.exception("an agent sent what is no message")
            self._end()

    def _end(self) -> None:
        self.close()
        self._closed()
