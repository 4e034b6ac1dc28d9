"""Who may be copied when: limits, holds, windows, pauses, and that nothing waits for longer than it must."""

import asyncio
import errno
from datetime import time, timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Identity, Kind
from cloudgather.core.task import Window
from cloudgather.ports.target import TargetHeld
from fakes.target import an_error
from pipelooks import done
from pipework import a_spec, a_task, working

NOT_MOUNTED = TargetHeld(because(Code.HELD_NOT_MOUNTED, target="cloud", root=b"/cloud"))
NAMES = [b"%d.mkv" % number for number in range(10)]
FROM_ONE = Window(begin=time(13), end=time(14))


@pytest.mark.parametrize("parallel", [1, 3])
def test_so_many_at_once_as_the_target_allows(tmp_path: Path, parallel: int) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(parallel=parallel)]) as works:
            gate = works.target.hang("copy.write")
            await works.queue(*NAMES)
            await works.advance(60)
            assert works.target.busy == parallel

            gate.set()
            await works.rest()

            assert works.target.busiest == parallel
            assert await done(works) == set(NAMES)

    asyncio.run(main())


@pytest.mark.parametrize("files", [3, 10, 300])
def test_what_goes_to_a_target_that_needs_no_sparing_is_dealt_out_evenly(tmp_path: Path, files: int) -> None:
    async def main() -> None:
        spec = a_spec(parallel=4, metadata_per_second=None)
        async with working(tmp_path, specs=[spec], serving=False) as works:
            names = [b"%d.mkv" % number for number in range(files)]
            await works.queue(*names)
            gate = works.target.hang("copy.write")
            works.serve()
            await works.advance(1)
            assert works.target.busy == min(files, 4)
            assert len(works.lane.moving) == min(files, 4 * 8)

            gate.set()
            await works.rest()

            assert works.target.busiest == min(files, 4)
            assert await done(works) == set(names)

    asyncio.run(main())


@pytest.mark.parametrize(("seconds", "together"), [(0.5, 16), (2.0, 8), (6.0, 4)])
def test_batches_become_longer_while_they_take_no_time_and_shorter_again(
    tmp_path: Path, seconds: float, together: int
) -> None:
    async def main() -> None:
        spec = a_spec(metadata_per_second=None)
        async with working(tmp_path, specs=[spec], serving=False) as works:
            await works.queue(*[b"%d.mkv" % number for number in range(100)])
            sizes: list[int] = []

            async def met(step: str, path: bytes) -> None:
                if step == "copy.begin":
                    sizes.append(len(works.lane.moving))

            works.target.met = met
            gate = works.target.hang("copy.write")
            works.serve()
            await works.advance(seconds)
            gate.set()
            await works.rest()

            assert len(sizes) == 100
            assert (sizes[0], sizes[8]) == (8, together)

    asyncio.run(main())


def test_a_large_file_has_no_company(tmp_path: Path) -> None:
    async def main() -> None:
        spec = a_spec(parallel=2, metadata_per_second=None)
        async with working(tmp_path, specs=[spec], serving=False) as works:
            await works.queue(b"large.mkv", content=b"x" * (3 << 20))
            await works.queue(*NAMES)
            gate = works.target.hang("copy.write")
            works.serve()
            await works.advance(1)
            large = next(each for each in works.lane.moving.values() if each.transfer.path == b"large.mkv")
            assert large.task is not None  # by itself: it can be cancelled at once
            assert works.target.busy == 2

            gate.set()
            await works.rest()
            assert await done(works) == {b"large.mkv", *NAMES}

    asyncio.run(main())


def test_how_long_a_large_file_takes_says_nothing_of_small_ones(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(metadata_per_second=None)]) as works:
            gate = works.target.hang("copy.write")
            await works.queue(b"large.mkv")
            before = works.lane.together
            await works.advance(3600)
            gate.set()
            await works.rest()

            assert await done(works) == {b"large.mkv"}
            assert works.lane.together == before > 1

    asyncio.run(main())


def test_targets_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = [a_task(), a_task("series", source=b"/series", target="other")]
        async with working(tmp_path, specs=[a_spec(), a_spec("other")], tasks=tasks) as works:
            works.target.hang("copy.write")
            await works.queue(b"a.mkv")
            await works.queue(b"b.mkv", task="series")

            assert await works.states() == {b"a.mkv": "copying", b"b.mkv": "done"}

    asyncio.run(main())


# ---- holds -----------------------------------------------------------------------------------------------------------


def test_a_held_target_is_asked_every_fifteen_seconds_while_something_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.hold = NOT_MOUNTED
            await works.queue(b"a.mkv")
            works.target.steps.clear()
            await works.advance(150)

            assert works.target.count("probe") == 10
            assert (await works.one()).attempts == 0
            works.target.hold = None
            await works.advance(15)
            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())


def test_a_held_target_is_left_alone_while_nothing_may_go_to_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(upload_window=FROM_ONE)]) as works:
            works.target.hold, works.lane.hold = NOT_MOUNTED, NOT_MOUNTED.reason
            await works.queue(b"a.mkv")
            await works.advance(15)
            works.target.steps.clear()

            await works.advance(600)

            assert works.target.steps == []

    asyncio.run(main())


def test_a_mount_that_is_back_is_noticed_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.hold = NOT_MOUNTED
            await works.queue(b"a.mkv")
            await works.advance(7)
            works.target.hold = None

            works.dispatcher.mounts_changed()
            await works.rest()

            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())


def test_what_was_never_seen_is_probed_first_and_remembered(tmp_path: Path) -> None:
    async def main() -> None:
        identity = Identity(mount_point=b"/cloud", fs_type="fuse.rclone", source=b"cloud:")
        async with working(tmp_path, specs=[a_spec(kind=Kind.MOUNT)]) as works:
            works.target.identity = identity
            await works.queue(b"a.mkv")

            assert await done(works) == {b"a.mkv"}
            assert works.target.count("probe") == 1
            assert (await works.store.real.targets())["cloud"].identity == identity

    asyncio.run(main())


def test_tasks_that_are_held_are_passed_over(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = [a_task(), a_task("series", source=b"/series", upload_window=FROM_ONE)]
        async with working(tmp_path, tasks=tasks, serving=False) as works:
            await works.queue(b"s.mkv", task="series")
            await works.queue(b"a.mkv")
            works.serve()
            await works.rest()

            assert await works.states() == {b"s.mkv": "queued", b"a.mkv": "done"}

    asyncio.run(main())


def test_a_retry_comes_on_time_beside_a_task_that_is_held(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = [a_task(), a_task("series", source=b"/series", upload_window=FROM_ONE)]
        async with working(tmp_path, specs=[a_spec(retry_first=timedelta(seconds=7))], tasks=tasks) as works:
            await works.queue(b"s.mkv", task="series")
            works.target.fail("copy.write", an_error(errno.EIO))
            await works.queue(b"a.mkv")
            await works.advance(6.9)
            assert (await works.states())[b"a.mkv"] == "queued"

            await works.advance(0.1)

            assert (await works.states())[b"a.mkv"] == "done"

    asyncio.run(main())


@pytest.mark.parametrize("seconds", [3, 45, 1000])
def test_a_retry_comes_when_it_is_due(tmp_path: Path, seconds: int) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(retry_first=timedelta(seconds=seconds))]) as works:
            works.target.fail("copy.write", an_error(errno.EIO))
            await works.queue(b"a.mkv")
            await works.advance(seconds - 0.1)
            assert works.target.count("copy.begin") == 1

            await works.advance(0.2)

            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())


def test_what_is_planned_while_nothing_is_to_do_goes_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            for name in NAMES:
                await works.advance(7)
                await works.queue(name)
                assert name in await done(works)

    asyncio.run(main())


def test_batches_that_fail_at_once_do_not_become_longer(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(metadata_per_second=None)], serving=False) as works:
            await works.queue(*NAMES)
            before = works.lane.together
            failed: list[bytes] = []

            async def met(step: str, path: bytes) -> None:
                if step == "copy.begin":
                    failed.append(path)
                    raise an_error(errno.EINVAL)

            works.target.met = met
            works.serve()
            await works.rest()

            assert len(failed) >= before > 1  # a whole batch
            assert works.lane.together == before

    asyncio.run(main())
