"""cgctl download add: hand in links and torrent files."""

import sys
from collections.abc import Mapping, Sequence
from errno import EACCES, EISDIR, ENOENT
from typing import Any

import click

from cgctl.commands.download import numbers
from cgctl.completing import task_names
from cgctl.downloads import follow, shown, state
from cgctl.language import later
from cgctl.options import as_json, command
from cgctl.session import Session
from cgctl.trouble import Exit, Trouble
from cgwire.blob import PIECE, Append
from cgwire.download import Add
from cgwire.text.values import escaped, place

_MOST = 16 * 1024 * 1024
_CAUSES = {ENOENT: later("no such file"), EACCES: later("permission denied"), EISDIR: later("it is a folder")}


@command()
@click.argument("what", nargs=-1, required=True, metavar="URI|FILE.torrent|-...")
@click.option("--downloader", metavar="NAME", help="Who downloads it (default: the first that can).")
@click.option("--task", metavar="NAME", help="Send the result where this task sends to.", shell_complete=task_names)
@click.option("--to", metavar="TARGET:FOLDER", help="Send the result there.")
@click.option("--files", metavar="NUMBERS", help="Only these files of it: 1,3-5.")
@click.option("--select", "choose", is_flag=True, help="Wait until `download select` has named the files.")
@click.option("--option", "pairs", multiple=True, metavar="K=V", help="An option of the downloader; repeatable.")
@click.option("--options", "document", metavar="JSON", help="Options of the downloader, as a JSON object.")
@click.option("--paused", is_flag=True, help="Do not begin until `download resume`.")
@click.option(
    "--if-exists",
    type=click.Choice(("reuse", "refuse")),
    default="reuse",
    show_default=True,
    help="What to do with a torrent that is there already.",
)
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on until each has ended; exit 1 if one failed.")
@as_json
def add(
    session: Session,
    what: tuple[str, ...],
    downloader: str | None,
    task: str | None,
    to: str | None,
    files: str | None,
    choose: bool,
    pairs: tuple[str, ...],
    document: str | None,
    paused: bool,
    if_exists: str,
    follows: bool,
    as_json: bool,
) -> int:
    """Download magnet links, torrents, or files of the web, and upload the result.

    \b
    A link is a magnet link, or an address that begins with http, https or ftp (those
    need an aria2). Anything else is a torrent file; `-` reads one from standard input.

    \b
    Examples:
      cgctl download add --task films 'magnet:?xt=urn:btih:...'
      cgctl download add --to c115:films --files 1,3-5 film.torrent
      cgctl download add -f --option max-download-limit=2M https://example.org/film.mkv
    """
    for name, value in (("--downloader", downloader), ("--task", task), ("--to", to)):
        if value == "":
            raise click.UsageError(session.say("{option} is empty", option=name))
    if task is not None and to is not None:
        raise click.UsageError(later("give either --task or --to"))
    if files is not None and choose:
        raise click.UsageError(later("give either --files or --select"))
    # All that may be wrong with the command line is found before anything is handed over.
    chosen = numbers(files) if files is not None else ()
    options = _options(pairs, document)
    replies: list[dict[str, Any]] = []
    code = Exit.OK
    for each in what:
        try:
            order = Add(
                **_wish(session, each),
                downloader=downloader,
                task=task,
                to=to,
                files=chosen,
                choose=choose,
                options=options,
                paused=paused,
                if_exists=if_exists,
            )
            reply = session.call(order)
        except Trouble as trouble:
            if len(what) == 1 or trouble.code == Exit.UNREACHABLE:
                raise
            session.note(trouble.told(session.language, of=escaped(each)))
            code = Exit.FAILED
            continue
        replies.append(reply)
        if not as_json:
            session.print(_told(session, reply["download"], reused=reply["reused"]))
            if reply["reused"] and (advice := _once_more(session, reply["download"])):
                session.print(f"  {session.arrow} {advice}")
    if follows:
        code = max(code, follow(session, [reply["download"]["id"] for reply in replies], quiet=as_json))
    if as_json:
        if follows:
            replies = [{**reply, "download": shown(session, reply["download"]["id"])} for reply in replies]
        session.print_json({"downloads": replies})
    return code


def _told(session: Session, download: Mapping[str, Any], *, reused: bool) -> str:
    """What has come of one; where it was there already, this order has changed nothing about it."""
    told = later("download {id}: {name}")
    if reused:
        told = later("download {id}: {name} is there already ({state}, to {place})")
    there = place(download["target"], download["destination"])
    name = escaped(download["name"])
    return session.say(told, id=download["id"], name=name, state=state(session, download), place=there)


def _once_more(session: Session, download: Mapping[str, Any]) -> str | None:
    """How to have one that has ended once more."""
    match download["state"]:
        case "done":
            return session.say("to have it once more: cgctl download remove {id}, then add it again", id=download["id"])
        case "failed":
            return f"cgctl download retry {download['id']}"
    return None


def _wish(session: Session, given: str) -> Mapping[str, Any]:
    """A link, without spaces that were copied with it; a torrent file as a blob that the daemon has by then."""
    link = given.strip()
    if not link:
        raise Trouble(Exit.USAGE, session.say("give a link, or the name of a torrent file"))
    if ":" in link and not link.startswith(("/", ".")) and link.partition(":")[0].isalnum():
        return {"uri": link}
    content, blob = _content(session, given), None
    for begin in range(0, len(content), PIECE):
        blob = session.call(Append(data=content[begin : begin + PIECE], blob=blob))["blob"]
    return {"blob": blob}


def _content(session: Session, given: str) -> bytes:
    try:
        if given == "-":
            content = sys.stdin.buffer.read(_MOST + 1)
        else:
            with open(given, "rb") as file:
                content = file.read(_MOST + 1)
    except OSError as error:
        cause = session.say(_CAUSES.get(error.errno or 0, str(error.strerror)))
        text = session.say("cannot read {file}: {cause}", file=escaped(given), cause=cause)
        raise Trouble(Exit.FAILED, text, _meant(session, given) if error.errno == ENOENT else None) from error
    if not content or len(content) > _MOST:
        raise Trouble(Exit.FAILED, session.say("{file} is no torrent file", file=escaped(given)))
    return content


def _meant(session: Session, given: str) -> str | None:
    """What was meant perhaps by something that is neither a link nor a file."""
    if len(given) in (32, 40) and given.isalnum():
        return session.say("the hash of a torrent is given as a link: {link}", link=f"magnet:?xt=urn:btih:{given}")
    return None if given.endswith(".torrent") else session.say("a link begins with magnet:, http:, https: or ftp:")


def _options(pairs: Sequence[str], document: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if document is not None:
        from json import loads

        try:
            read = loads(document)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            raise click.UsageError(later("--options: give a JSON object"))
        found |= read
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.UsageError(later("--option: give NAME=VALUE"))
        found[name] = value
    return found
