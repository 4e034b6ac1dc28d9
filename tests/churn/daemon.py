"""cloudgatherd for the long run: `python -m churn.daemon --config FILE`.

Its steps have short deadlines, it forgets history within seconds where others take months, and every two seconds it
writes to the file that CHURN_INSIDE names what only it can see: its asyncio tasks, its objects by type, and what it
has had from its allocators.
"""

import asyncio
import ctypes
import gc
import json
import os
import sys
import threading
import time
from collections import Counter
from datetime import timedelta

from cloudgather.app import starting
from cloudgather.pipeline.upkeep import Pruning
from e2e.impatient import IMPATIENT

KEPT = timedelta(seconds=15)
_EVERY = 2.0
_KINDS = 150


class _Mallinfo(ctypes.Structure):
    """struct mallinfo2: ten sizes, of which two say what is in use."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("a", "b", "c", "d", "hblkhd", "f", "g", "uordblks", "i", "j")]


def malloced() -> int:
    """Bytes that C code holds (SQLite's, for one), and Python for what is larger than half a KiB; 0: unknown."""
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except AttributeError:  # not glibc, or before 2.33
        return 0
    ask.restype = _Mallinfo
    told = ask()
    return int(told.uordblks + told.hblkhd)


def tell_inside(file: str) -> None:
    """For ever: {tasks, objects, blocks, malloced, kinds: {type: how many}}, put in place at once."""
    while True:
        gc.collect()  # what nobody can reach any more waits for its turn, and is no leak
        objects = gc.get_objects()
        tasks = sum(isinstance(each, asyncio.Task) and not each.done() for each in objects)
        kinds = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in objects)
        told = {"tasks": tasks, "objects": len(objects), "kinds": dict(kinds.most_common(_KINDS))}
        del objects
        told |= {"blocks": sys.getallocatedblocks(), "malloced": malloced()}
        with open(file + ".new", "w") as out:
            json.dump(told, out)
        os.replace(file + ".new", file)
        time.sleep(_EVERY)


if __name__ == "__main__":
    threading.Thread(target=tell_inside, args=(os.environ["CHURN_INSIDE"],), daemon=True, name="inside").start()
    sys.exit(starting.run(sys.argv[2], deadlines=IMPATIENT, pruning=Pruning(every=5.0, kept=KEPT)))
