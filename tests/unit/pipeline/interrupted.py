"""A world whose daemon was killed between recording `publishing` and what follows."""

import asyncio
from typing import Any

from pipework import Works, World, a_spec


async def left_in_publishing(world: World, *, renamed: bool = False, force: bool = False, **spec: Any) -> Works:
    """A new daemon, not serving yet, on a world whose last one died at its rename; `force` goes over what stands."""
    fate_at = "publish.end" if renamed else "publish.begin"
    works = world.new_works(specs=[a_spec(**spec)])
    died = asyncio.Event()

    async def met(step: str, path: bytes) -> None:
        if step == fate_at:
            died.set()
            await asyncio.get_running_loop().create_future()

    world.target(works.specs[0]).met = met
    await works.start()
    world.source.write(b"a.mkv", age=3600)
    await works.scan(force=force)
    await died.wait()
    await works.die()
    works = world.new_works(specs=[a_spec(**spec)])
    await works.start(serving=False)
    assert (await works.one()).state == "publishing"
    return works
