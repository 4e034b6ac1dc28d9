"""How much of the daemon a caller may use."""

from enum import IntEnum


class Access(IntEnum):
    """Ordered: each level includes those below it."""

    NONE = 0  # ping only
    VIEW = 1  # see tasks, queue, history, logs
    DOWNLOAD = 2  # and hand in downloads
    OPERATE = 3  # and run, pause, retry, cancel
    ADMIN = 4  # and change tasks, targets and configuration
