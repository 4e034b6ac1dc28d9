"""Files brought to a place, by a daemon that has just been started and by its peers (lines a and b)."""

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial

from measuring import Taken, Wrong, command
from places import scratch
from running import Daemon
from trees import size_of


def contestants(
    folder: str, source: str, root: str, *, mount: bool, peers: Mapping[str, tuple[str, ...]]
) -> dict[str, Callable[[], Taken]]:
    """By name ("ours", and the peers) what brings `source` to a folder of `root` and takes it away again.

    Peers are commands in which the word TO stands for the folder to bring it to. Ours is a daemon with an empty state
    below `folder` and without an agent: from the order to run until the last file stands there, and is recorded.
    """
    there = os.path.join(root, "peer")
    found: dict[str, Callable[[], Taken]] = {"ours": partial(_by_us, folder, source, root, mount=mount)}
    for name, words in peers.items():
        found[name] = partial(_by_peer, [there if word == "TO" else word for word in words], source, there)
    return found


def _by_us(folder: str, source: str, root: str, *, mount: bool) -> Taken:
    files = size_of(source)
    with scratch(folder) as home:
        own = os.path.join(home, "d")
        with Daemon(own, sources={"bench": source}, root=root, mount=mount, task="watch = false") as daemon:
            taken = daemon.run("bench", uploads=files.count)
    _take_away(source, os.path.join(root, "bench"))
    return taken


def _by_peer(words: list[str], source: str, there: str) -> Taken:
    taken = command(*words)
    _take_away(source, there)
    return taken


def _take_away(source: str, there: str) -> None:
    if (found := size_of(there)) != (expected := size_of(source)):
        raise Wrong(f"{found} has come, not {expected}")
    shutil.rmtree(there)
