"""MessagePack-RPC frames: making them, and cutting a stream of bytes into them; both ends use it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgpack

from cgwire.request import Request

REQUEST_LIMIT: Final = 64 * 1024  # bytes of a frame to the daemon
ADMIN_REQUEST_LIMIT: Final = 1024 * 1024
REPLY_LIMIT: Final = 16 * 1024 * 1024  # bytes of a frame from the daemon
CLOSED: Final = "closed"  # the notification that says why the daemon closes a connection: [2, "closed", [reason]]

_CALL, _ANSWER, _NOTICE = 0, 1, 2
_IDS = range(2**32)


class Malformed(ValueError):
    """What came is not MessagePack-RPC, or is larger than allowed: the connection is of no more use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """[0, id, method, [params]]: to be answered. Without an id it is [2, method, [params]], a notification."""

    id: int | None
    method: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """[1, id, error, result]: `error` is None or a reason map {code, …facts}, then `result` is None."""

    id: int
    error: Mapping[str, Any] | None
    result: Any


def encode_call(id: int, request: Request) -> bytes:
    """The frame that asks for `request`; `id` (0 to 2**32 - 1) comes back in its answer."""
    return pack([_CALL, id, request.METHOD, [request.to_wire()]])


def encode_answer(id: int, result: Mapping[str, Any]) -> bytes:
    """The frame that answers call `id`."""
    return pack([_ANSWER, id, None, result])


def encode_error(id: int, reason: Mapping[str, Any]) -> bytes:
    """The frame that refuses call `id`."""
    return pack([_ANSWER, id, reason, None])


def encode_notice(method: str, params: Mapping[str, Any]) -> bytes:
    """A frame that nobody answers."""
    return pack([_NOTICE, method, [params]])


def pack(message: Any) -> bytes:
    """msgpack with bin for bytes; text that is not UTF-8 travels escaped. TypeError, ValueError, OverflowError: no."""
    packed: bytes = msgpack.packb(message, use_bin_type=True, unicode_errors="backslashreplace")
    return packed


class Frames:
    """Cuts a stream into messages: push() what came, then take() until it answers None.

    A message is built only once all of it is there, so that nothing but its length decides what it costs. `limit` holds
    for each message, not for what was pushed. After Malformed it must not be used again.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held = bytearray()  # bytes of messages not taken yet
        self._begin = 0  # where in the stream they begin
        self._fed = 0  # up to where in the stream the scanner has been fed
        self._scanner = msgpack.Unpacker(max_buffer_size=limit)

    def push(self, data: bytes) -> None:
        """Add what was received."""
        self._held += data

    @property
    def pending(self) -> int:
        """Bytes held."""
        return len(self._held)

    def take(self) -> Call | Answer | None:
        """The next message, or None until more is pushed. Raises Malformed."""
        try:
            end = self._next_end()
            if end is None:
                return None
            length = end - self._begin
            frame = msgpack.unpackb(bytes(self._held[:length]), raw=False, strict_map_key=True)
        except (ValueError, msgpack.UnpackException) as error:
            raise Malformed(str(error) or f"not msgpack ({type(error).__name__})") from error
        del self._held[:length]
        self._begin = end
        return _message(frame)

    def _next_end(self) -> int | None:
        # skip() finds the end without making objects: an array that claims 2**32 members costs nothing.
        while True:
            try:
                self._scanner.skip()
            except msgpack.OutOfData:
                offset = self._fed - self._begin
                room = self.limit - offset
                if room == 0:
                    raise Malformed(f"a message of more than {self.limit} bytes") from None
                piece = self._held[offset : offset + room]
                if not piece:
                    return None
                self._scanner.feed(piece)
                self._fed += len(piece)
            else:
                end: int = self._scanner.tell()
                return end


def _message(frame: Any) -> Call | Answer:
    if not isinstance(frame, list) or not frame or type(frame[0]) is not int:
        raise Malformed("not an array that begins with 0, 1 or 2")
    match frame:
        case [0, int(id), str(method), list(params)] if id in _IDS and type(id) is int:
            return Call(id=id, method=method, params=_single(params))
        case [1, int(id), dict() | None as error, result] if id in _IDS and type(id) is int:
            return Answer(id=id, error=error, result=result)
        case [2, str(method), list(params)]:
            return Call(id=None, method=method, params=_single(params))
    raise Malformed("neither [0, id, method, [map]] nor [1, id, error, result] nor [2, method, [map]]")


def _single(params: list[Any]) -> Mapping[str, Any]:
    if not params:
        return {}
    if len(params) > 1 or not isinstance(params[0], dict):
        raise Malformed("the only parameter is a map")
    if not all(isinstance(key, str) for key in params[0]):
        raise Malformed("the keys of the parameter are text")
    return params[0]
