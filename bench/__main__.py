"""Measures the daemon beside its peers. One table: our figure, the peer's and their ratio, all from the same run."""

import argparse
import datetime
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import client
import idle
import long_queue
import many_files
import noticing
import one_file
import rescan
import watching
from measuring import MIB, Wrong
from places import kind_of, memory_disk, scratch
from report import Report, Row, machine
from setting import Setting, versions

_HERE = os.path.dirname(os.path.abspath(__file__))
_LINES: dict[str, Callable[[Setting], Iterable[Row]]] = {
    "a": many_files.rows,
    "b": one_file.rows,
    "c": rescan.rows,
    "d": noticing.rows,
    "e": client.rows,
    "f": idle.rows,
    "g": long_queue.rows,
    "h": watching.rows,
}
_DISK_SIZE = {False: 6144 * MIB, True: 1536 * MIB}


def main() -> int:
    asked = _arguments()
    lines = asked.only or list(_LINES)
    results = asked.results
    if results is None and lines == list(_LINES) and not asked.quick:
        results = os.path.join(_HERE, "RESULTS.md")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is mounted, set or running is cleared away
    with _setting(asked) as setting:
        report = Report(head=_head(setting))
        for line in lines:
            print(f"{line} …", end=" ", flush=True, file=sys.stderr)
            begin = time.monotonic()
            try:
                for row in _LINES[line](setting):
                    report.rows.append(row)
            except Exception as error:  # costs neither the other lines nor what this one has found already
                traceback.print_exc()
                report.failed[line] = error
            report.seconds[line] = time.monotonic() - begin
            print(f"{report.seconds[line]:.0f} s", file=sys.stderr)
            if results is not None:
                _write(results, report.text())
    print(report.text(), end="")
    return 1 if report.failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--only", type=_lines, metavar="a,c", help="these lines, of " + ", ".join(_LINES))
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: shows that all works, its figures say little"
    )
    parser.add_argument("--runs", type=int, default=5, help="of each program in turn (5)")
    parser.add_argument("--below", metavar="FOLDER", help="measure there and not on a tmpfs of its own (needs no root)")
    parser.add_argument("--disk", metavar="FOLDER", default="/var/tmp", help="on a real disk, for the queue (/var/tmp)")
    parser.add_argument("--results", metavar="FILE", help="write the table there; a whole run: bench/RESULTS.md")
    return parser.parse_args()


def _lines(given: str) -> list[str]:
    wanted = given.split(",")
    if unknown := set(wanted) - set(_LINES):
        raise argparse.ArgumentTypeError(f"there is no line {', '.join(sorted(unknown))}")
    return sorted(set(wanted))


@contextmanager
def _setting(asked: argparse.Namespace) -> Iterator[Setting]:
    with ExitStack() as stack:
        below = asked.below or stack.enter_context(memory_disk(_DISK_SIZE[asked.quick]))
        fast, disk = stack.enter_context(scratch(below)), stack.enter_context(scratch(asked.disk))
        yield Setting(runs=asked.runs, quick=asked.quick, fast=fast, disk=disk)


def _head(setting: Setting) -> str:
    title = "Measured in small, to see that all works" if setting.quick else "Measured"
    return f"""# {title}

{_revision()} on {datetime.date.today()}: {machine()}.
Peers: {versions()}.
Scratch files on {kind_of(setting.fast)}, the real disk is {kind_of(setting.disk)}.

Each program ran {setting.runs} times, in turn with the others (`cgctl status` more often): medians, in brackets the
least and the most. What is measured, and how: [README](README.md).
"""


def _revision() -> str:
    if (git := shutil.which("git")) is None:
        return "An unknown revision"
    command = [git, "-C", _HERE, "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"Revision {done.stdout.strip()}" if done.returncode == 0 else "An unknown revision"


def _write(path: str, text: str) -> None:
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Wrong as error:
        sys.exit(f"bench: {error}")
