"""Which daemon holds the lock of a state directory, told without touching the lock."""

import os


def holder(state_dir: str) -> int | None:
    """The pid of the daemon that uses it; None where none does, or where that cannot be known.

    Read from /proc/locks: to try the lock, however shortly, could turn away a daemon that is just starting. A daemon
    in another pid namespace is not seen.
    """
    file = os.path.join(state_dir, "lock")
    try:
        inode = os.stat(file).st_ino
        with open(file, "rb") as lock:
            written = lock.read(32).strip()
        with open("/proc/locks", "rb") as locks:
            lines = locks.read().splitlines()
    except OSError:
        return None
    for line in lines:
        # proc(5): `1: FLOCK ADVISORY WRITE pid major:minor:inode start end`; waiting ones have `->` after the number.
        # The device is not compared: on btrfs and overlay stat tells another one.
        fields = line.split()
        if len(fields) < 6 or fields[1] != b"FLOCK" or fields[4] != written:
            continue
        if fields[5].rpartition(b":")[2] == b"%d" % inode:
            return int(written)
    return None
