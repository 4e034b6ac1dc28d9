"""Asking the daemon's program itself, where no daemon runs: `config check` and `doctor`."""

import json
import os
import subprocess
import sys
from typing import Any, Final

from cgctl.connection import Refusal, Unreachable
from cgctl.session import Session
from cgctl.trouble import Exit, Trouble
from cgwire.daemon import Status

DEFAULT_CONFIG: Final = "/etc/cloudgather/cloudgather.toml"


def config_in_use(session: Session) -> str:
    """The configuration file of the daemon that answers, else the usual one."""
    try:
        with session.connect() as connection:
            file = connection.call(Status())["daemon"]["config"]
    except (Trouble, Refusal, Unreachable):
        return DEFAULT_CONFIG
    return os.fsdecode(file)


def ask_program(session: Session, file: str, wish: str) -> dict[str, Any]:
    """The JSON that `cloudgatherd --config FILE WISH --json` prints, whatever its exit code."""
    # -P: what lies in the current folder is not ours, and must not be imported in its stead.
    line = [sys.executable, "-P", "-m", "cloudgather", "--config", file, wish, "--json"]
    try:
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise Trouble(
            Exit.FAILED, session.say("cannot run cloudgatherd: {cause}", cause=error.strerror or error)
        ) from error
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        cause = said[-1] if said else session.say("no answer (exit code {code})", code=done.returncode)
        raise Trouble(Exit.FAILED, session.say("cannot run cloudgatherd: {cause}", cause=cause))
    return answer
