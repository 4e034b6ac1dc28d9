"""cgctl task add: a task made from flags and, on a terminal, from answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from cgctl.asking import Asking
from cgctl.language import later
from cgctl.options import absolute, command
from cgctl.session import Session
from cgctl.settings import problem_lines
from cgctl.transfers import print_reasons
from cgctl.trouble import Exit, Trouble
from cgwire.task import Compose, Show, Survey, Write
from cgwire.text.values import escaped, size

_EXAMPLES = """Make a task: a folder whose finished files go to a cloud drive.

On a terminal it asks for what is not given, shows what would go, and asks
before anything is written. Elsewhere --from and --to are needed.

\b
Examples:
  cgctl task add
  cgctl task add films --from /downloads/films --to c115:media/films --yes
  cgctl task add --from /downloads --to /CloudDrive/115/all \\
      --filter-preset video+subtitles --min-size 50MiB --initial adopt
  cgctl task add nightly --from /data --to /mnt/nas/data \\
      --no-watch --schedule "H 3 * * *" --dry-run
"""


@command(help=_EXAMPLES)
@click.argument("name", required=False)
@click.option("--from", "source", metavar="DIR", help="The folder with the downloads.")
@click.option("--to", "target", metavar="DEST", help="TARGET:FOLDER, or a folder on a mounted cloud drive.")
@click.option("--watch/--no-watch", default=None, help="Send files as soon as they are complete (default).")
@click.option("--schedule", metavar="CRON", help='Also look at these times: "0 3 * * *", @daily, "H 3 * * *".')
@click.option("--every", metavar="SPAN", help="Also look this often: 30m, 6h.")
@click.option("--timezone", metavar="ZONE", help="Time zone of the schedule and the window.")
@click.option("--settle", metavar="SPAN", help="How long a file must be quiet: 10s, 5m, or auto.")
@click.option("--filter-preset", metavar="NAME", help="everything (default), video+subtitles, …")
@click.option("--min-size", metavar="SIZE", help="Leave out smaller files: 50MiB.")
@click.option("--max-size", metavar="SIZE", help="Leave out larger files.")
@click.option("--include", multiple=True, metavar="GLOB", help="Only what matches; repeatable.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Not what matches; repeatable.")
@click.option("--rules", metavar="RULES", help="Any of missing, changed, size, newer; by commas.")
@click.option("--initial", type=click.Choice(["send", "adopt", "ignore"]), help="What is there already.")
@click.option(
    "--send",
    type=click.Choice(["torrent", "folder", "file"]),
    help="What must be complete before any of it goes: the file's torrent (default), its folder, or the file alone.",
)
@click.option("--upload-window", metavar="HH:MM-HH:MM", help="Upload only in this time of day.")
@click.option("--paused", "--disabled", is_flag=True, help="Make it, but let it wait for `task resume`.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; what is not given has its default.")
@click.option("--dry-run", is_flag=True, help="Show what would be written and sent, and end.")
def add(session: Session, name: str | None, paused: bool, yes: bool, dry_run: bool, **given: Any) -> int:
    """See _EXAMPLES."""
    values = values_of(given)
    asks = session.interactive and not yes
    if not asks:
        missing = [flag for flag, key in (("--from", "source"), ("--to", "target")) if key not in values]
        if missing:
            raise Trouble(
                Exit.USAGE,
                session.say("missing: {flags}", flags=", ".join(missing)),
                session.say("on a terminal, and without --yes, it would be asked for"),
            )
        name = name or default_name(values["source"])
        seen = survey(session, name, values)
    else:
        asking = Asking(session)
        asking.complete(values)
        seen = survey(session, name, values)
        if "initial" not in values and seen is not None and seen["wanted"]:
            values["initial"] = asking.initial(seen)
        session.note(session.say("Afterwards the files stay here: this release deletes nothing."))
        name = name or asking.name(default_name(values["source"]))
    composed = session.call(Compose(name=name, values=values))
    _show(session, name, composed["text"], seen)
    _refuse(session, composed["problems"])
    if dry_run:
        return Exit.OK
    if asks:
        click.confirm(session.say("Make this task?"), default=True, abort=True, err=True)
    make(session, name, composed["text"], paused=paused)
    return Exit.OK


def make(session: Session, name: str, text: str, *, paused: bool = False) -> None:
    """Have the daemon take a new task, and say what keeps its files from going; raises Trouble where it has errors."""
    _refuse(session, session.call(Write(name=name, text=text, new=True, paused=paused))["problems"])
    if paused:
        session.print(session.say("task {name} is made and paused", name=escaped(name)))
    else:
        session.print(session.say("task {name} is made; cgctl status shows what it does", name=escaped(name)))
    print_reasons(session, _held(session, name), mark="warn", indent=2)


def _refuse(session: Session, problems: Sequence[Mapping[str, Any]]) -> None:
    if problems:
        for line in problem_lines(session, problems):
            session.note(line)
        raise Trouble(Exit.FAILED, session.say("the task would have errors; nothing was written"))


def _held(session: Session, name: str) -> list[Mapping[str, Any]]:
    """What keeps the new task's files from being sent; that it was made paused is known."""
    held: list[Mapping[str, Any]] = session.call(Show(name=name))["held"]
    return [reason for reason in held if reason["code"] != "held.task-paused"]


def values_of(given: dict[str, Any]) -> dict[str, Any]:
    """Flags as the task's file would hold them; what was not given is absent."""
    values: dict[str, Any] = {}
    for key in ("watch", "schedule", "every", "timezone", "settle", "initial", "send", "upload_window", "target"):
        if given.get(key) is not None:
            values[key] = given[key]
    if given.get("source") is not None:
        values["source"] = absolute(given["source"]).decode("utf-8", "surrogateescape")
    if given.get("target") is not None and given["target"].startswith((".", "~")):
        raise click.UsageError(later("--to: a target's name with a folder (c115:films), or a path that begins with /"))
    if given.get("rules"):
        values["rules"] = [rule.strip() for rule in given["rules"].split(",")]
    filters = {key: list(given[key]) for key in ("include", "exclude") if given.get(key)}
    filters |= {key: given[key] for key in ("min_size", "max_size") if given.get(key)}
    if given.get("filter_preset"):
        filters["preset"] = given["filter_preset"]
    if filters:
        values["filter"] = filters
    return values


def default_name(source: str) -> str:
    """The folder's own name."""
    return source.rstrip("/").rpartition("/")[2].lstrip(".-")[:64] or "files"


def survey(session: Session, name: str | None, values: dict[str, Any]) -> dict[str, Any] | None:
    """What is there now; None where it cannot be looked at (a disk that is mounted later is no error)."""
    try:
        seen: dict[str, Any] = session.call(Survey(values=values, name=name), patience=None)
    except Trouble as trouble:
        if trouble.code != Exit.FAILED:
            raise
        if trouble.about == "error.config":  # composing it names each error
            return None
        session.note(f"{session.mark('warn')} {trouble.text}")
        if trouble.hint:
            session.note(f"  {session.arrow} {trouble.hint}")
        return None
    return seen


def _show(session: Session, name: str, text: str, seen: dict[str, Any] | None) -> None:
    session.print()
    session.print(session.bold(f"{escaped(name)}.toml"))
    for line in text.splitlines():
        session.print("  " + escaped(line))
    if seen is None:
        return
    session.print()
    wanted = session.count(seen["wanted"], "1 file", "{n} files")
    total = size(seen["wanted_bytes"])
    session.print(
        session.say(
            "There now: {files} to send, {size} (of {all} in the folder)", files=wanted, size=total, all=seen["files"]
        )
    )
    rows = [[escaped(path), size(count)] for path, count in (seen.get("sample") or ())[:10]]
    session.print_table((), rows, right=(1,), flexible=0, indent=2)
    for code, number in sorted((seen.get("skipped") or {}).items()):
        session.print(
            "  " + session.say("passed over: {n}, {reason}", n=number, reason=session.sentence({"code": code}))
        )
