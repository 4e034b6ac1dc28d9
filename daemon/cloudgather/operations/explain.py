"""Explains one path: which task claims it, each condition with its facts, where it is in the queue, how it ended."""

import os
from collections.abc import Sequence
from typing import Any

from cgwire import path as wire
from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core import filters
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.download import Download, download_of
from cloudgather.core.mounts import is_below
from cloudgather.core.naming import destination
from cloudgather.core.rules import Ask, Go, Skip, Unasked, decide
from cloudgather.core.task import Task
from cloudgather.core.transfer import State, Transfer
from cloudgather.operations import describe
from cloudgather.operations.requesting import is_theirs
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.board import TaskState
from cloudgather.pipeline.pending import SkipSettle
from cloudgather.ports.queue import LedgerEntry
from cloudgather.ports.source import Absent, Access, Look, SourceUnavailable

_VERDICTS = {
    State.QUEUED: "queued",
    State.COPYING: "copying",
    State.PUBLISHING: "publishing",
    State.WRITTEN: "uploaded",
    State.DONE: "uploaded",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.VANISHED: "vanished",
}

# What a pending file waits for that a look at it does not show.
_NOT_OF_THE_FILE = frozenset({Code.WAIT_UNIT, Code.WAIT_LISTING, Code.WAIT_UNDER_WAY})


class PathOperations:
    """path.*"""

    def __init__(self, world: World) -> None:
        self._world = world

    async def path_why(self, request: wire.Why, caller: Caller) -> WireMap:
        """Looks at the source and the store; never at the target."""
        path = os.path.normpath(request.path)
        if not path.startswith(b"/"):
            raise Refused(because(Code.ERROR_BAD_REQUEST, message="the path must be absolute"))
        claiming = self._claiming(path)
        if not claiming and (download := self._downloading(path, caller)) is not None:
            return _reply(path, None, None, "downloading", reasons=self._of_download(download))
        if not claiming:
            reasons = [because(Code.SKIP_NO_TASK, path=path)]
            # A task whose file has errors may be the one that was meant: nobody can tell.
            broken = [name for name in sorted(self._world.board.broken) if download_of(name) is None]
            reasons += [because(Code.HELD_TASK_BROKEN, task=name) for name in broken]
            return _reply(path, None, None, "unclaimed", reasons=reasons)
        # The deepest source is the one that was meant; the others are named.
        state = claiming[0]
        relative = path[len(state.task.source) :].lstrip(b"/")
        also = [each.task.name for each in claiming[1:]]
        reply = await self._explained(state, path, relative)
        return {**reply, "also": also}

    def _claiming(self, path: bytes) -> list[TaskState]:
        found = [state for state in self._world.board.tasks.values() if is_below(path, state.task.source)]
        return sorted(found, key=lambda state: -len(state.task.source))

    def _downloading(self, path: bytes, caller: Caller) -> Download | None:
        """The download whose files are not all here yet, or that failed, and that lies at or around the path."""
        for download in self._world.downloads.open:
            folder = os.path.join(download.folder, download.name) if download.foreign else download.folder
            if is_below(path, folder) and is_theirs(download, caller):
                return download
        return None

    def _of_download(self, download: Download) -> list[Reason]:
        item = self._world.downloads.shown(download)
        progress = item.done / item.size if item is not None and item.size else None
        word = because(Code.WAIT_DOWNLOAD, download=download.id, state=str(download.state), progress=progress)
        found = [word, self._world.downloads.hold_of(download), download.reason]
        return [reason for reason in found if reason is not None]

    async def _explained(self, state: TaskState, path: bytes, relative: bytes) -> dict[str, Any]:
        world, task = self._world, state.task
        if (junk := _junk(relative)) is not None:
            return _reply(path, task.name, relative, "skipped", reasons=[junk])
        try:
            look = await state.source.look(relative) if relative else Absent.DIRECTORY
        except SourceUnavailable as lost:
            reasons = [because(Code.WAIT_SOURCE, cause=lost.reason.to_wire())]
            return _reply(path, task.name, relative, "waiting", reasons=reasons)
        transfer = await world.store.newest(task.name, relative)
        ledger = (await world.store.ledger(task.name, [relative])).get(relative)
        reply = _reply(path, task.name, relative, "unknown")
        reply["ledger"] = _ledger(ledger)
        if transfer is not None:
            reply["transfer"] = describe.transfer(world, transfer)
        if transfer is not None and transfer.state in (State.QUEUED, State.COPYING, State.PUBLISHING):
            reply["verdict"] = _VERDICTS[transfer.state]
            reply["reasons"] = describe.reasons(await self._place(transfer))
            return reply
        if isinstance(look, Absent):
            reply["verdict"] = {Absent.GONE: "vanished", Absent.DIRECTORY: "folder"}.get(look, "skipped")
            if look is Absent.GONE and transfer is not None and transfer.state in (State.WRITTEN, State.DONE):
                reply["verdict"] = "uploaded"
            reply["reasons"] = [because(f"skip.{look}").to_wire()]
            return reply
        return await self._not_in_queue(state, look, reply, transfer, ledger)

    async def _not_in_queue(
        self,
        state: TaskState,
        look: Look,
        reply: dict[str, Any],
        transfer: Transfer | None,
        ledger: LedgerEntry | None,
    ) -> dict[str, Any]:
        task, version = state.task, look.version
        if (unwanted := filters.judge(task.filter, look.path, version.size)) is not None:
            download = download_of(task.name)
            about = {"download": download} if download is not None else {}
            return {**reply, "verdict": "skipped", "reasons": [{**unwanted.to_wire(), **about}]}
        ended = transfer is not None and transfer.version.same_content_as(version) and not _is_unbound(transfer)
        if ledger is not None and not _is_of(task, ledger):
            ledger = None  # it went elsewhere, before the task was given this target
        # What the copy found standing there is in the ledger, which tells more than that it was not sent.
        found = ledger is not None and transfer is not None and _is_standing(transfer)
        if transfer is not None and ended and not found and transfer.state in (State.FAILED, State.CANCELLED):
            code = Code.SKIP_FAILED if transfer.state is State.FAILED else Code.SKIP_CANCELLED
            reasons = [because(code, transfer=transfer.id, at=transfer.updated.timestamp())]
            reasons += [transfer.reason] if transfer.reason else []
            return {**reply, "verdict": _VERDICTS[transfer.state], "reasons": describe.reasons(reasons)}
        decided = decide(task.rules, size=version.size, mtime_ns=version.mtime_ns, known=ledger, shown=Unasked.UNASKED)
        if isinstance(decided, Skip):
            verdict = "uploaded" if decided.reason.code == Code.SKIP_SENT else "skipped"
            return {**reply, "verdict": verdict, "reasons": [self._sent(decided.reason, ledger).to_wire()]}
        return await self._settling(state, look, reply, decided)

    async def _settling(self, state: TaskState, look: Look, reply: dict[str, Any], decided: Go | Ask) -> dict[str, Any]:
        world, task = self._world, state.task
        pending = world.intake.pending.get(task.name, look.path)
        moment = world.intake.judge.moment()
        word = await world.intake.claims.word(task, look)
        if word is not None and word.code == Code.SKIP_UNWANTED:
            return {**reply, "verdict": "skipped", "reasons": [word.to_wire()]}
        conditions = list(world.intake.judge.conditions(task, look, pending, word, moment))
        if look.access is Access.WRITTEN:
            writers = [[pid, name] for pid, name in await state.source.writers(look.path)]
            conditions = [
                because(Code.WAIT_WRITER, writers=writers) if each.code == Code.WAIT_WRITER else each
                for each in conditions
            ]
        if pending is not None:
            conditions += [each for each in pending.conditions if each.code in _NOT_OF_THE_FILE]
        reply["settle"] = {
            "conditions": describe.reasons(conditions),
            "guessed": word is None,
            "settle": world.intake.judge.needed_quiet(task, look.path).total_seconds(),
        }
        waits = [each for each in conditions if each.code.startswith("wait.")]
        if pending is None:
            due = None if task.watch else describe.instant(describe.next_run(world, state))
            waits.insert(0, because(Code.WAIT_SCAN, task=task.name, until=due))
        elif pending.in_hand and not waits:  # complete: it is planned after others, for which its target is asked first
            waits.append(because(Code.WAIT_LISTING))
        holds = world.board.holds_of_task(task.name)
        reply["verdict"] = "waiting"
        reply["reasons"] = describe.reasons([*holds, *waits])
        reply["rule"] = decided.reason.to_wire() if isinstance(decided, Go) else None
        return reply

    async def _place(self, transfer: Transfer) -> Sequence[Reason]:
        """What holds a transfer; of a queued one that nothing does, how many go before it."""
        if transfer.state is State.PUBLISHING:
            return self._world.board.unpublished(transfer)
        if transfer.state is State.COPYING and (waits := self._world.board.not_begun(transfer)):
            return waits
        if transfer.state is not State.QUEUED:
            return [transfer.reason] if transfer.reason and transfer.reason.code.startswith("retry.") else []
        holds = self._world.board.holds_of(transfer)
        if holds:
            return holds
        return [because(Code.HELD_TURN, ahead=await self._world.store.ahead(transfer))]

    def _sent(self, reason: Reason, ledger: LedgerEntry | None) -> Reason:
        if reason.code != Code.SKIP_SENT or ledger is None:
            return reason
        return because(
            Code.SKIP_SENT,
            at=ledger.at.timestamp(),
            target=ledger.target,
            destination=ledger.destination,
            strength=ledger.strength,
        )

    # ---- uploads by order --------------------------------------------------------------------------------------------

    async def path_upload(self, request: wire.Upload, caller: Caller) -> WireMap:
        """Scans what is named; a path that no task's source holds is refused, the others go."""
        runs: list[int] = []
        refused: list[list[Any]] = []
        accepted = 0
        for given in request.paths:
            path = os.path.normpath(given)
            claiming = self._claiming(path) if path.startswith(b"/") else []
            if not claiming:
                refused.append([given, because(Code.ERROR_OUTSIDE, path=given).to_wire()])
                continue
            state = claiming[0]
            if state.memory.paused:
                refused.append([given, because(Code.HELD_TASK_PAUSED, task=state.task.name).to_wire()])
                continue
            relative = path[len(state.task.source) :].lstrip(b"/")
            look = await state.source.look(relative) if relative else Absent.DIRECTORY
            if isinstance(look, Absent) and look is not Absent.DIRECTORY:
                refused.append([given, because(f"skip.{look}").to_wire()])
                continue
            run = await self._world.scanner.upload(
                state, relative, skip_settle=SkipSettle.ALL if request.skip_settle else SkipSettle.NOTHING
            )
            runs.append(await self._world.runs.keep(run))
            accepted += run.seen
            if run.problem is not None:
                refused.append([given, run.problem.to_wire()])
        return {"runs": runs, "accepted": accepted, "refused": refused}


def _is_standing(transfer: Transfer) -> bool:
    return transfer.reason is not None and transfer.reason.code == Code.CANCELLED_STANDING


def _is_unbound(transfer: Transfer) -> bool:
    """Cancelled with its task, it does not bind one of that name that comes later."""
    return transfer.reason is not None and transfer.reason.code == Code.CANCELLED_TASK_REMOVED


def _is_of(task: Task, ledger: LedgerEntry) -> bool:
    return (ledger.target, ledger.destination) == (task.target, destination(task.base, ledger.path))


def _junk(relative: bytes) -> Reason | None:
    for name in relative.split(b"/"):
        if filters.is_junk(name):
            return because(Code.SKIP_JUNK, name=name)
    return None


def _ledger(entry: LedgerEntry | None) -> WireMap | None:
    if entry is None:
        return None
    return {
        "size": entry.size,
        "mtime": entry.mtime_ns / 1e9,
        "at": entry.at.timestamp(),
        "target": entry.target,
        "destination": entry.destination,
        "strength": entry.strength,
        "origin": str(entry.origin),
    }


def _reply(
    path: bytes, task: str | None, relative: bytes | None, verdict: str, *, reasons: Sequence[Reason] = ()
) -> dict[str, Any]:
    return {
        "path": path,
        "task": task,
        "relative": relative,
        "verdict": verdict,
        "settle": None,
        "reasons": describe.reasons(reasons),
        "transfer": None,
        "ledger": None,
        "also": [],
    }
