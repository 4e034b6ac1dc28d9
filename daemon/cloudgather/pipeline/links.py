"""Other links to the files of what a downloader has not completed, found by their inodes."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Set

from cloudgather.core.downloader import DownloaderSpec, Item, ItemFile
from cloudgather.ports.source import Look, Source, SourceUnavailable

Inode = tuple[int, int]  # device, inode


class Links:
    """The inodes of one downloader's unfinished files, as far as these have been looked at."""

    def __init__(self, *, spec: DownloaderSpec, source_at: Callable[[bytes], Source]) -> None:
        self._spec = spec
        self._source_at = source_at
        self._files: dict[Inode, tuple[str, ItemFile]] = {}
        self._inodes: defaultdict[str, set[Inode]] = defaultdict(set)  # by id
        # By id: what the item was like, and the answer that had shown it so where not all that has come was found.
        self._looked: dict[str, tuple[object, float | None]] = {}

    @property
    def items(self) -> Set[str]:
        """Ids of those whose files were looked at."""
        return self._looked.keys()

    def file(self, inode: Inode) -> tuple[str, ItemFile] | None:
        """Whose file it is, by id, and which, as it was when it was looked at."""
        return self._files.get(inode)

    def is_due(self, id: str, likeness: object, answer: float | None) -> bool:
        """Whether its files are to be looked at: it is another, or its disk may not have been there the last time."""
        known = self._looked.get(id)
        return known is None or known[0] != likeness or known[1] not in (None, answer)

    async def look_at(
        self, item: Item, files: Mapping[bytes, ItemFile], likeness: object, answer: float | None
    ) -> None:
        """Remember the inodes of these files of it. Of what cannot be found, those that were known count."""
        suffix = self._spec.kind.suffix
        names = {file.path: file for file in files.values()}
        if suffix:
            names |= {file.path + suffix: file for file in files.values() if not file.complete}
        missing = {file.path for file in files.values() if file.wanted and file.done}
        found: dict[Inode, ItemFile] = {}
        for folder in {self._spec.ours(folder) for folder in item.folders}:
            try:
                looks = await self._source_at(folder).look_all(list(names))
            except SourceUnavailable:
                continue
            for file, look in zip(names.values(), looks, strict=True):
                if isinstance(look, Look):
                    found[look.inode] = file
                    missing.discard(file.path)
        if not missing:
            self.forget(item.id)  # an inode that is not its any more may be anybody's
        self._looked[item.id] = likeness, answer if missing else None
        self._inodes[item.id].update(found)
        self._files.update((inode, (item.id, file)) for inode, file in found.items())

    def forget(self, id: str) -> None:
        """Nothing is known of it any more."""
        self._looked.pop(id, None)
        for inode in self._inodes.pop(id, ()):
            if inode in self._files and self._files[inode][0] == id:
                del self._files[inode]
