"""cloudgatherd --doctor: the examination, printed."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from cgwire.text.values import escaped
from cloudgather.doctor.checks import Check, Health
from cloudgather.doctor.examination import examine

_MARKS: Final = {Health.OK: ("✓", "+"), Health.WARN: ("!", "!"), Health.BAD: ("✗", "x")}
_ARROWS: Final = ("→", "->")


def main(file: str, *, as_json: bool) -> int:
    """Print what was found; 0 if nothing is bad, else 1."""
    checks = asyncio.run(examine(file))
    if as_json:
        print(json.dumps({"checks": [check.to_json() for check in checks]}))  # noqa: T201
    else:
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


def _is_ascii(stream: TextIO) -> bool:
    return not (stream.encoding or "").lower().startswith("utf")
