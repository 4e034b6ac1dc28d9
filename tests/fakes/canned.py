"""A daemon made of canned replies, on a real Unix socket, for tests of the client."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cgwire.codec import ADMIN_REQUEST_LIMIT, Call, Frames, encode_answer, encode_error, encode_notice

Reply = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Denied(Exception):
    """Raised by a reply: the daemon answers with this reason map."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.reason = {"code": code, **facts}


class CannedDaemon:
    """Answers each method with what `replies` has for it; one that it does not have is error.unknown-method.

    After events.subscribe it sends `events` and, if `hangs_up`, closes that connection.
    """

    def __init__(
        self, path: Path, replies: Mapping[str, Reply], events: Sequence[Mapping[str, Any]] = (), hangs_up: bool = False
    ) -> None:
        self.path = str(path)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self._replies = dict(replies)
        self._events = events
        self._hangs_up = hangs_up
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def asked_for(self, method: str) -> list[Mapping[str, Any]]:
        """The parameters of every call of `method`, in order."""
        return [params for name, params in self.asked if name == method]

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        for each in (self._listening, *self._open):
            with _quietly():
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self._listening.close()

    def _accept(self) -> None:
        with _quietly():
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        frames = Frames(ADMIN_REQUEST_LIMIT)
        with connection, _quietly():
            while data := connection.recv(65536):
                frames.push(data)
                while (call := frames.take()) is not None:
                    assert isinstance(call, Call)
                    connection.sendall(self._answer(call))
                    if call.method == "events.subscribe":
                        connection.sendall(b"".join(encode_notice("event", event) for event in self._events))
                        if self._hangs_up:
                            return

    def _answer(self, call: Call) -> bytes:
        self.asked.append((call.method, call.params))
        reply = {} if call.method == "events.subscribe" else self._replies.get(call.method)
        assert call.id is not None
        if reply is None:
            return encode_error(call.id, {"code": "error.unknown-method", "method": call.method})
        try:
            return encode_answer(call.id, reply(call.params) if callable(reply) else reply)
        except Denied as denied:
            return encode_error(call.id, denied.reason)


@contextmanager
def _quietly() -> Iterator[None]:
    with suppress(OSError):
        yield


@contextmanager
def canned(
    folder: Path, replies: Mapping[str, Reply], events: Sequence[Mapping[str, Any]] = (), *, hangs_up: bool = False
) -> Iterator[CannedDaemon]:
    """A canned daemon for the block, at folder/control.sock."""
    daemon = CannedDaemon(folder / "control.sock", replies, events, hangs_up)
    try:
        yield daemon
    finally:
        daemon.stop()
