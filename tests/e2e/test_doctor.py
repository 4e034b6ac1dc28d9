"""cloudgatherd --doctor and cgctl doctor on a real machine: with the daemon down and up, beside a mount that hangs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from e2e.running import Running
from fuse.rclone import RcloneMount, needs_rclone
from fuse.sickmount import SickMount, needs_sick
from unit.doctor.examined import NOBODY, as_nobody, as_root, roots_folder, tree

PROGRAM = ("-m", "cloudgather", "--doctor", "--config")


def doctor(config: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *PROGRAM, str(config), *words]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
    )


def found(config: Path) -> dict[str, Any]:
    """name -> finding, and "name subject" for those about a task or target."""
    checks = json.loads(doctor(config, "--json").stdout)["checks"]
    return {" ".join(filter(None, (each["name"], each.get("subject")))): each for each in checks}


def test_before_the_first_start_it_tells_and_changes_nothing(tmp_path: Path) -> None:
    running = Running(tmp_path, root=tmp_path / "disk", kind="directory")
    (tmp_path / "disk").mkdir()
    running.write("film.mkv", b"x")
    before = tree(tmp_path)

    said = doctor(running.config)

    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stderr == ""
    assert f"✓ source film: {tmp_path}/source can be read" in said.stdout
    assert f"✓ target cloud: {tmp_path}/disk is there" in said.stdout
    assert "no daemon runs" in said.stdout
    assert tree(tmp_path) == before


def test_something_bad_is_an_exit_code_and_a_remedy(tmp_path: Path) -> None:
    running = Running(tmp_path, root=tmp_path / "cloud", task='schedule = "61 * * * *"')

    said = doctor(running.config)

    assert said.returncode == 1
    assert "tasks.d/film.toml:4: schedule:" in said.stdout
    assert f"✗ target cloud: no cloud drive was ever seen mounted at {tmp_path}/cloud" in said.stdout
    assert "  → mount the cloud drive" in said.stdout
    assert said.stdout.splitlines()[-1].startswith("bad: 2, ")


def test_beside_a_daemon_that_works(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with Running(tmp_path, root=tmp_path / "disk", kind="directory") as running:
        running.write("film.mkv", b"x" * 100_000)
        running.until("film.mkv", "done")

        outside = found(running.config)
        asked = json.loads(running.cgctl("doctor", "--json").stdout)["checks"]

        assert (outside["database"]["code"], outside["database"]["pid"]) == ("doctor.database", running.pid)
        assert (outside["socket"]["code"], outside["socket"]["pid"]) == ("doctor.socket", running.pid)
        assert [(each["name"], each["code"]) for each in asked] == [
            (each["name"], each["code"]) for each in outside.values()
        ]
        running.write("other.mkv", b"x")
        running.until("other.mkv", "done")


def test_cgctl_tells_it_in_chinese_with_the_daemon_up_and_down(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    chinese = {"LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"}
    with Running(tmp_path, root=tmp_path / "disk", kind="directory", environ=chinese) as running:
        up = running.cgctl("doctor")
        running.stop()
        down = running.cgctl("doctor", "--config", str(running.config), check=False)

    assert f"✓ target cloud: {tmp_path}/disk 正常" in up.stdout
    assert "✗ daemon: 无法连接守护进程" in down.stdout
    assert f"✓ target cloud: {tmp_path}/disk 正常" in down.stdout
    assert down.returncode == 1


@needs_rclone
def test_a_mount_that_the_daemon_knows_and_that_has_gone(tmp_path: Path) -> None:
    with RcloneMount(tmp_path, name="cloud") as mount, Running(tmp_path, root=mount.root) as running:
        running.write("film.mkv", b"x")
        running.until("film.mkv", "done")
        there = found(running.config)["target cloud"]
        mount.kill()
        dead = found(running.config)["target cloud"]
        mount.detach()
        gone = found(running.config)["target cloud"]

    assert (there["code"], there["fs_type"]) == ("doctor.target", "fuse.rclone")
    assert [(each["code"], each["ok"]) for each in (dead, gone)] == [
        ("held.mount-dead", "bad"),
        ("held.not-mounted", "bad"),
    ]


@needs_sick
def test_what_hangs_cannot_hang_it(tmp_path: Path) -> None:
    with SickMount(tmp_path) as mount:
        tasks = {"film": f'source = "{os.fsdecode(mount.root)}/in"\ntarget = "cloud:films"'}
        running = Running(tmp_path, root=mount.root + b"/out", tasks=tasks)
        for name in (b"/in", b"/out"):
            os.makedirs(mount.backing + name)
        for op in ("getattr", "statfs", "readdir"):
            mount.hang(op)
        begin = time.monotonic()

        checks = found(running.config)

        assert time.monotonic() - begin < 45
        mount.heal()

    assert (checks["source film"]["code"], checks["target cloud"]["code"]) == ("source.stalled", "held.stalled")
    assert checks["state-dir"]["ok"] == "ok"


@as_root
def test_a_user_without_rights_is_told_what_is_missing() -> None:
    with roots_folder() as folder:
        (folder / "disk").mkdir()
        running = Running(folder, root=folder / "disk", kind="directory")
        (folder / "source").chmod(0o711)
        running.write("film.mkv", b"x")

        checks = as_nobody(*PROGRAM, str(running.config), "--json")["checks"]

    found = {each["name"]: each for each in checks}
    assert (found["user"]["user"], found["user"]["uid"]) == ("nobody", NOBODY)
    assert (found["state-dir"]["code"], found["state-dir"]["ok"]) == ("doctor.folder-denied", "bad")
    assert (found["target"]["code"], found["target"]["ok"]) == ("doctor.target-denied", "warn")
    assert (found["lease"]["code"], found["lease"]["path"]) == ("doctor.lease-refused", "film.mkv")


def test_names_are_told_where_the_locale_has_no_letters_for_them(tmp_path: Path) -> None:
    tasks = {"电影": f'source = "{tmp_path}/no"\ntarget = "cloud:"'}
    running = Running(tmp_path, root=tmp_path / "disk", kind="directory", tasks=tasks)

    said = doctor(running.config, PYTHONIOENCODING="ascii")

    assert f"x source \\u7535\\u5f71: the folder does not exist: {tmp_path}/no" in said.stdout


@as_root
def test_without_proc_it_says_so(tmp_path: Path) -> None:
    script = f"umount -l /proc && exec {sys.executable} -m cloudgather --doctor --json --config {tmp_path}/c.toml"

    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=60)

    if "unshare" in done.stderr or "umount" in done.stderr:
        pytest.skip(f"no mount namespaces here: {done.stderr}")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["checks"][0]["code"] == "doctor.no-proc"


@pytest.mark.parametrize("content", [None, "[daemon", "\0"])
def test_a_configuration_that_cannot_be_read_leaves_the_machine_to_look_at(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "cloudgather.toml"
    if content is not None:
        file.write_text(content)

    said = doctor(file, "--json")

    assert said.returncode == 1
    names = [each["name"] for each in json.loads(said.stdout)["checks"]]
    assert names[0] == "config"
    assert {"watch-limit", "watch-instances", "clock", "time-zone", "msgpack", "user"} <= set(names)
