"""Decides what becomes of complete files: the ledger first, the target only for what the ledger does not know."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.clashes import folded
from cloudgather.core.naming import destination, split
from cloudgather.core.rules import OVERWRITE, Ask, Go, Skip, Unasked, decide, decide_unknown
from cloudgather.core.task import Rule, Task
from cloudgather.core.transfer import Version
from cloudgather.pipeline.board import Board, TaskState
from cloudgather.pipeline.seeing import see
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Content, LedgerEntry, Origin, QueueStore
from cloudgather.ports.target import Failed, Stalled, Standing, TargetHeld

# One listing costs a cloud about as much as one stat; below this many files of a folder the copy's own look decides.
_WORTH_A_LISTING = 4
_LISTINGS_REMEMBERED = 4096
_UNDER_WAY: Final = Skip(reason=because(Code.WAIT_UNDER_WAY))  # what will stand there is not decided yet


@dataclass(slots=True, kw_only=True)
class Answer:
    """What becomes of files, by path: each goes, or does not, and why."""

    goes: dict[bytes, Go] = field(default_factory=dict)
    skips: dict[bytes, Skip] = field(default_factory=dict)
    adopt: list[LedgerEntry] = field(default_factory=list)

    def add(self, paths: Iterable[bytes], decided: Go | Skip | Ask) -> None:
        """This becomes of all of these."""
        match decided:
            case Go():
                self.goes.update(dict.fromkeys(paths, decided))
            case Skip():
                self.skips.update(dict.fromkeys(paths, decided))
            case Ask():
                raise AssertionError("asked twice")


class Listings:
    """Each folder of a target is listed once, and remembered for as long as this lives.

    One that a folder above it was listed without is taken not to be there, unless it must be `sure`: that listing may
    be a minute old, or cut short.
    """

    def __init__(self, board: Board, store: QueueStore) -> None:
        self._board = board
        self._store = store
        self._known: dict[tuple[str, bytes], Mapping[bytes, Standing] | None] = {}
        self._folders: dict[tuple[str, bytes], frozenset[bytes]] = {}  # in some of them: their names, folded
        self._mute: dict[str, TargetHeld | Stalled] = {}  # targets that no folder will be had of

    async def folder(self, target: str, folder: bytes, *, sure: bool) -> Mapping[bytes, Standing] | None:
        """The folder's entries, None where it does not exist; raises TargetHeld or Failed when it cannot be known."""
        if (mute := self._mute.get(target)) is not None:
            raise mute.with_traceback(None)
        try:
            return await self._listed(target, folder, sure=sure)
        except (TargetHeld, Stalled) as error:
            self._mute[target] = error
            raise

    async def _listed(self, target: str, folder: bytes, *, sure: bool) -> Mapping[bytes, Standing] | None:
        key = (target, folder)
        if key not in self._known:
            if not sure and self._is_missed_above(target, folder):
                return None
            if len(self._known) >= _LISTINGS_REMEMBERED:
                oldest = next(iter(self._known))
                del self._known[oldest]
                self._folders.pop(oldest, None)
            lane = self._board.targets[target]
            if not lane.is_known:
                await see(lane, self._store)
            self._known[key] = await lane.port.listing(folder)
            self._folders.pop(key, None)
        return self._known[key]

    def _is_missed_above(self, target: str, folder: bytes) -> bool:
        """Whether the nearest folder above of which something is remembered shows others, and not the way to this."""
        while folder:
            above, name = split(folder)
            if shown := self._known.get((target, above)):
                if (folders := self._folders.get((target, above))) is None:
                    folders = frozenset(_shown(each) for each, standing in shown.items() if not standing.is_file)
                    self._folders[target, above] = folders
                return _shown(name) not in folders
            folder = above
        return False


def _shown(name: bytes) -> bytes:
    """As a listing may have it: vfat and servers of Windows leave out dots and spaces at its end."""
    return folded(name).rstrip(b". ")


class Planner:
    """Applies a task's rules to wanted files."""

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
        found: Mapping[bytes, Version],
        *,
        listings: Listings,
        force: bool = False,
        thorough: bool = False,
    ) -> Answer:
        """What becomes of these wanted files, by path.

        The target is asked where enough of them share a folder to make a listing worth its price, or always if
        `thorough` (a dry run). Where it cannot be asked the file is planned all the same: the copy looks before it
        sends a byte.
        """
        task = state.task
        under_way, known = await self._known(task, [*found])
        answer = Answer()
        unknown = decide_unknown(task.rules, asked=False)
        asking: dict[bytes, list[bytes]] = defaultdict(list)
        for path, version in found.items():
            moving = under_way.get(path)
            if moving is not None and not (force and moving.same_content_as(version)):
                answer.skips[path] = _UNDER_WAY
                continue
            if force:
                answer.goes[path] = OVERWRITE
                continue
            entry = known.get(path)
            decided = unknown if entry is None else _decide(task, version, entry, Unasked.UNASKED)
            if isinstance(decided, Ask):
                asking[path.rpartition(b"/")[0]].append(path)
            else:
                answer.add((path,), decided)
        for those in asking.values():
            folder, _ = split(destination(task.base, those[0]))
            shown = await self._folder(state, folder, those, listings, thorough=thorough)
            if shown:
                await self._compare(task, {path: found[path] for path in those}, shown, answer)
            elif shown is None and Rule.MISSING not in task.rules:
                answer.add(those, Skip(reason=because(Code.WAIT_LISTING)))
            else:
                answer.add(those, decide_unknown(task.rules, asked=True))
        return answer

    async def _compare(
        self, task: Task, those: Mapping[bytes, Version], shown: Mapping[bytes, Standing], answer: Answer
    ) -> None:
        """Files of one folder with what the target shows there, which may be what we have sent since."""
        under_way, known = await self._known(task, [*those])
        for path, version in those.items():
            if path in under_way:
                answer.skips[path] = _UNDER_WAY
                continue
            standing = shown.get(split(path)[1])
            if standing is not None and not standing.is_file:
                standing = None  # no file of this name; the copy will say what is in its way
            decided = _decide(task, version, known.get(path), standing)
            answer.add((path,), decided)
            if isinstance(decided, Skip) and decided.adopt and standing is not None:
                answer.adopt.append(adoption(task, path, version, standing, now=self._clock.now()))

    async def _known(
        self, task: Task, paths: Sequence[bytes]
    ) -> tuple[Mapping[bytes, Version], Mapping[bytes, LedgerEntry]]:
        """What is being copied or published of them, and what the ledger has.

        What went elsewhere, before the task was given this target, does not count.
        """
        under_way, entries = await self._store.known(task.name, paths)
        there = {
            path: entry
            for path, entry in entries.items()
            if (entry.target, entry.destination) == (task.target, destination(task.base, path))
        }
        return under_way, there

    async def _folder(
        self, state: TaskState, folder: bytes, those: Sequence[bytes], listings: Listings, *, thorough: bool
    ) -> Mapping[bytes, Standing] | None:
        """The folder's entries ({} where it does not exist); None where it is not or cannot be asked."""
        task = state.task
        if len(those) < _WORTH_A_LISTING and Rule.MISSING in task.rules and not thorough:
            return None
        try:
            # Where `missing` is a rule, a copy looks again before it sends a byte.
            shown = await listings.folder(task.target, folder, sure=thorough or Rule.MISSING not in task.rules)
            if shown is None and state.base_made and await listings.folder(task.target, task.base, sure=True) is None:
                return None  # the whole destination folder is gone: somebody moved it, or an account is logged out
        except (TargetHeld, Failed):
            return None
        return shown or {}


def _decide(
    task: Task, version: Version, entry: LedgerEntry | None, shown: Standing | Unasked | None
) -> Go | Skip | Ask:
    return decide(task.rules, size=version.size, mtime_ns=version.mtime_ns, known=entry, shown=shown)


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
