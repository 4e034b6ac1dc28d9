"""`kill -9` of the daemon at any moment: every file arrives once, whole, and nothing is left behind."""

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.running import Running
from fuse.rclone import RcloneMount, needs_rclone
from waiting import eventually_sync

SEED = int(os.environ.get("CLOUDGATHER_SEED", "1"))


def a_batch(running: Running, luck: random.Random, count: int) -> dict[bytes, bytes]:
    """Files of mixed sizes, most of them small."""
    contents = {}
    for number in range(count):
        size = luck.choice([0, 1, 4096, 100_000, 1 << 20, 3 << 20])
        name = f"{number % 7}/{number}.mkv"
        contents[name.encode()] = luck.randbytes(size)
        running.write(name, contents[name.encode()])
    return contents


@contextmanager
def sampled(folder: bytes, contents: dict[bytes, bytes]) -> Iterator[list[str]]:
    """Watches the target all the while: a final name must always show the whole file, and stay the same file."""
    wrong: list[str] = []
    inodes: dict[bytes, int] = {}
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(0.005):
            for path, content in contents.items():
                try:
                    found = os.stat(folder + b"/" + path)
                except FileNotFoundError:
                    continue
                if found.st_size != len(content):
                    wrong.append(f"{path!r} shows {found.st_size} of {len(content)} bytes")
                if inodes.setdefault(path, found.st_ino) != found.st_ino:
                    wrong.append(f"{path!r} was published twice")

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield wrong
    finally:
        ended.set()
        thread.join()


def kill_again_and_again(running: Running, luck: random.Random, *, times: int, count: int) -> int:
    """Kill and start `times` times within the batch; how many kills came before it was done."""
    useful = 0
    for _ in range(times):
        before = sum(state == "done" for state in running.states().values())
        time.sleep(luck.uniform(0.05, 0.6))  # the moment of the kill is the input of this test
        running.kill()
        useful += before < count
        running.start()
    return useful


@pytest.mark.parametrize("profile", ["disk", "lan"])
def test_every_file_arrives_once_on_a_disk(tmp_path: Path, profile: str) -> None:
    luck = random.Random(SEED)
    (tmp_path / "target").mkdir()
    target = f'profile = "{profile}"\nbandwidth = "12MiB/s"'
    running = Running(tmp_path, root=tmp_path / "target", kind="directory", target=target)
    contents = a_batch(running, luck, 60)

    with sampled(running.base, contents) as wrong, running:
        useful = kill_again_and_again(running, luck, times=8, count=len(contents))
        running.until_idle(len(contents))

    assert useful >= 4, "the batch was done before the kills"
    assert running.sent() == contents  # and no temporary beside them
    assert wrong == []


@needs_rclone
def test_every_file_arrives_once_on_an_rclone_mount(tmp_path: Path) -> None:
    luck = random.Random(SEED)
    with RcloneMount(tmp_path) as mount:
        running = Running(
            tmp_path, root=mount.root, target='parallel = 3\nbandwidth = "12MiB/s"\nmetadata_per_second = 10'
        )
        contents = a_batch(running, luck, 30)
        with running:
            useful = kill_again_and_again(running, luck, times=5, count=len(contents))
            running.until_idle(len(contents), within=120)
            eventually_sync(lambda: running.sent(mount.backing) == contents, what="all files and no temporary")

    assert useful >= 3, "the batch was done before the kills"
