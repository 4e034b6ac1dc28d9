"""Which function does which operation; what only some agents need is imported when it is asked for."""

from collections.abc import Callable, Sequence
from typing import Any

from cloudgather.agent import copying, listing, publishing
from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.throttle import Throttle

Operation = Callable[..., Any]


def operations(throttle: Throttle) -> dict[str, Operation]:
    """By name; each takes the job and its parameters by keyword."""

    def copy(job: Job, **params: Any) -> Any:
        return copying.copy(job, throttle, **params)

    def limits(job: Job, *, bandwidth: int | None) -> None:
        throttle.limit(bandwidth)

    return {
        "copy": copy,
        "copy.each": _each(copy),
        "limits": limits,
        "probe": listing.probe,
        "listing": listing.listing,
        "look": listing.look,
        "digest": listing.digest,
        "prepare": publishing.prepare,
        "publish": publishing.publish,
        "publish.each": _each(publishing.publish),
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


def _each(operation: Operation) -> Operation:
    """One after the other, with parameters in common and of their own; what each answered or failed with, in order.

    That goes out with the next heartbeat, so that it is known which of them hangs.
    """

    def operations(job: Job, *, each: Sequence[dict[str, Any]], **common: Any) -> None:
        for params in each:
            job.check()
            try:
                job.outcomes.append(["ok", operation(job, **common, **params)])
            except Trouble as trouble:
                if trouble.kind == "cancelled":
                    raise
                job.outcomes.append(["error", trouble.to_wire()])
            except OSError as error:
                job.outcomes.append(["error", job.blame(error).to_wire()])

    return operations


def _tree(name: str) -> Operation:
    def operation(job: Job, **params: Any) -> Any:
        from cloudgather.agent import trees

        return getattr(trees, name)(job, **params)

    return operation


def _test(job: Job, **params: Any) -> Any:
    from cloudgather.agent import probing

    return probing.test(job, **params)
