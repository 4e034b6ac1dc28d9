"""Which names are wanted: junk, downloaders' unfinished names, and the operator's filter."""

from functools import lru_cache
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.globs import matches
from cloudgather.core.kinds import DISC_FOLDERS, DISC_STREAMS, SIDECARS
from cloudgather.core.naming import download_of_folder
from cloudgather.core.task import Filter
from cloudgather.core.torrent import is_pad

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
_ANY_SUFFIX: Final = tuple(suffix for suffix, _ in _SUFFIXES)
_ANY_PREFIX: Final = tuple(prefix for prefix, _ in _PREFIXES)
_RSYNC: Final = ".*.XXXXXX"
_FRAGMENT: Final = "*.part-Frag*"


def is_junk(name: bytes) -> bool:
    """Whether a file or folder of this name is always passed over: what boxes and desktops leave beside the files."""
    lower = name.lower()
    return (
        lower in _JUNK
        or lower.startswith(_JUNK_PREFIXES)
        or lower.endswith(_JUNK_SUFFIXES)
        or _holds_unchosen_pieces(lower)
    )


def _holds_unchosen_pieces(lower: bytes) -> bool:
    """qBittorrent keeps pieces of files that nobody chose in `.<40 hex digits>.parts`, for as long as it seeds."""
    return (
        len(lower) == 47
        and lower.startswith(b".")
        and lower.endswith(b".parts")
        and all(digit in b"0123456789abcdef" for digit in lower[1:41])
    )


def partial_pattern(name: bytes) -> str | None:
    """The pattern of a downloader's unfinished names that `name`, a file's or folder's, fits; None if it fits none."""
    lower = name.lower()
    if lower.endswith(_ANY_SUFFIX):
        return next(pattern for suffix, pattern in _SUFFIXES if lower.endswith(suffix))
    if lower.startswith(_ANY_PREFIX):
        return next(pattern for prefix, pattern in _PREFIXES if lower.startswith(prefix))
    if b".part-frag" in lower:
        return _FRAGMENT
    return _RSYNC if name.startswith(b".") and _is_rsync_temporary(name) else None


def _is_rsync_temporary(name: bytes) -> bool:
    """Of a name that begins with a dot: rsync writes to `.NAME.XXXXXX`, six random letters and digits.

    Six lower-case letters alone are rather an extension (`.app.config`) than random: one in two hundred is missed.
    """
    stem, dot, random = name.rpartition(b".")
    return (
        len(stem) > 1
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
    junk, on_disc, download = _of_folder(folder)
    if download is not None and wanted.only is None:
        return because(Code.SKIP_DOWNLOAD, download=download)
    if junk is not None or is_junk(name) or is_pad(path, size):
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
def _of_folder(folder: bytes) -> tuple[bytes | None, bool, int | None]:
    """The first of its names that is junk, whether it lies on a disc, and the download that it was made for.

    A scan asks for many files of one folder.
    """
    names = folder.split(b"/")
    _, download = next(filter(None, map(download_of_folder, names)), (None, None))  # a task of its own uploads that
    return next(filter(is_junk, names), None), any(name.upper() in DISC_FOLDERS for name in names), download


def excluded_dir(wanted: Filter, folder: bytes) -> bytes | None:
    """The pattern of `exclude_dirs` that leaves out `folder` (below the source) or one above it."""
    return next((pattern for pattern in wanted.exclude_dirs if matches(pattern, folder)), None)


def extension_of(name: bytes) -> bytes:
    """What follows the last dot, in lower case; empty for a name without one, or with none but a leading dot."""
    stem, dot, extension = name.rpartition(b".")
    return extension.lower() if dot and stem else b""


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")
