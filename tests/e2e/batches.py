"""Batch: files of mixed sizes for several tasks, made as others arrive, so that there is always work in progress."""

import os
import random
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from e2e.witness import Witness

_FOLDERS: Final = 3
_CHANGED_TO: Final = 5000  # bytes at most


@dataclass(slots=True, kw_only=True)
class Stream:
    """The files of one task: their names begin with `prefix`, and they are stored in `arriving` in the end."""

    prefix: bytes
    source: bytes
    arriving: bytes
    sizes: tuple[int, ...]
    backlog: int  # how many there are to be that have not arrived
    made: int = 0

    def path(self, number: int) -> bytes:
        """Of one file, below source and `arriving`."""
        return b"%d/%s%d.mkv" % (number % _FOLDERS, self.prefix, number)


class Batch:
    """Makes the folders of its streams, at both ends."""

    def __init__(self, streams: list[Stream], luck: random.Random) -> None:
        self._streams = streams
        self._luck = luck
        self.folders = [b"%s/%d" % (each.arriving, number) for each in streams for number in range(_FOLDERS)]
        for each in streams:
            for number in range(_FOLDERS):
                os.makedirs(b"%s/%d" % (each.source, number))
                os.makedirs(b"%s/%d" % (each.arriving, number))

    def stock(self, witness: Witness, *, ended: Container[bytes]) -> None:
        """Make what is lacking from the backlogs; those whose paths are `ended` will not arrive."""
        missing = witness.missing()
        for each in self._streams:
            left = sum(
                each.path(number) not in ended and self._at(each, number) in missing for number in range(each.made)
            )
            for _ in range(each.backlog - left):
                self._write(each, witness, each.made, self._luck.randbytes(self._luck.choice(each.sizes)))
                each.made += 1

    def change(self, witness: Witness) -> None:
        """Another version of one file of each stream, whatever has become of the one before."""
        for each in self._streams:
            if not may_end(each.path(number := self._luck.randrange(each.made))):
                self._write(each, witness, number, self._luck.randbytes(self._luck.randint(1, _CHANGED_TO)))

    @staticmethod
    def _at(stream: Stream, number: int) -> bytes:
        return stream.arriving + b"/" + stream.path(number)

    def _write(self, stream: Stream, witness: Witness, number: int, content: bytes) -> None:
        witness.expect(self._at(stream, number), content)
        path = stream.source + b"/" + stream.path(number)
        with open(path + b".part", "wb") as file:
            file.write(content)
        os.rename(path + b".part", path)


def may_end(path: bytes) -> bool:
    """Whether this file may be cancelled for good: such a one is never changed."""
    return path.endswith(b"7.mkv")
