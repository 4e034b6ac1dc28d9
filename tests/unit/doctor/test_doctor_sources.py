"""Sources: there or not, readable or not, local or not, and what the kernel tells of their files."""

import os
from pathlib import Path

import pytest

from cloudgather.doctor.census import take_census
from cloudgather.doctor.checks import Health
from fuse.sickmount import SickMount, needs_sick
from unit.doctor.examined import (
    NOBODY,
    a_mount,
    a_task,
    as_nobody,
    as_root,
    nobody,
    roots_folder,
    source_of,
    told,
    tree,
)


def test_a_local_folder_is_counted_and_a_lease_is_tried(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "film.mkv").write_bytes(b"x")
    before = tree(tmp_path)

    found = source_of(a_task(tmp_path), (a_mount("/"),))

    assert told(found.checks) == {"source": "doctor.source", "lease": "doctor.lease"}
    assert found.census is not None and found.census.directories == 3
    assert found.checks[0].subject == "films"
    assert found.checks[0].reason.facts["directories"] == 3
    assert tree(tmp_path) == before


def test_an_empty_folder_and_one_that_is_not_watched(tmp_path: Path) -> None:
    found = source_of(a_task(tmp_path, watch=False), (a_mount("/"),))

    assert told(found.checks)["lease"] == "doctor.lease-untried"
    assert found.census is None


def test_a_file_system_that_does_not_tell_writers(tmp_path: Path) -> None:
    (tmp_path / "film.mkv").write_bytes(b"x")

    lease = source_of(a_task(tmp_path), (a_mount("/", "overlay"),)).checks[-1]

    assert (lease.reason.code, lease.health) == ("doctor.lease-unknown", Health.WARN)


def test_what_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for name, code in (("gone", "source.gone"), ("file", "source.not-a-folder")):
        (check,) = source_of(a_task(tmp_path / name)).checks
        assert (check.reason.code, check.health) == (code, Health.BAD)


def test_counting_ends_and_says_so(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number) / "below").mkdir(parents=True)

    by_number, by_time = (
        take_census(os.fsencode(tmp_path), (), most=10),
        take_census(os.fsencode(tmp_path), (), seconds=0.0),
    )

    assert by_number.stopped is not None and 10 <= by_number.directories < 41
    assert by_time.stopped is not None
    assert take_census(os.fsencode(tmp_path), ()).stopped is None


def test_junk_and_what_is_mounted_from_elsewhere_are_not_counted(tmp_path: Path) -> None:
    for name in ("a", "@eaDir/deep", "cloud/deep"):
        (tmp_path / name).mkdir(parents=True)

    census = take_census(os.fsencode(tmp_path), (a_mount("/"), a_mount(tmp_path / "cloud", "fuse.rclone")))

    assert census.directories == 2


def test_a_cloud_mounted_below_makes_it_polled(tmp_path: Path) -> None:
    (tmp_path / "cloud").mkdir()

    found = source_of(a_task(tmp_path), (a_mount("/"), a_mount(tmp_path / "cloud", "fuse.rclone")))

    assert told(found.checks)["watch"] == "watch.remote"
    assert found.census is None


@as_root
def test_another_users_folder_with_what_to_run() -> None:
    with roots_folder() as folder:
        (folder / "own" / "films").mkdir(parents=True)
        (folder / "own").chmod(0o700)
        (folder / "films").mkdir(mode=0o750)
        with nobody():
            (above,) = source_of(a_task(folder / "own" / "films")).checks
            (itself,) = source_of(a_task(folder / "films")).checks

    assert [above.reason.code, itself.reason.code] == ["doctor.source-denied"] * 2
    assert above.reason.facts["at"] == os.fsencode(folder / "own")
    assert above.hint == f"sudo setfacl -m u:nobody:x {folder}/own"
    assert itself.text == f"{folder}/films cannot be read by nobody: {folder}/films belongs to root:root with mode 0750"
    assert itself.hint == f"sudo setfacl -R -m u:nobody:rX {folder}/films"


@as_root
def test_folders_within_that_cannot_be_read() -> None:
    with roots_folder() as folder:
        (folder / "secret").mkdir(mode=0o700)
        with nobody():
            check = source_of(a_task(folder)).checks[0]

    assert (check.reason.code, check.health) == ("doctor.source-parts", Health.WARN)
    assert (check.reason.facts["count"], check.reason.facts["example"]) == (1, b"secret")


@as_root
def test_a_lease_on_others_files_needs_a_capability() -> None:
    with roots_folder() as folder:
        (folder / "film.mkv").write_bytes(b"x")
        with nobody():
            refused = source_of(a_task(folder), (a_mount("/"),)).checks[-1]
        os.chown(folder / "film.mkv", NOBODY, NOBODY)
        with nobody():
            own = source_of(a_task(folder), (a_mount("/"),)).checks[-1]

    assert (refused.reason.code, refused.health) == ("doctor.lease-refused", Health.WARN)
    assert "CAP_LEASE" in (refused.hint or "")
    assert own.reason.code == "doctor.lease"


@needs_sick
def test_a_fuse_source_is_polled_and_only_an_agent_touches_it(tmp_path: Path) -> None:
    with SickMount(tmp_path) as mount:
        os.makedirs(mount.backing + b"/films")

        found = source_of(a_task(mount.root + b"/films"))

        assert told(found.checks) == {
            "source": "doctor.source",
            "watch": "watch.remote",
            "lease": "doctor.lease-unknown",
        }
        assert found.checks[0].reason.facts["fs_type"].startswith("fuse")
        assert told(source_of(a_task(mount.root + b"/no")).checks)["source"] == "source.gone"


@needs_sick
@pytest.mark.parametrize("how", ["hangs", "died"])
def test_a_fuse_source_that_does_not_answer(tmp_path: Path, how: str) -> None:
    with SickMount(tmp_path) as mount:
        if how == "died":
            mount.kill()
        else:
            mount.hang("getattr")

        check = source_of(a_task(mount.root), afterwards=None if how == "died" else mount.heal).checks[0]

        expected = "doctor.source-dead" if how == "died" else "source.stalled"
        assert (check.reason.code, check.health) == (expected, Health.BAD)


@as_root
@needs_sick
def test_a_fuse_source_of_another_user(tmp_path: Path) -> None:
    with roots_folder() as folder, SickMount(folder) as mount:
        check, *_ = as_nobody("-m", "unit.doctor.apart", "source", os.fsdecode(mount.root))

        assert (check["code"], check["ok"]) == ("doctor.source-private", "bad")
        assert check["text"].endswith("lets nobody else in: it belongs to root, not to nobody")
