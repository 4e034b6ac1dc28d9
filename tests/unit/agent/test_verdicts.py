"""What each kind of an agent's error becomes."""

from typing import Any

import pytest

from cgwire.codes import Code
from cloudgather.agent.operation import AgentError
from cloudgather.agent.probed import Probed
from cloudgather.agent.verdicts import verdict
from cloudgather.core.target import Identity, Kind, TargetSpec
from cloudgather.ports.target import (
    AgentLost,
    AlreadyStanding,
    Failed,
    SourceChanged,
    SourceGone,
    SourceUnsettled,
    TargetHeld,
)

SPEC = TargetSpec(name="c115", root=b"/CloudDrive/115")
CLOUD = Identity(mount_point=b"/CloudDrive", fs_type="fuse", source=b"CloudFS")
DISK = Identity(mount_point=b"/", fs_type="ext4", source=b"/dev/sda1")


def an_error(kind: str, **facts: Any) -> AgentError:
    """As it comes from the wire."""
    return AgentError({"kind": kind, "message": "said the agent", **facts})


@pytest.mark.parametrize(
    ("what", "identity", "code"),
    [
        ("absent", CLOUD, Code.HELD_NOT_MOUNTED),
        ("local", CLOUD, Code.HELD_NOT_MOUNTED),
        ("detached", CLOUD, Code.HELD_NOT_MOUNTED),
        ("absent", None, Code.HELD_NEVER_MOUNTED),
        ("never", None, Code.HELD_NEVER_MOUNTED),
        ("other", CLOUD, Code.HELD_OTHER_MOUNT),
        ("dead", CLOUD, Code.HELD_MOUNT_DEAD),
        ("denied", CLOUD, Code.HELD_MOUNT_DENIED),
        ("root-gone", CLOUD, Code.HELD_ROOT_GONE),
        ("base-gone", CLOUD, Code.HELD_BASE_GONE),
    ],
)
def test_a_wrong_mount_holds_the_target(what: str, identity: Identity | None, code: Code) -> None:
    raised = verdict(an_error("identity", what=what, fs_type="ext4", source=b"/dev/sda1"), SPEC, identity)

    assert isinstance(raised, TargetHeld)
    assert raised.reason.code == code
    assert raised.reason.facts["target"] == "c115"


def test_another_mount_is_held_with_what_was_expected_and_what_was_found() -> None:
    raised = verdict(an_error("identity", what="other", fs_type="fuse.rclone", source=b"115:"), SPEC, CLOUD)

    assert isinstance(raised, TargetHeld)
    assert raised.reason.facts["expected"] == "fuse CloudFS"
    assert raised.reason.facts["found"] == "fuse.rclone 115:"


@pytest.mark.parametrize(
    ("error", "kind", "step"),
    [
        (an_error("changed"), SourceChanged, None),
        (an_error("gone"), SourceGone, None),
        (an_error("unsettled"), SourceUnsettled, None),
        (an_error("standing", size=1, mtime_ns=2, is_file=True), AlreadyStanding, None),
        (an_error("errno", errno=5, step="close", side="target"), Failed, "close"),
        (an_error("length", step="stat", side="target"), Failed, "length"),
        (an_error("digest", step="read", side="target"), Failed, "digest"),
        (an_error("occupied", step="stat", side="target"), Failed, "occupied"),
        (an_error("cancelled"), AgentLost, "cancel"),
        (an_error("bad"), Failed, "bad"),
    ],
)
def test_every_other_kind_has_its_exception(error: AgentError, kind: type[Exception], step: str | None) -> None:
    raised = verdict(error, SPEC, CLOUD)

    assert type(raised) is kind
    assert step is None or getattr(raised, "step", None) == step


def a_probe(identity: Identity, *, last: bool = True, read_only: bool = False) -> Probed:
    """What a look at the root found."""
    facts = {"mount_id": 1, "uid": 0, "gid": 0, "mode": 0o755, "total": 1, "free": 1}
    mount = {"mount_point": identity.mount_point, "fs_type": identity.fs_type, "source": identity.source}
    return Probed.from_wire({**facts, **mount, "last": last, "read_only": read_only})


@pytest.mark.parametrize(
    ("found", "recorded", "code"),
    [
        (a_probe(CLOUD), CLOUD, None),
        (a_probe(CLOUD), None, None),
        (a_probe(DISK), None, Code.HELD_NEVER_MOUNTED),
        (a_probe(DISK), DISK, None),
        (a_probe(DISK), CLOUD, Code.HELD_NOT_MOUNTED),
        (a_probe(CLOUD), DISK, Code.HELD_NOT_MOUNTED),
        (a_probe(Identity(mount_point=b"/CloudDrive", fs_type="fuse", source=b"x")), CLOUD, Code.HELD_OTHER_MOUNT),
        (a_probe(Identity(mount_point=b"/CloudDrive", fs_type="ext4", source=b"x")), CLOUD, Code.HELD_NOT_MOUNTED),
        (a_probe(CLOUD, last=False), CLOUD, Code.HELD_NOT_MOUNTED),
        (a_probe(CLOUD, read_only=True), CLOUD, Code.HELD_READ_ONLY),
    ],
)
def test_a_probe_tells_whether_this_is_the_target(found: Probed, recorded: Identity | None, code: Code | None) -> None:
    reason = found.why_not(SPEC, recorded)

    assert (None if reason is None else reason.code) == code


def test_a_plain_folder_may_be_on_any_file_system() -> None:
    spec = TargetSpec(name="disk", root=b"/srv", kind=Kind.DIRECTORY)

    assert a_probe(DISK).why_not(spec, None) is None
    assert a_probe(CLOUD).why_not(spec, None) is None
