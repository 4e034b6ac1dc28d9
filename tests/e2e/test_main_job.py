"""The main job on a plain disk and on a real rclone mount."""

import os
from pathlib import Path

from e2e.running import Running
from fuse.rclone import RcloneMount, needs_rclone


def test_a_finished_file_is_in_the_target_by_itself(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    content = os.urandom(3 << 20)

    with Running(tmp_path, root=tmp_path / "target", kind="directory") as running:
        running.write("电影/a.mkv", content)
        running.until("电影/a.mkv", "done")

        assert running.sent() == {"电影/a.mkv".encode(): content}
        assert running.why("电影/a.mkv")["verdict"] == "uploaded"


@needs_rclone
def test_a_finished_file_is_in_the_mounted_cloud_by_itself(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)

    with RcloneMount(tmp_path) as mount, Running(tmp_path, root=mount.root) as running:
        running.write("a.mkv", content)
        running.until("a.mkv", "done")

        assert running.sent(mount.backing) == {b"a.mkv": content}
        assert running.why("a.mkv")["ledger"]["strength"] == "seen"
