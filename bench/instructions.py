"""How many instructions a small file costs daemon and agent, by process and thread: valgrind counts them.

That is the same within 1% on a busy machine as on a quiet one, where the clock differs by a quarter; so it tells what a
change of line a is worth. System calls are not in it. It takes two minutes, and valgrind.
"""

import argparse
import glob
import os
import re
import shutil
import tempfile
from collections import Counter

from report import machine
from running import Daemon
from trees import let_settle, make_files

_SIZE = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2_560, help="of the larger of two runs, whose difference is told")
    parser.add_argument("--below", default="/dev/shm", metavar="FOLDER", help="of a RAM disk")
    parser.add_argument("--keep", metavar="FOLDER", help="leave what callgrind_annotate reads there")
    asked = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("it needs valgrind: apt-get install valgrind")
    print(machine())
    few, many = max(asked.files // 5, 1), asked.files
    with tempfile.TemporaryDirectory(dir=asked.below) as scratch:
        kept = asked.keep or scratch
        os.makedirs(kept, exist_ok=True)
        at_first = _counted(few, scratch, os.path.join(kept, "few"))
        then = _counted(many, scratch, os.path.join(kept, "many"))
    print(f"thousand instructions a file, of {many - few:,} files of {_SIZE // 1024} KiB")
    for who, threads in then.items():
        each = {thread: (count - at_first[who][thread]) / (many - few) / 1000 for thread, count in threads.items()}
        told = ", ".join(f"thread {thread} {cost:.1f}" for thread, cost in each.items() if cost >= 0.1)
        print(f"{who:7} {sum(each.values()):6.1f}   {told}")


def _counted(files: int, scratch: str, out: str) -> dict[str, Counter[int]]:
    """Instructions by process and thread of a daemon that is started and uploads so many files."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        source, root = (os.path.join(folder, name) for name in ("source", "root"))
        os.mkdir(root)
        make_files(source, files, _SIZE)
        let_settle()
        under = ["valgrind", "--quiet", "--tool=callgrind", "--trace-children=yes", "--separate-threads=yes"]
        under.append(f"--callgrind-out-file={out}.%p")
        own = os.path.join(folder, "d")
        with Daemon(own, sources={"bench": source}, root=root, task="watch = false", under=under) as daemon:
            daemon.run("bench", uploads=files)
            pids = {"daemon": daemon.pid, "agent": daemon.agents()[0]}
    return {who: _of_process(f"{out}.{pid}") for who, pid in pids.items()}


def _of_process(out: str) -> Counter[int]:
    """By thread, in the order in which they were started."""
    found: Counter[int] = Counter()
    for path in sorted(glob.glob(f"{out}-*")):
        with open(path) as file:
            said = dict(re.findall(r"^(thread|totals): (\d+)$", file.read(), re.MULTILINE))
        found[int(said["thread"])] += int(said["totals"])
    return found


if __name__ == "__main__":
    main()
