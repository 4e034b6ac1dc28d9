"""From arguments to a running daemon, and from what went wrong to an exit code."""

import asyncio
import json
import logging
import os
import sys
from enum import IntEnum

from cgwire.text import chosen, hint
from cloudgather.agent import leases
from cloudgather.agent.deadlines import Deadlines
from cloudgather.app.configured import zone_of
from cloudgather.app.daemon import Daemon
from cloudgather.config.loading import Configuration, load
from cloudgather.config.problems import InvalidConfiguration, Problem
from cloudgather.control.address import AddressUnusable
from cloudgather.outside.clock import SystemClock
from cloudgather.outside.logs import Logging, set_up
from cloudgather.outside.mounts import MountTable
from cloudgather.outside.scheduling import stay_in_the_background
from cloudgather.pipeline.upkeep import Pruning
from cloudgather.ports.queue import StoreUnavailable
from cloudgather.store.errors import StateRefused
from cloudgather.store.sqlite import open_store

logger = logging.getLogger(__name__)


class Exit(IntEnum):
    """sysexits(3), as far as systemd is told about them."""

    OK = 0
    FAILED = 1
    CONFIG = 78  # the main file is invalid: a restart would not help


def check(file: str, *, as_json: bool) -> Exit:
    """Read the configuration as the daemon would, say what is wrong in the language of the locale, start nothing."""
    problems = _problems(file)
    if as_json:
        print(json.dumps({"problems": [_jsonable(problem) for problem in problems]}))  # noqa: T201
    else:
        language = chosen(os.environ)
        for problem in problems:
            print(problem.told(language), file=sys.stderr)  # noqa: T201
    return Exit.CONFIG if problems else Exit.OK


def _problems(file: str) -> tuple[Problem, ...]:
    try:
        return _load(file).problems
    except InvalidConfiguration as invalid:
        return invalid.problems


def _jsonable(problem: Problem) -> dict[str, object]:
    return json.loads(json.dumps(problem.to_wire(), default=str))  # type: ignore[no-any-return]  # a map goes in


def _load(file: str) -> Configuration:
    mounts = MountTable()
    try:
        return load(file, mounts=mounts.current(), remembered_roots={})
    finally:
        mounts.close()


def run(file: str, *, deadlines: Deadlines | None = None, pruning: Pruning | None = None) -> Exit:
    """Run the daemon in the foreground until SIGTERM or SIGINT.

    `deadlines` of its agents and `pruning` of its history are the design's unless given.
    """
    try:
        configuration = _load(file)
    except InvalidConfiguration as invalid:
        for problem in invalid.problems:
            print(problem.told(chosen(os.environ)), file=sys.stderr)  # noqa: T201
        return Exit.CONFIG
    settings = configuration.settings
    stay_in_the_background()  # before there is a second thread
    leases.ignore_writers_signals()
    logs = set_up(
        log_dir=settings.log_dir,
        log_level=settings.log_level,
        console_level=settings.console_level,
        keep_days=settings.log_keep_days,
        zone=zone_of(configuration),
    )
    try:
        return asyncio.run(_run(configuration, logs, deadlines, pruning))
    finally:
        logs.close()


async def _run(
    configuration: Configuration, logs: Logging, deadlines: Deadlines | None, pruning: Pruning | None
) -> Exit:
    settings = configuration.settings
    for problem in configuration.problems:
        logger.error("%s", problem.text)
    try:
        store = await open_store(settings.state_dir, now=SystemClock().now())
    except (StateRefused, StoreUnavailable) as refused:
        advice = hint(refused.reason.to_wire(), "en")
        logger.error("%s%s", refused, f"; {advice}" if advice else "")
        return Exit.FAILED
    mounts = MountTable()
    # Implicit targets keep the root they were first given, which the first reading could not know.
    remembered = await store.targets()
    roots = {name: root for name, memory in remembered.items() if (root := memory.settled_root) is not None}
    try:
        configuration = load(
            settings.file,
            mounts=mounts.current(),
            remembered_roots=roots,
            tasks_expected=bool(await store.tasks()),
        )
    except InvalidConfiguration as invalid:
        for problem in invalid.problems:
            logger.error("%s", problem.text)
        mounts.close()
        await store.close()
        return Exit.CONFIG
    daemon = Daemon(
        configuration=configuration, store=store, mounts=mounts, logs=logs, deadlines=deadlines, pruning=pruning
    )
    try:
        await daemon.run()
    except AddressUnusable as unusable:
        logger.error("%s", unusable)
        return Exit.FAILED
    return Exit.OK
