"""The doctor asked for by a daemon: in a process of its own, so that a check that hangs cannot hang the daemon."""

import asyncio
import json
import sys
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.caller import Refused

# Longer than an examination takes that keeps to its own bound.
_PATIENCE: Final = 60.0


async def examine_elsewhere(file: str) -> dict[str, Any]:
    """What `cloudgatherd --config FILE --doctor --json` says, run as the daemon's own user; raises Refused."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "cloudgather", "--config", file, "--doctor", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, said = await asyncio.wait_for(process.communicate(), _PATIENCE)
    except TimeoutError as error:
        raise _silent(f"no answer within {_PATIENCE:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
    try:
        report: dict[str, Any] = json.loads(output)
    except ValueError as error:
        lines = said.decode("utf-8", "backslashreplace").strip().splitlines()
        raise _silent(lines[-1] if lines else f"exit code {process.returncode}") from error
    return report


def _silent(why: str) -> Refused:
    return Refused(because(Code.ERROR_INTERNAL, message=f"the doctor gave no report: {why}"))
