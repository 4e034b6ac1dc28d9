"""How long the daemon lets somebody wait who asks for its status, whatever else the machine is busy with."""

import os
import threading
import time
from pathlib import Path
from typing import Final

from e2e.running import Running

PATIENCE: Final = 1.0  # seconds that the status may take at most


def wait_for_status(running: Running) -> float:
    """Seconds until the answer, without those in which its threads or ours could have run and others did."""
    before, queued = time.monotonic(), _queued(running)
    assert running.status()["daemon"]["pid"] == running.pid
    took, queued_since = time.monotonic() - before, _queued(running)
    return took - sum(seconds - queued.get(thread, 0.0) for thread, seconds in queued_since.items())


def _queued(running: Running) -> dict[str, float]:
    """By thread: how long it has waited for a processor, in seconds; nothing where the kernel does not tell."""
    threads = [f"/proc/{os.getpid()}/task/{threading.get_native_id()}"]
    threads += [f"/proc/{running.pid}/task/{each}" for each in os.listdir(f"/proc/{running.pid}/task")]
    found = {}
    for thread in threads:
        try:
            found[thread] = int(Path(thread, "schedstat").read_text().split()[1]) / 1e9
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
    return found
