"""What rclone's remote control is asked, and what its answers come to."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.mounts import Mount
from cloudgather.core.target import Confirm, Identity, RemoteControl, TargetSpec
from cloudgather.core.uploads import Listed, Upload
from cloudgather.outside.rclone import Rclone
from cloudgather.ports.uploads import CannotAsk
from fakes.remote_control import FakeRemoteControl, Refuse

Result = TypeVar("Result")
IDENTITY = Identity(mount_point=b"/mnt/cloud", fs_type="fuse.rclone", source=b"cloud:")
IDLE = Upload(pending=False)


def a_mount(**changes: Any) -> Mount:
    facts = {"mount_point": b"/mnt/cloud", "fs_type": "fuse.rclone", "source": b"cloud:", **changes}
    return Mount(id=2, parent=1, device="0:1", options=frozenset({"rw"}), **facts)


def queued(name: str, *, tries: int = 0, uploading: bool = False) -> dict[str, Any]:
    return {"name": name, "id": 1, "size": 5, "expiry": 1.0, "tries": tries, "delay": 5.0, "uploading": uploading}


def a_try(name: str, error: str = "") -> dict[str, Any]:
    return {"name": name, "size": 5, "bytes": 5, "checked": False, "error": error, "group": "global_stats"}


def asked(
    rc: FakeRemoteControl,
    call: Callable[[Rclone, TargetSpec], Awaitable[Result]],
    *,
    root: bytes = b"/mnt/cloud",
    mount: Mount | None = None,
    socket: str | None = None,
    **control: Any,
) -> Result:
    async def main() -> Result:
        async with rc.serving(socket) as address:
            rclone = Rclone(mounts=lambda: [mount or a_mount()], turn=rc.turn)
            spec = TargetSpec(
                name="t",
                root=root,
                confirm=Confirm.RCLONE,
                remote_control=RemoteControl(address=address, **control),
            )
            return await call(rclone, spec)

    return asyncio.run(main())


def progress(rc: FakeRemoteControl, *paths: bytes, **options: Any) -> list[Upload]:
    return list(asked(rc, lambda rclone, spec: rclone.progress(spec, IDENTITY, paths), **options))


def stored(rc: FakeRemoteControl, *paths: bytes, **options: Any) -> list[Listed | None]:
    return list(asked(rc, lambda rclone, spec: rclone.stored(spec, IDENTITY, paths), **options))


def why_not(rc: FakeRemoteControl, **options: Any) -> Reason:
    with pytest.raises(CannotAsk) as caught:
        progress(rc, b"a", **options)
    return caught.value.reason


def test_the_queue_tells_of_each_file() -> None:
    rc = FakeRemoteControl(queue=[queued("films/a"), queued("films/b", tries=1, uploading=True), queued("c", tries=3)])
    rc.answers["core/transferred"] = {"transferred": [a_try("c", "old"), a_try("c", "quota exceeded")]}

    assert progress(rc, b"films/a", b"films/b", b"c", b"a") == [
        Upload(pending=True),
        Upload(pending=True),
        Upload(pending=True, failures=3, message="quota exceeded"),
        IDLE,
    ]


def test_an_older_rclone_tells_of_all_files_together() -> None:
    rc = FakeRemoteControl()
    rc.answers["vfs/stats"] = {"diskCache": {"uploadsInProgress": 1, "uploadsQueued": 2, "erroredFiles": 1}}
    rc.answers["core/transferred"] = {"transferred": [a_try("b", "full"), a_try("a", "full"), a_try("a")]}

    assert progress(rc, b"a", b"b") == [
        Upload(pending=True, others=4),
        Upload(pending=True, others=4, failures=1, message="full"),
    ]
    assert rc.count("vfs/queue") == 0


@pytest.mark.parametrize("queue", [None, []])
def test_a_mount_without_a_cache_has_nothing_to_upload(queue: list[dict[str, Any]] | None) -> None:
    rc = FakeRemoteControl(queue=queue)
    rc.answers["vfs/stats"] = {"fs": "cloud:"}
    if queue is not None:
        rc.answers["vfs/queue"] = {}

    assert progress(rc, b"a") == [IDLE]


@pytest.mark.parametrize("queue", [None, []])
def test_a_cache_without_a_delay_is_named_as_what_loses_files(queue: list[dict[str, Any]] | None) -> None:
    rc = FakeRemoteControl(queue=queue)
    idle = {"uploadsInProgress": 0, "uploadsQueued": 0, "erroredFiles": 0}
    rc.answers["vfs/stats"] = {"diskCache": idle, "opt": {"CacheMode": 2, "WriteBack": 0}}

    (upload,) = progress(rc, b"a")
    assert "--vfs-write-back 0s" in str(upload.message)
    assert (upload.pending, upload.failures) == (False, 0)


def test_a_name_that_json_cannot_carry_is_pending_while_any_such_name_is() -> None:
    rc = FakeRemoteControl(queue=[queued("bad\ufffdname")])

    assert progress(rc, b"other\xff", b"fine") == [Upload(pending=True, others=1), IDLE]


def test_tries_of_another_mount_are_not_ours() -> None:
    rc = FakeRemoteControl(queue=[queued("a", tries=2)])
    rc.answers["core/transferred"] = {"transferred": [a_try("a", "full") | {"dstFs": "other:"}]}

    assert progress(rc, b"a") == [Upload(pending=True, failures=2)]


@pytest.mark.parametrize(
    ("root", "mount", "remote"),
    [
        (b"/mnt/cloud", a_mount(), "films/a"),
        (b"/mnt/cloud/115", a_mount(), "115/films/a"),
        (b"/mnt/cloud", a_mount(root=b"/media"), "media/films/a"),  # a folder of it, bound into a container
        (b"/mnt/cloud/115", a_mount(root=b"/media"), "media/115/films/a"),
    ],
)
def test_a_path_below_the_root_is_found_in_the_remote(root: bytes, mount: Mount, remote: str) -> None:
    rc = FakeRemoteControl(queue=[queued(remote)])
    rc.put(remote, 5)

    assert progress(rc, b"films/a", root=root, mount=mount) == [Upload(pending=True)]
    assert stored(rc, b"films/a", root=root, mount=mount) == [Listed(size=5, mtime_ns=1795302822161123000)]


def test_the_cloud_is_asked_by_file_or_by_folder() -> None:
    rc = FakeRemoteControl()
    names = [f"films/{number}" for number in range(4)]
    for name in names[1:]:
        rc.put(name, 7)
    rc.put("one", 5, "2026-11-22T07:13:42+08:00")
    rc.cloud["folder"] = {"Name": "folder", "Size": -1, "ModTime": "2026-11-21T23:13:42Z", "IsDir": True}

    found = stored(rc, *(name.encode() for name in names), b"one", b"folder", b"none/a")

    seventh = Listed(size=7, mtime_ns=1795302822161123000)
    assert found == [None, seventh, seventh, seventh, Listed(size=5, mtime_ns=1795302822000000000), None, None]
    assert (rc.count("operations/list"), rc.count("operations/stat"), rc.turns) == (1, 3, 4)


def test_a_folder_that_the_cloud_does_not_have_holds_nothing() -> None:
    assert stored(FakeRemoteControl(), b"x/1", b"x/2", b"x/3", b"x/4") == [None] * 4


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_listing_that_fails_is_no_evidence(status: int) -> None:
    def fail(_: dict[str, Any]) -> dict[str, Any]:
        raise Refuse(status, "authentication must be set up on the rc server")

    rc = FakeRemoteControl()
    rc.answers["operations/list"] = rc.answers["operations/stat"] = fail

    for paths in ((b"a",), (b"1", b"2", b"3", b"4")):
        with pytest.raises(CannotAsk) as caught:
            stored(rc, *paths)
        assert caught.value.reason.facts["message"] == "authentication must be set up on the rc server"


# ---- which of several mounts


def several(*names: str) -> FakeRemoteControl:
    rc = FakeRemoteControl(queue=[queued("a")])
    rc.answers["vfs/list"] = {"vfses": list(names)}
    return rc


def test_of_several_mounts_that_of_the_targets_source_is_asked() -> None:
    rc = several("other:", "cloud:")

    assert progress(rc, b"a") == [Upload(pending=True)]
    assert ("vfs/queue", {"fs": "cloud:"}) in rc.calls


def test_a_mount_with_a_device_name_of_its_own_is_found_by_its_place_or_its_name() -> None:
    rc = several("other:", "real:x")
    mounts = [{"Fs": "other:", "MountPoint": "/mnt"}, {"Fs": "real:x", "MountPoint": "/mnt/cloud"}]

    assert why_not(rc).code == Code.CONFIRM_OTHER_MOUNT
    rc.answers["mount/listmounts"] = {"mountPoints": mounts}
    assert progress(rc, b"a") == [Upload(pending=True)]
    rc.answers["mount/listmounts"] = {"mountPoints": None}
    assert progress(rc, b"a", fs="real:x") == [Upload(pending=True)]
    assert [given for name, given in rc.calls if name == "vfs/queue"] == [{"fs": "real:x"}] * 2


@pytest.mark.parametrize("names", [(), ("other:",), ("cloud:[0]", "cloud:[1]")])
def test_a_remote_control_that_does_not_serve_the_mount_says_what_it_serves(names: tuple[str, ...]) -> None:
    why = why_not(several(*names))

    assert (why.code, why.facts["expected"]) == (Code.CONFIRM_OTHER_MOUNT, "cloud:")
    assert why.facts["found"] == (", ".join(names) or "nothing")


def test_what_is_mounted_now_must_be_what_was_recorded() -> None:
    assert why_not(FakeRemoteControl(), mount=a_mount(source=b"other:")).code == Code.CONFIRM_OTHER_MOUNT
    assert why_not(FakeRemoteControl(), mount=a_mount(mount_point=b"/mnt")).code == Code.CONFIRM_OTHER_MOUNT


# ---- the conversation


def test_a_unix_socket_and_a_password(tmp_path: Path) -> None:
    rc = FakeRemoteControl()
    rc.password = "se cret"
    file = tmp_path / "password"
    file.write_text("se cret\n")
    control = {"user": "me", "password_file": str(file).encode(), "socket": str(tmp_path / "rc")}

    assert progress(rc, b"a", **control) == [IDLE]
    file.write_text("other\n")
    assert "user and a password" in why_not(rc, **control | {"socket": str(tmp_path / "rc2")}).facts["message"]
    file.unlink()
    assert "cannot be read" in why_not(rc, **control | {"socket": str(tmp_path / "rc3")}).facts["message"]


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("vfs/list", {}),
        ("vfs/list", {"vfses": 3}),
        ("vfs/stats", {"diskCache": {"uploadsInProgress": 0}}),
        ("vfs/stats", {"diskCache": {"uploadsInProgress": 0, "uploadsQueued": None, "erroredFiles": 0}}),
        ("vfs/stats", {"diskCache": []}),
        ("core/transferred", {"transferred": [{"name": "a"}]}),
    ],
)
def test_an_answer_that_lacks_what_counts_proves_nothing(method: str, answer: dict[str, Any]) -> None:
    rc = FakeRemoteControl()
    rc.answers[method] = answer

    why = why_not(rc)
    assert (why.code, "cannot be understood" in why.facts["message"]) == (Code.CONFIRM_UNREACHABLE, True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{"])
def test_something_else_that_listens_there_is_not_rclone(body: bytes) -> None:
    rc = FakeRemoteControl()
    rc.body = body

    assert "not rclone's remote control" in why_not(rc).facts["message"]


def test_another_rclone_at_the_address_is_asked_anew_what_it_can() -> None:
    rc = FakeRemoteControl(queue=[])

    async def twice(rclone: Rclone, spec: TargetSpec) -> list[Upload]:
        assert await rclone.progress(spec, IDENTITY, [b"a"]) == [IDLE]
        del rc.answers["vfs/queue"]
        rc.answers["vfs/stats"] = {"diskCache": {"uploadsInProgress": 0, "uploadsQueued": 1, "erroredFiles": 0}}
        with pytest.raises(CannotAsk):
            await rclone.progress(spec, IDENTITY, [b"a"])
        return list(await rclone.progress(spec, IDENTITY, [b"a"]))

    assert asked(rc, twice) == [Upload(pending=True, others=1)]
    assert rc.count("rc/list") == 2
