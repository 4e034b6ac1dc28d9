"""How a command fails: an exit code, one line, and a hint."""

from enum import IntEnum

from cgwire.text import ZH_CN


class Exit(IntEnum):
    """The exit codes; part of what scripts rely on, listed in `cgctl --help`."""

    OK = 0
    FAILED = 1  # it did not work: a transfer failed, a check found a problem, the daemon reported an error
    USAGE = 2  # the command line is wrong
    UNREACHABLE = 3  # the daemon does not answer on its socket
    REFUSED = 4  # the daemon does not let this user do it
    ABSENT = 5  # no such task, target, transfer, run, download, downloader or path
    INTERRUPTED = 130  # Ctrl-C
    CUT_OFF = 141  # whoever read the output left


class Trouble(Exception):
    """Ends the command with `code`; `text` and `hint` are shown in one line on stderr (an empty text shows nothing).

    `about` is the reason code of the daemon's answer, where there was one.
    """

    def __init__(self, code: Exit, text: str = "", hint: str | None = None, *, about: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.hint = hint
        self.about = about

    def told(self, language: str, *, of: str = "") -> str:
        """The line on stderr; `of`: what it concerns, where the command was given several things."""
        opening, closing = ("（", "）") if language == ZH_CN else (" (", ")")
        begin = f"cgctl: {of}{'：' if language == ZH_CN else ': '}" if of else "cgctl: "
        return f"{begin}{self.text}{opening}{self.hint}{closing}" if self.hint else f"{begin}{self.text}"
