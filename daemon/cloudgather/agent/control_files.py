"""aria2 keeps a control file beside what it downloads for as long as that is not complete."""

import errno
import os
from itertools import islice
from typing import Final

from cloudgather.agent.places import closing

SUFFIX: Final = b".aria2"
_SUFFIX: Final = os.fsdecode(SUFFIX)
# A folder of more entries is not read: that would take longer than to ask for each file of a batch.
_READ_AT_MOST: Final = 512
# A name that is too long for the file system stands nowhere in it.
_NONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


def beside(folder: int, name: bytes) -> bool:
    """Whether there is one for `name` in the folder that the descriptor stands for; raises OSError."""
    try:
        os.stat(name + SUFFIX, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NONE:
            return False
        raise
    return True


def may_be_in(folder: int) -> bool:
    """Whether any may stand in the folder (O_PATH); False only where all its entries were read, and none is one."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        with closing(os.open(b".", flags, dir_fd=folder)) as readable, os.scandir(readable) as entries:
            names = [entry.name for entry in islice(entries, _READ_AT_MOST + 1)]
    except OSError:  # it may be one that lets itself be entered, and not be read
        return True
    # In whatever case: a file system may not tell them apart. A NAME.aria2__temp is renamed over the one that is saved.
    return len(names) > _READ_AT_MOST or any(_SUFFIX in name.lower() for name in names)
