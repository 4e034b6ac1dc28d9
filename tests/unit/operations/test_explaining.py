"""Why a file is not uploaded yet, asked of a pipeline that runs."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cgwire import path as wire
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.caller import Caller
from cloudgather.operations import describe
from cloudgather.operations.explain import PathOperations
from cloudgather.operations.world import World
from pipework import SOURCE, working
from waiting import eventually

NAMES = [b"%04d.mkv" % number for number in range(600)]


@pytest.mark.parametrize("name", [NAMES[0], NAMES[-1]], ids=["asked about", "looked at ahead"])
def test_a_complete_file_says_that_its_target_is_to_be_asked_first(tmp_path: Path, name: bytes) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            world = cast(
                World, SimpleNamespace(board=works.board, intake=works.intake, store=works.store, clock=works.clock)
            )
            for each in NAMES:
                works.world.source.write(each, age=3600)
            works.target.hang("listing")
            works.errands.start(works.scan())
            pending = works.intake.pending.of_task("films")
            await eventually(
                lambda: len(pending) == len(NAMES) and pending[NAMES[-1]].fingerprint is not None,
                what="the rest was not looked at",
            )

            said = await PathOperations(world).path_why(wire.Why(path=SOURCE + b"/" + name), cast(Caller, None))
            shown = describe.pending(world, pending[name])

            assert (said["verdict"], said["reasons"]) == ("waiting", [because(Code.WAIT_LISTING).to_wire()])
            assert shown["reasons"] == said["reasons"]

    asyncio.run(main())
