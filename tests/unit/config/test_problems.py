"""Everything that is wrong is named at once, with file, line, table and key, and what is allowed."""

import pytest

from cloudgather.config.lines import line_of
from cloudgather.config.problems import InvalidConfiguration, Wrong
from cloudgather.config.settings import Settings, parse_settings
from cloudgather.config.tasks import parse_task


def complaints(content: str, *, task: bool = False, **environ: str) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        if task:
            settings = parse_settings('[targets.c115]\nroot = "/CloudDrive/115"\n', file="/main", mounts=())
            parse_task(content, file="/f", name="film", settings=settings, mounts=(), remembered_roots={})
        else:
            parse_settings(content, file="/f", mounts=(), environ=environ)
    return [problem.text for problem in caught.value.problems]


def test_all_that_is_wrong_with_the_main_file_comes_at_once_in_order() -> None:
    found = complaints(
        """
[daemon]
stat_dir = "/x"
log_level = "debgu"
tasks_dir = '''
tasks'''
timezone = "Asia/Shangai"

[targets.c115]
kind = "mont"
parallel = 9
"""
    )

    assert found == [
        "/f:3: [daemon] stat_dir: is unknown (did you mean state_dir?); known are console_level, history_days, log_dir,"
        " log_keep_days, log_level, state_dir, tasks_dir, timezone",
        '/f:4: [daemon] log_level: "DEBGU" is not allowed (did you mean DEBUG?); use "DEBUG", "INFO", "WARNING",'
        ' "ERROR"',
        '/f:5: [daemon] tasks_dir: "tasks" is not an absolute path; begin it with /',
        '/f:7: [daemon] timezone: "Asia/Shangai" is not a time zone (did you mean Asia/Shanghai?); use a name like'
        ' "Asia/Shanghai" or "Europe/Berlin"',
        '/f:9: [targets.c115] root: is missing; write for example root = "/CloudDrive/115"',
        '/f:10: [targets.c115] kind: "mont" is not allowed (did you mean mount?); use "mount", "directory"',
        "/f:11: [targets.c115] parallel: 9 is not allowed; use 1 to 4",
    ]


def test_a_problem_is_flat_on_the_wire() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        parse_settings("[daemon]\nfoo = 1\n", file="/f", mounts=())

    wire = caught.value.problems[0].to_wire()

    assert (wire["code"], wire["file"], wire["line"], wire["table"], wire["key"]) == (
        Wrong.UNKNOWN, "/f", 2, "daemon", "foo",
    )  # fmt: skip
    assert wire["text"].startswith("/f:2: [daemon] foo: is unknown")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a = \n", "/f:1: is not TOML"),
        ('[daemon]\nstate_dir = "/a\n', "/f:2: is not TOML"),
        ("a = 1\na = 2\n", "/f:2: is not TOML"),
        ("x = [1,\n\n", "/f"),
        ("a = " + "[" * 100_000, "/f: is not TOML: nested too deeply"),
        ("a = " + "9" * 5000, "/f: is not TOML"),
        ("daemon = 5", "/f:1: daemon: is a table; write [daemon] and its keys below"),
        ("targets = { a = 5 }", "/f:1: [targets] a: is a table; write [targets.a]"),
        ("[[targets]]\n", "/f:1: targets: is a table"),
        ("[downloaders.qb]\n", 'downloaders.qb] kind: is missing; write for example kind = "qbittorrent"'),
        ("[task.film]\n", "each task has a file of its own"),
        ("[groups.media]\n", 'groups.media] access: is missing; write for example access = "view"'),
        (
            '[groups.media]\naccess = "download"\ndownloaders = ["qb", "aria"]\n'
            '[downloaders.qb]\nkind = "qbittorrent"\n[downloaders.aria2]\nkind = "aria2"',
            'downloaders: there is no downloader "aria" (did you mean aria2?); known are qb, aria2',
        ),
        (
            '[groups.media]\naccess = "download"\ndownloaders = ["qb"]',
            'downloaders: there is no downloader "qb"; none is configured',
        ),
        ('[groups.media]\naccess = "root"', 'use "view", "download", "operate", "admin"'),
        ('[control]\nsocket = "/' + "a" * 107 + '"', "longer than the 107 bytes"),
        ("[daemon]\nlog_keep_days = 0", "0 is not allowed; use 1 to 36500"),
        ("[daemon]\nlog_keep_days = true", "true or false is not allowed here; use a whole number"),
        ('[daemon]\nstate_dir = "~/state"', "~ is not replaced"),
        ('[daemon]\nstate_dir = "/a/../b"', "goes up with .."),
        ('[daemon]\nstate_dir = "/a\\u0000b"', "NUL"),
        ('[daemon]\nstate_dir = ""', "is empty"),
        ("[daemon]\nstate_dir = 2026-11-21", "a date or time is not allowed here"),
        ('[targets.a]\nroot = "/a"\n[targets.A]\nroot = "/b"', '/f:3: [targets] A: differs from "a" in case'),
        ('[targets.a]\nroot = "/a"\n[targets.b]\nroot = "/a/"', '/f:4: [targets.b] root: is that of "a", too'),
        ('[targets."a:b"]\nroot = "/a"', "the name holds a character that is not allowed"),
        ('[targets.a]\nroot = "/a"\nslow_storage = true\nprofile = "lan"', 'slow_storage: means profile = "cloud"'),
        ('[targets.a]\nroot = "/a"\nbandwidth = ["8 2MiB/s"]', 'write the timetable as ["08:00 2MiB/s", "23:00 un'),
        ('[targets.a]\nroot = "/a"\nbandwidth = ["24:00 2MiB/s"]', "is not a time and a rate"),
        ('[targets.a]\nroot = "/a"\nbandwidth = ["08:00 fast"]', 'write it as "2MiB/s", "10Mbit/s" or "unlimited"'),
        ('[targets.a]\nroot = "/a"\nbandwidth = ["8:00 1MiB/s", "08:00 2MiB/s"]', "gives two figures for 08:00"),
        ('[targets.a]\nroot = "/a"\nbandwidth = [7]', "a number is not allowed in a timetable"),
        ('[targets.a]\nroot = "/a"\nbandwidth = []', "is an empty list"),
        ('[targets.a]\nroot = "/a"\nbandwidth = "fast"', 'write it as "2MiB/s", "10Mbit/s" or "unlimited"'),
        ('[targets.a]\nroot = "/a"\nbandwidth = 5', 'use at least "16KiB/s"'),
        ('[targets.a]\nroot = "/a"\nconfirm = "rclone"', "rclone_rc: is missing"),
        ('[targets.a]\nroot = "/a"\nconfirm = "stored"', '"stored" cannot be known of a mount; use "none", "seen"'),
        ('[targets.a]\nroot = "/a"\ndaily_limit = 0', 'is too little; use "1B" or more, or "unlimited"'),
        ('[targets.a]\nroot = "/a"\nmetadata_per_second = 0', 'use 0.01 to 10000, or "unlimited"'),
        ('[targets.a]\nroot = "/a"\nmetadata_per_second = "often"', 'use 0.01 to 10000, or "unlimited"'),
        ('[targets.a]\nroot = "/a"\nmin_free = "1GiB"', "cache_dir: is missing beside min_free"),
        ('[targets.a]\nroot = "/a"\ncache_dir = "/c"', "min_free: is missing beside cache_dir"),
        ('[targets.a]\nroot = "/a"\ncache_dir = "c"\nmin_free = 1', '"c" is not an absolute path'),
        ('[targets.a]\nroot = "/a"\nlistings = 2', "did you mean metadata_per_second"),
        ('[targets.a]\nroot = "/a"\nthreads = 2', "did you mean parallel"),
        ('[targets.a]\nroot = "/a"\nfile_mode = 644', 'write it in octal and in quotes, as "0644"'),
        ('[targets.a]\nroot = "/a"\nretry_first = "10m"\nretry_most = "5m"', "is less than retry_first"),
    ],
)
def test_what_is_wrong_with_a_main_file(content: str, expected: str) -> None:
    assert expected in "\n".join(complaints(content))


TASK = 'source = "/src"\ntarget = "c115:films"\n'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", '/f: source: is missing; write for example source = "/vol1/downloads/电影"'),
        ('source = "a"\ntarget = "c115:a"', '"a" is not an absolute path'),
        ('source = "/a"\ntarget = "c114:a"', 'there is no target "c114" (did you mean c115?); known are c115'),
        ('source = "/a"\ntarget = "c115"', 'needs a colon; write "c115:" for its root'),
        ('source = "/a"\ntarget = "films"', 'is neither "TARGET:folder" nor a path that begins with /'),
        ('source = "/a"\ntarget = "c115:../b"', "goes up with .."),
        ('source = "/a/b"\ntarget = "/a"', "source: lies inside the target"),
        ('source = "/a"\ntarget = "/a/b"', "target: lies inside the source"),
        ('source = "/a"\ntarget = "/a/"', "target: is the source itself"),
        ('source = "/CloudDrive/115/x/y"\ntarget = "c115:x"', "source: lies inside the target"),
        (TASK + 'rules = ["missing", "larger"]', '/f:3: rules: "larger" is not allowed; use "missing", "changed"'),
        (TASK + "rules = []", "is empty, so that nothing would ever go"),
        (TASK + 'rules = "missing"', 'text is not allowed here; write a list: ["…", "…"]'),
        (TASK + 'initial = "skip"', 'use "send", "adopt", "ignore"'),
        (TASK + 'send = "all"', 'use "file", "folder", "torrent"'),
        (TASK + 'watch = "yes"', "text is not allowed here; use true or false"),
        (TASK + 'schedule = "0 3 * * *"\nevery = "5m"', "/f:4: every: cannot stand beside schedule"),
        (TASK + 'schedule = "*/15 * * * * *"', "not 6: seconds and years are not known here"),
        (TASK + 'schedule = "0 0 30 2 *"', "never comes"),
        (TASK + "every = 5", 'write "5s" or "5m"'),
        (TASK + 'every = "5 minutes"', 'write it as "10s", "5m", "1h30m" or "2d"'),
        (TASK + 'every = "1s"', 'use "10s" to "366d"'),
        (TASK + 'every = "999999999w"', 'use "10s" to "366d"'),
        (TASK + 'settle = "soon"', '"soon" is not a duration'),
        (TASK + 'settle = "soon"', 'or "auto"'),
        (TASK + 'timezone = "Mars/Olympus"', "is not a time zone"),
        (TASK + 'timezone = "../etc/passwd"', "is not a time zone"),
        (TASK + 'timezone = "Europe"', "is not a time zone"),
        (TASK + 'upload_window = "1-7"', 'write it as "01:00-07:00"'),
        (TASK + 'upload_window = "25:00-07:00"', 'write it as "01:00-07:00"'),
        (TASK + 'upload_window = "07:00-07:00"', "ends when it begins"),
        (TASK + "priority = 101", "use -100 to 100"),
        (TASK + 'preset = "video"', "belongs to the filter: write [filter] on a line above it"),
        (TASK + "enabled = true", "cgctl task pause NAME"),
        (TASK + "parallel = 2", "belongs to the target"),
        (TASK + 'wach = "x"', "wach: is unknown (did you mean watch?)"),
        (
            TASK + '[filter]\npreset = "vidio"',
            '/f:4: [filter] preset: "vidio" is not a preset; use "everything" or any',
        ),
        (TASK + '[filter]\npreset = "everything"\nextensions = ["a"]', "leave one of them out"),
        (TASK + '[filter]\nextensions = ["tar.gz"]', "is not an extension"),
        (TASK + '[filter]\nexclude = ["!a"]', "! does not negate here"),
        (TASK + '[filter]\nexclude = ["/"]', "names nothing"),
        (TASK + '[filter]\nmin_size = "50 MBits"', 'write it as "50MiB", "2GB" or a number of bytes'),
        (TASK + "[filter]\nmin_size = -1", "use a number of bytes from 0 on"),
        (TASK + '[filter]\nmin_size = "1GiB"\nmax_size = "1MiB"', "is less than min_size (1GiB)"),
        (TASK + "[filter]\nfoo = 1", "[filter] foo: is unknown; known are exact, exclude, exclude_dirs, exclude_ext"),
    ],
)
def test_what_is_wrong_with_a_task(content: str, expected: str) -> None:
    assert expected in "\n".join(complaints(content, task=True))


def test_the_environment_is_checked_like_the_file() -> None:
    found = complaints("[daemon]\nfoo = 1\n", TZ="CST-8", LOG_LEVEL="loud", LOG_SAVE_DAYS="ten")

    assert len(found) == 4
    assert 'environment: TZ: "CST-8" is not a time zone; use a name like "Asia/Shanghai"' in found[-1]


def test_a_problem_is_one_line_whatever_is_in_the_file() -> None:
    (found,) = complaints('[daemon]\nlog_level = "a\\nb\\u001b[31m"')

    assert "\n" not in found and "\x1b" not in found


WHERE = """\
# comment
a = 1
long = \'\'\'
b = 2
[t]
\'\'\'
list = [ # comment
  "x = 3",

]
after = 1 # \u2028 \u0085 are no line ends here

[t]
x = 1
inline = { deep = 1 }
"dotted".key = 1

[t.u]
y = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("long",), 3),
        (("list",), 7),
        (("after",), 11),
        (("t",), 13),
        (("t", "x"), 14),
        (("t", "inline", "deep"), 15),
        (("t", "dotted", "key"), 16),
        (("t", "u"), 18),
        (("t", "u", "y"), 19),
        (("t", "u", "missing"), 18),
        (("nowhere",), None),
    ],
)
def test_finds_the_line_of_a_key(path: tuple[str, ...], line: int | None) -> None:
    assert line_of(WHERE, path) == line
    assert line_of(WHERE.replace("\n", "\r\n"), path) == line


def test_a_setting_left_out_has_its_default() -> None:
    assert parse_settings("", file="/f", mounts=()) == Settings(file="/f")
