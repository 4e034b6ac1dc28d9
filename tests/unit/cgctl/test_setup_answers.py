"""What setup takes from flags and from the machine where nobody is asked, and what it refuses."""

import os
from pathlib import Path

import pytest

from cgctl.session import Session
from cgctl.setup.answers import Answers, Flags, answers
from cgctl.setup.machine import Mount
from cgctl.setup.plan import Present
from cgctl.trouble import Exit, Trouble

ROOT = Mount(mount_point=b"/", fs_type="ext4", source=b"/dev/sda1", options=frozenset({"rw"}))
DRIVE = Mount(mount_point=b"/CloudDrive/115", fs_type="fuse.CloudFS", source=b"115", options=frozenset({"rw"}))
OTHER = Mount(mount_point=b"/mnt/nas", fs_type="nfs4", source=b"nas:/x", options=frozenset({"rw"}))


def answered(
    folder: Path | str,
    *mounts: Mount,
    drive: str | None = None,
    kind: str | None = None,
    target: str | None = None,
    present: Present | None = None,
) -> Answers:
    flags = Flags(downloads=str(folder), drive=drive, kind=kind, target=target)
    there = Present(file="/etc/cloudgather/cloudgather.toml") if present is None else present
    return answers(Session({"LANG": "C"}), flags, there, (ROOT, *mounts), asks=False)


def refusal(folder: Path | str, *mounts: Mount, drive: str | None = None, kind: str | None = None) -> Trouble:
    with pytest.raises(Trouble) as caught:
        answered(folder, *mounts, drive=drive, kind=kind)
    return caught.value


def test_the_only_drive_is_taken_and_named_after_its_folder(tmp_path: Path) -> None:
    assert answered(tmp_path, DRIVE) == Answers(
        downloads=str(tmp_path), drive="/CloudDrive/115", kind="mount", target="115"
    )


def test_of_several_drives_none_is_chosen(tmp_path: Path) -> None:
    trouble = refusal(tmp_path, DRIVE, OTHER)

    assert (trouble.code, trouble.text) == (Exit.USAGE, "missing: --drive")


def test_what_is_configured_already_keeps_its_name_and_goes_before_what_is_mounted(tmp_path: Path) -> None:
    present = Present(file="/f", targets={"c115": {"root": "/CloudDrive/115/"}})

    found = answered(tmp_path, DRIVE, OTHER, present=present)

    assert (found.drive, found.target) == ("/CloudDrive/115", "c115")


def test_a_name_that_is_taken_gets_a_number_and_a_strange_one_is_made_plain(tmp_path: Path) -> None:
    present = Present(file="/f", targets={"films": {"root": "/a/films"}, "films-2": {"root": "/b/films"}})

    assert answered(tmp_path, DRIVE, drive="/CloudDrive/115/films", present=present).target == "films-3"
    assert answered(tmp_path, DRIVE, drive="/CloudDrive/115/my films: 网盘!").target == "my-films-网盘"
    assert answered(tmp_path, DRIVE, drive="/CloudDrive/115", target="mine").target == "mine"


@pytest.mark.parametrize("kind", [None, "mount"])
def test_a_drive_that_is_not_mounted_is_refused(tmp_path: Path, kind: str | None) -> None:
    trouble = refusal(tmp_path, drive="/CloudDrive/115", kind=kind)

    assert trouble.text == "no cloud drive is mounted at /CloudDrive/115; nothing was changed"
    assert trouble.hint == "mount it and run this again; or, for a plain disk: --kind directory"


def test_a_known_drive_that_is_not_mounted_now_is_refused_as_well(tmp_path: Path) -> None:
    present = Present(file="/f", targets={"c115": {"root": "/CloudDrive/115"}})

    with pytest.raises(Trouble, match="no cloud drive is mounted"):
        answered(tmp_path, present=present)


def test_a_plain_disk_is_taken_where_that_is_said(tmp_path: Path) -> None:
    assert answered(tmp_path, drive="/srv/disk", kind="directory").kind == "directory"
    present = Present(file="/f", targets={"disk": {"root": "/srv/disk", "kind": "directory"}})
    assert answered(tmp_path, present=present).kind == "directory"


def test_downloads_are_a_folder_and_relative_ones_are_below_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", os.fspath(tmp_path))

    assert answered("in", DRIVE).downloads == str(tmp_path / "in")
    assert "is not a folder" in refusal(tmp_path / "file", DRIVE).text
    assert "is not a folder" in refusal(tmp_path / "none", DRIVE).text
