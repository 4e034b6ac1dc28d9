"""cgctl download: downloads listed, shown and steered."""

import time

import click

from cgctl.downloads import follow, mark, progress, state, why
from cgctl.language import later
from cgctl.options import NUMBER, as_json, command
from cgctl.session import Session
from cgctl.transfers import print_reasons
from cgctl.trouble import Exit
from cgwire.download import Files, List, Pause, Remove, Resume, Retry, Select, Show
from cgwire.text.values import escaped, size
from cgwire.text.values import place as at

id_argument = click.argument("id", type=NUMBER)


@command("list")
@as_json
def list_(session: Session, as_json: bool) -> None:
    """List downloads: your own, or all if you may operate the daemon.

    \b
    Examples:
      cgctl download list
    """
    reply = session.call(List())
    if as_json:
        session.print_json(reply)
        return
    if not reply["downloads"]:
        session.print(session.say("no downloads"))
        return
    rows = [
        [
            str(each["id"]),
            f"{mark(session, each)} {state(session, each)}",
            escaped(each["name"]),
            progress(session, each),
            why(session, each),
        ]
        for each in reply["downloads"]
    ]
    session.print_table(("ID", "STATE", "NAME", "SIZE", "WHY"), rows, right=(0,), flexible=2)


@command()
@id_argument
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on until it has ended; exit 1 if it failed.")
@as_json
def show(session: Session, id: int, follows: bool, as_json: bool) -> int:
    """Show one download and its history.

    \b
    Examples:
      cgctl download show 17
      cgctl download show -f 17
    """
    code = follow(session, (id,), quiet=as_json) if follows else Exit.OK
    if follows and not as_json:
        return code
    reply = session.call(Show(id=id))
    if as_json:
        session.print_json(reply)
        return code
    download, now = reply["download"], time.time()
    session.print(f"{mark(session, download)} {session.bold(escaped(download['name']))}")
    rows = [
        [session.say("download"), str(download["id"])],
        [session.say("state"), state(session, download)],
        [session.say("size"), progress(session, download)],
        [session.say("downloader"), download["downloader"]],
        [session.say("folder"), escaped(reply["folder"])],
        [session.say("to"), at(download["target"], download["destination"])],
        [session.say("asked for by"), download["user"]],
        [session.say("created"), session.clock(download["created"], now=now)],
    ]
    session.print_table((), rows, indent=2)
    reasons = [each for each in (download.get("held"), download.get("reason")) if each]
    print_reasons(session, reasons, mark="bad" if download["state"] == "failed" else "wait", indent=2)
    if reply["history"]:
        session.print()
    for move in reply["history"]:
        because = session.sentence(move["reason"])
        line = f"  {session.clock(move['at'], now=now)}  {session.word(move['before'])} > {session.word(move['after'])}"
        session.print(f"{line}: {because}" if because else line)
    return Exit.OK


@command()
@id_argument
@as_json
def files(session: Session, id: int, as_json: bool) -> None:
    """List a download's files with the numbers that `download select` takes.

    \b
    Examples:
      cgctl download files 17
    """
    reply = session.call(Files(id=id))
    if as_json:
        session.print_json(reply)
        return
    if not reply["files"]:
        session.print(session.say("its files are not known yet"))
        return
    rows = [
        [str(number), session.mark("ok" if wanted else "off"), size(total), size(done), escaped(path)]
        for number, path, total, done, wanted in reply["files"]
    ]
    session.print_table(("ID", "", "SIZE", "DONE", "FILE"), rows, right=(0, 2, 3))


def numbers(given: str) -> tuple[int, ...]:
    """`1,3-5` as numbers."""
    found: list[int] = []
    for part in given.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 20:
            raise click.UsageError(later("give the files by their numbers: 1,3-5"))
        begin, end = int(first), int(last) if dash else int(first)
        if not 1 <= begin <= end <= 1_000_000 or end - begin > 100_000:
            raise click.UsageError(later("give the files by their numbers: 1,3-5"))
        found += range(begin, end + 1)
    return tuple(sorted(set(found)))


@command()
@id_argument
@click.argument("files", metavar="NUMBERS")
def select(session: Session, id: int, files: str) -> None:
    """Choose which files are downloaded; one that waits for this begins.

    \b
    Examples:
      cgctl download select 17 1,3-5
    """
    session.call(Select(id=id, files=numbers(files)))
    session.print(session.say("download {id}: chosen", id=id))


@command()
@id_argument
def pause(session: Session, id: int) -> None:
    """Let a download rest.

    \b
    Examples:
      cgctl download pause 17
    """
    session.call(Pause(id=id))
    session.print(session.say("download {id} is paused", id=id))


@command()
@id_argument
def resume(session: Session, id: int) -> None:
    """Let a paused download go on.

    \b
    Examples:
      cgctl download resume 17
    """
    session.call(Resume(id=id))
    session.print(session.say("download {id} goes on", id=id))


@command()
@id_argument
def retry(session: Session, id: int) -> None:
    """Try a failed download again; what is complete is only uploaded again.

    \b
    Examples:
      cgctl download retry 17
    """
    session.call(Retry(id=id))
    session.print(session.say("download {id} is tried again", id=id))


@command()
@id_argument
@click.option("--keep-files", is_flag=True, help="Leave on the disk what was downloaded.")
def remove(session: Session, id: int, keep_files: bool) -> None:
    """End a download and remove what is here of it; what was uploaded stays at the target.

    \b
    Examples:
      cgctl download remove 17
      cgctl download remove --keep-files 17
    """
    reply = session.call(Remove(id=id, keep_files=keep_files))
    told = later("download {id} is removed")
    if reply.get("under_way"):
        told = later("download {id}: its removal is under way; `cgctl download show {id}` says what it waits for")
    session.print(session.say(told, id=id))
