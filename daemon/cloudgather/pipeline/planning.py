"""Plans complete files: the ledger first, the target only for what the ledger does not know."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.naming import destination, split
from cloudgather.core.rules import MISSING, Ask, Go, Skip, Unasked, decide
from cloudgather.core.task import Rule, Task
from cloudgather.core.transfer import Plan, Version
from cloudgather.pipeline.board import Board, TaskState
from cloudgather.pipeline.seeing import see
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Content, LedgerEntry, Origin, QueueStore
from cloudgather.ports.target import Failed, Stalled, Standing, TargetHeld

# One listing costs a cloud about as much as one stat; below this many files of a folder the copy's own look decides.
_WORTH_A_LISTING = 4
_LISTINGS_REMEMBERED = 4096


class Candidate(NamedTuple):
    """A wanted file whose version is known."""

    path: bytes
    version: Version
    guessed: bool = True
    run: int | None = None  # that found it


@dataclass(slots=True, kw_only=True)
class Answer:
    """What became of candidates: plans for those that go, reasons for those that do not."""

    plans: list[Plan] = field(default_factory=list)
    skips: dict[bytes, Skip] = field(default_factory=dict)
    adopt: list[LedgerEntry] = field(default_factory=list)


class Listings:
    """Each folder of a target is listed once and remembered for as long as this lives: one scan or one request."""

    def __init__(self, board: Board, store: QueueStore) -> None:
        self._board = board
        self._store = store
        self._known: dict[tuple[str, bytes], Mapping[bytes, Standing] | None] = {}
        self._mute: dict[str, TargetHeld | Stalled] = {}  # targets that no folder will be had of

    async def folder(self, target: str, folder: bytes) -> Mapping[bytes, Standing] | None:
        """The folder's entries, None where it does not exist; raises TargetHeld or Failed when it cannot be known."""
        if (mute := self._mute.get(target)) is not None:
            raise mute.with_traceback(None)
        try:
            return await self._listed(target, folder)
        except (TargetHeld, Stalled) as error:
            self._mute[target] = error
            raise

    async def _listed(self, target: str, folder: bytes) -> Mapping[bytes, Standing] | None:
        key = (target, folder)
        if key not in self._known:
            if len(self._known) >= _LISTINGS_REMEMBERED:
                self._known.pop(next(iter(self._known)))
            lane = self._board.targets[target]
            if not lane.is_known:
                await see(lane, self._store)
            self._known[key] = await lane.port.listing(folder)
        return self._known[key]


class Planner:
    """Applies a task's rules to candidates."""

    def __init__(self, *, store: QueueStore, board: Board, clock: Clock) -> None:
        self._store = store
        self._board = board
        self._clock = clock

    async def unknown(self, task: Task, contents: Sequence[Content], *, force: bool = False) -> frozenset[bytes]:
        """The paths whose content the ledger and the queue do not have yet: all that is worth settling.

        `force` keeps what the ledger has, what failed and what was cancelled.
        """
        return await self._store.unknown(task.name, contents, target=task.target, base=task.base, force=force)

    async def plan(
        self,
        state: TaskState,
        candidates: Sequence[Candidate],
        *,
        listings: Listings,
        force: bool = False,
        thorough: bool = False,
    ) -> Answer:
        """Plans and skips for these candidates.

        The target is asked where enough candidates share a folder to make a listing worth its price, or always if
        `thorough` (a dry run). Where it cannot be asked the file is planned all the same: the copy looks before it
        sends a byte.
        """
        task = state.task
        # Asked in this order: what is written meanwhile is in the ledger.
        under_way = await self._under_way(task, candidates)
        known = await self._known(task, candidates)
        answer = Answer()
        asking: dict[bytes, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            moving = under_way.get(candidate.path)
            if moving is not None and not (force and moving.same_content_as(candidate.version)):
                answer.skips[candidate.path] = Skip(reason=because(Code.WAIT_UNDER_WAY))
                continue
            if force:
                answer.plans.append(_plan(task, candidate, Go(reason=because(Code.GO_OVERWRITE), replace=True)))
                continue
            entry = known.get(candidate.path)
            match self._decide(task, candidate, entry, Unasked.UNASKED):
                case Ask():
                    asking[split(destination(task.base, candidate.path))[0]].append(candidate)
                case decided:
                    self._add(answer, task, candidate, decided)
        for folder, those in asking.items():
            shown = await self._folder(state, folder, those, listings, thorough=thorough)
            if shown:  # what it shows may be what we have sent since
                under_way = await self._under_way(task, those)
                known = await self._known(task, those)
            for candidate in those:
                entry = known.get(candidate.path)
                if shown and candidate.path in under_way:
                    answer.skips[candidate.path] = Skip(reason=because(Code.WAIT_UNDER_WAY))
                elif shown is not None:
                    standing = shown.get(split(candidate.path)[1])
                    if standing is not None and not standing.is_file:
                        standing = None  # no file of this name; the copy will say what is in its way
                    self._add(answer, task, candidate, self._decide(task, candidate, entry, standing), standing)
                elif Rule.MISSING in task.rules:
                    answer.plans.append(_plan(task, candidate, MISSING))
                else:
                    answer.skips[candidate.path] = Skip(reason=because(Code.WAIT_LISTING))
        return answer

    async def _under_way(self, task: Task, candidates: Sequence[Candidate]) -> Mapping[bytes, Version]:
        """The versions that are being copied or published: what will stand there is not decided yet."""
        return await self._store.under_way(task.name, [candidate.path for candidate in candidates])

    async def _known(self, task: Task, candidates: Sequence[Candidate]) -> dict[bytes, LedgerEntry]:
        """What the ledger has of them; what went elsewhere, before the task was given this target, does not count."""
        entries = await self._store.ledger(task.name, [candidate.path for candidate in candidates])
        return {
            path: entry
            for path, entry in entries.items()
            if (entry.target, entry.destination) == (task.target, destination(task.base, path))
        }

    def _decide(
        self, task: Task, candidate: Candidate, entry: LedgerEntry | None, shown: Standing | Unasked | None
    ) -> Go | Skip | Ask:
        version = candidate.version
        return decide(task.rules, size=version.size, mtime_ns=version.mtime_ns, known=entry, shown=shown)

    def _add(
        self,
        answer: Answer,
        task: Task,
        candidate: Candidate,
        decided: Go | Skip | Ask,
        standing: Standing | None = None,
    ) -> None:
        match decided:
            case Go():
                answer.plans.append(_plan(task, candidate, decided))
            case Skip(adopt=adopt):
                answer.skips[candidate.path] = decided
                if adopt and standing is not None:
                    now = self._clock.now()
                    answer.adopt.append(adoption(task, candidate.path, candidate.version, standing, now=now))
            case Ask():
                raise AssertionError("asked twice")

    async def _folder(
        self, state: TaskState, folder: bytes, those: Sequence[Candidate], listings: Listings, *, thorough: bool
    ) -> Mapping[bytes, Standing] | None:
        """The folder's entries ({} where it does not exist); None where it is not or cannot be asked."""
        task = state.task
        if len(those) < _WORTH_A_LISTING and Rule.MISSING in task.rules and not thorough:
            return None
        try:
            shown = await listings.folder(task.target, folder)
            if shown is None and state.base_made and await listings.folder(task.target, task.base) is None:
                return None  # the whole destination folder is gone: somebody moved it, or an account is logged out
        except (TargetHeld, Failed):
            return None
        return shown or {}


def _plan(task: Task, candidate: Candidate, go: Go) -> Plan:
    return Plan(
        task=task.name,
        path=candidate.path,
        target=task.target,
        destination=destination(task.base, candidate.path),
        version=candidate.version,
        reason=go.reason,
        replace=go.replace,
        guessed=candidate.guessed,
        priority=task.priority,
        run=candidate.run,
    )


def adoption(task: Task, path: bytes, version: Version, standing: Standing, *, now: datetime) -> LedgerEntry:
    """The ledger entry for a file that the target has without our doing."""
    return _unsent(task, path, version, origin=Origin.ADOPTED, target_size=standing.size, now=now)


def ignoring(task: Task, path: bytes, version: Version, *, now: datetime) -> LedgerEntry:
    """The ledger entry for a file that was there before a task with `initial = "ignore"`."""
    return _unsent(task, path, version, origin=Origin.IGNORED, target_size=None, now=now)


def _unsent(
    task: Task, path: bytes, version: Version, *, origin: Origin, target_size: int | None, now: datetime
) -> LedgerEntry:
    return LedgerEntry(
        task=task.name,
        path=path,
        size=version.size,
        mtime_ns=version.mtime_ns,
        origin=origin,
        target=task.target,
        destination=destination(task.base, path),
        target_size=target_size,
        digest=None,
        transfer=None,
        strength="",
        at=now,
    )
