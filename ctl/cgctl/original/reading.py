"""Reads the tasks.json of the original CloudGather, and says what of each task can be had here and what cannot."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cgctl.language import later
from cgctl.original.cron import standard
from cgctl.original.fields import Fields, Note, Notes, folded, name_of, size, span, suffixes

_LOCAL: Final = frozenset({"", "LOCAL", "MOUNT"})
# What only tells how the original got on, or belongs to a switch that is read with it.
_STATE: Final = frozenset(
    {"id", "status", "last_run_time", "delete_delay_days", "delete_time_base", "delete_parent", "delete_parent_levels",
     "delete_parent_force"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A task as task.compose takes it, and what of it belongs to its target.

    `paused`: the original had it disabled, or it could not be carried whole. `notes` say what could not, and why.
    """

    name: str
    values: Mapping[str, Any]
    paused: bool
    notes: tuple[Note, ...]
    parallel: int  # the original's number of threads
    slow: bool  # a cloud drive, as the original was told
    checksum: bool  # what was written was read back


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A whole file."""

    tasks: tuple[Carried, ...]
    left: tuple[tuple[str, Note], ...]  # the names of tasks that cannot be had here, and why
    notes: tuple[Note, ...]  # what is true of all of them


class Unusable(Exception):
    """The file is not what it should be; `notes` name everything that is wrong with it."""

    def __init__(self, notes: Sequence[Note]) -> None:
        super().__init__("; ".join(note.text for note in notes))
        self.notes = tuple(notes)


def moved(content: bytes, *, maps: Sequence[tuple[str, str]] = (), leave_out: Collection[str] = ()) -> Moved:
    """The tasks in `content`; raises Unusable for what is not such a file, or has an entry that cannot be read.

    `maps` has (old, new) folders: a path at or below an old one is taken to lie at or below the new one, the longest
    that fits first. Tasks whose name in the file is in `leave_out` are not looked at.
    """
    document = _document(content)
    entries = document.get("tasks") if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise Unusable([Note(later("it holds no list of tasks"))])
    gathering = _Gathering(maps=maps)
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            gathering.faults.add(later("task {number} is not a table of fields"), number=number)
        elif entry.get("name") not in leave_out:
            gathering.take(number, entry)
    if gathering.faults:
        raise Unusable(list(gathering.faults))
    pending = document.get("delete_queue") if isinstance(document, dict) else None
    return gathering.result(deletions=len(pending) if isinstance(pending, list) else 0)


def _document(content: bytes) -> Any:
    try:
        document = json.loads(content.decode("utf-8-sig"))
        json.dumps(document, ensure_ascii=False).encode()  # an escape may stand for half a character
        return document
    except UnicodeError as error:
        raise Unusable([Note(later("it is not UTF-8"))]) from error
    except (ValueError, RecursionError) as error:
        raise Unusable([Note(later("it is not JSON: {cause}"), {"cause": str(error)})]) from error


@dataclass(slots=True, kw_only=True)
class _Gathering:
    """Goes through the entries; names that are alike are told apart by a number."""

    maps: Sequence[tuple[str, str]]
    faults: Notes = field(default_factory=Notes)
    tasks: list[Carried] = field(default_factory=list)
    left: list[tuple[str, Note]] = field(default_factory=list)

    def take(self, number: int, entry: Mapping[str, Any]) -> None:
        """One entry, from 1 on."""
        fields = Fields(number, entry, self.faults)
        given = fields.text("name")
        notes = Notes()
        if (kind := fields.word("target_type", "LOCAL")) not in _LOCAL:
            why = later("its target is {kind}, not a folder; mount that drive, and make the task with cgctl task add")
            self.left.append((given, Note(why, {"kind": kind})))
            return
        name = self._unlike(name_of(given, fallback=f"task {number}"))
        if name != given:
            notes.add(later('it was called "{name}", which cannot be the name of a task here'), name=given)
        source, target = (self._mapped(fields.path(key)) for key in ("source_path", "target_path"))
        values: dict[str, Any] = {"source": source, "target": target, "watch": False}
        runs = [_rules(fields, values, notes), _schedule(fields, values, notes), _filter(fields, values, notes)]
        _not_carried(fields, notes)
        threads = fields.whole("thread_count")
        paused = not fields.flag("enabled", True) or not all(runs)
        slow, checksum = fields.flag("is_slow_storage", False), fields.flag("verify_md5", False)
        for key in sorted(fields.unread() - _STATE):
            notes.add(later("{key} is not known"), key=key)
        self.tasks.append(
            Carried(
                name=name,
                values=values,
                paused=paused,
                notes=tuple(notes),
                parallel=1 if threads is None else max(1, threads),
                slow=slow,
                checksum=checksum,
            )
        )

    def result(self, *, deletions: int) -> Moved:
        """All together, with what is to be said of them all."""
        notes = Notes()
        if self.tasks:
            notes.add(
                later(
                    "They look at their times only, as the original did. To send a file as soon as it is complete: "
                    "cgctl task edit NAME --set watch=true"
                )
            )
            notes.add(later("A file goes when it was left alone for 10 minutes (settle), not 5 seconds."))
            notes.add(
                later(
                    "What was sent and is taken away from the target later is not sent again at the next run; "
                    "cgctl task verify NAME finds it."
                )
            )
        if deletions:
            notes.add(
                later("Files of the source that were due to be deleted ({n}) stay: this release deletes nothing."),
                n=deletions,
            )
        return Moved(tasks=tuple(self.tasks), left=tuple(self.left), notes=tuple(notes))

    def _unlike(self, name: str) -> str:
        taken = {folded(task.name) for task in self.tasks}
        number, unlike = 1, name
        while folded(unlike) in taken:
            number += 1
            unlike = name_of(name, fallback=name, ending=f" {number}")
        return unlike

    def _mapped(self, path: str) -> str:
        for old, new in sorted(self.maps, key=lambda each: len(each[0]), reverse=True):
            if path == old or path.startswith(old.rstrip("/") + "/"):
                return new.rstrip("/") + path[len(old.rstrip("/")) :] or "/"
        return path


def _rules(fields: Fields, values: dict[str, Any], notes: Notes) -> bool:
    """Whether there is any; of several, each is enough, as in the original."""
    names = {"rule_not_exists": "missing", "rule_size_diff": "size", "rule_mtime_newer": "newer"}
    rules = [rule for key, rule in names.items() if fields.flag(key, False)]
    if fields.flag("overwrite_existing", False):
        values["rules"] = ["missing", "changed", "size", "newer"]
        notes.add(
            later("it sent every file again at each run; here only what differs goes (cgctl task run --overwrite)")
        )
        return True
    values["rules"] = rules or ["missing"]
    if not rules:
        notes.add(later("it had no rule and so sent nothing; it is made with the rule missing, and paused"))
    return bool(rules)


def _schedule(fields: Fields, values: dict[str, Any], notes: Notes) -> bool:
    """Whether its times could be carried over."""
    kind = fields.word("schedule_type", "INTERVAL", of=("INTERVAL", "CRON"))
    seconds, expression = fields.whole("interval"), fields.text("cron_expression", "")
    if kind == "INTERVAL":
        values["every"] = span(300 if seconds is None else seconds)
        if seconds is not None and seconds < 10:
            notes.add(later("it ran every {n} seconds; 10 is the least here"), n=seconds)
        return True
    try:
        values["schedule"] = standard(expression)
    except ValueError as error:
        why = later("its times ({expression}) are not carried over: {why}; it is made paused, without a schedule")
        notes.add(why, expression=expression, why=str(error))
        return False
    return True


def _filter(fields: Fields, values: dict[str, Any], notes: Notes) -> bool:
    """Whether the filter lets anything pass."""
    wanted: dict[str, Any] = {}
    mode = fields.word("suffix_mode", "NONE", of=("NONE", "INCLUDE", "EXCLUDE"))
    listed, never = suffixes(fields.texts("suffix_list"))
    if mode != "NONE" and never:
        notes.add(later("these fit no file's suffix, and are left out: {suffixes}"), suffixes=", ".join(never))
    if mode == "INCLUDE" and listed:
        wanted["extensions"] = listed
    elif mode == "EXCLUDE" and listed:
        wanted["exclude_extensions"] = listed
    for key, given in (("min_size", "size_min_bytes"), ("max_size", "size_max_bytes")):
        if number := fields.whole(given):
            wanted[key] = size(number)
    if not fields.flag("recursive", True):
        wanted["exclude_dirs"] = ["*"]
    if wanted.keys() & {"extensions", "min_size"}:
        wanted["exact"] = True  # the original makes no exceptions for small subtitles and discs
    if wanted:
        values["filter"] = wanted
    if mode == "INCLUDE" and not listed:
        notes.add(later("it wanted files of listed suffixes and listed none, so it sent nothing; it is made paused"))
        return False
    return True


def _not_carried(fields: Fields, notes: Notes) -> None:
    if fields.flag("delete_source", False):
        notes.add(later("it deleted files from the source after they were sent; this release deletes nothing"))
    if (mode := fields.word("copy_mode", "COPY")) != "COPY":
        notes.add(later("it made links ({mode}) instead of copies; here files are copied"), mode=mode)
