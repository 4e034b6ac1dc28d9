"""All files together: the configuration that the daemon runs with."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cgwire.flaws import Flaw
from cgwire.reasons import because
from cloudgather.config.names import folded
from cloudgather.config.problems import Faults, InvalidConfiguration, Problem, Wrong, shown
from cloudgather.config.settings import Settings, parse_settings
from cloudgather.config.tasks import Parsed, destination_of, parse_task
from cloudgather.core.mounts import Mount, is_below
from cloudgather.core.target import TargetSpec
from cloudgather.core.task import Task

# Far above any file that a person writes.
_MOST_BYTES = 1 << 20
_SUFFIX = ".toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What holds now. A task whose file has errors is left out: its name is in `broken`, its errors in `problems`."""

    settings: Settings
    tasks: Mapping[str, Task]
    targets: Mapping[str, TargetSpec]  # those of the main file, and those that tasks imply
    problems: tuple[Problem, ...] = ()
    broken: frozenset[str] = frozenset()


def load(
    path: str,
    *,
    mounts: Sequence[Mount],
    remembered_roots: Mapping[str, bytes],
    environ: Mapping[str, str] | None = None,
    tasks_expected: bool = False,
) -> Configuration:
    """Read the main file at `path` and all task files; `environ` is the process's unless given.

    `remembered_roots` are the implicit targets that were seen mounted, by name. Raises InvalidConfiguration when the
    main file cannot be used or the folder of tasks cannot be read; with `tasks_expected`, which says that there have
    been tasks, also when that folder is not there: no task at all would cancel all that is queued. Task files that are
    wrong are set aside.
    """
    settings = load_settings(path, mounts=mounts, environ=environ)
    return load_tasks(settings, mounts=mounts, remembered_roots=remembered_roots, tasks_expected=tasks_expected)


def load_settings(path: str, *, mounts: Sequence[Mount], environ: Mapping[str, str] | None = None) -> Settings:
    """Read the main file only."""
    content = _read(path)
    return parse_settings(
        content, file=os.path.abspath(path), mounts=mounts, environ=os.environ if environ is None else environ
    )


def load_tasks(
    settings: Settings,
    *,
    mounts: Sequence[Mount],
    remembered_roots: Mapping[str, bytes],
    tasks_expected: bool = False,
) -> Configuration:
    """Read all task files; an absent folder holds none. Raises InvalidConfiguration as load() does."""
    try:
        names = sorted(os.listdir(os.fsencode(settings.tasks_dir)))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not tasks_expected:
            return _together(settings, {}, [], frozenset())
        faults = Faults(settings.tasks_dir)
        faults.add((), because(Flaw.TASKS_UNREADABLE, message=error.strerror), code=Wrong.FILE)
        raise InvalidConfiguration(faults.problems()) from error
    found: dict[str, Parsed] = {}
    problems: list[Problem] = []
    broken: set[str] = set()
    for entry in names:
        if entry.startswith(b".") or not entry.endswith(_SUFFIX.encode()):
            continue
        name = shown(entry.removesuffix(_SUFFIX.encode()))
        file = os.path.join(settings.tasks_dir, os.fsdecode(entry))
        try:
            content = _read(file)
            parsed = parse_task(
                content,
                file=file,
                name=_name(entry, file),
                settings=settings,
                mounts=mounts,
                remembered_roots=remembered_roots,
            )
            _check_beside(parsed, found, file, content)
        except InvalidConfiguration as invalid:
            problems += invalid.problems
            broken.add(name)
        else:
            found[name] = parsed
    return _together(settings, found, problems, broken)


def with_task(
    configuration: Configuration,
    name: str,
    content: str,
    *,
    mounts: Sequence[Mount],
    remembered_roots: Mapping[str, bytes],
) -> Configuration:
    """`configuration` with the task `name` as in `content`, new or instead of the old; touches no file.

    Raises InvalidConfiguration with all that is wrong with it, alone or beside the other tasks.
    """
    settings = configuration.settings
    file = task_file(settings, name)
    parsed = parse_task(
        content, file=file, name=name, settings=settings, mounts=mounts, remembered_roots=remembered_roots
    )
    others = {
        task.name: Parsed(task=task, target=configuration.targets[task.target])
        for task in configuration.tasks.values()
        if task.name != name
    }
    _check_beside(parsed, others, file, content)
    _check_alike(name, configuration.broken - {name}, file)
    return _together(
        settings,
        {**others, name: parsed},
        [problem for problem in configuration.problems if problem.file != shown(os.fsencode(file))],
        configuration.broken - {name},
    )


def task_file(settings: Settings, name: str) -> str:
    """Where the task called `name` stands."""
    return os.path.join(settings.tasks_dir, name + _SUFFIX)


def _together(
    settings: Settings, found: Mapping[str, Parsed], problems: Sequence[Problem], broken: set[str] | frozenset[str]
) -> Configuration:
    return Configuration(
        settings=settings,
        tasks={name: each.task for name, each in found.items()},
        targets={**settings.targets, **{each.target.name: each.target for each in found.values()}},
        problems=tuple(problems),
        broken=frozenset(broken),
    )


def _check_beside(parsed: Parsed, others: Mapping[str, Parsed], file: str, content: str) -> None:
    _check_alike(parsed.task.name, others, file)
    if (ring := _ring(parsed, others)) is not None:
        faults = Faults(file, content)
        faults.add(("target",), because(Flaw.RING, ring=" -> ".join(ring)), code=Wrong.CONFLICT)
        faults.raise_if_any()


def _check_alike(name: str, others: Iterable[str], file: str) -> None:
    for other in others:
        if other != name and folded(other) == folded(name):
            faults = Faults(file)
            faults.add((), because(Flaw.TASKS_ALIKE, task=name, other=other), code=Wrong.NAME)
            faults.raise_if_any()


def _ring(parsed: Parsed, others: Mapping[str, Parsed]) -> list[str] | None:
    """Names of tasks, from this one back to itself, each of which sends into the source of the next."""
    ways = [[parsed]]
    seen = {parsed.task.name}
    while ways:
        way = ways.pop()
        destination = destination_of(way[-1].target, way[-1].task.base)
        if len(way) > 1 and _overlap(destination, parsed.task.source):
            return [each.task.name for each in (*way, parsed)]
        for other in others.values():
            if other.task.name not in seen and _overlap(destination, other.task.source):
                seen.add(other.task.name)
                ways.append([*way, other])
    return None


def _overlap(one: bytes, other: bytes) -> bool:
    return is_below(one, other) or is_below(other, one)


def _name(entry: bytes, file: str) -> str:
    try:
        return entry.removesuffix(_SUFFIX.encode()).decode()
    except UnicodeDecodeError:
        faults = Faults(file)
        faults.add((), because(Flaw.FILE_NAME_NOT_UTF8), code=Wrong.NAME)
        raise InvalidConfiguration(faults.problems()) from None


def _read(path: str) -> str:
    """A file's text; raises InvalidConfiguration when it cannot be read as one."""
    faults = Faults(path)
    try:
        content = _bytes_of(path)
    except OSError as error:
        faults.add((), because(Flaw.UNREADABLE, message=error.strerror), code=Wrong.FILE)
        raise InvalidConfiguration(faults.problems()) from error
    if content is None:
        faults.add((), because(Flaw.NO_PLAIN_FILE), code=Wrong.FILE)
    elif len(content) > _MOST_BYTES:
        faults.add((), because(Flaw.FILE_TOO_LARGE), code=Wrong.FILE)
    faults.raise_if_any()
    assert content is not None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        faults.add((), because(Flaw.NOT_UTF8), code=Wrong.SYNTAX, line=line)
        raise InvalidConfiguration(faults.problems()) from None


def _bytes_of(path: str) -> bytes | None:
    # Neither a FIFO nor a device may hold up the start.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = b""
        while len(content) <= _MOST_BYTES and (piece := os.read(descriptor, _MOST_BYTES + 1)):
            content += piece
        return content
    finally:
        os.close(descriptor)
