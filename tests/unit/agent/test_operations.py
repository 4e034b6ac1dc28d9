"""Operations as an agent runs them beside each other."""

import os
import threading
from typing import Any

from cloudgather.agent.job import Job
from cloudgather.agent.operations import operations
from cloudgather.agent.throttle import Throttle
from unit.agent.orders import EventfulJob, Pair, version_of

DEADLINE = 60.0


def copies(pair: Pair, *paths: bytes) -> dict[str, Any]:
    source = os.fsencode(pair.source)
    return {
        "root": os.fsencode(pair.target),
        "identity": None,
        "source_root": source,
        "base": b"",
        "make_base": False,
        "durable": False,
        "verify": "size",
        "file_mode": None,
        "dir_mode": None,
        "each": [[path, b".temporary-" + path, path, version_of(os.path.join(source, path)), False] for path in paths],
    }


def renames(pair: Pair, path: bytes, size: int) -> dict[str, Any]:
    each = [[path, b".temporary-" + path, size, False]]
    return {"root": os.fsencode(pair.target), "identity": None, "durable": False, "each": each}


def test_a_batch_on_a_local_disk_does_not_wait_for_one_that_hangs(pair: Pair) -> None:
    run = operations(Throttle())
    (pair.target / ".temporary-one").write_bytes(b"film")
    reached, released = threading.Event(), threading.Event()

    def hang() -> None:
        reached.set()
        released.wait(DEADLINE)

    hanging = EventfulJob(source_read=hang)
    order = copies(pair, pair.file("two"))
    beside = threading.Thread(target=lambda: run["copy.each"](hanging, **order))
    beside.start()
    assert reached.wait(DEADLINE)

    run["publish.each"](job := Job(), **renames(pair, b"one", 4))

    assert [kind for kind, _ in job.outcomes] == ["ok"]
    assert not hanging.outcomes
    released.set()
    beside.join(DEADLINE)
    assert [kind for kind, _ in hanging.outcomes] == ["ok"]
