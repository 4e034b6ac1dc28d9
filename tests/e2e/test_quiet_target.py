"""A tree that is uploaded costs the cloud nothing: neither rescans nor restarts ask it anything."""

import os
from pathlib import Path

from cgwire import run as run_wire
from e2e.running import Running
from fuse.rclone import RcloneMount, needs_rclone
from fuse.sickmount import SickMount, needs_sick

NAMES = ["a.mkv", "b.mkv", "Season 1/1.mkv", "Season 1/2.mkv", "Season 1/3.mkv", "Season 1/4.mkv", "Season 1/5.mkv"]


def uploaded(running: Running) -> None:
    """A tree is at the target, and nothing is left to do there."""
    for name in NAMES:
        running.write(name, os.urandom(1000))
    running.until_idle(len(NAMES))
    assert set(running.states().values()) == {"done"}
    rescan(running)


def rescan(running: Running) -> None:
    """The whole source is walked by order, which finds all files and sends none."""
    running.cgctl("task", "run", "film", "--wait")
    newest = running.ask(run_wire.List(task="film"))["runs"][0]
    assert (newest["trigger"], newest["seen"], newest["planned"]) == ("manual", len(NAMES), 0)
    assert len(running.transfers()) == len(NAMES)


@needs_sick
def test_a_rescan_and_a_restart_make_no_request(tmp_path: Path) -> None:
    with SickMount(tmp_path) as sick, Running(tmp_path, root=sick.root, target='profile = "lan"') as running:
        uploaded(running)
        assert sick.counts()["getattr"] > 0  # it counts
        sick.reset()

        rescan(running)
        assert sick.counts() == {}

        running.stop()
        running.start()
        rescan(running)
        running.cgctl("status")
        running.cgctl("target", "list")
        running.cgctl("why", running.path("a.mkv"))
        assert running.agents() == []  # nobody who could ask
        assert sick.counts() == {}


@needs_rclone
def test_a_rescan_and_a_restart_leave_no_line_in_rclones_own_log(tmp_path: Path) -> None:
    with (
        RcloneMount(tmp_path, options=("-vv",)) as cloud,
        Running(tmp_path, root=cloud.root, target='profile = "lan"') as running,
    ):
        uploaded(running)
        before = Path(cloud.log_file).read_text()
        assert "Season 1" in before  # it logs

        rescan(running)
        running.stop()
        running.start()
        rescan(running)

        assert Path(cloud.log_file).read_text()[len(before) :] == ""
