"""A plain disk takes small files in batches: copied together, durable together, judged one by one."""

import asyncio
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.target import Profile
from cloudgather.core.transfer import State, Transfer
from cloudgather.pipeline.ahead import groups
from cloudgather.ports.target import SourceChanged, Stalled
from pipework import a_spec, working
from queueing import NOW, a_plan, a_version, running_store

DISK = a_spec(profile=Profile.DISK)
NAMES = [b"a.nfo", b"b.nfo", b"c.nfo"]


def some_transfers(folder: Path, *sizes: int) -> list[Transfer]:
    """Queued ones of these sizes."""
    with running_store(str(folder / "state")) as (store, do):
        plans = [a_plan(b"%d" % index, version=a_version(size=size)) for index, size in enumerate(sizes)]
        return [do(store.transfer(id)) for id, _ in do(store.add(plans, now=NOW))]


def test_small_new_files_of_a_task_go_together_and_all_others_by_themselves(tmp_path: Path) -> None:
    small, large, failed, other, *many = some_transfers(tmp_path, 10, 2 << 20, 10, 10, *[1 << 20] * 9)
    batch = [small, small._replace(id=90), large, failed._replace(attempts=1), other._replace(task="other"), *many]

    found = [[transfer.id for transfer in group] for group in groups(batch)]

    ids = [each.id for each in many]
    assert found == [[small.id, 90], [large.id], [failed.id], [other.id], ids[:8], ids[8:]]


def test_all_are_copied_then_all_recorded_then_all_renamed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[DISK]) as works:
            await works.queue(*NAMES)

            assert await works.states() == dict.fromkeys(NAMES, "done")
            steps = [step for step, _ in works.target.steps if step != "look"]
            assert steps.index("barrier") > max(i for i, step in enumerate(steps) if step == "copy.close")
            assert steps.index("publish.begin") > steps.index("barrier")
            assert steps.count("barrier") == 2
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_the_folder_of_a_task_is_remembered_once_it_is_durable(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[DISK]) as works:
            remembered: list[bool] = []

            async def met(step: str, path: bytes) -> None:
                if step in ("barrier", "publish.begin"):
                    remembered.append((await works.store.tasks())["films"].base_made is not None)

            works.target.met = met
            await works.queue(*NAMES)

            assert remembered == [False, True, True, True, True]  # one barrier, three renames, another barrier

    asyncio.run(main())


def test_one_that_hangs_costs_those_behind_it_no_attempt(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[DISK]) as works:
            hung = Stalled(errno=None, step="write", side="target", message="no answer", limit=120)
            works.target.fail("copy.write", hung, path=b"films/b.nfo")
            await works.queue(*NAMES)
            await works.advance(3600)

            assert await works.states() == dict.fromkeys(NAMES, "done")
            attempts = {transfer.path: transfer.attempts for transfer in await works.transfers()}
            assert attempts == {b"a.nfo": 0, b"b.nfo": 1, b"c.nfo": 0}
            assert works.target.published[0] == b"films/a.nfo"
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_one_that_changes_meanwhile_is_put_off_and_the_others_arrive(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[DISK]) as works:
            works.target.fail("copy.close", SourceChanged(), path=b"films/b.nfo")
            await works.queue(*NAMES)

            states = await works.states()

            assert states == {b"a.nfo": State.DONE, b"b.nfo": State.QUEUED, b"c.nfo": State.DONE}

    asyncio.run(main())


def test_one_whose_rename_hangs_is_found_out_about_like_those_behind_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[DISK]) as works:
            hung = Stalled(errno=None, step="rename", side="target", message="no answer", limit=600)
            works.target.fail("publish.begin", hung, path=b"films/b.nfo")
            await works.queue(*NAMES)
            await works.advance(3600)

            assert await works.states() == dict.fromkeys(NAMES, "done")
            assert sorted(works.target.published) == [b"films/" + name for name in NAMES]
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_those_of_a_batch_that_are_not_complete_any_more_wait_and_nothing_is_made_of_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[DISK]) as works:
            source, names = works.world.source, [b"a.nfo", b"b.nfo", b"c.nfo", b"d.nfo", b"e.nfo"]
            works.board.queue_paused = True
            await works.queue(*names)
            source.writing.add(b"b.nfo")
            source.write(b"c.nfo.aria2")
            source.write(b"d.nfo", b"another content")
            source.remove(b"e.nfo")

            works.board.queue_paused = False
            works.dispatcher.wake()
            await works.rest()

            reasons = {each.path: each.reason.code for each in await works.transfers() if each.reason is not None}
            assert await works.states() == dict(zip(names, ["done", *["queued"] * 3, "vanished"], strict=True))
            assert [reasons[name] for name in names[1:]] == [
                Code.WAIT_WRITER,
                Code.WAIT_CONTROL_FILE,
                Code.RETRY_CHANGED,
                Code.GONE_SOURCE,
            ]
            assert {path for step, path in works.target.steps if step == "copy.begin"} == {b"films/a.nfo"}

    asyncio.run(main())


@pytest.mark.parametrize("hangs", [False, True])
def test_a_source_that_is_lost_before_a_batch_is_copied_is_waited_for(tmp_path: Path, hangs: bool) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[DISK]) as works:
            works.world.source.may_hang = hangs
            works.board.queue_paused = True
            await works.queue(*NAMES)
            works.world.source.gone()

            works.board.queue_paused = False
            works.dispatcher.wake()
            await works.rest()

            assert await works.states() == dict.fromkeys(NAMES, "queued")
            assert {each.attempts for each in await works.transfers()} == {0}
            assert works.board.tasks["films"].source_hold is not None
            assert works.target.count("copy.begin") == 0

    asyncio.run(main())
