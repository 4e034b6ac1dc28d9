"""Which names are wanted: junk, downloaders' unfinished names, and the operator's filter."""

import re
from functools import lru_cache
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.globs import matches
from cloudgather.core.kinds import DISC_FOLDERS, DISC_STREAMS, SIDECARS
from cloudgather.core.naming import download_of_folder
from cloudgather.core.task import Filter
from cloudgather.core.torrent import PAD_FOLDER, is_pad

# Compared in lower case; folders of these names are not entered.
_JUNK: Final = frozenset(
    {
        # Synology, QNAP and other boxes
        b"@eadir", b"#recycle", b"#snapshot", b"@recycle", b"@recently-snapshot", b"@tmp", b"@synoresource",
        b"@synoeastream", b".@__thumb", b".@upload_cache", b".@analytic", b".@__qini", b".recycle",
        # Windows and macOS
        b"$recycle.bin", b"recycler", b"system volume information", b"thumbs.db", b"thumbs.db:encryptable",
        b"ehthumbs.db", b"ehthumbs_vista.db", b"desktop.ini", b".ds_store", b".spotlight-v100", b".fseventsd",
        b".temporaryitems", b".trashes", b".documentrevisions-v100", b".appledouble", b".appledb", b".appledesktop",
        b"network trash folder", b"temporary items", b"icon\r",
        # Linux, Syncthing, and the folder where old qBittorrent puts what was not chosen
        b"lost+found", b".trash", b".stfolder", b".stversions", b".stignore", b".unwanted",
    }
)  # fmt: skip
_JUNK_PREFIXES: Final = (b"._", b".trash-", b".nfs0000", b".fuse_hidden", b"~utorrentpartfile_")
_JUNK_SUFFIXES: Final = (b"@synoeastream", b"@synoresource")
_AT: Final = ord("@")
# qBittorrent keeps pieces of files that nobody chose in `.<40 hex digits>.parts`, for as long as it seeds.
_UNCHOSEN_PIECES: Final = re.compile(rb"\.[0-9a-f]{40}\.parts")

# Compared in lower case.
_PARTIAL_SUFFIXES: Final = (
    ".!qB", ".part", ".aria2", ".aria2__temp", ".crdownload", ".!ut", ".!bt", ".bc!", ".jc!", ".!sync",
    ".xltd", ".xltd.cfg", ".td", ".td.cfg", ".baiduyun.p.downloading", ".downloading", ".downloading.cfg", ".tmp",
    ".temp", ".download", ".partial", ".filepart", ".opdownload", ".fdmdownload", ".dtapart", ".ytdl", ".part.met",
    ".unfinished", ".incomplete",
)  # fmt: skip
_PARTIAL_PREFIXES: Final = (".syncthing.", "~syncthing~", ".cloudgather-", ".cg-", "_unpack_")
_SUFFIXES: Final = tuple((suffix.lower().encode(), "*" + suffix) for suffix in _PARTIAL_SUFFIXES)
_PREFIXES: Final = tuple((prefix.encode(), prefix + "*") for prefix in _PARTIAL_PREFIXES)
# Every name is compared, and almost all fit nothing: by its first character and its extension most are told at once.
_JUNK_BEGINS: Final = frozenset(prefix[:1] for prefix in _JUNK_PREFIXES)
_PARTIAL_BEGINS: Final = frozenset(prefix[:1] for prefix, _ in _PREFIXES)
_PARTIAL_ENDS: Final = frozenset(suffix.rpartition(b".")[2] for suffix, _ in _SUFFIXES)
_RSYNC: Final = ".*.XXXXXX"
_FRAGMENT: Final = "*.part-Frag*"


def is_junk(name: bytes) -> bool:
    """Whether a file or folder of this name is always passed over: what boxes and desktops leave beside the files."""
    lower = name.lower()
    if lower in _JUNK or (_AT in lower and lower.endswith(_JUNK_SUFFIXES)):
        return True
    if lower[:1] not in _JUNK_BEGINS:
        return False
    return lower.startswith(_JUNK_PREFIXES) or _UNCHOSEN_PIECES.fullmatch(lower) is not None


def partial_pattern(name: bytes) -> str | None:
    """The pattern of a downloader's unfinished names that `name`, a file's or folder's, fits; None if it fits none."""
    lower = name.lower()
    if lower.rpartition(b".")[2] in _PARTIAL_ENDS:
        for suffix, pattern in _SUFFIXES:
            if lower.endswith(suffix):
                return pattern
    begins = lower[:1] in _PARTIAL_BEGINS
    if begins:
        for prefix, pattern in _PREFIXES:
            if lower.startswith(prefix):
                return pattern
    if lower.find(b".part-frag") >= 0:  # `in` first tries whether it is a number: four times the price
        return _FRAGMENT
    return _RSYNC if begins and _is_rsync_temporary(name) else None


def _is_rsync_temporary(name: bytes) -> bool:
    """Rsync writes to `.NAME.XXXXXX`, six random letters and digits.

    Six lower-case letters alone are rather an extension (`.app.config`) than random: one in two hundred is missed.
    """
    stem, dot, random = name.rpartition(b".")
    return (
        len(stem) > 1
        and stem.startswith(b".")
        and bool(dot)
        and len(random) == 6
        and random.isalnum()
        and not (random.isalpha() and random.islower())
    )


def judge(wanted: Filter, path: bytes, size: int) -> Reason | None:
    """None if `wanted` takes the file at `path` (below the source), else the skip.* reason: the first that holds."""
    if wanted.only is not None and path not in wanted.only:
        return because(Code.SKIP_UNCHOSEN)
    folder, _, name = path.rpartition(b"/")
    junk, on_disc, pads, download = _of_folder(folder)
    if download is not None and wanted.only is None:
        return because(Code.SKIP_DOWNLOAD, download=download)
    if junk is not None or is_junk(name) or (pads and is_pad(path, size)):
        return because(Code.SKIP_JUNK, name=name if junk is None else junk)
    if wanted.exclude_dirs and folder and (pattern := excluded_dir(wanted, folder)) is not None:
        return because(Code.SKIP_FILTER_DIRECTORY, pattern=_shown(pattern))
    for pattern in wanted.exclude:
        if matches(pattern, path):
            return because(Code.SKIP_FILTER_EXCLUDE, pattern=_shown(pattern))
    if wanted.exclude_extensions and (extension := extension_of(name)) in wanted.exclude_extensions:
        return because(Code.SKIP_FILTER_EXCLUDE, pattern=f"*.{_shown(extension)}")
    if wanted.include and not any(matches(pattern, path) for pattern in wanted.include):
        return because(Code.SKIP_FILTER_INCLUDE)
    # A disc lacks something without its menus and tables: it is taken whole where its streams are wanted.
    whole_disc = on_disc and not wanted.exact and not DISC_STREAMS.isdisjoint(wanted.extensions)
    if wanted.extensions and not whole_disc and (extension := extension_of(name)) not in wanted.extensions:
        allowed = sorted(_shown(each) for each in wanted.extensions)
        return because(Code.SKIP_FILTER_EXTENSION, extension=_shown(extension), allowed=allowed)
    if size < wanted.min_size and (wanted.exact or not (on_disc or extension_of(name) in SIDECARS)):
        return because(Code.SKIP_FILTER_SMALL, size=size, min_size=wanted.min_size)
    if wanted.max_size is not None and size > wanted.max_size:
        return because(Code.SKIP_FILTER_LARGE, size=size, max_size=wanted.max_size)
    return None


@lru_cache(maxsize=1024)
def _of_folder(folder: bytes) -> tuple[bytes | None, bool, bool, int | None]:
    """The first of its names that is junk, whether it lies on a disc, whether pad files lie in it, and the download
    that it was made for.

    A scan asks for many files of one folder.
    """
    names = folder.split(b"/")
    _, download = next(filter(None, map(download_of_folder, names)), (None, None))  # a task of its own uploads that
    on_disc = any(name.upper() in DISC_FOLDERS for name in names)
    return next(filter(is_junk, names), None), on_disc, names[-1] == PAD_FOLDER, download


def excluded_dir(wanted: Filter, folder: bytes) -> bytes | None:
    """The pattern of `exclude_dirs` that leaves out `folder` (below the source) or one above it."""
    return next((pattern for pattern in wanted.exclude_dirs if matches(pattern, folder)), None)


def extension_of(name: bytes) -> bytes:
    """What follows the last dot, in lower case; empty for a name without one, or with none but a leading dot."""
    stem, dot, extension = name.rpartition(b".")
    return extension.lower() if dot and stem else b""


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")
