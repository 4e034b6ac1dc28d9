"""AgentTarget: ports.target.Target by way of the target's agent process."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.agent.fleet import Fleet
from cloudgather.agent.operation import AgentError
from cloudgather.agent.probed import Probed
from cloudgather.agent.verdicts import verdict
from cloudgather.core.target import Identity, Kind, TargetSpec
from cloudgather.core.transfer import Sent
from cloudgather.ports.target import CopyOrder, CopyTerms, Failed, Published, Stalled, Standing, TargetHeld

T = TypeVar("T")

# Paths in one message: some hundred KiB where they are long.
_AT_ONCE: Final = 512
_PUBLISHED: Final = Published()


class AgentTarget:
    """`identity` tells what was recorded of the target, or accepted by the operator; None where nothing was yet.

    A target of kind mount without one is only ever probed: everything else raises TargetHeld, since an empty mount
    point looks like any folder.
    """

    def __init__(self, spec: TargetSpec, identity: Callable[[], Identity | None], fleet: Fleet) -> None:
        self._spec = spec
        self._identity = identity
        self._fleet = fleet
        self._pace = fleet.pace(spec.name)
        self._pace.set(spec.metadata_per_second)
        self._awaiting_turn: list[Sequence[CopyOrder]] = []

    # ---- what it is

    @property
    def spec(self) -> TargetSpec:
        """As configured; setting it is how a reload of the configuration takes effect, on running copies too."""
        return self._spec

    @spec.setter
    def spec(self, spec: TargetSpec) -> None:
        self._spec = spec
        self._pace.set(spec.metadata_per_second)

    @property
    def expects_no_mount(self) -> bool:
        """A plain disk, by kind or because the operator accepted it as one."""
        identity = self._identity()
        return self._spec.kind is Kind.DIRECTORY or (identity is not None and not identity.is_remote)

    def get_ready(self) -> None:
        """Start its agent."""
        self._fleet.get_ready(self._spec.name)

    def limits(self, bandwidth: int | None) -> None:
        """Bytes a second over all its copies, running ones too, and for agents to come."""
        self._fleet.limit(self._spec.name, bandwidth)

    @property
    def awaiting_turn(self) -> Collection[bytes]:
        """The temporaries of copies that wait until the target may be asked again."""
        return frozenset(order.temporary for orders in self._awaiting_turn for order in orders)

    # ---- is it there?

    async def survey(self) -> Probed:
        """What is at the root now, whatever it is and whatever was recorded. Raises TargetHeld where nothing is."""
        return Probed.from_wire(await self._call("probe", {"root": self._spec.root}))

    async def probe(self) -> Identity | None:
        """Look whether the target is there and is what was recorded; the identity found, None for a plain directory.

        Raises TargetHeld with the reason; with HELD_NEVER_MOUNTED where nothing was recorded and no FUSE or network
        file system is mounted there.
        """
        found = await self.survey()
        identity = self._recorded()
        reason = found.why_not(self._spec, identity)
        if reason is not None:
            raise TargetHeld(reason)
        return None if self._spec.kind is Kind.DIRECTORY else found.identity

    async def current(self) -> Identity:
        """What file system is at the root now, whatever was recorded; raises TargetHeld where nothing is."""
        return (await self.survey()).identity

    async def prepare(self, base: bytes, make: bool) -> bool:
        """See that a task's folder `base` is there; make it only where `make`. Whether it was made.

        Raises TargetHeld with HELD_BASE_GONE where it is not there and must not be made.
        """
        result = await self._at_root("prepare", {"base": base, "make": make, "dir_mode": self._spec.dir_mode}, base)
        return bool(result["made"])

    async def test(self, base: bytes = b"") -> Mapping[str, Any]:
        """Write, read, rename and delete a probe file below `base` and measure; the report as the agent makes it."""
        modes = {"dir_mode": self._spec.dir_mode, "file_mode": self._spec.file_mode}
        report: Mapping[str, Any] = await self._at_root("test", {"base": base, **modes}, base)
        return report

    # ---- work; each file costs a turn, for what is looked up around its bytes

    async def copy(self, order: CopyOrder, progress: Callable[[int], None]) -> Sent:
        """Copy aside, as ports.target.Target.copy says."""
        await self._take_turn([order])
        params = order._asdict()
        params |= _in_common(params.pop("terms"))
        (sent,) = _all_sent([await self._at_root("copy", params, order.destination, progress)])
        return sent

    async def copy_all(
        self, orders: Sequence[CopyOrder], progress: Callable[[int, int], None], *, looked: bool
    ) -> Sequence[Sent | Exception | None]:
        """Copy aside in one operation, as ports.target.Target.copy_all says."""
        terms = orders[0].terms
        if [order.terms for order in orders] != [terms] * len(orders):
            raise ValueError("the orders are not alike")
        await self._take_turn(orders)
        common = {**_in_common(terms), "looked": looked}
        return await self._each("copy.each", common, [order[1:] for order in orders], _all_sent, progress)

    async def barrier(self, folders: Sequence[bytes] = ()) -> None:
        """Durable from now on, as ports.target.Target.barrier says."""
        await self._at_root("barrier", {"folders": folders})

    async def publish(
        self, destination: bytes, temporary: bytes, size: int, *, durable: bool, over: bool = True
    ) -> Published:
        """Rename over, as ports.target.Target.publish says."""
        params = {"destination": destination, "temporary": temporary, "size": size, "durable": durable, "over": over}
        await self._at_root("publish", params, destination)
        return _PUBLISHED

    async def publish_all(
        self, files: Sequence[tuple[bytes, bytes, int, bool]]
    ) -> Sequence[Published | Exception | None]:
        """Rename over in one operation, as ports.target.Target.publish_all says."""
        return await self._each(
            "publish.each",
            {"durable": False},
            files,
            lambda results: [_PUBLISHED] * len(results),
            lambda index, done: None,
        )

    async def digest(self, path: bytes) -> bytes:
        """xxh3-128 of what stands under `path`, read through the mount."""
        await self._pace.turn()
        digest: bytes = await self._at_root("digest", {"path": path}, path)
        return digest

    async def sweep(self, paths: Sequence[bytes]) -> Sequence[bytes]:
        """Unlink these temporaries; answers with those that are now known to be gone."""
        gone: list[bytes] = []
        for some in _batches(paths):
            await self._pace.turn(_folders(some))
            gone += await self._at_root("sweep", {"paths": some})
        return gone

    # ---- what costs the cloud a listing of each folder

    async def look(self, paths: Sequence[bytes]) -> Sequence[Standing | None]:
        """What stands under each path."""
        found: list[Standing | None] = []
        for some in _batches(paths):
            await self._pace.turn(_folders(some))
            answers = await self._at_root("look", {"paths": some}, some[0])
            found += [None if each is None else _standing(*each) for each in answers]
        return found

    async def listing(self, folder: bytes) -> Mapping[bytes, Standing] | None:
        """All entries of a folder; None where the folder does not exist."""
        await self._pace.turn()
        entries = await self._at_root("listing", {"folder": folder}, folder)
        if entries is None:
            return None
        return {name: _standing(size, mtime_ns, is_file) for name, is_file, size, mtime_ns in entries}

    # ---- how

    async def _take_turn(self, orders: Sequence[CopyOrder]) -> None:
        self._awaiting_turn.append(orders)
        try:
            await self._pace.turn(len(orders))
        finally:
            self._awaiting_turn.remove(orders)

    def _recorded(self) -> Identity | None:
        return None if self._spec.kind is Kind.DIRECTORY else self._identity()

    async def _at_root(
        self,
        op: str,
        params: Mapping[str, Any],
        path: bytes | None = None,
        progress: Callable[[Any], None] | None = None,
    ) -> Any:
        """An operation that first makes sure that the root is on the file system that was recorded."""
        identity = self._recorded()
        if identity is None and self._spec.kind is Kind.MOUNT:
            name, root = self._spec.name, self._spec.root
            raise TargetHeld(because(Code.HELD_NEVER_MOUNTED, target=name, root=root, found=None))
        wire = None if identity is None else _to_wire(identity)
        return await self._call(op, {"root": self._spec.root, "identity": wire, **params}, path, progress)

    async def _each(
        self,
        op: str,
        common: Mapping[str, Any],
        each: Sequence[Sequence[Any]],
        read: Callable[[Sequence[Any]], Sequence[T]],
        progress: Callable[[int, int], None],
    ) -> list[T | Exception | None]:
        """An operation with parts; their outcomes in order, None for those that were not reached."""
        outcomes: list[T | Exception | None] = []

        def hear(value: int | Sequence[Sequence[Any]]) -> None:
            if isinstance(value, int):
                progress(min(len(outcomes), len(each) - 1), value)
                return
            for kind, bodies in value:
                if kind == "ok":
                    outcomes.extend(read(bodies))
                else:
                    outcomes.extend(verdict(AgentError(body), self._spec, self._recorded()) for body in bodies)

        try:
            await self._at_root(op, {**common, "each": each}, progress=hear)
        except (Failed, TargetHeld) as error:
            if len(outcomes) < len(each):
                outcomes.append(error)
                if isinstance(error, Stalled):
                    self._fleet.blame(self._spec.name, each[len(outcomes) - 1][0])
        return outcomes + [None] * (len(each) - len(outcomes))

    async def _call(
        self,
        op: str,
        params: Mapping[str, Any],
        path: bytes | None = None,
        progress: Callable[[Any], None] | None = None,
    ) -> Any:
        spec = self._spec
        try:
            return await self._fleet.call(
                spec.name, op, params, path=path, factor=spec.deadline_factor, progress=progress
            )
        except AgentError as error:
            raise verdict(error, spec, self._recorded()) from error


def _in_common(terms: CopyTerms) -> dict[str, Any]:
    return {
        "source_root": terms.source_root,
        "base": terms.base,
        "make_base": terms.make_base,
        "durable": terms.durable,
        "verify": terms.verify.value,
        "file_mode": terms.file_mode,
        "dir_mode": terms.dir_mode,
    }


def _all_sent(results: Sequence[Any]) -> list[Sent]:
    return [*map(Sent._make, results)]


def _to_wire(identity: Identity) -> dict[str, Any]:
    return {"mount_point": identity.mount_point, "fs_type": identity.fs_type, "source": identity.source}


def _standing(size: int, mtime_ns: int, is_file: bool) -> Standing:
    return Standing(size=size, mtime_ns=mtime_ns, is_file=is_file)


def _folders(paths: Sequence[bytes]) -> int:
    return len({path.rpartition(b"/")[0] for path in paths})


def _batches(paths: Sequence[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(paths), _AT_ONCE):
        yield list(paths[start : start + _AT_ONCE])
