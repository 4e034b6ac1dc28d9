"""The agent's main loop: frames in, one worker thread for each operation that runs, answers and heartbeats out."""

import os
import select
import threading
import time
from itertools import groupby
from operator import itemgetter
from queue import SimpleQueue
from typing import Any, Final, NoReturn

from cloudgather.agent.job import CHUNK, Job, Trouble
from cloudgather.agent.operations import operations
from cloudgather.agent.protocol import BadFrame, Frames, encode
from cloudgather.agent.throttle import Throttle

# How often the daemon hears of an operation that runs.
_BEAT: Final = 0.25
_READ: Final = 256 * 1024


class _Task:
    """One operation with what the daemon has heard of it."""

    def __init__(self, id: int, op: str, params: dict[str, Any], job: Job) -> None:
        self.id = id
        self.op = op
        self.params = params
        self.job = job
        self.heard_at = job.at
        self.heard_done: int | None = None


class Agent:
    """Serves one socket until it closes, and then ends the process, whatever still runs."""

    def __init__(self, connection: int) -> None:
        """With the socket's descriptor, which is enough: `socket` would be a twentieth of what it takes to start."""
        self._connection = connection
        self._operations = operations(Throttle())
        self._sending = threading.Lock()
        self._tasks: dict[int, _Task] = {}  # those that are not answered; changed under _sending
        self._orders: SimpleQueue[_Task] = SimpleQueue()
        self._counting = threading.Lock()
        self._free = 0  # workers that wait and are not spoken for

    def serve(self) -> NoReturn:
        """Never returns: a thread that hangs in a dead mount could not be joined."""
        frames = Frames()
        waiting = select.poll()
        waiting.register(self._connection, select.POLLIN)
        beat_at = time.monotonic() + _BEAT
        while True:
            if waiting.poll(_BEAT * 1000 if self._tasks else None):
                try:
                    data = os.read(self._connection, _READ)
                    if not data:
                        os._exit(0)
                    for message in frames.feed(data):
                        self._receive(*message)
                except (OSError, BadFrame):
                    os._exit(1)
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + _BEAT
                self._beat()

    def _receive(self, id: int, op: str, params: dict[str, Any]) -> None:
        if op == "cancel":
            if (task := self._tasks.get(id)) is not None:
                task.job.cancel()
            return
        task = _Task(id, op, params, Job(lambda value: self._send([id, "progress", value])))
        with self._sending:
            self._tasks[id] = task
        if op == "limits":
            self._run(task)  # here, in order: no thread that lags behind with an older figure
        else:
            self._hand_out(task)

    def _hand_out(self, task: _Task) -> None:
        with self._counting:
            enough = self._free > 0
            self._free -= enough
        if not enough:
            threading.Thread(target=self._work, daemon=True).start()
        self._orders.put(task)

    def _work(self) -> None:
        buffer = memoryview(bytearray(CHUNK))
        while True:
            task = self._orders.get()
            task.job.buffer = buffer
            self._run(task)
            with self._counting:
                self._free += 1

    def _run(self, task: _Task) -> None:
        try:
            kind, body = "ok", self._operations[task.op](task.job, **task.params)
        except Trouble as trouble:
            kind, body = "error", trouble.to_wire()
        except OSError as error:
            kind, body = "error", task.job.blame(error).to_wire()
        except Exception:  # the outer edge of an operation: a bug, or parameters that nobody understands
            import traceback  # wanted only here: an agent starts fast

            kind, body = "error", Trouble("bad", traceback.format_exc()).to_wire()
        try:
            self._answer(task, encode([task.id, kind, body]))
        except BadFrame as error:
            self._answer(task, encode([task.id, "error", Trouble("bad", str(error)).to_wire()]))

    def _answer(self, task: _Task, frame: bytes) -> None:
        with self._sending:
            self._tell_progress(task)
            del self._tasks[task.id]
            self._put(frame)

    def _beat(self) -> None:
        for task in list(self._tasks.values()):
            with self._sending:
                if task.id not in self._tasks:
                    continue
                at = task.job.at
                if at is not task.heard_at:
                    task.heard_at = at
                    self._put(encode([task.id, "step", at]))
                self._tell_progress(task)

    def _tell_progress(self, task: _Task) -> None:
        if task.job.outcomes:
            told = [task.job.outcomes.popleft() for _ in range(len(task.job.outcomes))]
            alike = [(kind, [body for _, body in those]) for kind, those in groupby(told, itemgetter(0))]
            self._put(encode([task.id, "progress", alike]))
        done = task.job.done
        if done != task.heard_done:
            task.heard_done = done
            self._put(encode([task.id, "progress", done]))

    def _send(self, message: list[Any]) -> None:
        frame = encode(message)
        with self._sending:
            self._put(frame)

    def _put(self, frame: bytes) -> None:
        left = memoryview(frame)
        try:
            while left:
                left = left[os.write(self._connection, left) :]
        except OSError:
            os._exit(1)  # nobody is there to hear it
