"""The questions of `task add`, in the order in which a person thinks of them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from cgctl.language import later
from cgctl.options import absolute
from cgctl.session import Session
from cgwire.target import Mounts
from cgwire.text.values import escaped, size


class Asking:
    """Asks on stderr, so that stdout holds what is made."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def complete(self, values: dict[str, Any]) -> None:
        """Fill in source, target, settle and trigger where they are not given."""
        # Who is let in nowhere is to be told so before the first question.
        mounts = () if "target" in values else self._session.call(Mounts())["mounts"]
        if "source" not in values:
            values["source"] = self._source()
        if "target" not in values:
            values["target"] = self._target(values["source"], mounts)
        if "settle" not in values and (settle := self._settle()):
            values["settle"] = settle
        if not {"watch", "schedule", "every"} & values.keys():
            values |= self._when()

    def initial(self, survey: Mapping[str, Any]) -> str:
        """What shall happen with what is there already."""
        say = self._session.say
        files = self._session.count(survey["wanted"], "1 file", "{n} files")
        answers = ("send", "adopt", "ignore")
        chosen = self._choose(
            say("{files} ({size}) are there already. What about them?", files=files, size=size(survey["wanted_bytes"])),
            [
                say("send them"),
                say("the target may have them: send only what it does not have in the same size"),
                say("leave them alone; send only what is new from now on"),
            ],
        )
        return answers[chosen]

    def name(self, proposed: str) -> str:
        """What the task shall be called."""
        return str(click.prompt(self._session.say("Name of the task"), default=proposed, err=True))

    def _source(self) -> str:
        say = self._session.say
        while True:
            answer = click.prompt(say("Which folder do the downloads arrive in?"), err=True)
            folder = absolute(os.path.expanduser(answer))
            if os.path.isdir(folder) or click.confirm(
                say("{folder} is no folder now. Take it all the same?", folder=escaped(folder)), err=True
            ):
                return folder.decode("utf-8", "surrogateescape")

    def _target(self, source: str, mounts: Sequence[Mapping[str, Any]]) -> str:
        say = self._session.say
        places, lines = [], []
        for mount in mounts:
            if mount["read_only"] or not (mount["is_remote"] or mount.get("target")):
                continue
            point = os.fsdecode(mount["mount_point"])
            named = mount.get("target")
            places.append(f"{named}:" if named else point.rstrip("/") + "/")
            known = f"{escaped(named)}, " if named else ""
            lines.append(f"{escaped(mount['mount_point'])}  ({known}{escaped(mount['source'])}, {mount['fs_type']})")
        if not places:
            self._session.note(
                say("No cloud drive is mounted here now; name the folder all the same, or mount it first.")
            )
        chosen = self._choose(say("Where shall the files go?"), [*lines, say("another place")]) if places else 0
        if chosen >= len(places):
            return str(click.prompt(say("Destination (TARGET:FOLDER, or a path)"), err=True))
        folder = click.prompt(say("Folder there"), default=source.rstrip("/").rpartition("/")[2] or "files", err=True)
        return places[chosen] + str(folder).strip("/")

    def _settle(self) -> str | None:
        say = self._session.say
        chosen = self._choose(
            say("Who puts files there?"),
            [
                "qBittorrent",
                "Transmission",
                "aria2",
                say("another program, or several"),
                say("they are moved there when complete"),
            ],
        )
        advice = {
            0: later('In qBittorrent, switch on "Append .!qB extension to incomplete files", so that they are known.'),
            1: later('In Transmission, switch on "Append .part to incomplete files" (rename-partial-files).'),
            2: later("aria2 keeps a .aria2 file beside what is not complete; leave that so."),
        }
        if chosen in advice:
            self._session.note("  " + say(advice[chosen]))
        return "1m" if chosen == 4 else None

    def _when(self) -> dict[str, Any]:
        say = self._session.say
        chosen = self._choose(
            say("When shall they be sent?"),
            [
                say("as soon as a file is complete"),
                say("every night, some time after three"),
                say("at times of my own (cron)"),
                say("only when I say so"),
            ],
        )
        if chosen == 1:
            return {"watch": False, "schedule": "H 3 * * *"}
        if chosen == 2:
            return {"watch": False, "schedule": str(click.prompt(say("Cron expression (5 fields)"), err=True)).strip()}
        return {"watch": chosen == 0}

    def _choose(self, question: str, answers: Sequence[str]) -> int:
        """The index of one of the answers; the first is the default."""
        self._session.note(question)
        for number, answer in enumerate(answers, 1):
            self._session.note(f"  {number}) {answer}")
        return int(click.prompt(">", type=click.IntRange(1, len(answers)), default=1, err=True)) - 1
