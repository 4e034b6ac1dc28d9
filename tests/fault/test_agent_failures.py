"""What a file system answers reaches the caller as it is, with the step at which it happened."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from agents import a_file, a_fleet, a_target, an_order
from cgwire.codes import Code
from cloudgather.core.target import Verify
from cloudgather.ports.target import AlreadyStanding, Failed, SourceChanged, SourceGone, TargetHeld
from fuse.mounting import detach
from fuse.sickmount import SickMount, needs_sick

pytestmark = needs_sick


def ignore(_: int) -> None:
    """Progress that nobody wants to hear of."""


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EACCES])
@pytest.mark.parametrize(
    ("op", "step"), [("create", "open"), ("write", "write"), ("fsync", "fsync"), ("flush", "close")]
)
def test_an_errno_of_a_copy_passes_through_with_its_step(tmp_path: Path, op: str, step: str, number: int) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            sick.fail(op, number, path="film")

            with pytest.raises(Failed) as failed:
                await target.copy(an_order(a_file(tmp_path, "film"), root=sick.root), ignore)

            assert sick.struck(op) >= 1
            assert (failed.value.errno, failed.value.step, failed.value.side) == (number, step, "target")
            sick.heal()
            assert await target.look([b"film", b".cloudgather-film"]) == [None, None]

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_failure_that_only_close_reports_fails_the_copy(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            sick.fail_close(errno.EREMOTEIO, times=1)

            with pytest.raises(Failed) as failed:
                await target.copy(an_order(a_file(tmp_path, "film"), root=sick.root), ignore)

            assert sick.struck("flush") == 1
            assert sick.counts()["fsync"] == 1
            assert (failed.value.errno, failed.value.step) == (errno.EREMOTEIO, "close")

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_an_errno_of_a_rename_passes_through(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            sent = await target.copy(an_order(a_file(tmp_path, "film"), root=sick.root), ignore)
            sick.fail("rename", errno.EIO, times=1)

            with pytest.raises(Failed) as failed:
                await target.publish(b"film", b".cloudgather-film", sent.size, durable=True)

            assert sick.struck("rename") == 1
            assert (failed.value.errno, failed.value.step) == (errno.EIO, "rename")

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


@pytest.mark.parametrize("remembered", [0, 3600])
def test_a_file_that_is_stored_shorter_than_it_was_written_is_a_wrong_length(tmp_path: Path, remembered: int) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            sick.wrong_length(times=1)

            with pytest.raises(Failed) as failed:
                await target.copy(an_order(a_file(tmp_path, "film"), root=sick.root), ignore)

            assert sick.struck("flush") == 1
            assert (failed.value.errno, failed.value.step) == (None, "length")

    with SickMount(tmp_path, remembered=remembered) as sick:
        asyncio.run(main(sick))


def test_a_file_that_is_stored_with_other_bytes_fails_where_checksums_are_asked_for(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            sick.wrong_bytes(times=1)
            order = an_order(a_file(tmp_path, "film"), root=sick.root, verify=Verify.CHECKSUM)

            with pytest.raises(Failed) as failed:
                await target.copy(order, ignore)

            assert sick.struck("flush") == 1
            assert (failed.value.errno, failed.value.step) == (None, "digest")

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_copy_is_looked_at_without_being_opened(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            order = an_order(a_file(tmp_path, "film"), root=sick.root)

            sent = await target.copy(order, ignore)

            counts = sick.counts()
            assert sent.mtime_ns == order.version.mtime_ns
            assert (counts["create"], counts["flush"], counts.get("open", 0)) == (1, 1, 0)

    with SickMount(tmp_path, remembered=3600) as sick:
        asyncio.run(main(sick))


def test_a_folder_that_cannot_be_made_durable_fails_the_barrier_after_a_batch(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            orders = [an_order(a_file(tmp_path, name), root=sick.root) for name in "abc"]
            await target.copy_all(orders, lambda index, done: None, looked=True)
            sick.reset()
            await target.publish_all([(order.destination, order.temporary, 100_000, True) for order in orders])
            sick.fail("fsyncdir", errno.EIO, times=1)

            with pytest.raises(Failed) as failed:
                await target.barrier([b""])
            await target.barrier([b"gone", b"", b"a/below"])  # where a folder is gone, so is what was renamed there

            assert (failed.value.errno, failed.value.step, failed.value.side) == (errno.EIO, "fsync", "target")
            assert (sick.counts()["rename"], sick.counts()["fsyncdir"]) == (3, 2)

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_folders_that_cannot_be_synced_at_all_are_let_be(tmp_path: Path, number: int) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            sick.fail("fsyncdir", number)

            await target.barrier([b""])

            assert sick.struck("fsyncdir") == 1

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_failed_listing_is_no_empty_listing(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            sick.fail("readdir", errno.EIO, times=1)

            with pytest.raises(Failed) as failed:
                await target.listing(b"")

            assert sick.struck("readdir") == 1
            assert (failed.value.errno, failed.value.step) == (errno.EIO, "list")
            assert await target.listing(b"absent") is None

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_what_is_wrong_with_the_source_is_told_as_such(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            changed = an_order(a_file(tmp_path, "changed"), root=sick.root)
            os.utime(tmp_path / "changed", ns=(1, 1))
            gone = an_order(a_file(tmp_path, "gone"), root=sick.root)
            os.unlink(tmp_path / "gone")
            standing = an_order(a_file(tmp_path, "standing"), root=sick.root, replace=False)
            a_file(os.fsdecode(sick.backing), "standing", 5)

            with pytest.raises(SourceChanged):
                await target.copy(changed, ignore)
            with pytest.raises(SourceGone):
                await target.copy(gone, ignore)
            with pytest.raises(AlreadyStanding) as found:
                await target.copy(standing, ignore)

            assert found.value.standing.size == 5
            assert "create" not in sick.counts()

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_source_that_is_there_and_whose_disk_cannot_open_it_has_failed_and_is_not_gone(tmp_path: Path) -> None:
    """ENXIO: so the kernel answers of a socket, and of a file whose device has left."""

    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            disk = os.fsencode(tmp_path / "disk")
            os.mkdir(disk)
            order = an_order(a_file(os.fsdecode(sick.root), "film"), root=disk)
            sick.fail("open", errno.ENXIO, path="film")

            with pytest.raises(Failed) as failed:
                await a_target(fleet, disk).copy(order, ignore)

            assert sick.struck("open") >= 1
            assert (failed.value.errno, failed.value.step, failed.value.side) == (errno.ENXIO, "open", "source")

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_dead_mount_a_missing_mount_and_another_mount_hold_the_target(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            order = an_order(a_file(tmp_path, "film"), root=sick.root)
            codes = []

            async def held() -> None:
                for attempt in (target.probe(), target.copy(order, ignore), target.listing(b"")):
                    with pytest.raises(TargetHeld) as caught:
                        await attempt
                    codes.append(caught.value.reason.code)

            sick.kill()
            await held()
            detach(sick.root)
            await held()
            with SickMount(tmp_path, source="other:"):
                await held()
            sick.start()

            assert codes == 3 * [Code.HELD_MOUNT_DEAD] + 3 * [Code.HELD_NOT_MOUNTED] + 3 * [Code.HELD_OTHER_MOUNT]
            assert (await target.probe()) is not None
            assert (await target.copy(order, ignore)).size == 100_000
            sick.detach()
            assert os.listdir(sick.root) == []

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_mount_target_that_was_never_seen_mounted_is_only_probed(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            os.mkdir(tmp_path / "empty")
            target = a_target(fleet, os.fsencode(tmp_path / "empty"), seen=False)

            for attempt in (target.probe(), target.listing(b""), target.prepare(b"films", make=True)):
                with pytest.raises(TargetHeld) as held:
                    await attempt
                assert held.value.reason.code == Code.HELD_NEVER_MOUNTED

            assert os.listdir(tmp_path / "empty") == []

    asyncio.run(main())
