"""Looks whether a target is there, and records which file system it is on the first time that it is seen."""

from dataclasses import replace

from cloudgather.pipeline.board import TargetState
from cloudgather.ports.queue import QueueStore


async def see(lane: TargetState, store: QueueStore) -> None:
    """Ask the target itself; raises TargetHeld with what is wrong with it, and Failed."""
    identity = await lane.port.probe()
    if lane.memory.identity is None and identity is not None:
        lane.memory = replace(lane.memory, identity=identity)
        await store.remember_target(lane.memory)
