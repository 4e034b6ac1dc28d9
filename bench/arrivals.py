"""When files arrive under their final names: a folder that is listened to with inotify."""

import ctypes
import os
import select
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MOVED_TO: Final = 0x80
_EVENT: Final = struct.Struct("iIII")


class Arrivals:
    """name -> `time.perf_counter()` when it was first renamed to that, in one folder."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def listen(self, descriptor: int, over: int) -> None:
        """Until something can be read from `over`."""
        while True:
            readable, _, _ = select.select([descriptor, over], [], [])
            if over in readable:
                return
            events, now = os.read(descriptor, 1 << 16), time.perf_counter()
            begin = 0
            while begin < len(events):
                _, _, _, length = _EVENT.unpack_from(events, begin)
                begin += _EVENT.size
                self.at.setdefault(os.fsdecode(events[begin : begin + length].rstrip(b"\0")), now)
                begin += length


@contextmanager
def arrivals(folder: str) -> Iterator[Arrivals]:
    """Listening to `folder` in a thread, until the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_CLOEXEC)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(folder), _MOVED_TO) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), folder)
    over, end = os.pipe()
    found = Arrivals()
    thread = threading.Thread(target=found.listen, args=(descriptor, over), name="arrivals")
    thread.start()
    try:
        yield found
    finally:
        os.write(end, b"x")
        thread.join()
        for each in (descriptor, over, end):
            os.close(each)
