"""A thread of its own that runs steps on one database connection and answers them on the event loop."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from sqlite3 import Connection
from typing import Any, Final, TypeVar

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.ports.queue import StoreUnavailable

_MOST_AT_ONCE: Final = 64
_PASSED_OVER: Final = 8  # times in a row that urgent requests may go before the others

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class Request:
    """One step that somebody waits for."""

    __slots__ = ("error", "future", "result", "step", "urgent")

    def __init__(
        self, step: Callable[[Connection], Any], future: "asyncio.Future[Any]", *, urgent: bool = False
    ) -> None:
        self.step = step
        self.future = future
        self.urgent = urgent
        self.result: Any = None
        self.error: BaseException | None = None

    def answer(self) -> None:
        """Resolve the future; on the loop, once the step is over for good."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Lane:
    """Hands requests, in their order, to `serve` in batches of what has come together while it was busy.

    Where urgent ones are among them, these are a batch of their own, before the others, which are passed over a few
    times at most. `serve` runs in the lane's thread and leaves in each request its result or its error. It is never
    waited for more requests than are there: a single one on an idle lane is served at once. The thread is a daemon: one
    that hangs in a dead disk does not keep the interpreter from exiting.
    """

    def __init__(self, name: str, serve: Callable[[Sequence[Request]], None], finish: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._serve = serve
        self._finish = finish
        self._requests: SimpleQueue[Request | None] = SimpleQueue()
        self._waiting: list[Request] = []  # taken from there, and not served yet: the thread's own, as what follows
        self._passed_over = 0
        self._closing = False
        self._finished: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def do(self, step: Callable[[Connection], Result], *, urgent: bool = False) -> Result:
        """Run `step` in the lane's thread; its result or its error. Cancelled before its turn, it is not run."""
        if self._closing:
            raise StoreUnavailable(because(Code.HELD_STOPPING))
        future: asyncio.Future[Result] = self._loop.create_future()
        self._requests.put(Request(step, future, urgent=urgent))
        return await future

    async def close(self) -> None:
        """Serve what has been asked so far, then end."""
        if not self._closing:
            self._closing = True
            self._requests.put(None)
        await asyncio.shield(self._finished)

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                self._serve(batch)
            except Exception as error:
                logger.exception("%s failed", threading.current_thread().name)
                for request in batch:
                    request.error = error
            self._tell(partial(_answer, batch))
        self._finish()
        self._tell(partial(_end, self._finished))

    def _next_batch(self) -> list[Request]:
        """What is next of what waits now, at least one; empty once the lane is closed and drained."""
        while self._gather():
            waiting = [request for request in self._waiting if not request.future.cancelled()]
            urgent = [request for request in waiting if request.urgent]
            if urgent and len(urgent) < len(waiting) and self._passed_over < _PASSED_OVER:
                self._passed_over += 1
                self._waiting = [request for request in waiting if not request.urgent]
                return urgent
            self._passed_over = 0
            self._waiting = []
            if waiting:
                return waiting
        return []

    def _gather(self) -> bool:
        """Take what has been asked, and wait where nothing has; False once the lane is closed and drained."""
        while len(self._waiting) < _MOST_AT_ONCE:
            try:
                request = self._requests.get(block=not self._waiting)
            except Empty:
                break
            if request is None:
                self._requests.put(None)  # closed: found again once what waits has been served
                break
            self._waiting.append(request)
        return bool(self._waiting)

    def _tell(self, callback: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback)


def _answer(batch: Sequence[Request]) -> None:
    for request in batch:
        request.answer()


def _end(finished: "asyncio.Future[None]") -> None:
    if not finished.done():
        finished.set_result(None)
