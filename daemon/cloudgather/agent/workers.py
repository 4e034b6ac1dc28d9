"""Blocking work on a local source, in daemon threads: one that never returns costs a thread, not the daemon."""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, Final, TypeVar

T = TypeVar("T")

_IDLE: Final = 10.0
_AHEAD: Final = 4


class Workers:
    """At most `most` threads, started when needed; each leaves after some idle seconds."""

    def __init__(self, *, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads = 0
        self._free = 0  # of them, those that wait for a job
        self._queued = 0

    async def run(self, work: Callable[[], T], *, within: float) -> T:
        """What `work` answers or raises; TimeoutError when that takes longer, be it for want of a thread."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            if answer.cancelled():
                return
            try:
                result = work()
            except Exception as error:
                _hand_over(loop, _fail, answer, error)
            else:
                _hand_over(loop, _succeed, answer, result)

        with self._lock:
            self._queued += 1
            if self._queued > self._free and self._threads < self._most:
                self._threads += 1
                self._free += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
        self._jobs.put(job)
        async with asyncio.timeout(within):
            return await answer

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    if self._queued:
                        continue  # a job is on its way, and this thread was counted on
                    self._free -= 1
                    self._threads -= 1
                    return
            with self._lock:
                self._queued -= 1
                self._free -= 1
            job()
            with self._lock:
                self._free += 1


async def streamed(parts: Callable[[], Iterator[T]], *, within: float, name: str) -> AsyncGenerator[T, None]:
    """What the iterator gives, which runs in a thread of its own and some steps ahead.

    Raises what it raises, and TimeoutError when the next part takes longer than `within`. The thread ends when the
    consumer does.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    room = threading.Semaphore(_AHEAD)
    over = threading.Event()

    def produce() -> None:
        try:
            for part in parts():
                room.acquire()
                if over.is_set():
                    return
                _hand_over(loop, ready.put_nowait, ("part", part))
        except Exception as error:
            _hand_over(loop, ready.put_nowait, ("error", error))
        else:
            _hand_over(loop, ready.put_nowait, ("end", None))

    threading.Thread(target=produce, name=name, daemon=True).start()
    try:
        while True:
            async with asyncio.timeout(within):
                kind, value = await ready.get()
            match kind:
                case "part":
                    room.release()
                    yield value
                case "error":
                    raise value
                case _:
                    return
    finally:
        over.set()
        room.release()


def _hand_over(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _succeed(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[T], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
