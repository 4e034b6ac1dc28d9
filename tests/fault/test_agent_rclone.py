"""A real rclone mount that goes away in the middle of a copy: nothing is written below it or published through it."""

import asyncio
import os
from pathlib import Path

import pytest

from agents import a_file, a_fleet, a_target, an_order
from cgwire.codes import Code
from cloudgather.ports.target import Failed, TargetHeld
from fuse.rclone import RcloneMount, needs_rclone
from waiting import eventually

pytestmark = needs_rclone

SIZE = 8_000_000


@pytest.mark.parametrize("vfs_cache", ["off", "writes"])
def test_a_file_goes_through_rclone(tmp_path: Path, vfs_cache: str) -> None:
    async def main(rclone: RcloneMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, rclone.root)
            order = an_order(a_file(tmp_path, "film", SIZE), root=rclone.root)

            sent = await target.copy(order, lambda _: None)
            await target.publish(b"film", order.temporary, sent.size, durable=True)

            film = rclone.backing + b"/film"
            await eventually(lambda: os.path.exists(film) and os.path.getsize(film) == SIZE)
            assert await target.digest(b"film") == sent.digest

    with RcloneMount(tmp_path, vfs_cache=vfs_cache) as rclone:
        asyncio.run(main(rclone))


def test_rclone_killed_in_the_middle_of_a_copy_fails_it_and_holds_until_it_is_back(tmp_path: Path) -> None:
    async def main(rclone: RcloneMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, rclone.root, bandwidth=500_000)
            order = an_order(a_file(tmp_path, "film", SIZE), root=rclone.root)
            progress: list[int] = []
            copying = asyncio.create_task(target.copy(order, progress.append))
            await eventually(lambda: progress and progress[-1] > 0)

            rclone.kill()
            with pytest.raises((Failed, TargetHeld)):
                await copying
            with pytest.raises(TargetHeld) as dead:
                await target.copy(order, progress.append)
            rclone.detach()
            with pytest.raises(TargetHeld) as absent:
                await target.copy(order, progress.append)
            below = os.listdir(rclone.root)
            rclone.start()
            target.limits(None)
            sent = await target.copy(order._replace(temporary=b".second"), progress.append)

            assert dead.value.reason.code == Code.HELD_MOUNT_DEAD
            assert absent.value.reason.code == Code.HELD_NOT_MOUNTED
            assert below == []
            assert sent.size == SIZE

    with RcloneMount(tmp_path) as rclone:
        asyncio.run(main(rclone))


def test_what_was_copied_into_a_mount_that_is_detached_meanwhile_is_not_published(tmp_path: Path) -> None:
    async def main(rclone: RcloneMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, rclone.root, bandwidth=4_000_000)
            order = an_order(a_file(tmp_path, "film", SIZE), root=rclone.root)
            progress: list[int] = []
            copying = asyncio.create_task(target.copy(order, progress.append))
            await eventually(lambda: progress and progress[-1] > 0)

            rclone.detach()
            try:
                sent = await copying
            except TargetHeld as held:
                codes = {held.reason.code}
            else:
                with pytest.raises(TargetHeld) as refused:
                    await target.publish(b"film", order.temporary, sent.size, durable=True)
                codes = {refused.value.reason.code}

            assert codes == {Code.HELD_NOT_MOUNTED}
            assert os.listdir(rclone.root) == []
            assert not os.path.exists(rclone.backing + b"/film")

    with RcloneMount(tmp_path) as rclone:
        asyncio.run(main(rclone))


def test_an_idle_target_holds_nothing_open_that_would_keep_its_owner_from_unmounting(tmp_path: Path) -> None:
    async def main(rclone: RcloneMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, rclone.root)
            order = an_order(a_file(tmp_path, "film"), root=rclone.root)
            sent = await target.copy(order, lambda _: None)
            await target.publish(b"film", order.temporary, sent.size, durable=True)
            assert [facts.busy for facts in fleet.agents()] == [0]

            unmounting = await asyncio.create_subprocess_exec("umount", rclone.root)

            assert await unmounting.wait() == 0

    with RcloneMount(tmp_path) as rclone:
        asyncio.run(main(rclone))
