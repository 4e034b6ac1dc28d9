"""Downloads on request: the table [downloads], and what [groups.NAME] says of them."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from cgwire.flaws import Flaw
from cloudgather.config.amounts import size, span
from cloudgather.config.names import absent
from cloudgather.config.reading import Table
from cloudgather.config.values import below, boolean, folder, kind_of, text, texts, whole
from cloudgather.core.download import Allowance, Rules
from cloudgather.core.downloader import Kind
from cloudgather.core.options import BadOption, of_group
from cloudgather.core.trackers import is_tracker
from cloudgather.core.unfit import Unfit

_DEFAULTS = Rules()
_MOST_DAYS = timedelta(days=3650)


def read_rules(table: Table, targets: Collection[str]) -> Rules:
    """The table [downloads]; `targets`: the names of those in the same file."""
    trackers = table.take("extra_trackers", _trackers, ())
    rules = Rules(
        to=table.take("to", lambda value: _destination(value, targets), None),
        min_free=table.take("min_free", size, _DEFAULTS.min_free),
        keep_after=table.take("keep_after", span(timedelta(0), _MOST_DAYS), _DEFAULTS.keep_after),
        stalled_after=table.take("stalled_after", span(timedelta(seconds=1), _MOST_DAYS), _DEFAULTS.stalled_after),
        wait_for_seeding=table.take("wait_for_seeding", boolean, _DEFAULTS.wait_for_seeding),
        seed_ratio=table.take("seed_ratio", _ratio, _DEFAULTS.seed_ratio),
        seed_time=table.take("seed_time", span(timedelta(0), _MOST_DAYS), _DEFAULTS.seed_time),
        extra_trackers=trackers if isinstance(trackers, tuple) else (),
        tracker_file=trackers if isinstance(trackers, bytes) else None,
        allow_private=table.take("allow_private", boolean, _DEFAULTS.allow_private),
    )
    table.close()
    return rules


def read_allowance(table: Table, downloaders: Collection[str]) -> Allowance:
    """What a group's table says beside its access; `downloaders`: the names of those in the same file."""
    return Allowance(
        max_active=table.take("max_active", whole(1, 10_000), None),
        max_size=table.take("max_size", size, None),
        downloaders=table.take("downloaders", lambda value: _named(value, downloaders), None),
        options=table.take("options", _options, {}),
    )


def _destination(value: object, targets: Collection[str]) -> str:
    given = text(value)
    name, colon, folder_there = given.partition(":")
    if not colon or given.startswith("/"):
        raise Unfit(Flaw.TARGET_MISSING, given=given)
    if name not in targets:
        raise absent("target", name, targets)
    below(folder_there)
    return given


def _named(value: object, downloaders: Collection[str]) -> frozenset[str]:
    names = texts(text)(value)
    for name in names:
        if name not in downloaders:
            raise absent("downloader", name, downloaders)
    return frozenset(names)


def _ratio(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10_000:
        raise Unfit(Flaw.RATIO)
    return float(value)


def _trackers(value: object) -> tuple[str, ...] | bytes:
    """Themselves, or the file that lists them."""
    if not isinstance(value, str):
        return texts(_tracker)(value)
    if is_tracker(value):
        raise Unfit(Flaw.TRACKER_ALONE, given=value)
    return folder(value)


def _tracker(value: object) -> str:
    given = text(value).strip()
    if not is_tracker(given):
        raise Unfit(Flaw.TRACKER, given=given)
    return given


def _options(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unfit(Flaw.NOT_OPTIONS, found=kind_of(value))
    try:
        for kind in Kind:
            of_group(kind, value)
    except BadOption as bad:
        raise Unfit(Flaw.OPTIONS, cause=bad.reason.to_wire()) from bad
    return dict(value)
