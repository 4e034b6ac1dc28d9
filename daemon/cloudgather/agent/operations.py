"""Which function does which operation; what only some agents need is imported when it is asked for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from cloudgather.agent import copying, listing, publishing
from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.places import KEEP
from cloudgather.agent.roots import DurableFolders
from cloudgather.agent.standing import Listings
from cloudgather.agent.throttle import Throttle

Operation = Callable[..., Any]


def operations(throttle: Throttle) -> dict[str, Operation]:
    """By name; each takes the job and its parameters by keyword."""
    durable_folders, listings = DurableFolders(), Listings()

    def copy(job: Job, **params: Any) -> Any:
        return copying.copy(job, throttle, durable_folders=durable_folders, **params)

    @contextmanager
    def copies(job: Job, **common: Any) -> Iterator[Operation]:
        known: dict[str, Any] = {"durable_folders": durable_folders, "listings": listings}
        with copying.Copying(job, throttle, keep=KEEP, **known, **common) as session:
            yield session.copy

    @contextmanager
    def publications(job: Job, **common: Any) -> Iterator[Operation]:
        with publishing.Publishing(job, keep=KEEP, **common) as session:
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
