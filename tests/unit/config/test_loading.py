"""All files together: implicit targets, files set aside, tasks that cannot stand beside each other."""

import os
import pathlib
from collections.abc import Mapping

import pytest

from cloudgather.config.loading import Configuration, load, load_settings, with_task
from cloudgather.config.problems import InvalidConfiguration
from cloudgather.config.settings import AT_START, differences
from cloudgather.core.mounts import Mount
from cloudgather.core.target import Kind, Profile


def a_mount(point: str, fs_type: str = "fuse.rclone") -> Mount:
    return Mount(
        id=1, parent=0, device="0:1", mount_point=point.encode(), fs_type=fs_type, source=b"x", options=frozenset()
    )


class Files:
    """A scratch folder of configuration."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.tasks = folder / "tasks.d"
        self.main = folder / "cloudgather.toml"
        self.tasks.mkdir()
        self.write_main("")

    def write_main(self, more: str) -> None:
        self.main.write_text(f'[daemon]\ntasks_dir = "{self.tasks}"\n[targets.c115]\nroot = "/CloudDrive/115"\n{more}')

    def write(self, name: str, content: str) -> None:
        (self.tasks / f"{name}.toml").write_text(content)

    def task(self, name: str, source: str, target: str) -> None:
        self.write(name, f'source = "{source}"\ntarget = "{target}"\n')

    def load(self, *mounts: Mount, remembered: Mapping[str, bytes] | None = None) -> Configuration:
        return load(str(self.main), mounts=mounts, remembered_roots=remembered or {}, environ={})

    def target(self, target: str, *mounts: Mount, remembered: Mapping[str, bytes] | None = None) -> tuple[str, bytes]:
        self.task("t", "/src", target)
        configuration = self.load(*mounts, remembered=remembered)
        task = configuration.tasks["t"]
        spec = configuration.targets[task.target]
        assert spec.name == task.target
        return spec.name, task.base


@pytest.fixture
def files(tmp_path: pathlib.Path) -> Files:
    return Files(tmp_path)


def test_every_file_is_a_task(files: Files) -> None:
    files.task("电影", "/src/a", "c115:影视库/电影")
    files.task("b", "/src/b", "c115:")
    (files.tasks / "example.toml.sample").write_text("nonsense")
    (files.tasks / ".hidden.toml").write_text("nonsense")

    configuration = files.load()

    assert set(configuration.tasks) == {"电影", "b"}
    assert configuration.tasks["电影"].base == "影视库/电影".encode()
    assert configuration.tasks["b"].base == b""
    assert not configuration.problems and not configuration.broken


def test_no_folder_of_tasks_is_no_task(files: Files) -> None:
    files.tasks.rmdir()

    assert files.load().tasks == {}


def test_a_folder_of_tasks_that_is_none_is_an_error(files: Files) -> None:
    files.tasks.rmdir()
    files.tasks.write_text("")

    with pytest.raises(InvalidConfiguration, match="cannot read the folder of tasks: Not a directory"):
        files.load()


@pytest.mark.parametrize(
    ("prepare", "complaint"),
    [
        (lambda path: None, "cannot read: No such file"),
        (lambda path: path.mkdir(), "is not a plain file"),
        (os.mkfifo, "is not a plain file"),
        (lambda path: path.write_bytes(b"a = 1\nb = '\xff'\n"), ":2: is not UTF-8"),
        (lambda path: path.write_bytes(b"#" * (1 << 20) + b"#"), "larger than 1 MiB"),
    ],
)
def test_a_main_file_that_cannot_be_read(tmp_path: pathlib.Path, prepare: object, complaint: str) -> None:
    assert callable(prepare)
    prepare(tmp_path / "main.toml")

    with pytest.raises(InvalidConfiguration) as caught:
        load_settings(str(tmp_path / "main.toml"), mounts=(), environ={})

    assert complaint in str(caught.value)


def test_a_byte_order_mark_and_dos_line_ends_do_no_harm(files: Files) -> None:
    (files.tasks / "a.toml").write_bytes('\ufeffsource = "/src"\r\ntarget = "c115:a"\r\n'.encode())

    assert files.load().tasks["a"].source == b"/src"


def test_a_bad_task_file_is_set_aside_and_the_others_run(files: Files) -> None:
    files.task("good", "/src/a", "c115:a")
    files.write("bad", 'source = "/src/b"\ntraget = "c115:b"\n')
    os.mkfifo(files.tasks / "fifo.toml")
    (files.tasks / os.fsdecode(b"\xff.toml")).write_text("")
    (files.tasks / "-x.toml").write_text('source = "/s"\ntarget = "c115:"')

    configuration = files.load()

    assert set(configuration.tasks) == {"good"}
    assert configuration.broken == {"bad", "fifo", "\\xff", "-x"}
    texts = "\n".join(problem.text for problem in configuration.problems)
    assert "bad.toml:2: traget: is unknown (did you mean target?)" in texts
    assert "bad.toml: target: is missing" in texts
    assert "fifo.toml: is not a plain file" in texts
    assert "\\xff.toml: the file's name is not UTF-8" in texts
    assert 'the name "-x" begins with -' in texts


def test_names_that_differ_in_case_or_unicode_form_only(files: Files) -> None:
    files.task("Film", "/src/a", "c115:a")
    files.task("film", "/src/b", "c115:b")
    files.task("e\u0301", "/src/c", "c115:c")

    configuration = files.load()

    assert set(configuration.tasks) == {"Film"}
    assert configuration.broken == {"film", "e\u0301"}
    assert 'the task "film" differs from "Film" in upper and lower case or Unicode form only' in "\n".join(
        problem.text for problem in configuration.problems
    )


def test_a_ring_of_tasks_is_refused_and_a_chain_is_not(files: Files) -> None:
    files.task("a", "/one", "/two/x")
    files.task("b", "/two", "/three")
    files.task("c", "/three/y", "/one/z")

    configuration = files.load()

    assert set(configuration.tasks) == {"a", "b"}
    assert "c.toml:2: target: makes a ring of tasks (c -> a -> b -> c)" in configuration.problems[0].text


@pytest.mark.parametrize(
    ("target", "mounts", "remembered", "expected"),
    [
        # the mount that it is on now
        ("/Cloud/films/a", ["/Cloud"], {}, ("/Cloud", b"films/a")),
        ("/Cloud", ["/Cloud"], {}, ("/Cloud", b"")),
        ("/Cloud/a/b", ["/Cloud", "/Cloud/a"], {}, ("/Cloud/a", b"b")),
        # nothing mounted: the path itself, or what is remembered
        ("/Cloud/films", [], {}, ("/Cloud/films", b"")),
        ("/Cloud/films", [], {"/Cloud": b"/Cloud"}, ("/Cloud", b"films")),
        # another mount shows through while the remembered one is missing
        ("/nas/cloud/films", ["/nas"], {"/nas/cloud": b"/nas/cloud"}, ("/nas/cloud", b"films")),
        # a target of the main file above it
        ("/CloudDrive/115/films", ["/CloudDrive"], {}, ("c115", b"films")),
        ("/CloudDrive/115/films", [], {"/CloudDrive": b"/CloudDrive"}, ("c115", b"films")),
        ("/CloudDrive/123/films", ["/CloudDrive"], {}, ("/CloudDrive", b"123/films")),
        ("c115:/films//x/", [], {}, ("c115", b"films/x")),
    ],
)
def test_which_target_is_meant(
    files: Files, target: str, mounts: list[str], remembered: dict[str, bytes], expected: tuple[str, bytes]
) -> None:
    assert files.target(target, *map(a_mount, mounts), remembered=remembered) == expected


def test_an_implicit_target_expects_a_mount_even_where_a_plain_disk_is_now(files: Files) -> None:
    files.task("t", "/src", "/vol2/backup")
    files.task("n", "/src", "/nas/backup")

    targets = files.load(a_mount("/", "ext4"), a_mount("/vol2", "ext4"), a_mount("/nas", "nfs4")).targets

    disk, nas = targets["/vol2/backup"], targets["/nas"]
    assert (disk.implicit, disk.kind, disk.profile) == (True, Kind.MOUNT, Profile.CLOUD)
    assert (nas.implicit, nas.kind, nas.profile, nas.parallel) == (True, Kind.MOUNT, Profile.LAN, 2)


def test_a_task_is_checked_beside_the_others_before_it_is_written(files: Files) -> None:
    files.task("film", "/one", "/two")
    files.write("bad", "")
    before = files.load()

    def tried(name: str, content: str) -> Configuration:
        return with_task(before, name, content, mounts=(), remembered_roots={})

    after = tried("series", 'source = "/three"\ntarget = "c115:series"\n')
    mended = tried("bad", 'source = "/three"\ntarget = "c115:series"\n')
    replaced = tried("film", 'source = "/two"\ntarget = "/one"\n')

    assert set(after.tasks) == {"film", "series"} and after.broken == {"bad"}
    assert set(mended.tasks) == {"film", "bad"} and not mended.broken and not mended.problems
    assert set(replaced.targets) == {"c115", "/one"}
    for name, content in (
        ("FILM", 'source = "/three"\ntarget = "c115:x"\n'),
        ("Bad", 'source = "/three"\ntarget = "c115:x"\n'),
        ("back", 'source = "/two"\ntarget = "/one"\n'),
        ("half", 'source = "/three"\ntarget = "c115:x" # \ud800\n'),
        ("a/b", 'source = "/three"\ntarget = "c115:x"\n'),
    ):
        with pytest.raises(InvalidConfiguration):
            tried(name, content)
    assert sorted(os.listdir(files.tasks)) == ["bad.toml", "film.toml"]


def test_what_differs_between_two_main_files_is_named_as_they_have_it(files: Files) -> None:
    files.write_main(
        '[groups.media]\naccess = "view"\n[targets.gone]\nroot = "/gone"\n[targets.kept]\nroot = "/kept"\n'
    )
    before = files.load().settings
    files.write_main(
        'daily_limit = "1GiB"\n[control]\nsocket = "/run/other.sock"\n[groups.media]\naccess = "view"\nmax_active = 1\n'
        '[groups.users]\naccess = "view"\n[downloads]\nmin_free = "1GiB"\n[targets.kept]\nroot = "/kept"\n'
    )
    after = files.load().settings

    assert differences(before, before) == []
    assert sorted(differences(before, after)) == [
        "control.socket", "downloads", "groups.media", "groups.users", "targets.c115", "targets.gone"
    ]  # fmt: skip
    assert "control.socket" in AT_START
