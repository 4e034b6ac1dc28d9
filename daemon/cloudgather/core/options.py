"""The options of single downloads that each kind of downloader knows: converted to what it takes, or refused.

aria2 ignores numbers, lists and options of the whole program without a word; qBittorrent ignores what it does not know.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.downloader import Kind
from cloudgather.core.trackers import is_tracker
from cloudgather.core.unfit import Unfit

_SPEED: Final = re.compile(r"(\d{1,15})([kKmM]?)", re.ASCII)
_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2}
_MOST: Final = 2**50
_LONGEST: Final = 4096
_SHOWN: Final = 64  # characters of a name that is not known

# Takes a value as it was given, and answers with it as the program takes it; raises Unfit.
_Convert = Callable[[Any], str]


class BadOption(Exception):
    """An option that is not taken; `reason` says which and why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def _number(low: int, high: int, *, whole: bool) -> _Convert:
    def convert(value: Any) -> str:
        try:
            number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else low - 1
        except (ValueError, OverflowError):
            number = low - 1
        if not low <= number <= high or (whole and number != int(number)):
            raise Unfit(Code.OPTION_WHOLE if whole else Code.OPTION_NUMBER, low=low, high=high)
        return str(int(number)) if number == int(number) and (whole or isinstance(value, int)) else str(number)

    return convert


def _speed(value: Any) -> str:
    match = _SPEED.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None or (amount := int(match[1]) * _UNITS[match[2].lower()]) > _MOST:
        raise Unfit(Code.OPTION_SPEED)
    return str(amount)


def _truth(value: Any) -> str:
    if value is True or value in ("true", "yes"):
        return "true"
    if value is False or value in ("false", "no"):
        return "false"
    raise Unfit(Code.OPTION_TRUTH)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > _LONGEST or not value.isprintable():
        raise Unfit(Code.OPTION_TEXT)
    return value


def _trackers(value: Any) -> str:
    given = value.split(",") if isinstance(value, str) else value
    listed = isinstance(given, Sequence) and len(given) > 0
    if not listed or not all(isinstance(each, str) and is_tracker(each) for each in given):
        raise Unfit(Code.OPTION_TRACKERS)
    return ",".join(given)


def _one_of(*words: str) -> _Convert:
    def convert(value: Any) -> str:
        if value not in words:
            raise Unfit(Code.OPTION_CHOICE, words=", ".join(words))
        return str(value)

    return convert


_COUNT: Final = _number(0, 10_000, whole=True)
_RATIO: Final = _number(0, 1_000_000, whole=False)

_KNOWN: Final[Mapping[Kind, Mapping[str, _Convert]]] = {
    Kind.ARIA2: {
        "max-download-limit": _speed,
        "max-upload-limit": _speed,
        "lowest-speed-limit": _speed,
        "seed-ratio": _RATIO,
        "seed-time": _number(0, 10_000_000, whole=False),  # minutes
        "bt-tracker": _trackers,
        "bt-exclude-tracker": _trackers,
        "bt-max-peers": _COUNT,
        "bt-request-peer-speed-limit": _speed,
        "bt-stop-timeout": _number(0, 10_000_000, whole=True),  # seconds
        "bt-tracker-timeout": _number(1, 600, whole=True),
        "bt-require-crypto": _truth,
        "bt-force-encryption": _truth,
        "bt-min-crypto-level": _one_of("plain", "arc4"),
        "bt-prioritize-piece": _text,
        "enable-peer-exchange": _truth,
        "file-allocation": _one_of("none", "prealloc", "trunc", "falloc"),
        "max-connection-per-server": _number(1, 16, whole=True),
        "min-split-size": _text,
        "split": _number(1, 1000, whole=True),
        "max-tries": _COUNT,
        "retry-wait": _number(0, 600, whole=True),
        "timeout": _number(1, 600, whole=True),
        "connect-timeout": _number(1, 600, whole=True),
        "referer": _text,
        "user-agent": _text,
        "http-user": _text,
        "http-passwd": _text,
        "ftp-user": _text,
        "ftp-passwd": _text,
        "check-certificate": _truth,
    },
    Kind.QBITTORRENT: {
        "dlLimit": _speed,
        "upLimit": _speed,
        "ratioLimit": _number(-2, 1_000_000, whole=False),
        "seedingTimeLimit": _number(-2, 10_000_000, whole=True),  # minutes
        "inactiveSeedingTimeLimit": _number(-2, 10_000_000, whole=True),  # minutes
        "category": _text,
        "sequentialDownload": _truth,
        "firstLastPiecePrio": _truth,
    },
    Kind.TRANSMISSION: {},
}
_OURS: Final = frozenset(
    """dir out gid pause pause-metadata select-file follow-torrent rpc-save-upload-metadata bt-save-metadata continue
    check-integrity allow-overwrite auto-file-renaming index-out urls torrents savepath downloadPath useDownloadPath
    tags autoTMM paused stopped stopCondition contentLayout root_folder rename skip_checking cookie""".split()  # noqa: SIM905
)
_OF_THE_PROGRAM: Final = frozenset(
    """max-concurrent-downloads max-overall-download-limit max-overall-upload-limit listen-port dht-listen-port
    disk-cache save-session save-session-interval bt-max-open-files max-download-result enable-dht enable-dht6 log
    log-level rpc-secret rpc-listen-port optimize-concurrent-downloads""".split()  # noqa: SIM905
)


def checked(kind: Kind, given: Mapping[str, Any]) -> dict[str, str]:
    """`given` as this kind takes it; raises BadOption for the first that it does not."""
    known = _KNOWN[kind]
    found = {}
    for name, value in given.items():
        if name not in known:
            raise BadOption(_why_not(kind, name))
        try:
            found[name] = known[name](value)
        except Unfit as unfit:
            raise BadOption(because(unfit.reason.code, option=name, **unfit.reason.facts)) from None
    return found


def of_group(kind: Kind, given: Mapping[str, Any]) -> dict[str, str]:
    """What a group's options, which may be for several kinds, say to this one; raises BadOption."""
    for name in given:
        if not any(name in known for known in _KNOWN.values()):
            raise BadOption(because(Code.OPTION_NOBODYS, option=name[:_SHOWN]))
    return checked(kind, {name: value for name, value in given.items() if name in _KNOWN[kind]})


def _why_not(kind: Kind, name: str) -> Reason:
    shown = name[:_SHOWN]
    if name in _OURS:
        return because(Code.OPTION_OURS, option=shown)
    if kind is Kind.ARIA2 and name in _OF_THE_PROGRAM:
        return because(Code.OPTION_PROGRAM, option=shown)
    near = get_close_matches(name, _KNOWN[kind], n=1, cutoff=0.6)
    return because(Code.OPTION_UNKNOWN, option=shown, kind=str(kind), near=near[0] if near else None)


def going_on(kind: Kind) -> Mapping[str, str]:
    """What lets a new download begin with what is there of an earlier try; qBittorrent does so by itself.

    Only what aria2's own control file vouches for: `continue` would take for downloaded whatever lies there without
    one, as it does when aria2 was killed while it reserved the space.
    """
    if kind is not Kind.ARIA2:
        return {}
    return {
        "continue": "false",
        "check-integrity": "true",
        "allow-overwrite": "true",
        "auto-file-renaming": "false",
    }
