"""cloudgatherd --doctor: the examination, printed."""

import asyncio
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from cgwire.text.values import escaped
from cloudgather.doctor.checks import Check, Health
from cloudgather.doctor.examination import examine

_MARKS: Final = {Health.OK: ("✓", "+"), Health.WARN: ("!", "!"), Health.BAD: ("✗", "x")}
_ARROWS: Final = ("→", "->")
_OUTPUTS: Final = (1, 2)


def main(file: str, *, as_json: bool) -> int:
    """Print what was found; 0 if nothing is bad, else 1."""
    with _silence():
        checks = asyncio.run(examine(file))
    if as_json:
        print(json.dumps({"checks": [check.to_json() for check in checks]}))  # noqa: T201
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # names, where the locale has no letters for them
        for line in report(checks, ascii_only=_is_ascii(sys.stdout)):
            print(line)  # noqa: T201
    return 1 if any(check.health is Health.BAD for check in checks) else 0


def report(checks: Sequence[Check], *, ascii_only: bool) -> Iterator[str]:
    """A line for each check, below it what would help, and a summary."""
    for check in checks:
        about = check.name if check.subject is None else f"{check.name} {escaped(check.subject)}"
        yield f"{_MARKS[check.health][ascii_only]} {about}: {check.text}"
        if check.hint is not None:
            yield f"  {_ARROWS[ascii_only]} {check.hint}"
    yield ""
    counts = [sum(check.health is health for check in checks) for health in (Health.BAD, Health.WARN)]
    yield f"bad: {counts[0]}, to look at: {counts[1]}" if any(counts) else "all is well"


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Standard output and error lead nowhere meanwhile.

    An agent that hangs in a dead mount outlives us, and whoever reads our output would wait for it to close its copy.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in _OUTPUTS]
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for number in _OUTPUTS:
            os.dup2(nowhere, number)
        yield
    finally:
        sys.stderr.flush()
        for number, copy in zip(_OUTPUTS, kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)


def _is_ascii(stream: TextIO) -> bool:
    return not (stream.encoding or "").lower().startswith("utf")
