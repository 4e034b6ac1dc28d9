"""What setup finds to change, and how it writes."""

import os
import tomllib
from dataclasses import replace as changed
from pathlib import Path

import pytest

from cgctl.setup.machine import Account, account_of
from cgctl.setup.plan import Present, Wanted, changes, hand_over, read_present, replace, with_target
from cgctl.setup.service import DROP_IN, drop_in

SAMPLE = Path(__file__).parents[3] / "etc" / "cloudgather.toml"
SELF = account_of(os.geteuid(), os.getegid())


def a_wish(**others: object) -> Wanted:
    values = {"account": SELF, "target": "c115", "root": "/CloudDrive/115", "kind": "mount", **others}
    return Wanted(**values)  # type: ignore[arg-type]  # built from a map


def whats(wanted: Wanted, present: Present, *, now: Account = SELF, groups: frozenset[str] = frozenset()) -> list[str]:
    found = changes(wanted, present, now=now, is_enabled=True, groups_of_member=groups)
    return [change.what for change in found]


def a_configuration(folder: Path, text: str = "") -> Present:
    (folder / "tasks.d").mkdir()
    (folder / "state").mkdir()
    file = folder / "cloudgather.toml"
    file.write_text(f'{text}[daemon]\nstate_dir = "{folder}/state"\ntasks_dir = "{folder}/tasks.d"\n')
    return read_present(str(file))


def test_all_is_new_at_first_and_nothing_is_to_be_changed_when_it_was(tmp_path: Path) -> None:
    other = Account(user="cloudgather", group="cloudgather")
    present = a_configuration(tmp_path)
    found = changes(a_wish(member="bob"), present, now=other, is_enabled=False, groups_of_member=frozenset({"bob"}))

    assert [change.what for change in found] == ["drop-in", "member", "target", "enable"]
    assert found[0].about == DROP_IN

    (table,) = (change.text for change in found if change.what == "target")
    replace(present.file, with_target(present, table))
    now = read_present(present.file)
    assert now.targets == {"c115": {"root": "/CloudDrive/115"}}
    assert whats(a_wish(member="bob"), now, groups=frozenset({"cloudgather"})) == []


def test_only_what_differs_is_changed(tmp_path: Path) -> None:
    present = a_configuration(tmp_path)
    present.targets = {"mine": {"root": "/CloudDrive/115/"}}

    assert whats(a_wish(), present) == []
    assert whats(a_wish(root="/CloudDrive/123"), present) == ["target"]
    assert whats(a_wish(), present, now=changed(SELF, extra=frozenset({"media"}))) == ["drop-in"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a folder of another user")
def test_folders_of_another_are_handed_over_and_links_are_not_followed(tmp_path: Path) -> None:
    present = a_configuration(tmp_path)
    (tmp_path / "state" / "below").mkdir()
    (tmp_path / "state" / "below" / "file").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    (tmp_path / "state" / "link").symlink_to(tmp_path / "elsewhere")
    wanted = a_wish(account=Account(user="64001", group="64002"))
    assert whats(wanted, present, now=wanted.account) == ["owner", "target"]

    hand_over(present.state_dir, 64_001, 64_002)

    owners = {path.name: path.lstat().st_uid for path in sorted((tmp_path / "state").rglob("*"))}
    assert owners == {"below": 64_001, "file": 64_001, "link": 64_001}
    assert {(tmp_path / "elsewhere").stat().st_uid, (tmp_path / "elsewhere" / "kept").stat().st_uid} == {0}
    assert whats(wanted, present, now=wanted.account) == ["target"]


def test_the_sample_keeps_its_comments_and_is_right_with_a_target(tmp_path: Path) -> None:
    file = tmp_path / "cloudgather.toml"
    file.write_text(SAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    present = read_present(str(file))
    (change,) = (
        each
        for each in changes(
            a_wish(target="网盘", kind="directory"), present, now=SELF, is_enabled=True, groups_of_member=frozenset()
        )
        if each.what == "target"
    )

    text = with_target(present, change.text)

    assert text.startswith(SAMPLE.read_text(encoding="utf-8").rstrip())
    assert tomllib.loads(text)["targets"] == {"网盘": {"root": "/CloudDrive/115", "kind": "directory"}}


def test_a_file_is_replaced_in_one_step_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o640)

    replace(str(file), "new")

    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)
    assert os.listdir(tmp_path) == ["file"]


def test_what_is_configured_is_read_and_a_broken_task_passed_over(tmp_path: Path) -> None:
    present = a_configuration(tmp_path, '[targets.a]\nroot = "/mnt/a"\n')
    (tmp_path / "tasks.d" / "电影.toml").write_text('source = "/vol1/电影/"\ntarget = "a:"\n')
    (tmp_path / "tasks.d" / "broken.toml").write_text("source = ")
    (tmp_path / "tasks.d" / "none.toml").write_text("target = 'a:'\n")
    again = read_present(present.file)

    assert again.sources == {"/vol1/电影": "电影"}
    assert again.target_at("/mnt/a") == "a"
    assert (again.state_dir, again.log_dir) == (f"{tmp_path}/state", f"{tmp_path}/state/log")


def test_the_drop_in_says_all_whatever_other_ones_say() -> None:
    text = drop_in(Account(user="alice", group="media", extra=frozenset({"cloudgather", "audio"})))

    assert text.splitlines()[1:] == [
        "[Service]",
        "User=alice",
        "Group=media",
        "SupplementaryGroups=",  # forgets what a drop-in before it has added
        "SupplementaryGroups=audio cloudgather",
    ]
