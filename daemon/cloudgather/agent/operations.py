"""Which function does which operation; what only some agents need is imported when it is asked for."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from cloudgather.agent import copying, listing, publishing
from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.places import KEEP
from cloudgather.agent.roots import DurableFolders
from cloudgather.agent.throttle import Throttle

Operation = Callable[..., Any]

# Many times as long as a batch of small files takes on a disk that does not keep anybody waiting.
_PATIENCE: Final = 0.05  # seconds


def operations(throttle: Throttle) -> dict[str, Operation]:
    """By name; each takes the job and its parameters by keyword."""
    durable_folders = DurableFolders()
    turn = _Turn()

    def copy(job: Job, **params: Any) -> Any:
        return copying.copy(job, throttle, durable_folders=durable_folders, **params)

    @contextmanager
    def copies(job: Job, **common: Any) -> Iterator[Operation]:
        with (
            copying.Copying(job, throttle, keep=KEEP, durable_folders=durable_folders, **common) as session,
            turn.of("copy", is_local=session.is_local),
        ):
            yield session.copy

    @contextmanager
    def publications(job: Job, **common: Any) -> Iterator[Operation]:
        with (
            publishing.Publishing(job, keep=KEEP, **common) as session,
            turn.of("publish", is_local=session.is_local),
        ):
            yield session.publish

    def limits(job: Job, *, bandwidth: int | None) -> None:
        throttle.limit(bandwidth)

    return {
        "copy": copy,
        "copy.each": _each(copies),
        "limits": limits,
        "probe": listing.probe,
        "listing": listing.listing,
        "look": listing.look,
        "digest": listing.digest,
        "prepare": publishing.prepare,
        "publish": publishing.publish,
        "publish.each": _each(publications),
        "barrier": publishing.barrier,
        "sweep": publishing.sweep,
        "test": _test,
        "tree.root": _tree("root"),
        "tree.scan": _tree("scan"),
        "tree.look": _tree("look"),
        "tree.look_all": _tree("look_all"),
        "tree.above": _tree("above"),
        "tree.writers": _tree("writers"),
    }


class _Turn:
    """Has batches of copies and batches of renames on a local disk go one after the other.

    Beside each other they would take the interpreter's lock from each other at every system call. What is slow, or
    hangs, is not waited for; nor is a batch of the same kind, of which there are as many as the target is to have.
    """

    def __init__(self) -> None:
        self._running = Counter[str]()
        self._changed = threading.Condition()

    @contextmanager
    def of(self, kind: str, *, is_local: bool) -> Iterator[None]:
        """That of a batch; unless it `is_local`, it neither waits nor is waited for."""
        if not is_local:
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: self._running.total() == self._running[kind], timeout=_PATIENCE)
            self._running[kind] += 1
        try:
            yield
        finally:
            with self._changed:
                self._running[kind] -= 1
                self._changed.notify_all()


def _each(session: Callable[..., AbstractContextManager[Operation]]) -> Operation:
    """One after the other, in a session made with what they have in common; what each answered or failed with.

    That goes out in order with the next heartbeat, so that it is known which of them hangs.
    """

    def operation(job: Job, *, each: Sequence[Sequence[Any]], **common: Any) -> None:
        with session(job, **common) as one:
            for part in each:
                job.check()
                try:
                    job.outcomes.append(("ok", one(*part)))
                except Trouble as trouble:
                    if trouble.kind == "cancelled":
                        raise
                    job.outcomes.append(("error", trouble.to_wire()))
                except OSError as error:
                    job.outcomes.append(("error", job.blame(error).to_wire()))

    return operation


def _tree(name: str) -> Operation:
    def operation(job: Job, **params: Any) -> Any:
        from cloudgather.agent import trees

        return getattr(trees, name)(job, **params)

    return operation


def _test(job: Job, **params: Any) -> Any:
    from cloudgather.agent import probing

    return probing.test(job, **params)
