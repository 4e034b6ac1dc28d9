"""Kinds of files by extension (lower case, without the dot), and the presets that name them."""

from collections.abc import Mapping
from typing import Final

VIDEO: Final = frozenset(
    b"3g2 3gp amv asf avi divx dvr-ms evo f4v flv img iso m1v m2p m2t m2ts m2v m4v mk3d mka mkv mov mp4 mpe mpeg mpg "
    b"mpv mts mxf nsv ogm ogv qt rm rmvb ssif strm tp trp ts vob webm wmv wtv".split()
)
AUDIO: Final = frozenset(
    b"aac ac3 aif aiff alac amr ape cda cue dff dsf dts eac3 flac lrc m3u m3u8 m4a m4b mid midi mka mp2 mp3 mpc oga "
    b"ogg opus ra tak thd tta wav wma wv".split()
)
SUBTITLES: Final = frozenset(b"ass idx mks scc smi srt ssa stl sub sup ttml usf vtt".split())
IMAGES: Final = frozenset(
    b"apng arw avif bmp cr2 cr3 dng gif heic heif jfif jpe jpeg jpg jxl nef orf png psd raf raw rw2 svg tbn tif tiff "
    b"webp".split()
)
INFO: Final = frozenset(b"nfo nfo-orig xml".split())
BOOKS: Final = frozenset(b"azw azw3 cb7 cbr cbt cbz chm djv djvu epub fb2 kfx lit mobi pdf prc txt".split())
ARCHIVES: Final = frozenset(b"001 7z bz2 gz lz4 lzma r00 rar tar tbz2 tgz txz xz z zip zst".split())

# What a preset may be put together from with `+`.
PARTS: Final[Mapping[str, frozenset[bytes]]] = {
    "video": VIDEO,
    "audio": AUDIO,
    "subtitles": SUBTITLES,
    "images": IMAGES,
    "info": INFO,
    "books": BOOKS,
    "archives": ARCHIVES,
}
EVERYTHING: Final = "everything"

# Small files that belong to a large one: a minimal size is not meant for them.
SIDECARS: Final = SUBTITLES | IMAGES | frozenset(b"nfo xml cue lrc".split())

# Folders of a disc copied as it is (upper case); a part of it alone is of no use.
DISC_FOLDERS: Final = frozenset(
    {
        b"BDMV",
        b"CERTIFICATE",
        b"VIDEO_TS",
        b"AUDIO_TS",
        b"JACKET_P",
        b"HVDVD_TS",
        b"ADV_OBJ",
        b"BDAV",
        b"AVCHD",
        b"AACS",
    }
)
DISC_STREAMS: Final = frozenset({b"m2ts", b"vob", b"evo"})


def extensions(preset: str) -> frozenset[bytes]:
    """The extensions of a preset such as `video+subtitles`; empty means all. Raises ValueError for an unknown part."""
    if preset == EVERYTHING:
        return frozenset()
    chosen: frozenset[bytes] = frozenset()
    for part in preset.split("+"):
        if part.strip() not in PARTS:
            raise ValueError(part.strip())
        chosen |= PARTS[part.strip()]
    return chosen
