"""Confirmation by the program behind the mount: what is done, what waits and why, what is sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from cgwire.codes import Code
from cloudgather.core.target import Confirm, Identity, Kind, RemoteControl
from cloudgather.core.task import Rule
from cloudgather.core.transfer import Event
from cloudgather.core.uploads import Listed, Upload
from fakes.uploads import FakeUploads
from pipework import Works, a_spec, a_task, working

A = b"films/a.mkv"
CONTENT = b"whole content"
WHOLE = Listed(size=len(CONTENT), mtime_ns=0)
IDENTITY = Identity(mount_point=b"/cloud", fs_type="fuse.rclone", source=b"cloud:")


@asynccontextmanager
async def uploading(folder: Path, **changes: Any) -> AsyncIterator[tuple[Works, FakeUploads]]:
    """A mount whose rclone is asked."""
    spec = a_spec(
        kind=Kind.MOUNT, confirm=Confirm.RCLONE, remote_control=RemoteControl(address="http://x:1"), **changes
    )
    async with working(
        folder, specs=[spec], tasks=[a_task(rules=frozenset({Rule.MISSING, Rule.CHANGED}))], serving=False
    ) as works:
        works.target.identity = IDENTITY
        await works.remember(identity=IDENTITY)
        works.serve()
        yield works, works.world.uploads


def test_a_file_is_done_when_nothing_is_left_to_upload_and_the_cloud_lists_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            uploads.pending[A] = Upload(pending=True)
            uploads.cloud[A] = WHOLE  # another file of this size, so far
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(3600)
            assert await works.states() == {b"a.mkv": "written"}
            (why,) = works.board.unconfirmed(await works.one())
            assert why.code == Code.CONFIRM_UPLOADING
            assert uploads.looked_up == []

            uploads.pending.clear()
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "done"}
            ledger = await works.store.asked(lambda store: store.ledger("films", [b"a.mkv"]))
            assert ledger[b"a.mkv"].strength == "stored"
            assert works.board.unconfirmed(await works.one()) == ()

    asyncio.run(main())


def test_why_a_file_waits_is_told_also_while_rclone_is_being_asked(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            uploads.pending[A] = Upload(pending=True)
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(1)
            transfer = await works.one()
            told: list[list[str]] = []
            uploads.asking = lambda: told.append([why.code for why in works.board.unconfirmed(transfer)])

            await works.advance(60)

            assert len(told) > 2
            assert all(codes == [Code.CONFIRM_UPLOADING] for codes in told)

    asyncio.run(main())


def test_one_look_that_finds_nothing_to_upload_proves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            uploads.cloud[A] = WHOLE
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(1)
            assert (uploads.asked, await works.states()) == (1, {b"a.mkv": "written"})

            await works.advance(3)
            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_rclone_is_asked_ever_more_rarely_and_not_at_all_when_nothing_is_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            await works.advance(3600)
            assert uploads.asked == 0

            uploads.silent = True
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(10)
            assert uploads.asked <= 3
            await works.advance(3600)
            assert uploads.asked < 70
            assert await works.states() == {b"a.mkv": "written"}
            assert [why.code for why in works.board.unconfirmed(await works.one())] == [Code.CONFIRM_UNREACHABLE]
            assert works.lane.unconfirmed_why is not None

            uploads.silent, uploads.cloud[A] = False, WHOLE
            await works.advance(120)
            assert await works.states() == {b"a.mkv": "done"}
            assert works.lane.unconfirmed_why is None

    asyncio.run(main())


def test_what_the_cloud_does_not_have_is_sent_again_over_what_is_left_of_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            await works.queue(b"a.mkv", content=CONTENT)
            works.target.put(A, b"cut")
            uploads.cloud[A] = Listed(size=3, mtime_ns=0)
            await works.advance(100)
            assert "lose" in await works.events(1)
            uploads.cloud[A] = WHOLE
            await works.advance(600)

            assert await works.states() == {b"a.mkv": "done"}
            assert works.target.files[A].content == CONTENT

    asyncio.run(main())


def test_each_time_that_it_is_sent_the_cloud_is_given_time_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path, attempts=9, retry_first=timedelta(seconds=1)) as (works, _):
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(100)
            assert (await works.events(1)).count("lose") == 1
            await works.advance(60)
            assert (await works.events(1)).count("lose") == 1

    asyncio.run(main())


def test_a_temporary_that_comes_back_with_what_was_lost_is_removed(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(10)
            works.target.files[b"films/" + works.target.orders[0].temporary] = works.target.files.pop(A)
            await works.advance(90)
            uploads.cloud[A] = WHOLE
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "done"}
            assert set(works.target.files) == {A}
            assert await works.debris() == []

    asyncio.run(main())


def test_what_may_have_come_back_is_swept_as_soon_as_the_loss_is_known(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, _):
            swept_at: list[float] = []

            async def met(step: str, path: bytes) -> None:
                if step == "sweep":
                    swept_at.append(works.clock.now().timestamp())

            works.target.met = met
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(100)

            history = await works.store.asked(lambda store: store.history(task=None, path=None, transfer=1, limit=9))
            (lost_at,) = (move.at.timestamp() for _, move in history if move.event is Event.LOSE)
            assert lost_at <= swept_at[0] < lost_at + 1.0

    asyncio.run(main())


def test_what_is_lost_each_time_has_failed_in_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path, attempts=3) as (works, uploads):
            uploads.failed[A] = Upload(pending=False, failures=1, message="quota exceeded")
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(timedelta(hours=3))

            transfer = await works.one()
            assert (str(transfer.state), len(works.target.published)) == ("failed", 3)
            assert transfer.reason is not None
            assert (transfer.reason.code, transfer.reason.facts["message"]) == (Code.FAIL_RCLONE, "quota exceeded")

    asyncio.run(main())


def test_what_is_lost_while_a_newer_version_is_on_its_way_has_failed(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            await works.queue(b"a.mkv", content=CONTENT)
            works.target.hang("copy.begin")
            await works.queue(b"a.mkv", content=b"newer", age=100)
            await works.advance(600)

            assert [str(each.state) for each in await works.transfers()] == ["failed", "copying"]
            assert uploads.asked > 2

    asyncio.run(main())


def test_of_two_versions_under_one_name_only_the_newer_can_be_done(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            uploads.pending[A] = Upload(pending=True)
            await works.queue(b"a.mkv", content=CONTENT)
            await works.queue(b"a.mkv", content=CONTENT[::-1], age=100)
            uploads.pending.clear()
            uploads.cloud[A] = WHOLE
            await works.advance(120)

            assert [str(each.state) for each in await works.transfers()] == ["failed", "done"]

    asyncio.run(main())


def test_a_name_that_rclone_cannot_be_asked_about_is_never_done(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            await works.queue(b"\xff.mkv", content=CONTENT)
            uploads.cloud[b"films/\xff.mkv"] = WHOLE
            await works.advance(60)

            assert (await works.states(), uploads.looked_up) == ({b"\xff.mkv": "failed"}, [])

    asyncio.run(main())


def test_what_is_stuck_keeps_nothing_else_from_being_done(tmp_path: Path) -> None:
    async def main() -> None:
        async with uploading(tmp_path) as (works, uploads):
            stuck = [b"%03d.mkv" % number for number in range(150)]
            for name in stuck[:75]:
                uploads.pending[b"films/" + name] = Upload(pending=True, failures=1, message="name refused")
            await works.queue(*stuck, content=CONTENT)
            await works.advance(10)
            uploads.cloud[A] = WHOLE
            await works.queue(b"a.mkv", content=CONTENT)
            await works.advance(120)

            assert (await works.one(b"a.mkv")).state == "done"

    asyncio.run(main())
