"""An attacker who rearranges trees: `python -m e2e.swapper ONE OTHER [ONE OTHER …]`.

Exchanges the two names of each pair, again and again as fast as it can, until stdin ends; then prints how often.
"""

import ctypes
import os
import select
import sys
from typing import Final

_EXCHANGE: Final = 2  # RENAME_EXCHANGE of renameat2(2): at no moment is either name missing
_AT_CWD: Final = -100
_AT_ONCE: Final = 100

libc = ctypes.CDLL(None, use_errno=True)


def exchange(one: bytes, other: bytes) -> None:
    """One step; raises OSError."""
    if libc.renameat2(_AT_CWD, one, _AT_CWD, other, _EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), one)


def swap(pairs: list[tuple[bytes, bytes]]) -> int:
    """How often each was exchanged: an even number of times, so that all is as it was."""
    count = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(_AT_ONCE):
            for one, other in pairs:
                exchange(one, other)
        count += _AT_ONCE
    return count


if __name__ == "__main__":
    names = [os.fsencode(argument) for argument in sys.argv[1:]]
    sys.stdout.write(str(swap(list(zip(names[::2], names[1::2], strict=True)))))
