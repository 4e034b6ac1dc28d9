"""One task file as a Task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cgwire.flaws import Flaw
from cgwire.reasons import Reason, because
from cloudgather.config.amounts import size, size_text, span
from cloudgather.config.names import name_fault
from cloudgather.config.problems import Faults, Wrong
from cloudgather.config.reading import Table
from cloudgather.config.settings import Settings, parsed
from cloudgather.config.targets import resolve
from cloudgather.config.values import boolean, choice, cron, extension, folder, glob, text, texts, whole, window, zone
from cloudgather.core.kinds import EVERYTHING, PARTS, extensions
from cloudgather.core.mounts import Mount, is_below
from cloudgather.core.target import TargetSpec
from cloudgather.core.task import Filter, IfGone, Initial, Rule, Send, Task, WindowEnd
from cloudgather.core.unfit import Unfit, reason_of

_DAY: Final = timedelta(days=1)
_HINTS: Final[Mapping[str, Reason]] = {
    "name": because(Flaw.NAME_NEEDLESS),
    "enabled": because(Flaw.PAUSE_INSTEAD),
    "cron": because(Flaw.INSTEAD, near='schedule = "0 3 * * *"'),
    "interval": because(Flaw.INSTEAD, near='every = "5m"'),
    "destination": because(Flaw.INSTEAD, near="target"),
    "threads": because(Flaw.OF_TARGET, near="parallel"),
    **dict.fromkeys(
        (
            "bandwidth", "daily_limit", "metadata_per_second", "max_unconfirmed", "min_free", "cache_dir", "parallel",
            "slow_storage", "profile", "verify", "confirm", "attempts", "retry_first", "retry_most",
        ),
        because(Flaw.OF_TARGET),
    ),
    **dict.fromkeys(
        ("after", "strm", "notify", "delete", "cleanup", "hook", "refresh", "downloader", "downloaders"),
        because(Flaw.LATER),
    ),
    **dict.fromkeys(
        (
            "preset", "include", "exclude", "exclude_dirs", "exclude_extensions", "extensions", "min_size", "max_size",
            "exact",
        ),
        because(Flaw.OF_FILTER),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A task and the target that it goes to, which may be implied by it."""

    task: Task
    target: TargetSpec


def parse_task(
    content: str,
    *,
    file: str,
    name: str,
    settings: Settings,
    mounts: Sequence[Mount],
    remembered_roots: Mapping[str, bytes],
) -> Parsed:
    """The task called `name` in `content`; raises InvalidConfiguration with all that is wrong."""
    faults = Faults(file, content)
    if (fault := name_fault(name)) is not None:
        faults.add((), because(Flaw.NAME, name=name[:100], cause=fault.to_wire()), code=Wrong.NAME)
    table = Table(parsed(content, faults), faults)

    source = table.need("source", folder, '"/vol1/downloads/电影"')
    found = table.need(
        "target",
        lambda value: resolve(value, targets=settings.targets, mounts=mounts, remembered_roots=remembered_roots),
        '"c115:影视库/电影"',
    )
    schedule = table.take("schedule", cron, None)
    every = table.take("every", span(timedelta(seconds=10), 366 * _DAY), None)
    if "schedule" in table and "every" in table:
        table.wrong("every", because(Flaw.EVERY), code=Wrong.CONFLICT)
    if source is not None and found is not None:
        _check_apart(table, source, *found)
    spec, base = found or (TargetSpec(name="", root=b"/"), b"")
    task = Task(
        name=name,
        source=source or b"/",
        target=spec.name,
        base=base,
        rules=table.take("rules", _rules, frozenset({Rule.MISSING, Rule.CHANGED})),
        initial=table.take("initial", choice(Initial), Initial.SEND),
        send=table.take("send", choice(Send), Send.TORRENT),
        if_gone=table.take("if_gone", choice(IfGone), IfGone.LEAVE),
        settle=table.take("settle", _settle, None),
        watch=table.take("watch", boolean, True),
        rescan=table.take("rescan", span(timedelta(minutes=1), 31 * _DAY), timedelta(hours=1)),
        schedule=schedule,
        every=every,
        timezone=table.take("timezone", zone, None),
        catch_up=table.take("catch_up", boolean, True),
        upload_window=table.take("upload_window", window, None),
        window_end=table.take("window_end", choice(WindowEnd), WindowEnd.FINISH),
        priority=table.take("priority", whole(-100, 100), 0),
        filter=_filter(table.table("filter")),
    )
    table.close(_HINTS)
    faults.raise_if_any()
    return Parsed(task=task, target=spec)


def _check_apart(table: Table, source: bytes, spec: TargetSpec, base: bytes) -> None:
    destination = destination_of(spec, base)
    if source == destination:
        table.wrong("target", because(Flaw.SOURCE_IS_TARGET), code=Wrong.CONFLICT)
    elif is_below(source, destination):
        table.wrong("source", because(Flaw.SOURCE_IN_TARGET), code=Wrong.CONFLICT)
    elif is_below(destination, source):
        table.wrong("target", because(Flaw.TARGET_IN_SOURCE), code=Wrong.CONFLICT)


def destination_of(spec: TargetSpec, base: bytes) -> bytes:
    """The absolute folder that a task's files go to."""
    return spec.root if not base else spec.root.rstrip(b"/") + b"/" + base


def _rules(value: object) -> frozenset[Rule]:
    chosen = frozenset(Rule(each) for each in texts(choice(Rule))(value))
    if not chosen:
        raise Unfit(Flaw.RULES_EMPTY, allowed=[str(each) for each in Rule])
    return chosen


def _settle(value: object) -> timedelta | None:
    if value == "auto":
        return None
    try:
        return span(timedelta(seconds=1), 7 * _DAY)(value)
    except ValueError as error:
        raise Unfit(Flaw.OR_AUTO, cause=reason_of(error).to_wire()) from None


def _filter(table: Table) -> Filter:
    preset = table.take("preset", _preset, None)
    listed = table.take("extensions", texts(extension), ())
    if preset == EVERYTHING and listed:
        table.wrong("extensions", because(Flaw.EXTENSIONS), code=Wrong.CONFLICT)
    unwanted = table.take("exclude_extensions", texts(extension), ())
    smallest = table.take("min_size", size, 0)
    largest = table.take("max_size", size, None)
    if largest is not None and largest < smallest:
        table.wrong("max_size", because(Flaw.MAX_SIZE, least=size_text(smallest)), code=Wrong.CONFLICT)
    globs = texts(glob)
    wanted = Filter(
        extensions=extensions(preset or EVERYTHING) | {each.encode() for each in listed},
        include=_encoded(table.take("include", globs, ())),
        exclude=_encoded(table.take("exclude", globs, ())),
        exclude_dirs=_encoded(table.take("exclude_dirs", globs, ()), strip=True),
        exclude_extensions=frozenset(each.encode() for each in unwanted),
        min_size=smallest,
        max_size=largest,
        exact=table.take("exact", boolean, False),
    )
    table.close()
    return wanted


def _encoded(patterns: Sequence[str], *, strip: bool = False) -> tuple[bytes, ...]:
    return tuple((each.rstrip("/") if strip else each).encode() for each in patterns)


def _preset(value: object) -> str:
    given = text(value).strip()
    try:
        extensions(given)
    except ValueError as error:
        raise Unfit(Flaw.PRESET, given=str(error), allowed=list(PARTS)) from None
    return given
