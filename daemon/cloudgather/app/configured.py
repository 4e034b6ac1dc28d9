"""The configuration in effect, and what follows when another one is taken."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import tzinfo

from cloudgather.agent.fleet import Fleet
from cloudgather.app.attending import Attendant
from cloudgather.config.loading import Configuration, load, task_file
from cloudgather.config.problems import InvalidConfiguration, shown
from cloudgather.config.settings import AT_START, Settings, differences
from cloudgather.core.mounts import Mount
from cloudgather.operations.world import Reloaded
from cloudgather.outside.zone import local_zone
from cloudgather.pipeline.board import Board
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.confirm import Confirmer
from cloudgather.pipeline.dispatch import Dispatcher
from cloudgather.pipeline.downloads import Downloads
from cloudgather.pipeline.effect import Effect, Wanted
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.limiting import Limiter
from cloudgather.ports.queue import QueueStore, StoreUnavailable

logger = logging.getLogger(__name__)


class Configured:
    """Takes configurations, one after the other; `current` is the one that holds.

    `taken` is called with the settings of each that came after the first, before the loops of what is new begin.
    """

    def __init__(
        self,
        *,
        current: Configuration,
        store: QueueStore,
        board: Board,
        effect: Effect,
        claims: Claims,
        downloads: Downloads,
        attendant: Attendant,
        fleet: Fleet,
        limiter: Limiter,
        dispatcher: Dispatcher,
        confirmer: Confirmer,
        bus: Bus,
        mounts: Callable[[], Sequence[Mount]],
        taken: Callable[[Settings], None],
    ) -> None:
        self.current = current
        self._begun_with = current.settings
        self._store = store
        self._board = board
        self._effect = effect
        self._claims = claims
        self._downloads = downloads
        self._attendant = attendant
        self._fleet = fleet
        self._limiter = limiter
        self._dispatcher = dispatcher
        self._confirmer = confirmer
        self._bus = bus
        self._mounts = mounts
        self._taken = taken
        self._taking = asyncio.Lock()  # of two at once, the one that read the older files would come last

    async def begin(self) -> None:
        """Put on the board what the first one says; `attend` lets it begin."""
        await self._effect.take(self._wanted(self.current))
        await self._claims.take(self.current.settings.downloaders)

    def attend(self) -> None:
        """Have the loops of all that is on the board."""
        self._attendant.attend(changed=())
        self._offer()

    async def reload(self) -> Reloaded:
        """Read the files anew and take what they say.

        Raises InvalidConfiguration where they cannot be taken, StoreUnavailable; then the old one stays in effect.
        """
        async with self._taking:
            return await self._reload()

    async def reload_by_signal(self) -> None:
        """The same, told to the log alone."""
        try:
            done = await self.reload()
        except InvalidConfiguration as invalid:
            logger.error("the configuration is not taken, the old one stays in effect")
            for problem in invalid.problems:
                logger.error("%s", problem.text)
        except StoreUnavailable as refused:
            logger.error("the configuration is not taken, the old one stays in effect: %s", refused)
        else:
            tasks = len(done.added), len(done.removed), len(done.changed)
            main = f"; in the main file: {', '.join(done.main)}" if done.main else ""
            logger.info("configuration taken; tasks: %d added, %d removed, %d changed%s", *tasks, main)

    async def take_downloads(self) -> None:
        """Downloads that begin to be uploaded have tasks, those that have ended have none any more."""
        async with self._taking:
            difference = await self._effect.take(self._wanted(self.current))
            self._attendant.leave(tasks=difference.removed)
            self._attendant.attend(changed=difference.removed)
        self._dispatcher.wake()

    async def _reload(self) -> Reloaded:
        remembered = await self._store.targets()
        roots = {name: root for name, memory in remembered.items() if (root := memory.settled_root) is not None}
        configuration = load(
            self.current.settings.file,
            mounts=self._mounts(),
            remembered_roots=roots,
            tasks_expected=bool(self._board.tasks or self._board.broken),
        )
        # What has been set aside already stays so, and must not keep other tasks from being changed.
        if configuration.broken - set(self._board.broken):
            raise InvalidConfiguration(configuration.problems)
        difference = await self._effect.take(self._wanted(configuration))
        downloaders_ended = await self._claims.take(configuration.settings.downloaders)
        main = differences(self.current.settings, configuration.settings)
        at_restart = [key for key in differences(self._begun_with, configuration.settings) if key in AT_START]
        if at_restart:
            logger.warning("changed, and in effect from the next start on: %s", ", ".join(at_restart))
        self.current = configuration
        self._taken(configuration.settings)
        self._attendant.leave(
            tasks=difference.removed, targets=difference.targets_removed, downloaders=downloaders_ended
        )
        for name in difference.targets_removed:
            self._fleet.dismiss(name)
        self._attendant.attend(changed=difference.removed + difference.changed)
        self._limiter.wake()
        self._dispatcher.wake()
        self._offer()
        for change in ("added", "removed", "changed"):
            for name in getattr(difference, change):
                self._bus.publish({"kind": "task", "name": name, "change": change})
        return Reloaded(
            added=difference.added,
            removed=difference.removed,
            changed=difference.changed,
            main=main,
            at_restart=at_restart,
        )

    def _wanted(self, configuration: Configuration) -> Wanted:
        wanted, broken = _wanted(configuration), configuration.broken
        waiting = dict.fromkeys(self._downloads.waiting_for(broken), ())
        tasks = {**wanted.tasks, **self._downloads.tasks(configuration.tasks, broken)}
        return replace(wanted, tasks=tasks, broken={**wanted.broken, **waiting})

    def _offer(self) -> None:
        for lane in self._board.targets.values():
            self._confirmer.offer(lane)


def _wanted(configuration: Configuration) -> Wanted:
    return Wanted(
        tasks=configuration.tasks,
        targets=configuration.targets,
        broken={
            name: [each for each in configuration.problems if each.file == shown(os.fsencode(file))]
            for name in configuration.broken
            if (file := task_file(configuration.settings, name))
        },
        zone=zone_of(configuration),
    )


def zone_of(configuration: Configuration) -> tzinfo:
    """The daemon's time zone: as configured, else the system's."""
    return local_zone(configuration.settings.timezone)
