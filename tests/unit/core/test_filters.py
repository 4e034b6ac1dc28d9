"""Which names are junk, unfinished or wanted."""

import time

import pytest

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.filters import excluded_dir, is_junk, judge, partial_pattern
from cloudgather.core.globs import matches
from cloudgather.core.kinds import extensions
from cloudgather.core.task import Filter

MIB = 1 << 20


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir", "#recycle", "#Recycle", ".DS_Store", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN", "lost+found",
        "System Volume Information", "._film.mkv", ".Trash-1000", ".fuse_hidden0000001200000001", ".nfs00000000012a",
        "film.mkv@SynoEAStream", ".unwanted", "." + "0123456789abcdef0123456789ABCDEF01234567" + ".parts",
    ],
)  # fmt: skip
def test_is_junk(name: str) -> None:
    assert is_junk(name.encode())


@pytest.mark.parametrize("name", ["film.mkv", "recycle", "Thumbs.db.mkv", ".nfo", ".parts", "电影", "@", "_.mkv", ""])
def test_is_not_junk(name: str) -> None:
    assert not is_junk(name.encode())
    assert not is_junk(b"\xff\xfe\n")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("film.mkv.!qB", "*.!qB"),
        ("film.mkv.!QB", "*.!qB"),
        ("film.mkv.part", "*.part"),
        ("film.mkv.PART", "*.part"),
        ("film.mkv.aria2", "*.aria2"),
        ("film.mkv.crdownload", "*.crdownload"),
        ("film.mkv.!ut", "*.!ut"),
        ("film.mkv.bc!", "*.bc!"),
        ("电影.mkv.xltd", "*.xltd"),
        ("电影.mkv.td", "*.td"),
        ("电影.mkv.td.cfg", "*.td.cfg"),
        ("电影.baiduyun.p.downloading", "*.baiduyun.p.downloading"),
        ("x.tmp", "*.tmp"),
        ("film.mkv.download", "*.download"),
        ("film.mkv.part-Frag12", "*.part-Frag*"),
        (".syncthing.film.mkv.tmp", "*.tmp"),
        (".syncthing.film.mkv", ".syncthing.*"),
        ("~syncthing~film.mkv", "~syncthing~*"),
        (".film.mkv.aB3dE9", ".*.XXXXXX"),
        (".film.Zq8hRk", ".*.XXXXXX"),
        ("_UNPACK_film", "_unpack_*"),
        (".cloudgather-test-1a2b", ".cloudgather-*"),
    ],
)
def test_is_an_unfinished_name(name: str, pattern: str) -> None:
    assert partial_pattern(name.encode()) == pattern


@pytest.mark.parametrize(
    "name", ["film.mkv", "film.part1.rar", ".app.config", "film.aB3dE9", "part", "download", ".bashrc", "..aB3dE", ""]
)
def test_is_a_finished_name(name: str) -> None:
    assert partial_pattern(name.encode()) is None
    assert partial_pattern(b"\xff.mkv") is None


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("Sample", "a/Sample/x.mkv", True),
        ("Sample", "a/sample/x.mkv", False),
        ("Sample", "Sample", True),
        ("Sample/", "a/Sample/x.mkv", True),
        ("Sample/", "a/Sample", False),
        ("*.mkv", "a/b/c.mkv", True),
        ("*.mkv", "a/b/C.MKV", True),
        ("*.MKV", "c.mkv", True),
        ("*.mkv", "c.mkv.part", False),
        ("/top", "top/x", True),
        ("/top", "a/top/x", False),
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", True),
        ("a/b", "x/a/b", False),
        ("a/*.mkv", "a/x.mkv", True),
        ("a/*.mkv", "a/b/x.mkv", False),
        ("a/**/x", "a/x", True),
        ("a/**/x", "a/b/c/x", True),
        ("**/x", "a/b/x", True),
        ("a/**", "a/x", True),
        ("a/**", "a", False),
        ("**", "a/b", True),
        ("S??E??*", "S01E02.mkv", True),
        ("电?", "电影/a.mkv", True),
        ("[一-龥]*", "电影.mkv", True),
        ("[[]Group] *", "[Group] a.mkv", True),
        ("*", "a", True),
        ("*a*b", "xxaxxb", True),
        ("*a*b", "xxbxxa", False),
        ("a", "b", False),
    ],
)
def test_a_glob_matches(glob: str, path: str, expected: bool) -> None:
    assert matches(glob.encode(), path.encode()) is expected


def test_a_name_that_is_not_utf8_is_matched_byte_by_byte() -> None:
    assert matches(b"\xff?", b"\xff\xfe")
    assert matches(b"*\n*", b"a\nb")


@pytest.mark.parametrize("glob", [b"*a" * 60 + b"b", b"**/*a/" * 60 + b"b", b"[a-z]*" * 60 + b"0"])
def test_a_hostile_glob_costs_no_time(glob: bytes) -> None:
    before = time.process_time()

    assert not matches(glob, b"/".join([b"a" * 250] * 15))

    assert time.process_time() - before < 1


def a_filter(**more: object) -> Filter:
    return Filter(**more)  # type: ignore[arg-type]


VIDEO = extensions("video")


@pytest.mark.parametrize(
    ("wanted", "path", "size", "reason"),
    [
        (a_filter(), "a/film.mkv", 1, None),
        (a_filter(), "@eaDir/film.mkv", 1, because(Code.SKIP_JUNK, name=b"@eaDir")),
        (a_filter(exclude_dirs=(b"Sample",)), "a/Sample/b/x.mkv", 1,
         because(Code.SKIP_FILTER_DIRECTORY, pattern="Sample")),
        (a_filter(exclude_dirs=(b"Sample",)), "a/Sample", 1, None),
        (a_filter(exclude=(b"*.txt", b"*sample*")), "a/sample.mkv", 1,
         because(Code.SKIP_FILTER_EXCLUDE, pattern="*sample*")),
        (a_filter(exclude_extensions=frozenset({b"txt"})), "a/B.TXT", 1,
         because(Code.SKIP_FILTER_EXCLUDE, pattern="*.txt")),
        (a_filter(exclude_extensions=frozenset({b"txt"})), "folder.txt/a.mkv", 1, None),
        (a_filter(min_size=9, exact=True), "a.srt", 8, because(Code.SKIP_FILTER_SMALL, size=8, min_size=9)),
        (a_filter(min_size=9, exact=True), "BDMV/STREAM/1.m2ts", 8,
         because(Code.SKIP_FILTER_SMALL, size=8, min_size=9)),
        (a_filter(extensions=frozenset({b"m2ts"}), exact=True), "BDMV/index.bdmv", 8,
         because(Code.SKIP_FILTER_EXTENSION, extension="bdmv", allowed=["m2ts"])),
        (a_filter(include=(b"A/**", b"*.mkv")), "A/b.srt", 1, None),
        (a_filter(only=frozenset({b"A/b.srt"})), "A/c.srt", 1, because(Code.SKIP_UNCHOSEN)),
        (a_filter(include=(b"A/**", b"*.mkv")), "B/b.srt", 1, because(Code.SKIP_FILTER_INCLUDE)),
        (a_filter(include=(b"*.mkv",), exclude=(b"x.mkv",)), "x.mkv", 1,
         because(Code.SKIP_FILTER_EXCLUDE, pattern="x.mkv")),
        (a_filter(extensions=frozenset({b"mkv"})), "a.MKV", 1, None),
        (a_filter(extensions=frozenset({b"mkv", b"avi"})), "a.txt", 1,
         because(Code.SKIP_FILTER_EXTENSION, extension="txt", allowed=["avi", "mkv"])),
        (a_filter(extensions=frozenset({b"mkv"})), ".mkv", 1,
         because(Code.SKIP_FILTER_EXTENSION, extension="", allowed=["mkv"])),
        (a_filter(min_size=50 * MIB), "a.mkv", 50 * MIB, None),
        (a_filter(min_size=50 * MIB), "a.mkv", 50 * MIB - 1,
         because(Code.SKIP_FILTER_SMALL, size=50 * MIB - 1, min_size=50 * MIB)),
        (a_filter(min_size=50 * MIB), "a.srt", 1, None),
        (a_filter(min_size=50 * MIB), "a.NFO", 1, None),
        (a_filter(min_size=50 * MIB), "poster.jpg", 1, None),
        (a_filter(min_size=50 * MIB), "Film/BDMV/index.bdmv", 1, None),
        (a_filter(min_size=50 * MIB), "Film/CERTIFICATE/id.bdmv", 1, None),
        (a_filter(min_size=50 * MIB), "Film/video_ts/VTS_01_0.IFO", 1, None),
        (a_filter(max_size=10), "a.srt", 11, because(Code.SKIP_FILTER_LARGE, size=11, max_size=10)),
        (a_filter(extensions=VIDEO), "Film/BDMV/CLIPINF/00001.clpi", 1, None),
        (a_filter(extensions=frozenset({b"mp3"})), "Film/BDMV/x.clpi", 1,
         because(Code.SKIP_FILTER_EXTENSION, extension="clpi", allowed=["mp3"])),
    ],
)  # fmt: skip
def test_judges(wanted: Filter, path: str, size: int, reason: Reason | None) -> None:
    assert judge(wanted, path.encode(), size) == reason


def test_a_folder_below_an_excluded_one_is_excluded() -> None:
    wanted = Filter(exclude_dirs=(b"/tmp", b"Extras"))

    assert excluded_dir(wanted, b"tmp") == b"/tmp"
    assert excluded_dir(wanted, b"a/Extras/b") == b"Extras"
    assert excluded_dir(wanted, b"a/tmp") is None


def test_presets_are_put_together() -> None:
    assert extensions("everything") == frozenset()
    assert {b"mkv", b"srt"} <= extensions("video+subtitles")
    assert b"srt" not in extensions("video")
    with pytest.raises(ValueError, match="vidio"):
        extensions("vidio+subtitles")


@pytest.mark.parametrize(
    ("path", "download"),
    [
        ("cg-0123abcd-5/film.mkv", 5),
        ("cloudgather/cg-0123abcd-17/film/cd1/film.mkv", 17),
        ("cg-0123abcd-5.mkv", None),
        ("cg-0123abcd-0/film.mkv", None),
        ("cg-0123abc-5/film.mkv", None),
        ("cg-0123ABCD-5/film.mkv", None),
        ("xcg-0123abcd-5/film.mkv", None),
        ("cg-bench-5/film.mkv", None),
    ],
)
def test_what_lies_in_the_folder_of_a_download_is_left_to_that(path: str, download: int | None) -> None:
    expected = None if download is None else because(Code.SKIP_DOWNLOAD, download=download)

    assert judge(Filter(), path.encode(), 100) == expected
    assert judge(Filter(only=frozenset({path.encode()})), path.encode(), 100) is None


@pytest.mark.parametrize(("path", "size", "junk"), [("a/.pad/6384", 6384, True), ("a/.pad/6384", 1, False)])
def test_what_aria2_writes_of_nothing_is_junk(path: str, size: int, junk: bool) -> None:
    assert judge(Filter(), path.encode(), size) == (because(Code.SKIP_JUNK, name=b"6384") if junk else None)
