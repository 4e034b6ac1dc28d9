"""What the rest stands on: configuration, state directory and database, read from local files."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.config.loading import Configuration, load_settings, load_tasks
from cloudgather.config.problems import InvalidConfiguration, Problem
from cloudgather.config.settings import Settings
from cloudgather.core.mounts import Mount, mount_of
from cloudgather.doctor.checks import Check, bad, doubtful, fine
from cloudgather.doctor.database import examine_database
from cloudgather.doctor.folders import own_folder, state_folder
from cloudgather.ports.queue import TargetMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The findings, and the configuration as far as it can be read."""

    checks: Sequence[Check]
    settings: Settings | None = None
    configuration: Configuration | None = None
    targets: Mapping[str, TargetMemory] = field(default_factory=dict)  # what the database remembers of them


def read_ground(file: str, mounts: Sequence[Mount]) -> Ground:
    """`config`, `state-dir`, `state-space`, `database` and `log-dir`."""
    try:
        settings = load_settings(file, mounts=mounts)
    except InvalidConfiguration as invalid:
        return Ground(checks=_problems(invalid.problems))
    kept = state_folder(settings.state_dir, mounts)
    targets: Mapping[str, TargetMemory] = {}
    # On a network or FUSE file system it is bad enough that it is there, and may hang.
    mount = mount_of(os.fsencode(settings.state_dir), mounts)
    if mount is None or not mount.is_remote:
        database = examine_database(settings.state_dir)
        kept, targets = [*kept, database.check], database.targets
    kept.append(own_folder("log-dir", settings.log_dir, mounts))
    roots = {name: memory.root for name, memory in targets.items() if memory.root is not None}
    try:
        configuration = load_tasks(settings, mounts=mounts, remembered_roots=roots)
    except InvalidConfiguration as invalid:
        return Ground(checks=[*_problems(invalid.problems), *kept], settings=settings, targets=targets)
    return Ground(
        checks=[*_configured(configuration), *kept], settings=settings, configuration=configuration, targets=targets
    )


def _configured(configuration: Configuration) -> list[Check]:
    if configuration.problems:
        return _problems(configuration.problems)
    settings = configuration.settings
    if not configuration.tasks:
        return [doubtful("config", because(Code.DOCTOR_NO_TASKS, file=settings.file, folder=settings.tasks_dir))]
    counts = {"tasks": len(configuration.tasks), "targets": len(configuration.targets)}
    return [fine("config", because(Code.DOCTOR_CONFIG, file=settings.file, **counts))]


def _problems(problems: Sequence[Problem]) -> list[Check]:
    found = []
    for problem in problems:
        facts = {"file": problem.file, "line": problem.line, "table": problem.table, "key": problem.key}
        told = {"problem": problem.text, "where": problem.where, "cause": problem.reason.to_wire()}
        reason = because(Code.DOCTOR_PROBLEM, **told, kind=str(problem.code), **facts)
        found.append(bad("config", reason))
    return found
