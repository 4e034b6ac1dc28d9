"""A target that is well, through a real agent."""

import asyncio
import os
from pathlib import Path

import pytest
from xxhash import xxh3_128

from agents import a_file, a_fleet, a_target, an_order
from cgwire.codes import Code
from cloudgather.agent.target import AgentTarget
from cloudgather.core.target import Identity, Kind, TargetSpec
from cloudgather.core.transfer import Sent
from cloudgather.ports.target import AlreadyStanding, Failed, Published, SourceGone, Standing, Target, TargetHeld


def contents(path: bytes) -> bytes:
    """All bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


def test_a_file_is_copied_aside_published_looked_at_and_listed(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            folder = tmp_path / "target"
            folder.mkdir()
            target: Target = a_target(fleet, os.fsencode(folder))
            path = a_file(tmp_path, "film.mkv", 3_000_000)
            order = an_order(path, root=os.fsencode(folder))
            progress: list[int] = []

            sent = await target.copy(order, progress.append)
            aside = await target.listing(b"")
            await target.barrier()
            published = await target.publish(order.destination, order.temporary, sent.size, durable=True)

            digest, mtime_ns = xxh3_128(contents(path)).digest(), os.stat(path).st_mtime_ns
            standing = Standing(size=3_000_000, mtime_ns=mtime_ns)
            assert sent == Sent(size=3_000_000, mtime_ns=mtime_ns, digest=digest, standing=None)
            assert progress == sorted(progress)
            assert progress[-1] == 3_000_000
            assert aside == {order.temporary: standing}
            assert published == Published()
            assert await target.listing(b"") == {b"film.mkv": standing}
            assert await target.look([b"film.mkv", b"absent", b"absent/film.mkv"]) == [standing, None, None]
            assert await target.digest(b"film.mkv") == digest
            assert contents(os.fsencode(folder) + b"/film.mkv") == contents(path)

    asyncio.run(main())


def test_what_stands_there_already_ends_the_copy_or_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            folder = tmp_path / "target"
            folder.mkdir()
            target = a_target(fleet, os.fsencode(folder))
            standing = a_file(folder, "film", 7)
            order = an_order(a_file(tmp_path, "film"), root=os.fsencode(folder))

            with pytest.raises(AlreadyStanding) as found:
                await target.copy(order._replace(replace=False), lambda _: None)
            sent = await target.copy(order, lambda _: None)

            assert found.value.standing.size == 7
            assert sent.standing == (7, os.stat(standing).st_mtime_ns)

    asyncio.run(main())


def test_temporaries_are_swept_and_those_that_were_gone_are_known_to_be(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, os.fsencode(tmp_path))
            a_file(tmp_path, ".one")
            a_file(tmp_path, "kept")
            paths = [b".one", b".two", b"absent/.three", *(b".%d" % number for number in range(1500))]

            assert await target.sweep(paths) == paths

            assert os.listdir(tmp_path) == ["kept"]

    asyncio.run(main())


def test_a_tasks_folder_is_made_when_that_is_asked_for_and_else_holds(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, os.fsencode(tmp_path))

            with pytest.raises(TargetHeld) as held:
                await target.prepare("影视/电影".encode(), make=False)
            made = [await target.prepare("影视/电影".encode(), make=make) for make in (True, True, False)]

            assert held.value.reason.code == Code.HELD_BASE_GONE
            assert made == [True, False, False]
            assert os.path.isdir(tmp_path / "影视" / "电影")

    asyncio.run(main())


def test_a_folder_under_the_final_name_is_in_the_way(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            folder = tmp_path / "target"
            (folder / "film").mkdir(parents=True)
            target = a_target(fleet, os.fsencode(folder))

            with pytest.raises(Failed) as failed:
                await target.copy(an_order(a_file(tmp_path, "film"), root=os.fsencode(folder)), lambda _: None)

            assert failed.value.step == "occupied"

    asyncio.run(main())


def test_a_test_of_the_target_leaves_nothing_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, os.fsencode(tmp_path))

            report = await target.test()

            assert report["steps"]
            assert all(ok for _, ok, _, _ in report["steps"])
            assert report["rename_over"] is True
            assert os.listdir(tmp_path) == []

    asyncio.run(main())


def test_a_plain_folder_is_probed_without_an_identity_and_its_absence_holds(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, os.fsencode(tmp_path))
            absent = a_target(fleet, os.fsencode(tmp_path / "absent"), name="absent")

            assert target.expects_no_mount
            assert await target.probe() is None
            assert (await target.survey()).free > 0
            with pytest.raises(TargetHeld) as held:
                await absent.probe()
            assert held.value.reason.code == Code.HELD_ROOT_GONE

    asyncio.run(main())


def test_a_local_disk_that_the_operator_accepted_is_a_target_of_kind_mount(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            root = os.fsencode(tmp_path)
            recorded: list[Identity] = []
            spec = TargetSpec(name="disk", root=root, kind=Kind.MOUNT, metadata_per_second=None)
            target = AgentTarget(spec, lambda: recorded[0] if recorded else None, fleet)
            with pytest.raises(TargetHeld) as held:
                await target.probe()

            recorded.append((await target.survey()).identity)

            assert held.value.reason.code == Code.HELD_NEVER_MOUNTED
            assert target.expects_no_mount
            assert await target.probe() == recorded[0]
            assert await target.listing(b"") == {}

    asyncio.run(main())


def test_several_are_copied_and_published_at_once_each_with_an_outcome_of_its_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            folder = tmp_path / "target"
            folder.mkdir()
            (folder / "b").write_bytes(b"old")
            target: Target = a_target(fleet, os.fsencode(folder))
            paths = [a_file(tmp_path, name, 1000) for name in "abcd"]
            orders = [an_order(path, root=os.fsencode(folder), replace=False) for path in paths]
            os.unlink(paths[2])

            sent = await target.copy_all(orders, lambda index, done: None, looked=True)
            await target.barrier()
            files = [(order.destination, order.temporary, 1000, False) for order in orders]
            published = await target.publish_all([files[0], files[2], files[3]])

            assert [type(each) for each in sent] == [Sent, AlreadyStanding, SourceGone, Sent]
            assert isinstance(sent[0], Sent)
            assert sent[0].digest == xxh3_128(contents(paths[0])).digest()
            assert [type(each) for each in published] == [Published, Failed, Published]
            assert sorted(os.listdir(folder)) == ["a", "b", "d"]
            assert contents(os.fsencode(folder / "d")) == contents(paths[3])

    asyncio.run(main())


def test_what_has_come_to_stand_there_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            folder = tmp_path / "target"
            folder.mkdir()
            target: Target = a_target(fleet, os.fsencode(folder))
            order = an_order(a_file(tmp_path, "a", 1000), root=os.fsencode(folder), replace=False)
            await target.copy(order, lambda done: None)
            (folder / "a").write_bytes(b"somebody else's")

            with pytest.raises(AlreadyStanding):
                await target.publish(order.destination, order.temporary, 1000, durable=True, over=False)
            assert (folder / "a").read_bytes() == b"somebody else's"

            await target.publish(order.destination, order.temporary, 1000, durable=True)
            assert len((folder / "a").read_bytes()) == 1000

    asyncio.run(main())
