"""A daemon that dies at any step of its work loses nothing, and brings nothing over twice."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cloudgather.core.target import Confirm, Profile, TargetSpec
from pipework import LIVE, Works, World, a_spec, a_world

WRITES = frozenset({"add", "adopt", "claim", "note_run", "redirect", "remember_target", "remember_task", "start_run"})
SCENARIOS = {
    "one by one": a_spec(),
    "several at once": a_spec(parallel=2),
    "confirmed by a look": a_spec(confirm=Confirm.SEEN),
    "in a batch": a_spec(profile=Profile.DISK, confirm=Confirm.STORED),
}
AT_LEAST = {"claim.end", "copy.write", "move:publish.begin", "move:publish.end", "publish.rename", "publish.end"}
FILES = {b"a.mkv": b"content of a", b"x/b.mkv": b"the content of b", b"x/c.mkv": b""}


class Fate:
    """Kills the daemon at its n-th step, or at the first of this name: what comes after does not happen."""

    def __init__(self, at: int | str) -> None:
        self.steps: list[str] = []
        self.struck = asyncio.Event()
        self._at = at

    async def store(self, step: str) -> None:
        """A write that begins or has been committed."""
        name = step.rpartition(".")[0]
        if name in WRITES or name.startswith("move:") or name == "swept":
            await self._meet(step)

    async def target(self, step: str, path: bytes) -> None:
        """A step at the target."""
        await self._meet(f"{step} {path.decode()}")

    async def _meet(self, step: str) -> None:
        if self._at in (len(self.steps), step.split()[0]) or self.struck.is_set():
            if not self.struck.is_set():
                self.steps.append(step)
                self.struck.set()
            await asyncio.get_running_loop().create_future()
        self.steps.append(step)


async def lived(world: World, spec: TargetSpec, fate: Fate) -> None:
    """A daemon's life until its fate strikes, or until all is done."""
    works = world.new_works(specs=[spec])
    works.store.met, world.target(spec).met = fate.store, fate.target
    ended = asyncio.create_task(alive(works))
    await asyncio.wait({ended, asyncio.create_task(fate.struck.wait())}, return_when=asyncio.FIRST_COMPLETED)
    await works.die()
    ended.cancel()
    await asyncio.gather(ended, return_exceptions=True)


async def alive(works: Works) -> None:
    """Start, scan, and let time pass until nothing is left to do."""
    await works.start()
    await works.scan(trigger="start")
    await works.rest()
    for _ in range(40):
        counts = await works.store.real.counts()
        if not any(state in LIVE and count for (_, _, state), (count, _) in counts.items()) and not works.lane.littered:
            return
        await works.advance(30)
    raise AssertionError(f"still not done: {await works.states()}")


async def crashed_at(folder: Path, spec: TargetSpec, at: int | str) -> Sequence[str] | None:
    """Crash at that step, start again, and see that all is as it should be; None: there is no such step."""
    async with a_world(folder) as world:
        for path, content in FILES.items():
            world.source.write(path, content, age=3600)
        fate = Fate(at)
        await lived(world, spec, fate)

        works = world.new_works(specs=[spec])
        await asyncio.wait_for(alive(works), 30)

        target = world.target(spec)
        told = f"crashed at {fate.steps[-1]}"
        assert {path: file.content for path, file in target.files.items()} == {
            b"films/" + path: content for path, content in FILES.items()
        }, told
        assert sorted(target.published) == sorted(b"films/" + path for path in FILES), told
        assert set((await works.states()).values()) == {"done"}, told
        assert len(await works.transfers()) == len(FILES), told
        assert await works.debris() == [], told
        assert works.lane.unresolved == set(), told
        assert (await works.store.real.ledger("films", list(FILES))).keys() == FILES.keys(), told
        return fate.steps if fate.struck.is_set() else None


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_crash_at_any_step_loses_and_repeats_nothing(tmp_path: Path, name: str) -> None:
    at, met = 0, set()
    while (steps := asyncio.run(crashed_at(tmp_path / str(at), SCENARIOS[name], at))) is not None:
        met.add(steps[-1].split()[0])
        at += 1

    assert at > 20
    # The store answers in its own time, so that the n-th step is not the same in every life: those that were missed.
    for step in sorted(AT_LEAST - met):
        assert asyncio.run(crashed_at(tmp_path / step, SCENARIOS[name], step)) is not None, f"no life has {step}"
