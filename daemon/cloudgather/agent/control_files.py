"""aria2 keeps a control file beside what it downloads for as long as that is not complete."""

import errno
import os
from typing import Final

SUFFIX: Final = b".aria2"
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
