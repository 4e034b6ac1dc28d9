"""The main file, cloudgather.toml, as values."""

import ast
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final, TypeVar

from cgwire.access import Access
from cgwire.flaws import Flaw
from cgwire.reasons import Reason, because
from cloudgather.config.downloaders import read_downloaders
from cloudgather.config.downloads import read_allowance, read_rules
from cloudgather.config.lines import parse
from cloudgather.config.problems import Faults, InvalidConfiguration, Wrong, shown
from cloudgather.config.reading import Table
from cloudgather.config.secrets import secret_file
from cloudgather.config.targets import read_targets
from cloudgather.config.values import choice, folder, text, whole, zone
from cloudgather.core.download import Allowance, Rules
from cloudgather.core.downloader import DownloaderSpec
from cloudgather.core.mounts import Mount
from cloudgather.core.target import TargetSpec
from cloudgather.core.unfit import Unfit, reason_of

D = TypeVar("D")


class Level(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class _Granted(StrEnum):
    VIEW = "view"
    DOWNLOAD = "download"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the main file says, with every default filled in. Paths are absolute."""

    file: str
    state_dir: str = "/var/lib/cloudgather"
    tasks_dir: str = "/etc/cloudgather/tasks.d"
    log_dir: str = "/var/lib/cloudgather/log"  # below state_dir unless said otherwise
    socket: str = "/run/cloudgather/control.sock"
    log_level: str = "INFO"
    console_level: str = "INFO"
    log_keep_days: int = 7
    history_days: int = 90
    timezone: str | None = None  # IANA name; None = the system's
    groups: Mapping[str, Access] = field(default_factory=dict)
    targets: Mapping[str, TargetSpec] = field(default_factory=dict)  # those of [targets.NAME]
    downloaders: Mapping[str, DownloaderSpec] = field(default_factory=dict)
    downloads: Rules = field(default_factory=Rules)
    allowances: Mapping[str, Allowance] = field(default_factory=dict)  # by group: what its members may have downloaded


# What the daemon reads when it starts, and then no more.
AT_START: Final = frozenset(
    {"daemon.state_dir", "daemon.log_dir", "daemon.log_level", "daemon.console_level", "daemon.log_keep_days"}
    | {"control.socket"}
)


def differences(before: Settings, after: Settings) -> list[str]:
    """The keys and tables that are not the same in both, named as the file has them: daemon.log_level, targets.c115."""
    found = []
    for each in fields(Settings):
        old, new = getattr(before, each.name), getattr(after, each.name)
        if isinstance(new, Mapping):
            table = {"allowances": "groups"}.get(each.name, each.name)
            found += [f"{table}.{name}" for name in {**old, **new} if old.get(name) != new.get(name)]
        elif old != new:
            table = {"socket": "control.", "downloads": ""}.get(each.name, "daemon.")
            found.append(f"{table}{each.name}")
    return list(dict.fromkeys(found))


_HINTS: Final[Mapping[str, Reason]] = {
    **dict.fromkeys(("notify", "web", "metrics", "strm", "cluster", "node"), because(Flaw.LATER)),
    **dict.fromkeys(("tasks", "task"), because(Flaw.OF_TASKS)),
}
_DEFAULTS = Settings(file="")
_TWICE: Final = re.compile(r"cannot declare (\(.*\)) twice")  # tomllib's words, with a tuple of names


def parse_settings(
    content: str, *, file: str, mounts: Sequence[Mount], environ: Mapping[str, str] | None = None
) -> Settings:
    """The settings in `content`; raises InvalidConfiguration with all that is wrong.

    The container's variables TZ, LOG_LEVEL, CONSOLE_LEVEL and LOG_SAVE_DAYS go before what the file says.
    """
    faults = Faults(file, content)
    document = parsed(content, faults)
    table = Table(document, faults)
    daemon, control, groups = table.table("daemon"), table.table("control"), table.table("groups")
    environ = {} if environ is None else environ
    outside = _Environment(environ)

    state_dir = daemon.take("state_dir", _directory, _DEFAULTS.state_dir)
    targets, downloaders = table.table("targets"), table.table("downloaders")
    granted = _groups(groups, downloaders.names)
    settings = Settings(
        file=file,
        state_dir=state_dir,
        tasks_dir=daemon.take("tasks_dir", _directory, _DEFAULTS.tasks_dir),
        log_dir=daemon.take("log_dir", _directory, os.path.join(state_dir, "log")),
        socket=control.take("socket", _socket, _DEFAULTS.socket),
        log_level=outside.take("LOG_LEVEL", _level, daemon.take("log_level", _level, _DEFAULTS.log_level)),
        console_level=outside.take(
            "CONSOLE_LEVEL", _level, daemon.take("console_level", _level, _DEFAULTS.console_level)
        ),
        log_keep_days=outside.take(
            "LOG_SAVE_DAYS", _days_of_text, daemon.take("log_keep_days", _days, _DEFAULTS.log_keep_days)
        ),
        history_days=daemon.take("history_days", _days, _DEFAULTS.history_days),
        timezone=outside.take("TZ", _zone_of_variable, daemon.take("timezone", zone, None)),
        groups={name: access for name, (access, _) in granted.items()},
        allowances={name: allowance for name, (_, allowance) in granted.items()},
        targets=read_targets(targets, mounts, secret=secret_file(file, environ)),
        downloaders=read_downloaders(downloaders, file=file, environ=environ),
        downloads=read_rules(table.table("downloads"), targets.names),
    )
    daemon.close()
    control.close()
    table.close(_HINTS)
    if problems := faults.problems() + outside.faults.problems():
        raise InvalidConfiguration(problems)
    return settings


def parsed(content: str, faults: Faults) -> Mapping[str, object]:
    """The document; raises InvalidConfiguration with file and line where it is not TOML."""
    try:
        return parse(content)
    except Unfit as unfit:
        faults.add((), unfit.reason, code=Wrong.SYNTAX)
    except ValueError as error:
        message, line = syntax_fault(str(error), content)
        if twice := _TWICE.fullmatch(message):
            reason = because(Flaw.TABLE_TWICE, table=".".join(ast.literal_eval(twice[1])))
        else:
            reason = because(Flaw.SYNTAX, message=message)
        faults.add((), reason, code=Wrong.SYNTAX, line=line)
    raise InvalidConfiguration(faults.problems())


def syntax_fault(message: str, content: str) -> tuple[str, int | None]:
    """tomllib's message without its place, and the line."""
    what, _, place = message.partition(" (at ")
    if place.startswith("line "):
        number = place.removeprefix("line ").partition(",")[0]
        return what[:1].lower() + what[1:], int(number) if number.isdecimal() else None
    if place.startswith("end of document"):
        return what[:1].lower() + what[1:], max(1, content.count("\n") + (not content.endswith("\n")))
    return what[:1].lower() + what[1:], None


class _Environment:
    """The container's variables; an empty one counts as absent, as in docker-compose files."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults = Faults("environment")

    def take(self, name: str, read: Callable[[object], D], default: D) -> D:
        value = shown(os.fsencode(self._environ.get(name, "")))
        if not value.strip():
            return default
        try:
            return read(value)
        except ValueError as error:
            self.faults.add((name,), reason_of(error))
            return default


def _groups(table: Table, downloaders: Collection[str]) -> Mapping[str, tuple[Access, Allowance]]:
    granted = {}
    for name, group in table.tables():
        access = group.need("access", choice(_Granted), '"view"')
        allowance = read_allowance(group, downloaders)
        group.close()
        if access is not None:
            granted[name] = Access[access.name], allowance
    return granted


def _directory(value: object) -> str:
    return os.fsdecode(folder(value))


def _socket(value: object) -> str:
    path = _directory(value)
    if len(os.fsencode(path)) > 107:
        raise Unfit(Flaw.SOCKET_LONG)
    return path


def _zone_of_variable(value: object) -> str:
    return zone(text(value).removeprefix(":"))  # tzset(3) allows the colon


def _level(value: object) -> str:
    return str(choice(Level)(value.strip().upper() if isinstance(value, str) else value))


_days = whole(1, 36500)


def _days_of_text(value: object) -> int:
    given = text(value).strip()
    return _days(int(given) if given.isascii() and given.isdecimal() and len(given) < 9 else given)
