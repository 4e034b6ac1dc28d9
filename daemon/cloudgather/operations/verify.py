"""Compares ledger, source and target for real, and sends again what the target lost where the task says so."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core import filters
from cloudgather.core.naming import split
from cloudgather.core.task import IfGone
from cloudgather.core.transfer import LIVE, Plan, Transfer, Version
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.board import TaskState
from cloudgather.ports.queue import LedgerEntry, Origin
from cloudgather.ports.source import Absent
from cloudgather.ports.source import Refused as Unreadable
from cloudgather.ports.target import Standing, TargetHeld

_PAGE = 10_000
_LISTED = 1000
# More than this gone at once is an account logged out or a folder moved, not files lost: the operator decides.
_MOST_RESENT = 20
_MOST_RESENT_SHARE = 0.01


class _Report:
    def __init__(self) -> None:
        self.checked = self.intact = 0
        self.gone: list[LedgerEntry] = []
        self.differs: list[bytes] = []


async def verify(world: World, state: TaskState) -> WireMap:
    """Lists each destination folder once, at the target's pace.

    Raises TargetHeld where the whole destination folder is away: that says nothing of its files.
    """
    report = _Report()
    after: bytes | None = None
    base = await world.board.targets[state.task.target].port.listing(state.task.base)
    while page := await world.store.ledger_of(state.task.name, after=after, limit=_PAGE):
        if base is None:
            facts = {"target": state.task.target, "folder": state.task.base, "task": state.task.name}
            raise TargetHeld(because(Code.HELD_BASE_GONE, **facts))
        after = page[-1].path
        folders: dict[bytes, list[LedgerEntry]] = defaultdict(list)
        for entry in page:
            if entry.origin is not Origin.IGNORED and entry.target == state.task.target:
                folders[split(entry.destination)[0]].append(entry)
        for folder, entries in folders.items():
            await _folder(world, state, folder, entries, report)
    withheld = _withheld(state, report)
    resent, given_up = (0, 0) if withheld else await _resend(world, state, report)
    unsent = await _unsent(world, state)
    listed = [entry.path for entry in report.gone[:_LISTED]]
    return {
        "checked": report.checked,
        "intact": report.intact,
        "gone": listed,
        "differs": report.differs[:_LISTED],
        "unsent": unsent[:_LISTED],
        "resent": resent,
        "given_up": given_up,
        "withheld": withheld,
        "truncated": max(len(report.gone), len(report.differs), len(unsent)) > _LISTED,
    }


async def _folder(
    world: World, state: TaskState, folder: bytes, entries: Sequence[LedgerEntry], report: _Report
) -> None:
    port = world.board.targets[state.task.target].port
    shown = await port.listing(folder)
    listed = {entry.path: (shown or {}).get(split(entry.destination)[1]) for entry in entries}
    missed = [entry for entry in entries if listed[entry.path] is None]
    if missed:  # a listing may be cut short: what it lacks is asked for by name
        found = await port.look([entry.destination for entry in missed])
        listed |= {entry.path: standing for entry, standing in zip(missed, found, strict=True)}
    for entry in entries:
        report.checked += 1
        standing = listed[entry.path]
        if standing is None:
            report.gone.append(entry)
        elif _is_it(entry, standing):
            report.intact += 1
        else:
            report.differs.append(entry.path)


def _is_it(entry: LedgerEntry, standing: Standing) -> bool:
    expected = entry.target_size if entry.target_size is not None else entry.size
    return standing.is_file and standing.size == expected


async def _unsent(world: World, state: TaskState) -> list[bytes]:
    """Wanted files of the source whose version the ledger does not have."""
    unsent: list[bytes] = []
    async for batch in state.source.scan():
        wanted = [
            seen
            for seen in batch
            if not isinstance(seen, Unreadable) and filters.judge(state.task.filter, seen.path, seen.size) is None
        ]
        known = await world.store.ledger(state.task.name, [seen.path for seen in wanted])
        for seen in wanted:
            entry = known.get(seen.path)
            if entry is None or (entry.size, entry.mtime_ns) != (seen.size, seen.mtime_ns):
                unsent.append(seen.path)
    return sorted(unsent)


def _withheld(state: TaskState, report: _Report) -> int:
    """Files that the task would send again, were they not so many, or all there is."""
    many = len(report.gone) > max(_MOST_RESENT, _MOST_RESENT_SHARE * report.checked) or report.intact == 0
    return len(report.gone) if many and state.task.if_gone is IfGone.RESEND else 0


async def _resend(world: World, state: TaskState, report: _Report) -> tuple[int, int]:
    """Queue again what is gone, where the task says so and the source is still that version.

    How many are queued, and how many are not because this version was sent again before: whoever takes a file away
    twice means it.
    """
    if state.task.if_gone is not IfGone.RESEND:
        return 0, 0
    plans: list[Plan] = []
    given_up = 0
    for entry in report.gone:
        look = await state.source.look(entry.path)
        if isinstance(look, Absent) or (look.version.size, look.version.mtime_ns) != (entry.size, entry.mtime_ns):
            continue
        if _was_resent(newest := await world.store.newest(state.task.name, entry.path), look.version):
            given_up += newest is not None and newest.state not in LIVE
            continue
        plans.append(_plan(state, entry, look.version))
    await world.store.add(plans, now=world.clock.now())
    world.dispatcher.wake(state.task.target)
    return len(plans), given_up


def _was_resent(newest: Transfer | None, version: Version) -> bool:
    if newest is None or newest.plan_reason.code != Code.GO_RESEND:
        return False
    return newest.version.same_content_as(version)


def _plan(state: TaskState, entry: LedgerEntry, version: Version) -> Plan:
    facts: dict[str, Any] = {"at": entry.at.timestamp()}
    return Plan(
        task=state.task.name,
        path=entry.path,
        target=state.task.target,
        destination=entry.destination,
        version=version,
        reason=because(Code.GO_RESEND, **facts),
        replace=False,
        guessed=True,
        priority=state.task.priority,
    )
