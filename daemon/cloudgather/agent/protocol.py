"""Frames between the daemon and an agent: msgpack behind a length, encoded and decoded without I/O.

To the agent: `[id, op, params]`, and `[id, "cancel", {}]` for one that runs.
From it: `[id, "ok", result]`, `[id, "error", facts]`, and before either any number of `[id, "progress", value]` and
`[id, "step", [step, side, nbytes]]`: the operation has begun something that may block, or gets on with it.

An operation with parts has them as `each` among its params, lists that begin with destination and temporary; its
progress is lists of their outcomes in order, `["ok", results]` of those in a row that succeeded, `["error", facts]` of
those that failed.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgpack

# Between the two ends of one program: a bound on garbage, above the listing of half a million names.
MOST: Final = 64 * 1024 * 1024
_PREFIX: Final = 4

# Steps by how long they may take, all others being quick; `nbytes` is what fsync, close and rename may still write.
WRITE_STEPS: Final = frozenset({"write"})
LISTING_STEPS: Final = frozenset({"list"})
FLUSH_STEPS: Final = frozenset({"fsync", "close", "rename", "syncfs"})

# What publishing appends to the temporary's name for an old file that has to step aside for the new one. It may be
# swept only once the new file is known to stand under its final name.
ASIDE: Final = b".old"


class BadFrame(Exception):
    """The stream cannot be understood from here on: close it."""


def encode(message: Any) -> bytes:
    """One frame; raises BadFrame where it would be longer than MOST."""
    body: bytes = msgpack.packb(message, use_bin_type=True, unicode_errors="surrogateescape")
    if len(body) > MOST:
        raise BadFrame(f"a message of {len(body)} bytes is longer than {MOST}")
    return len(body).to_bytes(_PREFIX, "big") + body


class Frames:
    """Takes bytes as they come and gives messages as they are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """The messages that `data` completes, lists as tuples; raises BadFrame at the first that is none."""
        self._buffer += data
        while (message := self._next()) is not None:
            yield message

    def _next(self) -> Any:
        if len(self._buffer) < _PREFIX:
            return None
        length = int.from_bytes(self._buffer[:_PREFIX], "big")
        if length > MOST:
            raise BadFrame(f"a frame of {length} bytes is longer than {MOST}")
        end = _PREFIX + length
        if len(self._buffer) < end:
            return None
        try:
            message = msgpack.unpackb(
                self._buffer[_PREFIX:end],
                raw=False,
                use_list=False,
                strict_map_key=False,
                unicode_errors="surrogateescape",
            )
        except (ValueError, TypeError, msgpack.UnpackException) as error:  # TypeError: a map as the key of a map
            raise BadFrame(f"not msgpack: {error}") from error
        if not isinstance(message, tuple) or len(message) != 3:
            raise BadFrame("a message is a list of three")
        del self._buffer[:end]
        return message
