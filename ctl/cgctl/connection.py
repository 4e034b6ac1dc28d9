"""One blocking connection to the daemon: requests, answers, and the stream of events.

Only `_socket` is used, the C part of `socket`: the full module takes as long to import as the whole request.
"""

import struct
from _socket import AF_UNIX, SO_SNDTIMEO, SOCK_STREAM, SOL_SOCKET, socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cgwire.codec import CLOSED, REPLY_LIMIT, Answer, Call, Frames, Malformed, encode_call
from cgwire.request import Request

PATIENCE: Final = 60.0  # seconds without a byte after which the daemon counts as not answering


class Unreachable(Exception):
    """Nobody answers on the socket; `cause` is the OSError, or None where the daemon closed or stays silent."""

    def __init__(self, path: bytes, cause: OSError | None, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.cause = cause


class Refusal(Exception):
    """The daemon's answer is an error: `reason` is its code and facts."""

    def __init__(self, reason: Mapping[str, Any]) -> None:
        super().__init__(str(reason.get("code")))
        self.reason = reason


class Unsendable(Exception):
    """A request holds what cannot travel: a number beyond 64 bits, or values nested too deep."""


class Connection:
    """Requests go one after the other; close it, or use it in a `with`."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self._last = 0
        self._frames = Frames(REPLY_LIMIT)
        self._socket = socket(AF_UNIX, SOCK_STREAM)
        try:
            # connect(2) waits for room in the backlog only where the socket blocks; with settimeout() it does not.
            self._socket.setsockopt(SOL_SOCKET, SO_SNDTIMEO, struct.pack("ll", int(PATIENCE), 0))
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise Unreachable(path, error, error.strerror or str(error)) from error

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def call(self, request: Request, *, patience: float | None = PATIENCE) -> Any:
        """The result. Raises Refusal, Unsendable, or Unreachable when nothing comes for `patience` seconds, if any."""
        self._last += 1
        try:
            message = encode_call(self._last, request)
        except (OverflowError, ValueError) as error:
            raise Unsendable from error
        self._socket.settimeout(patience)
        try:
            self._socket.sendall(message)
        except TimeoutError as error:
            raise Unreachable(self.path, error, "no answer") from error
        except OSError:
            pass  # closed by the daemon, which may have said why: that is still to be read
        while True:
            match self._receive():
                case None:
                    raise Unreachable(self.path, None, "no answer")
                case Answer(id=self._last, error=None, result=result):
                    return result
                case Answer(id=self._last, error=reason):
                    raise Refusal(reason or {})

    def events(self, *, tick: float | None = None) -> Iterator[tuple[str, Mapping[str, Any]] | None]:
        """Notifications as (method, map) after a subscription; None whenever nothing came for `tick` seconds."""
        self._socket.settimeout(tick)
        while True:
            match self._receive():
                case Call(method=method, params=params):
                    yield method, params
                case None:
                    yield None

    def _receive(self) -> Call | Answer | None:
        while True:
            try:
                message = self._frames.take()
                if message is None:
                    data = self._socket.recv(1 << 18)
            except Malformed as error:
                raise Unreachable(self.path, None, f"not MessagePack-RPC: {error}") from error
            except TimeoutError:
                return None
            except OSError as error:
                raise Unreachable(self.path, error, error.strerror or str(error)) from error
            if message is None:
                if not data:
                    raise Unreachable(self.path, None, "connection closed")
                self._frames.push(data)
            elif isinstance(message, Call) and message.method == CLOSED:
                raise Refusal(message.params)
            else:
                return message
