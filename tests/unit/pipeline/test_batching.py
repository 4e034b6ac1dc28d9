"""Small files to a local disk go in batches: what one of them meets, and what the barriers find."""

import asyncio
import errno
from collections import Counter
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Confirm, Kind, TargetSpec
from cloudgather.core.transfer import Event, State
from cloudgather.ports.target import AgentLost, SourceChanged, SourceGone, Stalled, TargetHeld
from fakes.target import an_error
from pipework import Works, a_disk, a_spec, a_task, working

NAMES = [b"%d.mkv" % number for number in range(5)]
LOST = AgentLost(errno=None, step="write", side="target", message="it died")


UNPACED = a_spec(confirm=Confirm.STORED, metadata_per_second=None)


@pytest.mark.parametrize("spec", [a_disk(), UNPACED], ids=["disk", "unpaced"])
def test_all_are_copied_then_recorded_then_renamed_then_recorded(tmp_path: Path, spec: TargetSpec) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[spec], serving=False) as works:
            await works.queue(*NAMES)
            order: list[str] = []

            async def committed(step: str) -> None:
                if step.startswith("move:") and step.endswith(".end"):
                    order.append(step)

            async def met(step: str, path: bytes) -> None:
                if step in ("copy.close", "barrier", "publish.end") and order[-1:] != [step]:
                    order.append(step)

            works.store.met, works.target.met = committed, met
            works.serve()
            await works.rest()

            assert order == [
                "copy.close",
                "barrier",
                "move:publish.end",
                "publish.end",
                "barrier",
                "move:write.end",
            ]
            assert set((await works.states()).values()) == {"done"}
            assert not any(each.terms.durable for each in works.target.orders)

    asyncio.run(main())


@pytest.mark.parametrize("kind", Kind)
def test_no_rename_is_recorded_that_a_power_cut_could_undo(tmp_path: Path, kind: Kind) -> None:
    async def main() -> None:
        spec = a_spec(kind=kind, confirm=Confirm.NONE, metadata_per_second=None)
        async with working(tmp_path, specs=[spec], serving=False) as works:
            await works.queue(*NAMES, b"season 1/a.mkv", b"season 1/b.mkv", b"season 2/a.mkv")
            forgotten: list[set[bytes]] = []

            async def committed(step: str) -> None:
                if step == "move:write.begin":
                    forgotten.append(works.target.forgotten)

            works.store.met = committed
            works.serve()
            await works.rest()

            assert forgotten == [set()]
            assert works.target.count("barrier") == 2
            assert len(works.target.published) == 8

    asyncio.run(main())


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (an_error(errno.EIO), "queued"),
        (an_error(errno.ENAMETOOLONG, "open"), "failed"),
        (SourceChanged(), "queued"),
        (SourceGone(), "queued"),
        (Stalled(errno=None, step="write", side="target", message="no answer", limit=120), "queued"),
        (LOST, "queued"),
    ],
    ids=["transient", "permanent", "changed", "gone", "stalled", "agent lost"],
)
def test_one_that_fails_does_not_take_the_others_along(tmp_path: Path, error: Exception, state: str) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)
            works.target.fail("copy.write", error, path=b"films/2.mkv")
            works.serve()
            await works.rest()

            found = await works.states()
            assert found.pop(b"2.mkv") == state
            assert set(found.values()) == {"done"}
            await works.advance(60)
            assert {each.attempts for each in await works.transfers() if each.path != b"2.mkv"} == {0}
            assert works.target.temporaries() == set()
            assert sorted(works.target.published) == sorted(
                b"films/" + path for path in NAMES if state == "queued" or path != b"2.mkv"
            )

    asyncio.run(main())


@pytest.mark.parametrize(
    "error", [an_error(errno.ENOSPC), TargetHeld(because(Code.HELD_MOUNT_DEAD, target="cloud"))], ids=["full", "held"]
)
def test_what_ails_the_target_ends_the_batch_and_costs_no_attempt(tmp_path: Path, error: Exception) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)
            works.target.fail("copy.write", error, path=b"films/1.mkv")
            works.serve()
            await works.advance(60)

            assert set((await works.states()).values()) == {"done"}
            assert sorted(works.target.published) == sorted(b"films/" + path for path in NAMES)
            assert {each.attempts for each in await works.transfers()} == {0}
            assert works.target.temporaries() == set()

    asyncio.run(main())


@pytest.mark.parametrize("which", [1, 2])
@pytest.mark.parametrize("error", [an_error(errno.EIO, "syncfs"), LOST, TargetHeld(because(Code.HELD_MOUNT_DEAD))])
def test_a_barrier_that_fails_makes_nothing_count(tmp_path: Path, which: int, error: Exception) -> None:
    """Before the renames: all are copied anew. After them: none is recorded before another barrier has held."""

    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)
            barriers = 0

            async def met(step: str, path: bytes) -> None:
                nonlocal barriers
                barriers += step == "barrier"
                if step == "barrier" and barriers == which:
                    assert not any(state == "done" for state in (await works.states()).values())
                    raise error

            works.target.met = met
            works.serve()
            await works.advance(120)

            assert barriers >= which
            assert set((await works.states()).values()) == {"done"}
            assert sorted(works.target.published) == sorted(b"films/" + path for path in NAMES)
            assert works.target.temporaries() == set()
            assert await works.debris() == []
            spent = which == 1 and not isinstance(error, TargetHeld)  # else the copies are whole, or nobody's fault
            assert {each.attempts for each in await works.transfers()} == {int(spent)}

    asyncio.run(main())


def test_a_barrier_that_always_fails_ends_failed_with_its_reason(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk(attempts=3)], serving=False) as works:
            await works.queue(*NAMES)
            works.target.fail("barrier", an_error(errno.EIO, "syncfs"), times=1000)
            works.serve()
            await works.advance(4 * 3600)

            transfers = await works.transfers()
            assert {each.state for each in transfers} == {State.FAILED}
            ends = [(each.attempts, each.reason) for each in transfers]
            assert all(attempts == 3 and reason is not None for attempts, reason in ends)
            steps = {(reason.code, reason.facts["step"]) for _, reason in ends if reason is not None}
            assert steps == {(Code.FAIL_IO, "syncfs")}
            assert works.target.published == []
            works.target.mend()
            await works.advance(60)
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_one_rename_that_fails_does_not_take_the_others_along(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)
            works.target.fail("publish.rename", an_error(errno.EIO, "rename"), path=b"films/3.mkv")
            works.serve()
            await works.advance(60)

            assert set((await works.states()).values()) == {"done"}
            assert sorted(works.target.published) == sorted(b"films/" + path for path in NAMES)

    asyncio.run(main())


def test_cancelled_in_a_batch(tmp_path: Path) -> None:
    """The one that is copied, one that is whole already and one that is to come; the others go."""

    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)

            async def met(step: str, path: bytes) -> None:
                if step == "copy.write" and path == b"films/2.mkv":
                    ids = [each.id for each in await works.transfers() if each.path in (b"0.mkv", b"2.mkv", b"4.mkv")]
                    assert works.dispatcher.cancel(ids, Event.CANCEL, because(Code.CANCELLED_OPERATOR, by="me")) == 3

            works.target.met = met
            works.serve()
            await works.advance(30)

            assert await works.states() == {
                b"0.mkv": "cancelled",
                b"1.mkv": "done",
                b"2.mkv": "cancelled",
                b"3.mkv": "done",
                b"4.mkv": "cancelled",
            }
            assert set(works.target.files) == {b"films/1.mkv", b"films/3.mkv"}
            assert await works.debris() == []

    asyncio.run(main())


def test_a_batch_that_is_interrupted_is_put_back_in_one_step(tmp_path: Path) -> None:
    """However slow the disk of the state is: the daemon's end waits for it."""

    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)
            works.target.hang("copy.write")
            works.serve()
            await works.rest()
            assert set((await works.states()).values()) == {"copying"}

            await works.take(specs=[])
            works.serve()
            await works.rest()

            assert set((await works.states()).values()) == {"queued"}
            assert works.store.calls["move:defer"] == 1

    asyncio.run(main())


@pytest.mark.parametrize("phase", ["begin", "end"])
def test_a_batch_that_is_interrupted_while_its_copies_are_recorded(tmp_path: Path, phase: str) -> None:
    """Whether or not that was committed, and of one file as of all: no row stays where nobody works on it."""

    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)
            left: list[str] = []

            async def met(at: str) -> None:
                if at == f"move:publish.{phase}" and not left:
                    left.append(at)
                    ids = [each.id for each in await works.transfers() if each.path == b"2.mkv"]
                    works.dispatcher.cancel(ids, Event.CANCEL, because(Code.CANCELLED_OPERATOR, by="me"))
                    await works.take(specs=[])
                    works.serve()
                    await asyncio.get_running_loop().create_future()  # until it is interrupted

            works.store.met = met
            works.serve()
            await works.rest()
            assert left

            await works.take(specs=[a_disk()])
            works.serve()
            await works.advance(60)

            found = await works.states()
            assert found.pop(b"2.mkv") == ("cancelled" if phase == "begin" else "done")
            assert set(found.values()) == {"done"}
            assert max(Counter(works.target.published).values()) == 1
            assert works.target.temporaries() == set()
            assert await works.debris() == []

    asyncio.run(main())


def test_a_batch_of_several_tasks_asks_each_ones_source(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = [a_task(), a_task("series", source=b"/series", base=b"series")]
        async with working(tmp_path, specs=[a_disk()], tasks=tasks, serving=False) as works:
            await works.queue(*NAMES)
            await works.queue(b"s.mkv", task="series")
            works.world.source.gone()
            works.serve()
            await works.rest()

            found = await works.states()
            assert found.pop(b"s.mkv") == "done"
            assert set(found.values()) == {"queued"}

    asyncio.run(main())


def test_a_batch_has_its_bounds(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*[b"%d.mkv" % number for number in range(300)])
            works.serve()
            await works.rest()

            assert works.store.calls["move:publish"] == 2
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())


def cancel_first(works: Works) -> None:
    """The operator ends the first file of the batch."""
    (id,) = (moving.transfer.id for moving in works.lane.moving.values() if moving.transfer.path == NAMES[0])
    assert works.dispatcher.cancel([id], Event.CANCEL, because(Code.CANCELLED_OPERATOR, by="me")) == 1


def test_what_is_cancelled_while_its_batch_is_copied_ends_before_the_batch_is_made_durable(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)
            works.target.hang("barrier")

            async def met(step: str, path: bytes) -> None:
                if (step, path) == ("copy.close", b"films/" + NAMES[1]):
                    cancel_first(works)

            works.target.met = met
            works.serve()
            await works.rest()

            assert works.target.count("barrier") == 1
            assert await works.states() == {NAMES[0]: "cancelled", **dict.fromkeys(NAMES[1:], "copying")}
            works.target.release()
            await works.advance(60)
            assert await works.states() == {NAMES[0]: "cancelled", **dict.fromkeys(NAMES[1:], "done")}
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_what_is_cancelled_while_its_batch_is_made_durable_stays_cancelled_if_that_fails(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)

            async def met(step: str, path: bytes) -> None:
                if step == "barrier" and works.target.count("barrier") == 1:
                    cancel_first(works)
                    raise an_error(errno.EIO, "syncfs")

            works.target.met = met
            works.serve()
            await works.advance(120)

            assert works.target.count("barrier") > 1
            assert await works.states() == {NAMES[0]: "cancelled", **dict.fromkeys(NAMES[1:], "done")}
            assert b"films/" + NAMES[0] not in works.target.files
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_batches_beside_each_other_are_of_different_folders_where_several_wait(tmp_path: Path) -> None:
    """A folder behind FUSE makes, looks up and renames one name at a time."""
    names = [b"%c/%03d.nfo" % (folder, number) for folder in b"ab" for number in range(200)]

    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(metadata_per_second=None, parallel=2)]) as works:
            await works.queue(*names)

            assert await works.states() == dict.fromkeys(names, "done")
            copied = [path for step, path in works.target.steps if step == "copy.close"]
            folders = [path.rpartition(b"/")[0][-1:] for path in copied]
            assert folders.index(b"b") < 100
            assert sorted(folders) == [b"a"] * 200 + [b"b"] * 200

    asyncio.run(main())
